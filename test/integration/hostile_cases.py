"""Hostile ONNX models by family: (name, model or bytes), and for external data what else
to put into the folder. Each is to be refused in one line per node, or taken.

accopt/bad_models.py has those that are damaged in ordinary ways and must be refused.
"""

import os

import numpy as np
import onnx
from accopt.bad_models import conv, model, one_node, value, weight
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
INTEGERS = (0, 1, -1, 2, -2, 7, 2**31 - 1, 2**31, -(2**31), 2**32, 2**62, 2**63 - 1, -(2**63))


def node(op, inputs, outputs, name=None, **attributes):
    return helper.make_node(op, inputs, outputs, name=name or f"{op}_{outputs[0]}", **attributes)


def ints(name, values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def with_functions(functions, call):
    """A model whose only node calls `call`; functions are {name: nodes} from x to y."""
    made = model([helper.make_node(call, ["x"], ["y"], name="call", domain="own")],
                 [value("x", [1, 4])], [value("y", [1, 4])])
    made.opset_import.append(helper.make_opsetid("own", 1))
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    for name, nodes in functions.items():
        made.functions.append(helper.make_function("own", name, ["x"], ["y"], nodes, imports))
    return made


def own(op, inputs, outputs):
    return helper.make_node(op, inputs, outputs, domain="own")


def header(number, size):
    """Tag and length of a field of protobuf's wire format."""
    out = bytearray([number << 3 | 2])
    while size >= 0x80:
        out.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes(out + bytes([size]))


def field(number, content):
    return header(number, len(content)) + content


def nested_branches(depth):
    """Branches in branches, deeper than protobuf's own writers go. What is appended to a
    message is merged into it: here a node into the graph."""
    graph = field(1, node("Relu", ["x"], ["b"]).SerializeToString()) + field(12, value("b", [1, 4]).SerializeToString())
    for _ in range(depth):
        branches = b"".join(
            field(5, onnx.AttributeProto(name=name, type=onnx.AttributeProto.GRAPH).SerializeToString()
                  + field(6, graph if name == "then_branch" else b"")) for name in ("then_branch", "else_branch"))
        inner = helper.make_node("If", ["c"], ["b"], name="branch").SerializeToString() + branches
        graph = field(1, inner) + field(12, value("b", [1, 4]).SerializeToString())
    made = model([], [value("x", [1, 4]), value("c", [], TensorProto.BOOL)], [value("b", [1, 4])])
    return made.SerializeToString() + field(7, field(1, inner))


def recursive_cases():
    """Functions and subgraphs that call themselves, or each other, or double."""
    yield "function-self", with_functions({"f": [own("f", ["x"], ["y"])]}, "f")
    yield "function-mutual", with_functions(
        {"f": [own("g", ["x"], ["y"])], "g": [own("f", ["x"], ["y"])]}, "f")
    yield "function-mutual-three", with_functions(
        {"f": [own("g", ["x"], ["y"])], "g": [own("h", ["x"], ["y"])], "h": [own("f", ["x"], ["y"])]}, "f")
    yield "function-missing", with_functions({"f": [own("nowhere", ["x"], ["y"])]}, "f")
    yield "function-of-nothing", with_functions({"f": []}, "f")
    yield "function-cycle-inside", with_functions(
        {"f": [node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["b"], ["y"])]}, "f")
    for depth in (10, 30, 100):
        functions = {f"f{i}": [own(f"f{i + 1}", ["x"], ["a"]), own(f"f{i + 1}", ["a"], ["y"])] for i in range(depth)}
        functions[f"f{depth}"] = [node("Relu", ["x"], ["y"])]
        yield f"function-doubling-{depth}", with_functions(functions, "f0")
    for depth in (50, 1000):
        functions = {f"f{i}": [own(f"f{i + 1}", ["x"], ["y"])] for i in range(depth)}
        functions[f"f{depth}"] = [node("Relu", ["x"], ["y"])]
        yield f"function-chain-{depth}", with_functions(functions, "f0")
    duplicate = with_functions({"f": [node("Relu", ["x"], ["y"])]}, "f")
    duplicate.functions.append(duplicate.functions[0])
    yield "function-twice", duplicate
    inside = with_functions({"f": []}, "f")
    inner = helper.make_graph([own("f", ["x"], ["b"])], "body", [], [value("b", [1, 4])])
    inside.functions[0].node.extend([
        node("ConstantOfShape", ["s"], ["c"]),
        node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)])
    yield "function-self-in-branch", inside
    for depth in (5, 20, 40, 400, 4000):
        yield f"if-depth-{depth}", nested_branches(depth)


