#!/usr/bin/env python3
"""Random single-operator models: import and float execution against onnxruntime.

Every case draws an operator, an opset and attributes over the range that the
importer supports, in the form that the opset has (attribute or input). Several
cases share one model, so that one process runs them all.

    random_ops.py --runner=accopt-run [--seed=N] [--cases=N] [--only=Conv,Pad]
                  [--without=Conv]

Prints the seed; a failing case is named with its operator, attributes, shapes
and largest error. Cases that onnxruntime itself refuses are counted as skipped.
"""

import argparse
import collections
import os
import random
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from op_generator import Generator
from op_layers import (
    average_pool, batch_norm, conv, conv_transpose, depth_to_space, gemm, global_lp_pool,
    global_pool, instance_norm, lp_normalization, lp_pool, lrn, matmul, max_pool, recurrent,
    resize, space_to_depth, upsample)
from op_shapes import (
    binary, clip, concat, dropout, flatten, pad, quantized, reduce_mean, reshape,
    shape_arithmetic, slice_, softmax, split, squeeze, sum_, transpose, unary, unsqueeze)

OPSETS = (8, 9, 10, 11, 12, 13, 14, 17, 18, 19, 21)

Case = collections.namedtuple("Case", "op nodes inputs constants outputs tolerance")

MAKERS = {
    "Conv": (1, conv), "ConvTranspose": (1, conv_transpose), "DepthToSpace": (1, depth_to_space),
    "SpaceToDepth": (1, space_to_depth), "Resize": (10, resize), "Upsample": (7, upsample),
    "LSTM": (7, recurrent("LSTM")), "GRU": (7, recurrent("GRU")), "RNN": (7, recurrent("RNN")), "Gemm": (1, gemm), "MatMul": (1, matmul),
    "Add": (7, binary("Add")), "Sub": (7, binary("Sub")), "Mul": (7, binary("Mul")), "Div": (7, binary("Div")),
    "Sum": (8, sum_), "Relu": (6, unary("Relu")), "Sigmoid": (6, unary("Sigmoid")),
    "LeakyRelu": (6, unary("LeakyRelu", alpha=(None, 0.2))),
    "HardSigmoid": (6, unary("HardSigmoid", alpha=(None, 0.3), beta=(None, 0.4))),
    "HardSwish": (14, unary("HardSwish")), "Clip": (6, clip),
    "MaxPool": (8, max_pool), "AveragePool": (7, average_pool),
    "GlobalAveragePool": (1, global_pool("GlobalAveragePool")), "GlobalMaxPool": (1, global_pool("GlobalMaxPool")),
    "BatchNormalization": (8, batch_norm), "Concat": (4, concat), "Flatten": (1, flatten), "Reshape": (5, reshape),
    "Squeeze": (1, squeeze), "Unsqueeze": (1, unsqueeze), "Transpose": (1, transpose), "Pad": (2, pad),
    "Slice": (1, slice_), "Split": (2, split), "ReduceMean": (1, reduce_mean), "Softmax": (1, softmax),
    "LRN": (1, lrn), "InstanceNormalization": (6, instance_norm), "LpNormalization": (1, lp_normalization),
    "GlobalLpPool": (2, global_lp_pool), "LpPool": (2, lp_pool), "Identity": (1, unary("Identity")), "Dropout": (7, dropout), "Shape": (8, shape_arithmetic),
    "QuantizeLinear": (10, quantized),
}


def make_case(rng, opset, index, only):
    ops = [op for op, (since, _) in MAKERS.items() if opset >= since and (not only or op in only)]
    op = rng.choice(ops)
    g = Generator(rng, opset, f"c{index}")
    outputs = MAKERS[op][1](g)
    return Case(op, g.nodes, g.inputs, g.constants, outputs, 1e-4)


