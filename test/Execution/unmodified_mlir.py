"""Runs a network's TOSA with an unmodified mlir-opt and mlir-runner.

Random int8 inputs become constants of a main function that is put next to the network;
the integers that mlir-runner prints must be those that acc-sim computes.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

PIPELINE = ("builtin.module(func.func(tosa-to-linalg-named,canonicalize,tosa-to-linalg,"
            "tosa-to-arith{include-apply-rescale=true},tosa-to-tensor),"
            "one-shot-bufferize{bufferize-function-boundaries},buffer-deallocation-pipeline,"
            "convert-bufferization-to-memref,func.func(convert-linalg-to-loops,"
            "expand-strided-metadata,lower-affine,convert-scf-to-cf),convert-math-to-llvm,"
            "convert-arith-to-llvm,finalize-memref-to-llvm,convert-func-to-llvm,"
            "convert-cf-to-llvm,reconcile-unrealized-casts)")


def signature(text):
    """Shapes of the network's only argument and result, and the argument's permutation."""
    line = re.search(r"func\.func @main\((.*?)\) -> (.*)\{\n", text)
    argument, result = (re.search(r"tensor<([\dx]+)xi8>", part).group(1).split("x")
                        for part in line.groups())
    permutation = re.search(r"accel\.permutation = array<i64: ([\d, ]+)>", line.group(1)).group(1)
    return ([int(v) for v in argument], [int(v) for v in result],
            [int(v) for v in permutation.split(",")])


def with_main(text, inputs, result):
    """The module with a main function that prints the results for `inputs`."""
    result_type = "x".join(str(v) for v in result)
    lines = ["func.func private @printMemrefI32(tensor<*xi32>) "
             "attributes {llvm.emit_c_interface}", "func.func @main() {"]
    for i, x in enumerate(inputs):
        argument = "x".join(str(v) for v in x.shape)
        lines += [
            f'%x{i} = "tosa.const"() {{values = dense<{x.tolist()}> : tensor<{argument}xi8>}} '
            f": () -> tensor<{argument}xi8>",
            f"%y{i} = func.call @net(%x{i}) : (tensor<{argument}xi8>) -> tensor<{result_type}xi8>",
            f"%w{i} = tosa.cast %y{i} : (tensor<{result_type}xi8>) -> tensor<{result_type}xi32>",
            f"%a{i} = tensor.cast %w{i} : tensor<{result_type}xi32> to tensor<*xi32>",
            f"func.call @printMemrefI32(%a{i}) : (tensor<*xi32>) -> ()"]
    lines += ["return", "}"]
    text = text.replace("func.func @main(", "func.func @net(", 1)
    head = re.search(r"module .*\{\n", text).end()
    return text[:head] + "\n".join(lines) + "\n" + text[head:]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tosa")
    parser.add_argument("elf")
    parser.add_argument("--libraries", required=True)
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else np.random.SeedSequence().entropy % 2**32
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    text = Path(args.tosa).read_text()
    shape, result, permutation = signature(text)
    inputs = [rng.integers(-128, 128, shape).astype(np.int8) for _ in range(args.count)]

    with tempfile.TemporaryDirectory() as folder:
        lowered = subprocess.run(["mlir-opt", f"--pass-pipeline={PIPELINE}"],
                                 input=with_main(text, inputs, result), check=True,
                                 capture_output=True, text=True).stdout
        libraries = ",".join(f"{args.libraries}/libmlir_{name}.so"
                             for name in ("runner_utils", "c_runner_utils"))
        printed = subprocess.run(["mlir-runner", "-e", "main", "-entry-point-result=void",
                                  f"-shared-libs={libraries}"], input=lowered, check=True,
                                 capture_output=True, text=True).stdout
        values = [int(v) for part in printed.split("data =")[1:]
                  for v in re.findall(r"-?\d+", part.split("Unranked")[0])]

        model_inputs = np.concatenate([x.transpose(permutation) for x in inputs])
        np.save(f"{folder}/x.npy", model_inputs)
        subprocess.run(["acc-sim", args.elf, f"--input={folder}/x.npy", "--raw",
                        f"--output={folder}/y.npz"], check=True, capture_output=True)
        (expected,) = np.load(f"{folder}/y.npz").values()
    expected = expected.astype(int).flatten().tolist()
    if values != expected:
        print(f"mlir-runner: {values}\nacc-sim:     {expected}")
        return 1
    print(f"{len(values)} integers equal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
