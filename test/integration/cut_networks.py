"""Networks cut at named tensors, against onnxruntime on onnx.utils' extraction.

    cut_networks.py [--cases N] [--seed S]

Most cases are random graphs (graph_generator.py), cut at random tensors with
--outputs, and with --inputs where onnx can extract such a part. The others are detectors
with random heads that end in NonMaxSuppression: the refusal's own --outputs is taken.
"""

import argparse
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from accopt.outcomes import PASSED, REFUSED, run
from onnx import TensorProto, helper, numpy_helper

from graph_generator import GRAPH_OPSETS, GraphGenerator, run_ort
from random_graphs import TIMEOUT, support, tolerances


def detector(rng):
    """A trunk, two scales of heads, boxes that are decoded, scores, and an end of a shape
    that depends on data: (model, inputs)."""
    draw = np.random.default_rng(rng.randrange(2**32))
    nodes, constants = [], {}
    size, channels, classes, anchors = rng.choice([16, 24]), rng.choice([4, 6]), rng.randint(2, 4), rng.randint(1, 3)

    def constant(name, value):
        constants[name] = np.asarray(value)
        return name

    def node(op, inputs, outputs, **attributes):
        nodes.append(helper.make_node(op, inputs, outputs, **attributes))
        return outputs[0]

    def conv(name, x, inputs, outputs, stride=1):
        w = constant(f"{name}.w", draw.normal(size=(outputs, inputs, 3, 3)).astype(np.float32) / (3 * inputs) ** 0.5)
        b = constant(f"{name}.b", draw.normal(size=outputs).astype(np.float32) / 4)
        return node("Conv", [x, w, b], [f"{name}/Conv_output_0"], pads=[1] * 4, strides=[stride] * 2)

    def rows(name, x, width):
        flat = node("Transpose", [x], [f"{name}/Transpose_output_0"], perm=[0, 2, 3, 1])
        shape = constant(f"{name}.shape", np.array([1, -1, width], np.int64))
        return node("Reshape", [flat, shape], [f"{name}/Reshape_output_0"])

    x, boxes, scores, count = "images", [], [], 0
    for scale in range(2):
        x = node("Relu", [conv(f"trunk{scale}", x, channels if scale else 3, channels, 2)], [f"features{scale}"])
        boxes.append(rows(f"box{scale}", conv(f"box{scale}", x, channels, 4 * anchors), 4))
        scores.append(rows(f"class{scale}", conv(f"class{scale}", x, channels, classes * anchors), classes))
        count += anchors * (size // 2 ** (scale + 1)) ** 2
    raw = node("Concat", boxes, ["head/boxes"], axis=1)
    prior = constant("prior", draw.uniform(0, size, size=(1, count, 4)).astype(np.float32))
    decoded = node("Add", [node("Mul", [raw, constant("variance", np.float32(0.1))], ["head/scaled"]), prior], ["head/decoded boxes"])
    softmax = node("Softmax", [node("Concat", scores, ["head/scores"], axis=1)], ["head/probabilities"], axis=-1)
    last = node("Transpose", [softmax], ["head/by_class"], perm=[0, 2, 1])
    found = node("NonMaxSuppression",
                 [decoded, last, constant("most", np.array([rng.randint(1, 20)], np.int64)),
                  constant("overlap", np.array([rng.uniform(0.2, 0.8)], np.float32)),
                  constant("least", np.array([rng.uniform(0, 0.3)], np.float32))], ["selected"])
    column = node("Gather", [found, constant("two", np.array([0, 2], np.int64))], ["selected/places"], axis=1)
    node("GatherND", [decoded, column], ["detections"])
    outputs = [helper.make_tensor_value_info("detections", TensorProto.FLOAT, ["n", 4]),
               helper.make_tensor_value_info("selected", TensorProto.INT64, ["n", 3])]
    if rng.random() < 0.5:  # an output that needs nothing of the end stays one
        outputs.append(helper.make_tensor_value_info("head/scores", TensorProto.FLOAT, [1, count, classes]))
    graph = helper.make_graph(nodes, "detector", [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, size, size])],
                              outputs, [numpy_helper.from_array(value, name) for name, value in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", rng.choice([11, 13, 17, 20]))])
    model.ir_version = 8
    return model, {"images": draw.normal(size=(1, 3, size, size)).astype(np.float32)}


def extract(model, inputs, outputs):
    return onnx.utils.Extractor(onnx.shape_inference.infer_shapes(model)).extract_model(inputs, outputs)


def check(path, flags, feeds, part):
    """"" or what is wrong with the part of the model that `flags` name."""
    expected = run_ort(part, feeds)
    given, computed = path.with_name("in.npz"), path.with_name("out.npz")
    np.savez(given, **feeds)
    status, _, complaint = run(["accopt-run", path, *flags, f"--input={given}", f"--output={computed}"], TIMEOUT)
    if status != PASSED:
        return f"{status}: {complaint}"
    allowed = tolerances(part, feeds, expected)
    with np.load(computed) as archive:
        if sorted(archive) != sorted(expected):
            return f"expected outputs {sorted(expected)}, got {sorted(archive)}"
        for name, want in expected.items():
            got = archive[name]
            if got.shape != want.shape:
                return f"'{name}': expected shape {want.shape}, got {got.shape}"
            with np.errstate(invalid="ignore"):  # infinities are equal or not
                if not np.all((got == want) | (np.abs(got - want) <= allowed[name])):
                    return f"'{name}': other numbers than onnxruntime's"
    return ""


def computed_floats(model):
    """Names of the tensors that nodes make and that are floats of static shape."""
    inferred = onnx.shape_inference.infer_shapes(model)
    made = {name for node in model.graph.node for name in node.output}
    return sorted(value.name for value in [*inferred.graph.value_info, *inferred.graph.output]
                  if value.name in made and value.type.tensor_type.elem_type == TensorProto.FLOAT)


def random_cut(rng, supported, folder):
    """(what was cut, verdict); nothing was where the graph is too small."""
    model, feeds = GraphGenerator(rng, rng.choice(GRAPH_OPSETS), supported).graph(rng.randint(4, 12))
    names = computed_floats(model)
    if not names or not model.graph.output:
        return "", ""
    path = folder / "model.onnx"
    onnx.save(model, path)
    ends = rng.sample(names, min(len(names), rng.randint(1, 3)))
    flags = [f"--outputs={','.join(ends)}"]
    part = extract(model, list(feeds), ends)
    needed = {name for node in part.graph.node for name in node.input} | set(ends)
    used = {name: value for name, value in feeds.items() if name in needed}
    if not used or not part.graph.node:
        return "", ""
    whole = extract(model, list(used), ends)
    verdict = check(path, flags, used, whole)
    middle = [name for name in computed_floats(whole) if name not in ends]
    if verdict or not middle:
        return "outputs", verdict
    begin = rng.choice(middle)
    values = run_ort(extract(model, list(feeds), [begin]), feeds)
    try:
        part = extract(model, [begin], ends)
        run_ort(part, values)
    except Exception:  # the ends need more than this tensor: onnx and onnxruntime differ in what they raise
        status, _, complaint = run(["acc-opt", path, *flags, f"--inputs={begin}", "--emit=nn"], TIMEOUT)
        fits = status == REFUSED and "--inputs" in complaint
        return "outputs", "" if fits else f"--inputs={begin}: expected a refusal, got {status} {complaint}"
    return "both", check(path, [*flags, f"--inputs={begin}"], values, part)


def detector_cut(rng, folder):
    model, feeds = detector(rng)
    path = folder / "detector.onnx"
    onnx.save(model, path)
    status, _, complaint = run(["acc-opt", path, "--emit=nn"], TIMEOUT)
    flag = re.search(r"; what comes before can be compiled with (--outputs=.*)", complaint)
    if status != REFUSED or not flag or len(complaint.splitlines()) != 1:
        return f"expected one line with --outputs, got {status}: {complaint}"
    # As a shell reads it.
    pasted = subprocess.run(["sh", "-c", f"printf %s {flag[1]}"], stdout=subprocess.PIPE, text=True, check=True).stdout
    names = pasted.split("=", 1)[1].split(",")
    kept = [output.name for output in model.graph.output if output.name == "head/scores"]
    if set(names) != {"head/decoded boxes", "head/by_class", *kept}:
        return f"expected boxes and scores, got {names}"
    return check(path, [pasted], feeds, extract(model, ["images"], names))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=40)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    supported = support()
    counts, failed = {"outputs": 0, "both": 0, "detector": 0}, 0
    with tempfile.TemporaryDirectory() as temporary:
        for case in range(arguments.cases):
            rng = random.Random(f"{arguments.seed}:{case}")
            kind, verdict = "detector", ""
            if case % 4:
                kind, verdict = random_cut(rng, supported, Path(temporary))
            else:
                verdict = detector_cut(rng, Path(temporary))
            if kind:
                counts[kind] += 1
            if verdict:
                failed += 1
                print(f"FAIL case {case}: {verdict}", flush=True)
    print(f"{failed} wrong of {counts}")
    return 1 if failed or not all(counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
