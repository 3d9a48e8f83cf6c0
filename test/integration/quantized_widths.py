"""QDQ files with integers of 4 and 16 bits, from onnxruntime's own quantizer.

    python quantized_widths.py [--cases N] [--seed S]

Random networks (those of sixteen_bits.py), three forms of each:

- wide: activations of int16 or uint16, weights of int8, uint8 or int16, per tensor or per channel; the binary
  (acc-sim) against onnxruntime on the quantized file, 35 dB. Most reach 60; weights have 8 bits here and no zero
  point, which costs uint8 one of them, and functions at the end are lines between 513 points;
- narrow: activations of int8 or uint8, weights of int4 or uint4; 25 dB, as a sum that differs in its last bit
  may round to another integer of the next layer;
- blocks: weights alone, each block of them with a scale, of 4, 8 or 16 bits; the imported network in float
  (accopt-run), 100 dB.
"""

import argparse
import logging
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from sixteen_bits import Network, sqnr

WIDE = [QuantType.QInt16, QuantType.QUInt16]
NARROW = [QuantType.QInt4, QuantType.QUInt4]
BYTES = [QuantType.QInt8, QuantType.QUInt8]
BLOCK_TYPES = {TensorProto.INT4: (-8, 7), TensorProto.UINT4: (0, 15), TensorProto.INT8: (-128, 127),
               TensorProto.UINT8: (0, 255), TensorProto.INT16: (-32768, 32767), TensorProto.UINT16: (0, 65535)}


class Reader(CalibrationDataReader):
    def __init__(self, x):
        self.rows = iter(x)

    def get_next(self):
        row = next(self.rows, None)
        return None if row is None else {"x": row[None]}


def quantize(rng, folder, x, activations, weights):
    form = {"activation_type": rng.choice(activations), "weight_type": rng.choice(weights),
            "per_channel": rng.random() < 0.5}
    quantize_static(folder / "m.onnx", folder / "q.onnx", Reader(x), quant_format=QuantFormat.QDQ, **form)
    return form


def cut_into_blocks(rng, folder):
    """Every weight as integers with a scale and a zero point for each block along one axis."""
    model = onnx.load(folder / "m.onnx")
    random_bits = np.random.default_rng(rng.randrange(2**32))
    described = []
    nodes, kept = [], []
    for tensor in model.graph.initializer:
        shape = list(tensor.dims)
        if len(shape) < 2:
            kept.append(tensor)
            continue
        axis, kind = rng.randrange(len(shape)), rng.choice(list(BLOCK_TYPES))
        block = rng.randint(1, shape[axis] + 1)
        low, high = BLOCK_TYPES[kind]
        scales = list(shape)
        scales[axis] = -(-shape[axis] // block)
        described.append(f"{TensorProto.DataType.Name(kind)}[{block}]")
        values = random_bits.integers(low, high + 1, shape)
        zeros = random_bits.integers(low, high + 1, scales)
        steps = (random_bits.uniform(0.2, 1, scales) / (high - low)).astype(np.float32)
        kept += [helper.make_tensor(f"{tensor.name}_q", kind, shape, values.ravel()),
                 helper.make_tensor(f"{tensor.name}_z", kind, scales, zeros.ravel()),
                 numpy_helper.from_array(steps, f"{tensor.name}_s")]
        nodes.append(helper.make_node("DequantizeLinear", [f"{tensor.name}_{part}" for part in "qsz"], [tensor.name],
                                      axis=axis, block_size=block))
    graph = helper.make_graph(nodes + list(model.graph.node), "blocks", model.graph.input, model.graph.output, kept)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), folder / "q.onnx")
    return " ".join(described)


def expected(folder, x):
    options = onnxruntime.SessionOptions()
    # Its fusions for integers may compute with other roundings than the file says.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(folder / "q.onnx", options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"x": row[None]})[0] for row in x])


def run(command):
    subprocess.run(command, check=True)


def binary(folder, x):
    np.savez(folder / "x.npz", x=x)
    run(["acc-opt", folder / "q.onnx", "--quiet", "-o", folder / "m.elf", f"--calibration-data={folder / 'x.npz'}"])
    run(["acc-sim", folder / "m.elf", f"--input={folder / 'x.npz'}", f"--output={folder / 'y.npz'}", "--quiet"])
    return np.load(folder / "y.npz")


def in_float(folder, x):
    rows = []
    for row in x[:2]:
        np.savez(folder / "x.npz", x=row[None])
        run(["accopt-run", folder / "q.onnx", f"--input={folder / 'x.npz'}", f"--output={folder / 'y.npz'}"])
        rows.append(np.load(folder / "y.npz"))
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0].files}


def main():
    logging.disable(logging.WARNING)  # its advice on preprocessing
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=6)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    passed = failed = 0
    for case in range(arguments.cases):
        rng = random.Random(f"{arguments.seed}:{case}")
        network = Network(rng)
        x = np.random.default_rng(case).normal(size=(8, *network.input_shape[1:])).astype(np.float32)
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            model = network.model()
            model.opset_import[0].version = 21
            model.ir_version = 10
            onnx.save(model, folder / "m.onnx")
            for form, least in (("wide", 35), ("narrow", 25), ("blocks", 100)):
                if form == "blocks":
                    what = cut_into_blocks(rng, folder)
                else:
                    used = quantize(rng, folder, x, *((WIDE, BYTES + WIDE[:1]) if form == "wide" else (BYTES, NARROW)))
                    what = " ".join(str(value) for value in used.values())
                got = (in_float if form == "blocks" else binary)(folder, x)
                (got,) = [got[name] for name in got]
                noise = sqnr(expected(folder, x)[:len(got)], got)
                ok = noise >= least
                passed, failed = passed + ok, failed + (not ok)
                ops = " ".join(node.op_type for node in network.nodes)
                print(f"{'ok' if ok else 'FAIL'} case {case} {form} ({what}): {noise:.1f} dB: {ops}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
