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
    """Shapes of the network's only argument and result, the argument's permutation, and the
    result's element type."""
    line = re.search(r"func\.func @main\((.*?)\) -> (.*)\{\n", text)
    argument = re.search(r"tensor<([\dx]+)xi8>", line.group(1)).group(1).split("x")
    result, element = re.search(r"tensor<([\dx]+)x(i8|f32)>", line.group(2)).groups()
    result = result.split("x")
    permutation = re.search(r"accel\.permutation = array<i64: ([\d, ]+)>", line.group(1)).group(1)
    return ([int(v) for v in argument], [int(v) for v in result],
            [int(v) for v in permutation.split(",")], element)


def with_main(text, inputs, result, element):
    """The module with a main function that prints the results for `inputs`."""
    result_type = "x".join(str(v) for v in result)
    wide = "i32" if element == "i8" else "f32"
    lines = [f"func.func private @printMemref{wide.upper()}(tensor<*x{wide}>) "
             "attributes {llvm.emit_c_interface}", "func.func @main() {"]
    for i, x in enumerate(inputs):
        argument = "x".join(str(v) for v in x.shape)
        lines += [
            f'%x{i} = "tosa.const"() {{values = dense<{x.tolist()}> : tensor<{argument}xi8>}} '
            f": () -> tensor<{argument}xi8>",
            f"%y{i} = func.call @net(%x{i}) : (tensor<{argument}xi8>)"
            f" -> tensor<{result_type}x{element}>"]
        if element == "i8":
            lines.append(f"%w{i} = tosa.cast %y{i} : (tensor<{result_type}xi8>)"
                         f" -> tensor<{result_type}xi32>")
        lines += [
            f"%a{i} = tensor.cast %{'w' if element == 'i8' else 'y'}{i}"
            f" : tensor<{result_type}x{wide}> to tensor<*x{wide}>",
            f"func.call @printMemref{wide.upper()}(%a{i}) : (tensor<*x{wide}>) -> ()"]
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
    shape, result, permutation, element = signature(text)
    inputs = [rng.integers(-128, 128, shape).astype(np.int8) for _ in range(args.count)]

    with tempfile.TemporaryDirectory() as folder:
        lowered = subprocess.run(["mlir-opt", f"--pass-pipeline={PIPELINE}"],
                                 input=with_main(text, inputs, result, element), check=True,
                                 capture_output=True, text=True).stdout
        libraries = ",".join(f"{args.libraries}/libmlir_{name}.so"
                             for name in ("runner_utils", "c_runner_utils"))
        printed = subprocess.run(["mlir-runner", "-e", "main", "-entry-point-result=void",
                                  f"-shared-libs={libraries}"], input=lowered, check=True,
                                 capture_output=True, text=True).stdout
        values = [float(v) for part in printed.split("data =")[1:]
                  for v in re.findall(r"-?\d[\d.e+-]*", part.split("Unranked")[0])]

        model_inputs = np.concatenate([x.transpose(permutation) for x in inputs])
        np.save(f"{folder}/x.npy", model_inputs)
        subprocess.run(["acc-sim", args.elf, f"--input={folder}/x.npy", "--raw",
                        f"--output={folder}/y.npz"], check=True, capture_output=True)
        (expected,) = np.load(f"{folder}/y.npz").values()
    expected = expected.flatten().tolist()
    # The runner prints six digits of a float.
    tolerance = 0 if element == "i8" else 1e-4
    if len(values) != len(expected) or not np.allclose(values, expected, tolerance, tolerance):
        print(f"mlir-runner: {values}\nacc-sim:     {expected}")
        return 1
    print(f"{len(values)} {'integers' if element == 'i8' else 'floats'} equal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