def expansion_cases():
    """Small files that ask for large tensors, in one step or in many."""
    for size in (2**16 + 1, 2**31 - 1, 2**31, 2**40):
        yield f"constant-of-shape-{size}", one_node("ConstantOfShape", ["s"], {}, [size], [ints("s", [size])])
        yield f"expand-constant-{size}", one_node(
            "Expand", ["w", "s"], {}, [size], [weight("w", (1,)), ints("s", [size])])
        yield f"expand-{size}", one_node("Expand", ["x", "s"], {"x": [1]}, [size], [ints("s", [size])])
        yield f"tile-{size}", one_node("Tile", ["x", "s"], {"x": [1]}, [size], [ints("s", [size])])
        yield f"range-{size}", one_node(
            "Range", ["a", "b", "c"], {}, [size],
            [numpy_helper.from_array(np.float32(v), n) for n, v in (("a", 0), ("b", size), ("c", 1))])
        yield f"pad-{size}", one_node("Pad", ["x", "p"], {"x": [1]}, [size], [ints("p", [0, size - 1])])
        yield f"pad-wrap-{size}", one_node(
            "Pad", ["x", "p"], {"x": [3]}, [size], [ints("p", [0, size - 3])], mode="wrap")
        yield f"conv-pads-{size}", one_node(
            "Conv", ["x", "w"], {"x": [1, 1, 1, 1]}, [1, 1, size, 1], [weight("w", (1, 1, 1, 1))],
            pads=[0, 0, size - 1, 0])
        yield f"pool-pads-{size}", one_node(
            "AveragePool", ["x"], {"x": [1, 1, 1, 1]}, None, [], kernel_shape=[size, 1], pads=[size - 1, 0, size - 1, 0])
        yield f"one-hot-{size}", one_node(
            "OneHot", ["i", "d", "v"], {}, None, [ints("i", [0]), ints("d", size), weight("v", (2,))])
        yield f"resize-{size}", one_node(
            "Resize", ["x", "", "", "s"], {"x": [1, 1, 1, 1]}, None, [ints("s", [1, 1, size, 1])])
        yield f"upsample-{size}", model(
            [node("Resize", ["x", "", "f"], ["y"])], [value("x", [1, 1, 1, 1])], [value("y", [1, 1, size, 1])],
            [weight("f", (4,)) if size > 2**31 else numpy_helper.from_array(np.array([1, 1, size, 1], np.float32), "f")])
        yield f"depth-to-space-{size}", one_node(
            "DepthToSpace", ["x"], {"x": [1, 4, 1, 1]}, None, [], blocksize=size)
        yield f"split-{size}", one_node("Split", ["x"], {"x": [4]}, None, [], num_outputs=size)
    for count in (12, 20, 40, 100):
        doubling = [node("Concat", [f"v{i}", f"v{i}"], [f"v{i + 1}"], axis=0) for i in range(count)]
        doubling[-1].output[0] = "y"
        yield f"concat-doubling-{count}", model(doubling, [value("v0", [1])], [value("y", [2**count if count < 62 else 1])])
        yield f"concat-doubling-constants-{count}", model(
            doubling, [], [value("y", [2**count if count < 62 else 1])], [weight("v0", (1,))])
    # A few bytes a node, a quarter of a megabyte of constant each.
    many = [node("Add", [f"v{i}", "one"], [f"v{i + 1}"]) for i in range(20000)]
    yield "folding-20000", model(many, [], [value("v20000", [2**16])], [weight("v0", (2**16,)), weight("one", (1,))])
    many = [node("ConstantOfShape", ["s"], [f"v{i}"]) for i in range(20000)]
    yield "constants-20000", model(many, [], [value("v0", [2**16])], [ints("s", [2**16])])
    # A length that only the propagation of values shows: 4 * 2^28.
    revealed = [node("Shape", ["x"], ["s"]), node("Mul", ["s", "f"], ["n"]), node("ConstantOfShape", ["n"], ["v"]),
                node("Slice", ["v", "a", "b"], ["y"])]
    for factor in (2**8, 2**18, 2**28):
        yield f"revealed-length-{factor}", model(
            revealed, [value("x", [4])], [value("y", [2])], [ints("f", [factor]), ints("a", [0]), ints("b", [2])])
        chain = [node("Shape", ["x"], ["v0"])]
        for i in range(20):
            chain += [node("Mul", [f"v{2 * i}", "f"], [f"n{i}"]), node("ConstantOfShape", [f"n{i}"], [f"v{2 * i + 1}"]),
                      node("Shape", [f"v{2 * i + 1}"], [f"v{2 * i + 2}"])]
        yield f"revealed-chain-{factor}", model(
            [*chain, node("Identity", ["v40"], ["y"])], [value("x", [4])],
            [onnx.helper.make_tensor_value_info("y", TensorProto.INT64, [1])], [ints("f", [factor])])
    outer = [node("MatMul", ["x", "w"], ["y"])]
    yield "outer-product", model(outer, [value("x", [2**20, 1])], [value("y", [2**20, 2**20])], [weight("w", (1, 2**14))])
    yield "broadcast", model([node("Add", ["x", "z"], ["y"])], [value("x", [2**20, 1]), value("z", [1, 2**20])],
                             [value("y", [2**20, 2**20])])
    yield "rank-1000", one_node("Relu", ["x"], {"x": [1] * 1000}, [1] * 1000)
    yield "rank-1000-transpose", one_node("Transpose", ["x"], {"x": [1] * 1000}, [1] * 1000)
    yield "chain-20000", model([node("Relu", [f"v{i}"], [f"v{i + 1}"]) for i in range(20000)],
                               [value("v0", [1])], [value("v20000", [1])])
    yield "sum-of-20000", one_node("Sum", ["x"] * 20000, {"x": [1]}, [1])