def make_model(cases, opset, shapes=None):
    """`shapes` of the outputs; without, those that ONNX infers, which are not
    always the true ones."""
    nodes, inputs, constants, outputs = [], [], [], []
    for case in cases:
        nodes += case.nodes
        inputs += [helper.make_tensor_value_info(n, TensorProto.FLOAT, a.shape) for n, a in case.inputs.items()]
        constants += [numpy_helper.from_array(a, n) for n, a in case.constants.items()]
        outputs += [helper.make_tensor_value_info(n, TensorProto.FLOAT, shapes[n] if shapes else None)
                    for n in case.outputs]
    graph = helper.make_graph(nodes, "random", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    return model if shapes else onnx.shape_inference.infer_shapes(model)


def reference(case, opset):
    """onnxruntime's outputs, or None where it refuses the case."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        model = make_model([case], opset)
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return dict(zip(case.outputs, session.run(case.outputs, case.inputs)))
    except Exception:
        return None


def run(batch, opset, runner, folder):
    """Our outputs of all cases, and what went to standard error."""
    cases = [case for case, _ in batch]
    shapes = {n: a.shape for _, expected in batch for n, a in expected.items()}
    model, inputs, outputs = (os.path.join(folder, name) for name in ("m.onnx", "in.npz", "out.npz"))
    onnx.save(make_model(cases, opset, shapes), model)
    np.savez(inputs, **{n: a for case in cases for n, a in case.inputs.items()})
    if os.path.exists(outputs):
        os.remove(outputs)
    done = subprocess.run(runner.split() + [model, f"--input={inputs}", f"--output={outputs}"],
                          capture_output=True, text=True)
    if done.returncode != 0 or not os.path.exists(outputs):
        return None, done.stderr.strip() or f"exit status {done.returncode}"
    with np.load(outputs) as archive:
        return dict(archive), ""


def compare(case, expected, actual):
    for name in case.outputs:
        want, got = expected[name], actual[name]
        if want.shape != got.shape:
            return f"expected shape {want.shape}, got {got.shape}"
        error = np.max(np.abs(want - got) / (1 + np.abs(want))) if want.size else 0.0
        if not error <= case.tolerance:
            return f"error {error:.3g}"
    return ""


def describe(case):
    node = case.nodes[-1]
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    values = {**case.inputs, **case.constants}
    shapes = [list(values[n].shape) if n in values else n for n in node.input]
    small = {n: a.tolist() for n, a in case.constants.items() if a.dtype == np.int64}
    return f"{case.op} inputs {shapes} attributes {attributes} integers {list(small.values())}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runner", default="accopt-run")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--batch", type=int, default=10)
    parser.add_argument("--only", default="")
    parser.add_argument("--without", default="", help="operators that the runner does not have")
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 31)
    print(f"seed {seed}", flush=True)
    rng = random.Random(seed)
    only = [op for op in args.only.split(",") if op]
    if args.without:
        only = [op for op in only or MAKERS if op not in args.without.split(",")]
    passed, failures, skipped = collections.Counter(), [], 0
    with tempfile.TemporaryDirectory() as folder:
        while sum(passed.values()) + len(failures) < args.cases and skipped < 10 * args.cases:
            opset = rng.choice([o for o in OPSETS if not only or any(MAKERS[op][0] <= o for op in only)])
            batch = []
            while len(batch) < args.batch and skipped < 10 * args.cases:
                case = make_case(rng, opset, len(batch), only)
                expected = reference(case, opset)
                if expected is None:
                    skipped += 1
                else:
                    batch.append((case, expected))
            actual, _ = run(batch, opset, args.runner, folder)
            for case, expected in batch:
                mine, error = (actual, "") if actual else run([(case, expected)], opset, args.runner, folder)
                error = error or compare(case, expected, mine)
                if error:
                    failures.append(f"opset {opset} {describe(case)}: {error}")
                    print("FAIL", failures[-1], flush=True)
                else:
                    passed[case.op] += 1
    print(f"{sum(passed.values())} passed, {len(failures)} failed, {skipped} skipped; {dict(sorted(passed.items()))}")
    return 1 if failures or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
