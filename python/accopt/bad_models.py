"""Makes damaged and hostile ONNX models for the tests.

Each case is a file name and its bytes; every one must be refused with one line.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT


def value(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def weight(name, shape, dtype=np.float32):
    return numpy_helper.from_array(np.ones(shape, dtype), name)


def model(nodes, inputs, outputs, weights=(), opset=18, **options):
    graph = helper.make_graph(nodes, "bad", inputs, outputs, list(weights))
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], **options)
    proto.ir_version = 8
    return proto


def one_node(op, inputs, shapes, output, weights=(), **attributes):
    """A model of a single node named "bad_node"."""
    node = helper.make_node(op, inputs, ["y"], name="bad_node", **attributes)
    named = [value(name, shape) for name, shape in shapes.items()]
    return model([node], named, [value("y", output)], weights)


def conv(weight_shape=(2, 3, 3, 3), x=(1, 3, 8, 8), y=(1, 2, 6, 6), **attributes):
    return one_node("Conv", ["x", "w"], {"x": x}, y, [weight("w", weight_shape)], **attributes)


def structural_cases():
    """Graphs that are not graphs: cycles, missing values, wrong names."""
    x, y = value("x", [1, 4]), value("y", [1, 4])
    relu = helper.make_node
    yield "cycle", model(
        [relu("Add", ["x", "b"], ["a"], name="a"), relu("Relu", ["a"], ["b"], name="b"),
         relu("Relu", ["b"], ["y"], name="c")], [x], [y])
    yield "self-cycle", model([relu("Add", ["x", "y"], ["y"], name="a")], [x], [y])
    yield "missing-input", model([relu("Relu", ["nowhere"], ["y"], name="a")], [x], [y])
    yield "missing-output", model([relu("Relu", ["x"], ["z"], name="a")], [x], [y])
    yield "double-definition", model(
        [relu("Relu", ["x"], ["y"], name="a"), relu("Relu", ["x"], ["y"], name="b")], [x], [y])
    yield "wrong-order", model(
        [relu("Relu", ["a"], ["y"], name="b"), relu("Relu", ["x"], ["a"], name="a")], [x], [y])
    yield "unknown-op", one_node("NoSuchOp", ["x"], {"x": [1, 4]}, [1, 4])
    custom = relu("Custom", ["x"], ["y"], name="bad_node", domain="com.example")
    yield "unknown-domain", model([custom], [x], [y])
    yield "no-outputs", model([relu("Relu", ["x"], ["y"], name="a")], [x], [])
    yield "empty-graph", model([], [], [])
    yield "future-opset", model([relu("Relu", ["x"], ["y"], name="a")], [x], [y], opset=9999)
    yield "opset-zero", model([relu("Relu", ["x"], ["y"], name="a")], [x], [y], opset=0)
    future = model([relu("Relu", ["x"], ["y"], name="a")], [x], [y])
    future.ir_version = 9999
    yield "future-ir", future
    nothing = model([relu("Relu", ["x"], ["y"], name="a")], [x], [y])
    nothing.ClearField("opset_import")
    yield "no-opset", nothing
    nothing = model([relu("Relu", ["x"], ["y"], name="a")], [x], [y])
    nothing.ClearField("graph")
    yield "no-graph", nothing
    yield "newline-in-name", model(
        [relu("NoSuchOp", ["x"], ["y"], name="a\nb\x1b[2J")], [x], [y])


def shape_cases():
    """Shapes that do not fit, or are beyond any memory."""
    yield "conv-channels", conv(weight_shape=(2, 5, 3, 3))
    yield "conv-group", conv(group=2)
    yield "conv-group-zero", conv(group=0)
    yield "conv-stride-zero", conv(strides=[0, 0])
    yield "conv-stride-negative", conv(strides=[-1, 1])
    yield "conv-dilation-zero", conv(dilations=[0, 1])
    yield "conv-pads-short", conv(pads=[1, 1])
    yield "conv-pads-negative", conv(pads=[-9, -9, -9, -9])
    yield "conv-kernel-mismatch", conv(kernel_shape=[5, 5])
    yield "conv-kernel-too-large", conv(x=(1, 3, 2, 2))
    yield "conv-auto-pad", conv(auto_pad="SIDEWAYS")
    yield "conv-4d", conv(weight_shape=(2, 3, 3, 3, 3, 3), x=(1, 3, 8, 8, 8, 8),
                          y=(1, 2, 6, 6, 6, 6))
    yield "matmul-mismatch", one_node(
        "MatMul", ["x", "w"], {"x": [2, 3]}, [2, 5], [weight("w", (4, 5))])
    yield "add-mismatch", one_node("Add", ["x", "w"], {"x": [2, 3]}, [2, 3], [weight("w", (2, 4))])
    yield "reshape-mismatch", one_node(
        "Reshape", ["x", "s"], {"x": [2, 3]}, [7], [numpy_helper.from_array(np.array([7]), "s")])
    yield "concat-axis", one_node("Concat", ["x", "x"], {"x": [2, 3]}, [4, 3], axis=7)
    yield "transpose-perm", one_node("Transpose", ["x"], {"x": [2, 3]}, [3, 2], perm=[0, 0])
    yield "symbolic-shape", one_node("Relu", ["x"], {"x": ["n", "m"]}, ["n", "m"])
    yield "unknown-rank", one_node("Relu", ["x"], {"x": None}, None)
    yield "huge-dimension", one_node("Relu", ["x"], {"x": [1, 2**62]}, [1, 2**62])
    yield "huge-product", one_node("Relu", ["x"], {"x": [2**40, 2**40]}, [2**40, 2**40])
    yield "negative-dimension", one_node("Relu", ["x"], {"x": [1, -4]}, [1, -4])
    yield "zero-dimension", conv(x=(1, 3, 0, 8), y=(1, 2, 0, 6))
    huge = np.array([2**40, 2**20], np.int64)
    yield "huge-constant-of-shape", one_node(
        "ConstantOfShape", ["s"], {}, [2**40, 2**20], [numpy_helper.from_array(huge, "s")])
    def ints(name, *numbers):
        return numpy_helper.from_array(np.array(numbers, np.int64), name)

    ends = [numpy_helper.from_array(np.float32(end), name)
            for name, end in {"start": 1, "limit": 0, "delta": 0}.items()]
    yield "range-step-zero", one_node("Range", ["start", "limit", "delta"], {}, [1], ends)
    split = helper.make_node("Split", ["x"], ["y", "z"], name="bad_node", num_outputs=2**63 - 1)
    yield "split-too-many", model(
        [split], [value("x", [4])], [value("y", [2]), value("z", [2])])
    yield "einsum-signs", one_node("Einsum", ["x"], {"x": []}, [], equation="1")
    # ONNX infers no type of an EyeLike of four dimensions.
    yield "eye-of-unknown", model(
        [helper.make_node("EyeLike", ["x"], ["a"], name="first"),
         helper.make_node("EyeLike", ["a"], ["y"], name="bad_node", dtype=1)],
        [value("x", [1, 2, 5, 5])], [value("y", [5, 5])])
    lists = [value(name, [2**31 - 1], TensorProto.INT64) for name in ("starts", "ends")]
    yield "endless-lists", model(
        [helper.make_node("Slice", ["x", "starts", "ends"], ["y"], name="bad_node")],
        [value("x", [4]), *lists], [value("y", [4])])
    yield "endless-list-made", model(
        [helper.make_node("ConstantOfShape", ["s"], ["c"], name="list"),
         helper.make_node("Cast", ["c"], ["i"], name="integers", to=TensorProto.INT64),
         helper.make_node("Slice", ["x", "i", "i"], ["y"], name="bad_node")],
        [value("x", [4])], [value("y", [4])], [ints("s", 2**31 - 1)])
    yield "flatten-empty-and-huge", model(
        [helper.make_node("ConstantOfShape", ["s"], ["c"], name="bad_node"),
         helper.make_node("Flatten", ["c"], ["y"], name="flatten", axis=1)],
        [], [value("y", [0, 1])], [ints("s", 0, 2**40, 2**40)])
    huge_pads = np.array([0, 2**61, 0, 2**61], np.int64)
    yield "huge-pad", one_node(
        "Pad", ["x", "p"], {"x": [1, 4]}, [1, 2**62], [numpy_helper.from_array(huge_pads, "p")])


def type_cases():
    """Element types and attributes of a wrong kind, weights of a wrong size."""
    x, y = value("x", [1, 4]), value("y", [1, 4])
    strings = value("x", [1, 4], TensorProto.STRING)
    yield "string-tensor", model(
        [helper.make_node("Identity", ["x"], ["y"], name="bad_node")],
        [strings], [value("y", [1, 4], TensorProto.STRING)])
    yield "mixed-types", model(
        [helper.make_node("Add", ["x", "w"], ["y"], name="bad_node")],
        [x], [y], [weight("w", (1, 4), np.int64)])
    yield "declared-type-differs", model(
        [helper.make_node("Relu", ["x"], ["y"], name="bad_node")],
        [x], [value("y", [1, 4], TensorProto.INT64)])
    yield "unknown-attribute", one_node("Relu", ["x"], {"x": [1, 4]}, [1, 4], colour=3)
    yield "attribute-of-wrong-type", conv(strides="two")
    yield "missing-attribute", one_node("Concat", ["x", "x"], {"x": [2, 3]}, [4, 3])
    yield "too-many-inputs", one_node("Relu", ["x", "x"], {"x": [1, 4]}, [1, 4])

    for name, change in {
        "weight-too-short": lambda w: w.__setattr__("raw_data", w.raw_data[:-3]),
        "weight-too-long": lambda w: w.__setattr__("raw_data", w.raw_data + b"abcd"),
        "weight-empty": lambda w: w.ClearField("raw_data"),
        "weight-type-unknown": lambda w: w.__setattr__("data_type", 99),
        "weight-huge-dims": lambda w: w.dims.__setitem__(0, 2**61),
        "weight-negative-dims": lambda w: w.dims.__setitem__(0, -2),
    }.items():
        broken = conv()
        change(broken.graph.initializer[0])
        yield name, broken


def external_cases():
    """External data that leaves the folder, is missing or is too short."""
    for name, location in {
        "external-parent": "../../etc/passwd",
        "external-absolute": "/etc/passwd",
        "external-missing": "no-such-file.bin",
        "external-folder": ".",
        "external-short": "short.bin",
        "external-link": "link.bin",
        "external-empty": "",
    }.items():
        proto = conv()
        tensor = proto.graph.initializer[0]
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
        yield name, proto
    proto = conv()
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="long.bin")
    tensor.external_data.add(key="offset", value=str(2**63 - 8))
    tensor.external_data.add(key="length", value="216")
    yield "external-offset", proto


def raw_cases(good):
    """Bytes that are not a model at all; `good` is a valid model's file."""
    yield "empty", b""
    yield "one-byte", b"\x08"
    yield "text", b"this is not a model\n"
    yield "zeros", bytes(4096)
    yield "ones", b"\xff" * 4096
    yield "elf", b"\x7fELF" + bytes(100)
    yield "endless-length", b"\x3a\xff\xff\xff\xff\x07" + bytes(64)
    yield "endless-varint", b"\xff" * 10 + b"\x01"
    # Nested messages deeper than any parser's stack.
    nested = b""
    for _ in range(2000):
        size = len(nested)
        length = b""
        while True:
            length += bytes([size & 127 | (128 if size > 127 else 0)])
            size >>= 7
            if not size:
                break
        nested = b"\x3a" + length + nested
    yield "nested", nested
    for share in (10, 25, 50, 75, 90, 99):
        yield f"truncated-{share}", good[: len(good) * share // 100]
    yield "truncated-last-byte", good[:-1]
    yield "garbage-behind", good + b"\xff\xff\xff\xff"


def all_cases(good):
    """Yields (name, bytes) of every bad model."""
    yield from raw_cases(good)
    for family in (structural_cases, shape_cases, type_cases, external_cases):
        for name, proto in family():
            yield name, proto.SerializeToString(deterministic=True)


def write_companions(folder):
    """The files that external data refers to."""
    (folder / "short.bin").write_bytes(bytes(5))
    (folder / "long.bin").write_bytes(bytes(4096))
    (folder / "link.bin").symlink_to("/etc/passwd")