def name_cases():
    """Names that are empty, long, of other alphabets, or meant for a terminal or a parser."""
    names = {"empty": "", "space": " ", "quote": 'a"b', "newline": "a\nb", "escape": "\x1b[2J", "zero": "a\0b",
             "percent": "%s%n%x", "slash": "../../etc/passwd", "backslash": "\\", "cyrillic": "свёртка",
             "chinese": "卷积层", "emoji": "🧠", "right-to-left": "\u202eabc", "combining": "e\u0301" * 50,
             "long": "n" * 10**6, "hash": "#loc", "at": "@main", "bidi": "\u2066x\u2069"}
    for label, name in names.items():
        for where in ("node", "value", "input", "output", "weight", "graph", "operator"):
            x, y, a, w = ("x", "y", "a", "w")
            if where == "value":
                a = name
            elif where == "input":
                x = name
            elif where == "output":
                y = name
            elif where == "weight":
                w = name
            first = helper.make_node(name if where == "operator" else "Relu", [x], [a],
                                     name=name if where == "node" else "first")
            made = model([first, helper.make_node("Add", [a, w], [y], name="second")],
                         [value(x, [1, 4])], [value(y, [1, 4])], [weight(w, (1, 4))])
            if where == "graph":
                made.graph.name = name
            yield f"name-{label}-{where}", made
    bad = model([node("Relu", ["xx"], ["yy"], name="kept")], [value("xx", [4])], [value("yy", [4])]).SerializeToString()
    yield "name-not-utf8", bad.replace(b"kept", b"\xff\xfe\xc0\x80")
    yield "input-not-utf8", bad.replace(b"xx", b"\xc3\x28")
    twice = conv()
    twice.graph.initializer.append(twice.graph.initializer[0])
    yield "weight-twice", twice
    twice = conv()
    twice.graph.input.append(twice.graph.input[0])
    yield "input-twice", twice
    twice = conv()
    twice.graph.output.append(twice.graph.output[0])
    yield "output-twice", twice
    both = conv()
    both.graph.initializer.append(weight("x", (1, 3, 8, 8)))
    yield "input-and-weight", both
    made = conv()
    made.graph.node[0].output[0] = "x"
    yield "output-is-input", made
    made = conv()
    made.opset_import.append(helper.make_opsetid("", 7))
    yield "opset-twice", made
    for version in (-1, 2**31, 2**63 - 1, -(2**63)):
        made = conv()
        made.opset_import[0].version = version
        yield f"opset-{version}", made
        made = conv()
        made.ir_version = version
        yield f"ir-{version}", made


