"""Writes the seed corpora of the fuzzers and a dictionary for each text format.

    seeds.py FOLDER            # seconds; what the test uses
    seeds.py FOLDER --backend  # also ONNX's own test cases of single nodes, 30 s

FOLDER gets a folder for each fuzzer and TARGET.dict beside it. Needs acc-opt in
PATH. Nothing here depends on time or chance: the same tools give the same files.
"""

import argparse
import io
import json
import re
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper, version_converter
from PIL import Image

from accopt.bad_models import all_cases

ROOT = Path(__file__).resolve().parent.parent.parent
LARGEST = 16 << 10  # bytes of a model; larger ones make every run slow


class Graph:
    """A small float network; each method adds a node and returns its output."""

    def __init__(self, shape):
        self.random = np.random.default_rng(1)
        self.nodes, self.weights = [], []
        self.input = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)

    def constant(self, values):
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def weight(self, *shape):
        return self.constant(self.random.standard_normal(shape).astype(np.float32))

    def __call__(self, op, *inputs, **attributes):
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [output], name=f"{op}_{output}",
                                           **attributes))
        return output

    def model(self, output, opset=25):
        result = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "seed", [self.input], [result], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 12
        return onnx.shape_inference.infer_shapes(model, data_prop=True)


def networks():
    """Yields (name, model): between them, every command of the machine."""
    g = Graph([1, 3, 6, 6])
    x = g("Relu", g("Conv", "x", g.weight(4, 3, 3, 3), g.weight(4), pads=[1, 1, 1, 1]))
    y = g("Conv", x, g.weight(4, 4, 1, 1))
    yield "residual", g.model(g("Relu", g("Add", x, y)))

    g = Graph([1, 4, 6, 6])
    x = g("Conv", "x", g.weight(4, 1, 3, 3), group=4, strides=[2, 2])
    x = g("Clip", x, g.constant(np.float32(0)), g.constant(np.float32(6)))
    yield "depthwise", g.model(g("Sigmoid", x))

    g = Graph([1, 2, 5, 5])
    x = g("MaxPool", "x", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    y = g("AveragePool", "x", kernel_shape=[3, 3], strides=[1, 1])
    yield "pools", g.model(g("Concat", x, y, axis=1))

    g = Graph([1, 12])
    x = g("Gemm", "x", g.weight(8, 12), g.weight(8), transB=1)
    x = g("HardSwish", x)
    yield "softmax", g.model(g("Softmax", g("Gemm", x, g.weight(8, 5)), axis=1))

    g = Graph([1, 3, 4, 4])
    x = g("Mul", "x", g("Sigmoid", g("GlobalAveragePool", "x")))
    x = g("Pad", x, g.constant(np.array([0, 0, 1, 0, 0, 0, 0, 2], np.int64)))
    x = g("Slice", x, *(g.constant(np.array(v, np.int64)) for v in ([1], [4], [2])))
    yield "moves", g.model(g("Transpose", x, perm=[0, 2, 3, 1]))


def shape_arithmetic():
    """Yields models whose shapes are computed, which import must compute away."""
    g = Graph([2, 3, 4])
    shape = g("Shape", "x")
    first = g("Gather", shape, g.constant(np.array([0], np.int64)), axis=0)
    rest = g("ReduceProd", g("Slice", shape, g.constant(np.array([1], np.int64)),
                             g.constant(np.array([3], np.int64))), keepdims=1)
    yield "shape", g.model(g("Reshape", "x", g("Concat", first, rest, axis=0)))

    g = Graph([2, 6])
    count = g("Cast", g("Div", g("Cast", g("Size", "x"), to=TensorProto.FLOAT),
                        g.constant(np.float32(3))), to=TensorProto.INT64)
    steps = g("Range", g.constant(np.int64(0)), count, g.constant(np.int64(2)))
    chosen = g("Where", g("Equal", steps, g.constant(np.array([2], np.int64))),
               g.constant(np.array([3], np.int64)), steps)
    target = g("Expand", g("Unsqueeze", g("ReduceMax", chosen, keepdims=0),
                           g.constant(np.array([0], np.int64))),
               g.constant(np.array([1], np.int64)))
    flat = g("Reshape", "x", g.constant(np.array([-1, 2], np.int64)))
    filled = g("ConstantOfShape", target)
    yield "range", g.model(g("Add", flat, g("ReduceSum", filled, keepdims=0)))

    g = Graph([2, 3])
    ints = lambda *numbers: g.constant(np.array(numbers, np.int64))  # noqa: E731
    nothing = g("Slice", ints(), ints(-1), ints(-9), ints(0), ints(-1))
    yield "empty", g.model(g("Reshape", "x", g("Concat", nothing, ints(6), axis=0)))

    g = Graph([1, 4, 8])
    parts = g.constant(np.array([1, 3], np.int64))
    g.nodes.append(helper.make_node("Split", ["x", parts], ["a", "b"], axis=1))
    x = g("Concat", "b", "a", axis=1)
    yield "split", g.model(g("MatMul", g("Flatten", x), g.weight(32, 2)))


def qdq():
    """A model that is quantized already."""
    g = Graph([1, 3, 4, 4])
    scale, zero = g.constant(np.float32(0.1)), g.constant(np.uint8(3))
    weight = g.constant(g.random.integers(-9, 9, (2, 3, 3, 3)).astype(np.int8))
    x = g("DequantizeLinear", g("QuantizeLinear", "x", scale, zero), scale, zero)
    w = g("DequantizeLinear", weight, g.constant(np.array([0.1, 0.2], np.float32)),
          g.constant(np.zeros(2, np.int8)), axis=0)
    x = g("QuantizeLinear", g("Conv", x, w), scale, zero)
    yield "qdq", g.model(g("DequantizeLinear", x, scale, zero))


def old_opsets():
    """Models that the version converter has to bring up. Few: it takes 30 ms."""
    g = Graph([1, 2, 4, 4])
    norm = [g.weight(2) for _ in range(3)] + [g.constant(np.ones(2, np.float32))]
    x = g("BatchNormalization", "x", *norm, spatial=1)
    yield "opset7", g.model(g("Squeeze", g("Dropout", g("Softmax", x, axis=1)), axes=[0]), 7)
    g = Graph([1, 2, 4, 4])
    x = g("Upsample", "x", scales=[1.0, 1.0, 2.0, 2.0])
    yield "opset8", g.model(g("Pad", x, pads=[0, 0, 1, 1, 0, 0, 1, 1], mode="edge"), 8)


def write(folder, name, data):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def converted(model):
    """The model in opset 25, where ONNX's converter can: under sanitizers it takes 30 ms."""
    try:
        return version_converter.convert_version(model, 25)
    except RuntimeError:
        return model


def write_models(folder):
    good = (ROOT / "models/digits.onnx").read_bytes()
    makers = (networks, shape_arithmetic, qdq, old_opsets)
    for maker in makers:
        for name, model in maker():
            write(folder, f"{name}.onnx", model.SerializeToString(deterministic=True))
    for name, data in all_cases(good):
        if len(data) <= LARGEST:
            write(folder, f"bad-{name}", data)
    data = Path(onnx.__file__).parent / "backend/test/data"
    for file in sorted(data.glob("*/*/model.onnx")):
        if file.stat().st_size <= LARGEST:
            model = converted(onnx.load(file))
            write(folder, f"{file.parent.name}.onnx", model.SerializeToString(deterministic=True))


def write_backend_models(folder):
    """ONNX's test cases of single nodes, which its package makes when asked; those
    of operators that the importer knows."""
    from onnx.backend.test.case.node import collect_testcases

    table = subprocess.run(["acc-opt", "--print-op-support"], check=True, capture_output=True,
                           text=True).stdout
    supported = {line.split()[0] for line in table.splitlines() if line}
    for case in collect_testcases(None):
        if case.model is None or case.model.ByteSize() > LARGEST:
            continue
        if {node.op_type for node in case.model.graph.node} <= supported:
            data = converted(case.model).SerializeToString(deterministic=True)
            write(folder, f"{case.name}.onnx", data)


def compile_networks(out):
    """Binaries and cost reports of the networks on different machines."""
    targets = ("systolic16x16", "systolic8x8", "edge-small", "systolic16x16-flexible",
               "systolic16x16{rows=3,columns=5,scratchpad_bytes=4096,accumulator_bytes=640}")
    for kind in ("binary", "report"):
        (out / kind).mkdir(parents=True, exist_ok=True)
    for name, _ in networks():
        for i, target in enumerate(targets):
            subprocess.run(
                ["acc-opt", "--quiet", f"onnx/{name}.onnx", f"--target={target}",
                 "-o", f"binary/{name}-{i}.elf", f"--report=report/{name}-{i}.json"],
                cwd=out, check=True, stdout=subprocess.DEVNULL)


def write_machines(folder):
    for file in sorted((ROOT / "targets").glob("*.yaml")):
        write(folder, file.name, file.read_bytes())
    printed = subprocess.run(["acc-opt", "--print-target=edge-small"], check=True,
                             capture_output=True).stdout
    write(folder, "printed.yaml", printed)
    write(folder, "inherits.yaml", b"inherit: edge-small\nname: 'a b'\nrows: 8\n")
    write(folder, "override", b"@systolic16x16{rows=8,clock_hz=1e8,dataflow=output-stationary}")


def write_arrays(folder):
    arrays = {"scalar": np.float32(1), "ints": np.arange(6, dtype=np.int64),
              "column": np.asfortranarray(np.arange(6, dtype=np.int16).reshape(2, 3)),
              "half": np.ones((1, 2), np.float16), "empty": np.zeros((3, 0), bool)}
    for name, array in arrays.items():
        stream = io.BytesIO()
        np.save(stream, array)
        write(folder, f"{name}.npy", stream.getvalue())
    for name, method in ("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            for member, array in arrays.items():
                data = io.BytesIO()
                np.save(data, array)
                archive.writestr(zipfile.ZipInfo(f"{member}.npy"), data.getvalue(), method)
        write(folder, f"{name}.npz", stream.getvalue())


def write_topologies(folder):
    conv = ("Layer name,IFMAP Height,IFMAP Width,Filter Height,Filter Width,Channels,"
            "Num Filter,Strides,Padding,Sparsity,\n")
    write(folder, "conv.csv", (conv + "a,8,8,3,3,4,8,2,1,2:4,\nDP,8,8,3,3,4,1,1,0,1:1,\n").encode())
    write(folder, "gemm.csv", b"Layer,M,N,K,Groups\nfc,16,10,64,1\nheads,8,8,32,4\n")


def write_dataflows(folder):
    maps = "TemporalMap(Sz(R),1) Y; TemporalMap(Sz(S),1) X;\n"
    kernel = "TemporalMap(Sz(R),Sz(R)) R; TemporalMap(Sz(S),Sz(S)) S;\n"
    write(folder, "kcp.txt", ("SpatialMap(1,1) K; TemporalMap(64,64) C;\n" + kernel + maps
                              + "Cluster(64, P); SpatialMap(1,1) C;\n" + maps + kernel).encode())
    write(folder, "rows.txt", b"TemporalMap(1,1) K; SpatialMap(Sz(R),1) Y; TemporalMap(10,8) X;\n"
          b"Cluster(3); SpatialMap(1,1) X; SpatialMap(1,1) R; // both\n")
    write(folder, "outputs.txt", b"SpatialMap(2,2) Y'; TemporalMap(3,3) R; TemporalMap(4,4) X';\n"
          b"Cluster(2, L); SpatialMap(1,1) C; Cluster(4, P); SpatialMap(Sz(S),1) X;\n")


def write_operands(folder):
    file = json.loads((ROOT / "test/Tools/Inputs/zigzag.json").read_text())
    write(folder, "conv.json", json.dumps(file).encode())
    layer = dict(file["layers"][0], name="tiled", stride=[2, 1], input=[9, 9],
                 loops="S2 C2 Q3 N2", W="M2.5:1|C2:4", I="M5 C1:2|:4", O="C2 M2.5:2|:4")
    file |= {"systolic": "M32 C32", "spare": "together", "layers": [*file["layers"], layer]}
    # The outputs of the second layer come back from the buffer.
    file["memories"]["sums"]["ports"].append("8 O0:fh")
    file["memories"]["buffer"]["ports"][2] = "8 O1:fl O1:tl"
    write(folder, "systolic.json", json.dumps(file, indent=1).encode())


def write_quantization(folder):
    ranges = {"schema": "accopt.calibration", "version": 1,
              "ranges": [{"name": "x", "min": -1.5, "max": 2}, {"name": "a b", "min": 0, "max": 1e-3}]}
    plan = {"schema": "accopt.quantization-plan", "version": 1,
            "activations": [{"values": ["x", "y"], "bits": 8, "scale": 0.25, "zero_point": -3,
                             "fixed": False, "can_narrow": True}],
            "weights": [{"layer": "conv", "bits": 4, "scales": [0.5, 0.125]}]}
    write(folder, "ranges.json", json.dumps(ranges).encode())
    write(folder, "plan.json", json.dumps(plan).encode())


def write_runs(folder):
    quality = {"validation": {"loss": 0.5}, "test": {"loss": 0.25}}
    cost = {"cycles": 100, "energy_pj": 2.5, "weight_bytes": 64}
    network = quality | cost | {"name": "start", "ops": [{"name": "<conv>", "bits": 8}]}
    run = {"schema": "accopt.tune", "version": 1, "target": {}, "data": {}, "binary": {},
           "float": quality, "before": network, "after": network,
           "candidates": [{"name": "start", "validation_loss": 0.5} | cost]}
    write(folder, "run.json", json.dumps(run).encode())


def write_images(folder):
    """Every kind of PNG that libpng expands, and JPEG with and without colour."""
    pixels = np.random.default_rng(1).integers(0, 256, (9, 12, 4)).astype(np.uint8)
    color = Image.fromarray(pixels)
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        stream = io.BytesIO()
        deep = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
        (deep if mode == "I;16" else color.convert(mode)).save(stream, "png")
        write(folder, f"{mode.replace(';', '-')}.png", stream.getvalue())
    for mode in ("L", "RGB", "CMYK"):
        for progressive in (False, True):
            stream = io.BytesIO()
            color.convert(mode).save(stream, "jpeg", progressive=progressive)
            write(folder, f"{mode}-{progressive}.jpg", stream.getvalue())


def write_dictionary(path, folder, pattern):
    """libFuzzer's dictionary: what is a word in the seeds."""
    words = set()
    for file in folder.iterdir():
        words.update(re.findall(pattern, file.read_bytes().decode("utf-8", "ignore")))
    path.write_text("".join(json.dumps(word) + "\n" for word in sorted(words)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--backend", action="store_true")
    arguments = parser.parse_args()
    out = arguments.folder
    write_models(out / "onnx")
    if arguments.backend:
        write_backend_models(out / "onnx")
    compile_networks(out)
    write_machines(out / "machine")
    write_arrays(out / "numpy")
    write_topologies(out / "topology")
    write_dataflows(out / "dataflow")
    write_operands(out / "operands")
    write_quantization(out / "quantization")
    write_runs(out / "tune")
    write_images(out / "image")
    write_dictionary(out / "machine.dict", out / "machine", r"[a-z_]{3,}[0-9a-z_]*")
    write_dictionary(out / "report.dict", out / "report", r'"[a-z_]{2,}"')
    write_dictionary(out / "dataflow.dict", out / "dataflow", r"[A-Za-z]+\(|[0-9]+|[;,']")
    write_dictionary(out / "topology.dict", out / "topology", r"[A-Z][A-Za-z ]*")
    write_dictionary(out / "operands.dict", out / "operands", r'"[A-Za-z_-]+"|[A-Z][0-9]+(?::[a-z]+)?|[|:]')
    for target in ("quantization", "tune"):
        write_dictionary(out / f"{target}.dict", out / target, r'"[a-z_.-]+"')


if __name__ == "__main__":
    main()