def tensor_cases():
    """Tensors whose fields contradict each other, and kinds of values that are no tensors."""
    def change(edit):
        made = conv()
        edit(made.graph.initializer[0])
        return made

    for kind in TensorProto.DataType.values():
        yield f"weight-of-type-{kind}", change(lambda w: setattr(w, "data_type", kind))
        yield f"input-of-type-{kind}", model([node("Relu", ["x"], ["y"])], [value("x", [4], kind)], [value("y", [4], kind)])
        empty = change(lambda w: (w.ClearField("raw_data"), setattr(w, "data_type", kind)))
        yield f"no-data-of-type-{kind}", empty
        typed = change(lambda w: (w.ClearField("raw_data"), setattr(w, "data_type", kind),
                                  w.int32_data.extend([2**31 - 1] * 54)))
        yield f"int32-data-of-type-{kind}", typed
    for field in ("dims", "float_data", "int64_data"):
        yield f"weight-no-{field}", change(lambda w: w.ClearField(field))
    yield "weight-both-data", change(lambda w: w.float_data.extend([1.0] * 54))
    yield "weight-string-data", change(lambda w: w.string_data.extend([b"x"] * 54))
    for extreme in INTEGERS:
        yield f"weight-dim-{extreme}", change(lambda w: w.dims.__setitem__(0, extreme))
        yield f"weight-more-dims-{extreme}", change(lambda w: w.dims.extend([extreme, extreme]))
        made = conv()
        made.graph.input[0].type.tensor_type.shape.dim[2].dim_value = extreme
        yield f"input-dim-{extreme}", made
        made = conv()
        made.graph.output[0].type.tensor_type.shape.dim[2].dim_value = extreme
        yield f"output-dim-{extreme}", made
    segment = conv()
    segment.graph.initializer[0].segment.begin = 0
    segment.graph.initializer[0].segment.end = 2**62
    yield "weight-segment", segment
    sparse = conv()
    tensor = sparse.graph.sparse_initializer.add()
    tensor.values.CopyFrom(weight("s", (3,)))
    tensor.indices.CopyFrom(ints("i", [0, 5, 2**62]))
    tensor.dims.extend([2**40])
    yield "sparse-initializer", sparse
    made = conv()
    made.graph.node[0].attribute.append(helper.make_attribute("strides", [1, 1]))
    made.graph.node[0].attribute.append(helper.make_attribute("strides", [2, 2]))
    yield "attribute-twice", made
    made = conv()
    made.graph.node[0].attribute.append(onnx.AttributeProto(
        name="strides", type=onnx.AttributeProto.INTS, ref_attr_name="nowhere"))
    yield "attribute-reference", made
    for kind in onnx.AttributeProto.AttributeType.values():
        made = conv()
        made.graph.node[0].attribute.append(onnx.AttributeProto(name="strides", type=kind))
        yield f"attribute-type-{kind}", made
    made = conv()
    made.graph.input[0].ClearField("type")
    yield "input-no-type", made
    made = conv()
    made.graph.output[0].ClearField("type")
    yield "output-no-type", made
    made = conv()
    made.graph.input[0].type.sequence_type.elem_type.tensor_type.elem_type = FLOAT
    yield "input-sequence", made
    made = conv()
    made.graph.input[0].type.map_type.key_type = TensorProto.INT64
    yield "input-map", made
    annotated = conv()
    note = annotated.graph.quantization_annotation.add()
    note.tensor_name = "nowhere"
    note.quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="nowhere")
    yield "annotation", annotated
    trained = conv()
    trained.training_info.add().algorithm.CopyFrom(trained.graph)
    yield "training-info", trained
    for scale in (0.0, -1.0, float("nan"), float("inf"), 1e-45, 3e38):
        made = model(
            [node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "s", "z"], ["y"])],
            [value("x", [4])], [value("y", [4])],
            [numpy_helper.from_array(np.float32(scale), "s"), numpy_helper.from_array(np.int8(0), "z")])
        yield f"scale-{scale}", made
        yield f"weights-of-{scale}", model(
            [node("MatMul", ["x", "w"], ["y"])], [value("x", [1, 4])], [value("y", [1, 4])],
            [numpy_helper.from_array(np.full((4, 4), scale, np.float32), "w")])
        yield f"epsilon-{scale}", model(
            [node("BatchNormalization", ["x", "w", "w", "w", "w"], ["y"], epsilon=scale)],
            [value("x", [1, 4, 2, 2])], [value("y", [1, 4, 2, 2])], [weight("w", (4,))])
        yield f"clip-{scale}", model(
            [node("Clip", ["x", "s", "s"], ["y"])], [value("x", [4])], [value("y", [4])],
            [numpy_helper.from_array(np.float32(scale), "s")])


def external(location, **entries):
    """A convolution whose 216 bytes of weights are at `location`."""
    made = conv()
    tensor = made.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    for key, text in entries.items():
        tensor.external_data.add(key=key, value=str(text))
    return made


def external_cases():
    """(name, model, what to put into the folder): data that is no file of the model's."""
    def link(target):
        return lambda folder: (folder / "data.bin").symlink_to(target)

    def data(size):
        def write(folder):
            with open(folder / "data.bin", "wb") as file:
                file.truncate(size)
        return write

    for target in ("/dev/zero", "/dev/urandom", "/dev/stdin", "/dev/full", "/proc/self/mem", "/proc/self/environ",
                   "data.bin", "..", ".", "model.onnx", "/nowhere"):
        yield f"external-link-{target.strip('/').replace('/', '-')}", external("data.bin"), link(target)
    for location in ("/dev/zero", "/dev/stdin", "../data.bin", "a/../../data.bin", "./././data.bin", "data.bin/",
                     "nowhere/../data.bin", "data.bin\0.txt", "~/data.bin", "file:///etc/passwd", "C:\\data.bin",
                     "a" * 5000, "\n", "*", "$HOME", ""):
        label = location[:16].strip("/").replace("/", "-").replace("\0", "0").replace("\n", "n")
        yield f"external-at-{label}", external(location), data(216)
    yield "external-pipe", external("data.bin"), lambda folder: os.mkfifo(folder / "data.bin")
    yield "external-directory", external("data.bin"), lambda folder: (folder / "data.bin").mkdir()
    for key in ("offset", "length"):
        for number in (*INTEGERS, 215, 216, 217, "x", "", "1e3", "0x10", " 8", 2**64, 2**200):
            yield f"external-{key}-{str(number)[:24]}", external("data.bin", **{key: number}), data(4096)
    yield "external-sparse-8T", external("data.bin", offset=2**43 - 216, length=216), data(2**43)
    yield "external-sparse-all-of-8T", external("data.bin"), data(2**43)
    yield "external-key-twice", external("data.bin", length=216), data(216)
    yield "external-checksum", external("data.bin", checksum="0" * 40), data(216)


def write_large(path, size):
    """A valid model of about `size` bytes, nearly all of them a weight that nothing reads:
    a hole in the file."""
    made = model([node("Relu", ["x"], ["y"])], [value("x", [1])], [value("y", [1])])
    count = (size - 4096) // 4
    # Tags and lengths of the fields around the hole, as if it were there.
    tensor = TensorProto(dims=[count], data_type=FLOAT, name="w").SerializeToString() + header(9, 4 * count)
    initializer = header(5, len(tensor) + 4 * count) + tensor
    start = made.SerializeToString() + header(7, len(initializer) + 4 * count) + initializer
    with open(path, "wb") as file:
        file.write(start)
        file.truncate(len(start) + 4 * count)
