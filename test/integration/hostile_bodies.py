"""Hostile ONNX models whose harm is in bodies and in how operators combine, by family:
loops that never end, captures that cycle, expansions inside of branches, windows and
samples beyond any size, scales that are none. Each is to be refused or taken.

hostile_cases.py has single nodes, functions, names, tensors and external data.
"""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from accopt.bad_models import model, one_node, value, weight
from hostile_cases import INTEGERS, ints, node

BOOL, INT64, STRING = TensorProto.BOOL, TensorProto.INT64, TensorProto.STRING
HUGE = (2**16 + 1, 10**6, 2**31, 2**40, 2**62, 2**63 - 1)
SCALES = (0.0, -0.0, -1.0, float("nan"), float("inf"), -float("inf"), 1e-45, 3.4e38)


def scalar(name, number, dtype=np.int64):
    return numpy_helper.from_array(np.array(number, dtype), name)


def floats(name, numbers):
    return numpy_helper.from_array(np.array(numbers, np.float32), name)


def untyped(name):
    return helper.make_empty_tensor_value_info(name)


def loop(nodes, carried="x", result="y", trips="n", condition="t", made="r", inner="v", name="loop", scans=()):
    """Loop whose body makes `made` of `inner`; `scans` are values to collect."""
    keep = [node("Identity", ["c"], ["k"], name=f"{name}_keep")]
    body = helper.make_graph(
        [*keep, *nodes], f"{name}_body",
        [value("i", [], INT64), value("c", [], BOOL), untyped(inner)],
        [value("k", [], BOOL), untyped(made), *map(untyped, scans)])
    outputs = [result, *(f"{name}_scan{i}" for i in range(len(scans)))]
    return node("Loop", [trips, condition, carried], outputs, name=name, body=body)


def branch(then, otherwise, result="y", condition="c", name="branch"):
    """If whose branches are lists of nodes that end in `b`."""
    graphs = [helper.make_graph(nodes, f"{name}_{i}", [], [untyped("b")]) for i, nodes in enumerate((then, otherwise))]
    return node("If", [condition], [result], name=name, then_branch=graphs[0], else_branch=graphs[1])


def nest(depth, trips):
    """Loops in loops; the names of each depth are its own."""
    nodes = [node("Relu", ["v0"], ["r0"])]
    for i in range(1, depth):
        nodes = [loop(nodes, carried=f"v{i}", result=f"r{i}", made=f"r{i - 1}", inner=f"v{i - 1}", name=f"loop{i}")]
    outer = loop(nodes, made=f"r{depth - 1}", inner=f"v{depth - 1}", name="outer")
    return model([outer], [value("x", [1, 4])], [value("y", [1, 4])], [scalar("n", trips), scalar("t", True, bool)])


def loop_model(nodes, trips, constants=(), condition=True, **options):
    truth = () if condition is None else (scalar("t", condition, bool),)
    inputs = [value("x", [4])] + ([] if condition is not None else [value("t", [], BOOL)])
    return model([loop(nodes, **options)], inputs, [value("y", None)], [scalar("n", trips), *truth, *constants])


def loop_cases():
    relu = [node("Relu", ["v"], ["r"])]
    for trips in (*INTEGERS, 2**16, 2**40, 10**6):
        yield f"loop-{trips}", loop_model(relu, trips)
        yield f"loop-of-nothing-{trips}", loop_model([], trips, made="v")
        yield f"loop-of-counts-{trips}", loop_model(
            [node("Cast", ["i"], ["f"], to=TensorProto.FLOAT), node("Add", ["v", "f"], ["r"])], trips)
        yield f"loop-collects-{trips}", loop_model([*relu, node("Identity", ["i"], ["s"])], trips, scans=["s"])
        yield f"loop-collects-constants-{trips}", loop_model(
            [*relu, node("ConstantOfShape", ["z"], ["s"])], trips, [ints("z", [1000])], scans=["s"])
    for depth, trips in ((2, 300), (5, 1000), (20, 2), (24, 2), (24, 1), (20, 0)):
        yield f"loops-{trips}-to-the-{depth}", nest(depth, trips)
    for trips in (2**62, 20):
        yield f"loop-doubles-{trips}", loop_model([node("Concat", ["v", "v"], ["r"], axis=0)], trips)
        yield f"loop-squares-{trips}", loop_model(
            [node("Shape", ["v"], ["d"]), node("Mul", ["d", "d"], ["e"]), node("Expand", ["one", "e"], ["r"])],
            trips, [weight("one", (1,))])
        yield f"loop-tiles-{trips}", loop_model([node("Tile", ["v", "two"], ["r"])], trips, [ints("two", [2])])
        yield f"loop-adds-dimensions-{trips}", loop_model([node("Unsqueeze", ["v", "z"], ["r"])], trips, [ints("z", [0])])
        yield f"loop-grows-sequence-{trips}", model(
            [node("SequenceEmpty", [], ["e"]),
             loop([node("SequenceInsert", ["v", "x"], ["r"])], carried="e", result="q"),
             node("ConcatFromSequence", ["q"], ["y"], axis=0)],
            [value("x", [4])], [value("y", None)], [scalar("n", trips), scalar("t", True, bool)])
    yield "loop-no-trips", model(
        [node("Loop", ["", "t", "x"], ["y"], body=loop(relu).attribute[0].g)],
        [value("x", [4])], [value("y", [4])], [scalar("t", True, bool)])
    yield "loop-trips-of-data", model(
        [loop(relu, trips="m")], [value("x", [4]), value("m", [], INT64)], [value("y", [4])], [scalar("t", True, bool)])
    yield "loop-condition-of-data", loop_model(relu, 2**40, condition=None)
    yield "loop-carries-too-few", model(
        [node("Loop", ["n", "t"], ["y"], body=loop(relu).attribute[0].g)],
        [value("x", [4])], [value("y", [4])], [scalar("n", 3), scalar("t", True, bool)])
    yield "loop-body-empty", model(
        [node("Loop", ["n", "t", "x"], ["y"], body=helper.make_graph([], "none", [], []))],
        [value("x", [4])], [value("y", [4])], [scalar("n", 3), scalar("t", True, bool)])
    yield "loop-of-strings", model(
        [loop([node("Identity", ["v"], ["r"])])], [value("x", [4], STRING)], [value("y", [4], STRING)],
        [scalar("n", 2**40), scalar("t", True, bool)])
    for trips in (1, 1000, 2**40):
        scan = helper.make_graph(
            [node("Add", ["a", "b"], ["o"]), node("Relu", ["o"], ["p"])], "body",
            [value("a", [1]), value("b", [1])], [value("o", [1]), value("p", [1])])
        yield f"scan-{trips}", model(
            [node("Scan", ["z", "x"], ["f", "y"], body=scan, num_scan_inputs=1)],
            [value("x", [trips, 1]), value("z", [1])], [value("y", [trips, 1])])
    for extreme in INTEGERS:
        yield f"scan-inputs-{extreme}", model(
            [node("Scan", ["z", "x"], ["f", "y"], body=scan, num_scan_inputs=extreme)],
            [value("x", [3, 1]), value("z", [1])], [value("y", [3, 1])])
        yield f"scan-axis-{extreme}", model(
            [node("Scan", ["z", "x"], ["f", "y"], body=scan, num_scan_inputs=1, scan_input_axes=[extreme],
                  scan_output_axes=[extreme], scan_input_directions=[extreme])],
            [value("x", [3, 1]), value("z", [1])], [value("y", [3, 1])])


def capture_cases():
    """What bodies read of the graphs around them, and names that more than one graph has."""
    x, y = value("x", [4]), value("y", [4])
    truth = scalar("c", True, bool)
    relu = [node("Relu", ["x"], ["b"])]
    yield "capture-of-own-output", model([branch([node("Relu", ["y"], ["b"])], relu)], [x], [y], [truth])
    yield "captures-cycle", model(
        [branch([node("Relu", ["q"], ["b"])], relu, result="p", name="first"),
         branch([node("Relu", ["p"], ["b"])], relu, result="q", name="second"),
         node("Add", ["p", "q"], ["y"])], [x], [y], [truth])
    yield "capture-of-later", model(
        [branch([node("Relu", ["late"], ["b"])], relu), node("Relu", ["x"], ["late"])], [x], [y], [truth])
    yield "capture-of-sibling", model([branch([node("Relu", ["x"], ["s"]), node("Relu", ["s"], ["b"])],
                                              [node("Relu", ["s"], ["b"])])], [x], [y], [truth])
    yield "capture-of-own-loop", model(
        [loop([node("Add", ["v", "y"], ["r"])])], [x], [y], [scalar("n", 3), scalar("t", True, bool)])
    for data in (True, False):
        inputs, constants = ([x, value("c", [], BOOL)], []) if data else ([x], [truth])
        where = "data" if data else "known"
        yield f"branch-shadows-{where}", model(
            [branch([node("Relu", ["x"], ["x"]), node("Relu", ["x"], ["b"])], relu)], inputs, [y], constants)
        yield f"branch-defines-result-{where}", model(
            [branch([node("Relu", ["x"], ["y"]), node("Relu", ["y"], ["b"])], relu)], inputs, [y], constants)
        yield f"branches-of-other-shapes-{where}", model(
            [branch([node("Concat", ["x", "x"], ["b"], axis=0)], relu)], inputs, [y], constants)
        yield f"branches-of-other-types-{where}", model(
            [branch([node("Cast", ["x"], ["b"], to=INT64)], relu)], inputs, [y], constants)
        yield f"branch-gives-input-{where}", model(
            [node("If", ["c"], ["y"], name="branch", then_branch=helper.make_graph([], "t", [], [untyped("x")]),
                  else_branch=helper.make_graph([], "e", [], [untyped("x")]))], inputs, [y], constants)
        yield f"branch-gives-nothing-{where}", model(
            [node("If", ["c"], ["y"], name="branch", then_branch=helper.make_graph([], "t", [], []),
                  else_branch=helper.make_graph([], "e", [], []))], inputs, [y], constants)
        yield f"branch-with-inputs-{where}", model(
            [node("If", ["c"], ["y"], name="branch", then_branch=helper.make_graph(relu, "t", [x], [untyped("b")]),
                  else_branch=helper.make_graph(relu, "e", [x], [untyped("b")]))], inputs, [y], constants)
        same = [node("Relu", ["x"], ["b"], name="same")]
        yield f"names-in-all-graphs-{where}", model(
            [*(branch(same, same, result=f"y{i}", name="same") for i in range(3)), node("Sum", ["y0", "y1", "y2"], ["y"])],
            inputs, [y], constants)
        # Both branches of data are imported: 2^25 of them.
        for depth in (12, 25):
            nodes = relu
            for i in range(depth):
                nodes = [branch(nodes, nodes if depth == 12 else relu, result="b", name=f"branch{i}")]
            nodes[0].output[0] = "y"
            yield f"branches-{depth}-{where}", model(nodes, inputs, [y], constants)
    for op, constants in (("Tile", [ints("s", [2**20])]), ("Expand", [ints("s", [2**20])])):
        nodes = [node(op, ["one", "s"], ["w0"])]
        for i in range(8):
            nodes = [*nodes, node("Concat", [f"w{i}"] * 4, [f"w{i + 1}"], axis=0)]
        for depth in range(3):
            nodes = [branch([*nodes, node("Identity", [nodes[-1].output[0]], ["b"])], relu,
                            result=f"u{depth}" if depth < 2 else "y", name=f"branch{depth}")]
        yield f"expansion-in-branches-{op}", model(nodes, [x], [value("y", [2**36])], [truth, weight("one", (1,)), *constants])
    chain = [node("ConstantOfShape", ["s"], ["w0"])]
    for i in range(40):
        chain += [node("Tile", [f"w{i}", "s"], [f"w{i + 1}"])]
    yield "tiles-of-tiles", model([*chain, node("Identity", ["w40"], ["y"])], [x], [value("y", None)], [ints("s", [16])])


def window_cases():
    """Windows in three dimensions, samples, and sums over letters, at the ends of types."""
    for size in HUGE:
        yield f"conv3d-pads-{size}", one_node(
            "Conv", ["x", "w"], {"x": [1, 1, 2, 2, 2]}, None, [weight("w", (1, 1, 2, 2, 2))],
            pads=[size, size, size, 0, 0, 0])
        yield f"conv3d-kernel-{size}", one_node(
            "Conv", ["x", "w"], {"x": [1, 1, 2, 2, 2]}, None, [weight("w", (1, 1, 2, 2, 2))],
            kernel_shape=[size, 2, 2])
        for key in ("strides", "dilations"):
            yield f"conv3d-{key}-{size}", one_node(
                "Conv", ["x", "w"], {"x": [1, 1, 4, 4, 4]}, None, [weight("w", (1, 1, 2, 2, 2))], **{key: [size, 1, 1]})
            yield f"transpose3d-{key}-{size}", one_node(
                "ConvTranspose", ["x", "w"], {"x": [1, 1, 2, 2, 2]}, None, [weight("w", (1, 1, 2, 2, 2))],
                **{key: [size, size, 1]})
            yield f"transpose-{key}-{size}", one_node(
                "ConvTranspose", ["x", "w"], {"x": [1, 1, 2, 2]}, None, [weight("w", (1, 1, 2, 2))], **{key: [size, size]})
        yield f"transpose-output-shape-{size}", one_node(
            "ConvTranspose", ["x", "w"], {"x": [1, 1, 2, 2]}, None, [weight("w", (1, 1, 2, 2))], output_shape=[size, size])
        yield f"transpose-output-padding-{size}", one_node(
            "ConvTranspose", ["x", "w"], {"x": [1, 1, 2, 2]}, None, [weight("w", (1, 1, 2, 2))],
            output_padding=[size, size])
        for pool in ("MaxPool", "AveragePool", "LpPool"):
            yield f"{pool}3d-kernel-{size}", one_node(
                pool, ["x"], {"x": [1, 1, 4, 4, 4]}, None, [], kernel_shape=[size, 2, 2], pads=[size, 0, 0, size, 0, 0])
            yield f"{pool}-dilations-{size}", one_node(
                pool, ["x"], {"x": [1, 1, 4, 4]}, None, [], kernel_shape=[2, 2], dilations=[size, 1], auto_pad="SAME_UPPER")
        yield f"grid-sample-{size}", one_node(
            "GridSample", ["x", "g"], {"x": [1, 1, 4, 4], "g": [1, size, size, 2]}, None, [])
        yield f"grid-sample3d-{size}", one_node(
            "GridSample", ["x", "g"], {"x": [1, 1, 4, 4, 4], "g": [1, 1, 1, size, 3]}, None, [])
        yield f"affine-grid-{size}", one_node(
            "AffineGrid", ["x", "s"], {"x": [1, 2, 3]}, None, [ints("s", [1, 1, size, size])])
        for mode in ("nearest", "linear", "cubic"):
            yield f"resize-{mode}-{size}", one_node(
                "Resize", ["x", "", "f"], {"x": [1, 1, 4, 4]}, None, [floats("f", [1, 1, size, size])], mode=mode)
        yield f"col2im-{size}", one_node(
            "Col2Im", ["x", "s", "k"], {"x": [1, 4, 9]}, None, [ints("s", [size, size]), ints("k", [2, 2])])
        yield f"eye-like-{size}", one_node("EyeLike", ["x"], {"x": [size, size]}, None, [], k=size)
        yield f"trilu-{size}", one_node("Trilu", ["x", "k"], {"x": [4, 4]}, None, [scalar("k", size)])
        yield f"window-function-{size}", model(
            [node("HannWindow", ["n"], ["y"])], [], [value("y", None)], [scalar("n", size)])
        yield f"top-k-{size}", model(
            [node("TopK", ["x", "k"], ["y", "i"])], [value("x", [4])], [value("y", None)], [ints("k", [size])])
        yield f"roi-align-{size}", one_node(
            "RoiAlign", ["x", "r", "b"], {"x": [1, 1, 4, 4], "r": [1, 4]}, None, [ints("b", [0])],
            output_height=size, output_width=size, sampling_ratio=size)
        yield f"lrn-{size}", one_node("LRN", ["x"], {"x": [1, 4, 2, 2]}, [1, 4, 2, 2], [], size=size)
        yield f"recurrent-{size}", one_node(
            "LSTM", ["x", "w", "r"], {"x": [size, 1, 2]}, None, [weight("w", (1, 8, 2)), weight("r", (1, 8, 2))],
            hidden_size=2)
        yield f"hidden-{size}", one_node(
            "GRU", ["x", "w", "r"], {"x": [2, 1, 2]}, None, [weight("w", (1, 6, 2)), weight("r", (1, 6, 2))],
            hidden_size=size)
    for factor in (*SCALES, 1e9, 1e18, 1e-30):
        yield f"resize-by-{factor}", one_node(
            "Resize", ["x", "", "f"], {"x": [1, 1, 4, 4]}, None, [floats("f", [1, 1, factor, 2])], mode="linear")
        yield f"resize-crops-{factor}", one_node(
            "Resize", ["x", "r", "", "s"], {"x": [1, 1, 4, 4]}, None,
            [floats("r", [0, 0, factor, 0, 1, 1, factor, 1]), ints("s", [1, 1, 3, 3])],
            coordinate_transformation_mode="tf_crop_and_resize")
        yield f"range-by-{factor}", one_node(
            "Range", ["a", "b", "c"], {}, None, [floats(n, v) for n, v in (("a", 0), ("b", 10), ("c", factor))])
        yield f"range-to-{factor}", one_node(
            "Range", ["a", "b", "c"], {}, None, [floats(n, v) for n, v in (("a", 0), ("b", factor), ("c", 1))])
        yield f"suppression-{factor}", one_node(
            "NonMaxSuppression", ["x", "p", "m", "f", "f"], {"x": [1, 4, 4], "p": [1, 1, 4]}, None,
            [scalar("m", 2**62), floats("f", factor)])
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    for label, of in {
        "all-letters": (f"{letters}->", [[1] * 52]), "all-reversed": (f"{letters}->{letters[::-1]}", [[1] * 52]),
        "outer": (",".join(letters) + "->" + letters, [[2]] * 52),
        "outer-summed": (",".join(letters) + "->", [[2]] * 52),
        "outer-large": ("ab,cd,ef,gh->abcdefgh", [[256, 256]] * 4),
        "repeated": ("aaaaaaaa->a", [[8] * 8]), "long-term": ("a" * 5000 + "->a", [[1] * 5000]),
        "many-terms": (",".join(["a"] * 5000) + "->a", [[4]] * 5000),
        "commas": ("," * 5000, [[]] * 5001), "long-spaces": (" " * 10**6 + "ab->ba", [[2, 3]]),
        "dots": ("...a,...b->...ab" + "." * 1000, [[2, 2], [2, 2]]), "no-output": ("ab,bc", [[2, 3], [3, 2]]),
        "arrows": ("a->b->c", [[2]]), "unicode": ("äö->öä", [[2, 2]]), "newline": ("a\nb->ba", [[2, 2]]),
        "sizes": ("ab,bc->ac", [[2**31, 2**31], [2**31, 2]]), "chain": (
            ",".join(a + b for a, b in zip(letters, letters[1:])) + "->aZ", [[64, 64]] * 51),
    }.items():
        equation, shapes = of
        names = [f"x{i}" for i in range(len(shapes))]
        yield f"einsum-{label}", one_node("Einsum", names, dict(zip(names, shapes)), None, [], equation=equation)


def quantized_cases():
    """Quantized operators whose scales are none, and zero points of other types."""
    def q(op, inputs, constants, shape=(1, 1, 4, 4), **attributes):
        return model([node(op, inputs, ["y"], **attributes)], [value("x", shape, TensorProto.UINT8)],
                     [value("y", None, TensorProto.UINT8)], constants, opset=21)

    zero, zeros = numpy_helper.from_array(np.uint8(0), "z"), numpy_helper.from_array(np.zeros((1, 1, 2, 2), np.uint8), "w")
    matrix = numpy_helper.from_array(np.zeros((4, 4), np.uint8), "w")
    for scale in SCALES:
        s, one = floats("s", scale), floats("o", 1)
        for place in range(3):
            names = ["s" if i == place else "o" for i in range(3)]
            yield f"qlinear-conv-{place}-{scale}", q(
                "QLinearConv", ["x", names[0], "z", "w", names[1], "z", names[2], "z"], [s, one, zero, zeros])
            yield f"qlinear-matmul-{place}-{scale}", q(
                "QLinearMatMul", ["x", names[0], "z", "w", names[1], "z", names[2], "z"], [s, one, zero, matrix])
            yield f"qlinear-add-{place}-{scale}", model(
                [helper.make_node("QLinearAdd", ["x", names[0], "z", "x", names[1], "z", names[2], "z"], ["y"],
                                  domain="com.microsoft")],
                [value("x", [4], TensorProto.UINT8)], [value("y", [4], TensorProto.UINT8)], [s, one, zero])
        for axis in (0, 1, -1, 5):
            several = floats("s", [1, scale, 1, 1])
            yield f"per-axis-{axis}-{scale}", model(
                [node("DequantizeLinear", ["w", "s"], ["d"], axis=axis), node("MatMul", ["x", "d"], ["y"])],
                [value("x", [1, 4])], [value("y", [1, 4])],
                [several, numpy_helper.from_array(np.ones((4, 4), np.int8), "w")], opset=21)
        yield f"weights-dequantized-{scale}", model(
            [node("DequantizeLinear", ["w", "s"], ["d"]), node("Conv", ["x", "d"], ["y"])],
            [value("x", [1, 1, 4, 4])], [value("y", None)],
            [s, numpy_helper.from_array(np.ones((1, 1, 2, 2), np.int8), "w")], opset=21)
        yield f"dynamic-of-{scale}", model(
            [node("DynamicQuantizeLinear", ["v"], ["q", "s", "z"]), node("DequantizeLinear", ["q", "s", "z"], ["d"]),
             node("Add", ["d", "x"], ["y"])],
            [value("x", [4])], [value("y", [4])], [floats("v", [scale, 1, 2, 3])])
        for op in ("Div", "Mul", "Add", "Pow", "Mod", "Max"):
            yield f"constants-{op}-{scale}", model(
                [node(op, ["x", "v"], ["y"], **({"fmod": 1} if op == "Mod" else {}))],
                [value("x", [4])], [value("y", [4])], [floats("v", [scale] * 4)])
        yield f"pad-with-{scale}", one_node("Pad", ["x", "p", "s"], {"x": [4]}, [6], [s, ints("p", [1, 1])])
        for op, key in (("LeakyRelu", "alpha"), ("Elu", "alpha"), ("Selu", "gamma"), ("HardSigmoid", "alpha"),
                        ("ThresholdedRelu", "alpha"), ("Celu", "alpha")):
            yield f"{op}-{scale}", one_node(op, ["x"], {"x": [4]}, [4], [], **{key: scale})
    for extreme in INTEGERS:
        blocked = model(
            [node("DequantizeLinear", ["w", "s"], ["d"], axis=0, block_size=extreme), node("MatMul", ["x", "d"], ["y"])],
            [value("x", [1, 4])], [value("y", [1, 4])],
            [floats("s", np.ones((2, 4))), numpy_helper.from_array(np.ones((4, 4), np.int8), "w")], opset=21)
        yield f"block-size-{extreme}", blocked
        yield f"quantize-axis-{extreme}", one_node(
            "QuantizeLinear", ["x", "s"], {"x": [4, 4]}, None, [floats("s", [1] * 4)], axis=extreme)


def value_cases():
    """Kinds of values that are no plain tensors, and attributes of a million numbers."""
    deep = helper.make_tensor_type_proto(TensorProto.FLOAT, [4])
    for depth in range(1, 41):
        deep = helper.make_sequence_type_proto(deep) if depth % 2 else helper.make_optional_type_proto(deep)
        if depth in (1, 2, 10, 40):
            yield f"sequences-{depth}", model(
                [node("Identity", ["x"], ["y"])], [helper.make_value_info("x", deep)], [helper.make_value_info("y", deep)])
    yield "map-input", model(
        [node("Identity", ["x"], ["y"])],
        [helper.make_value_info("x", helper.make_map_type_proto(STRING, helper.make_tensor_type_proto(1, [4])))],
        [value("y", [4])])
    for op in ("SequenceConstruct", "Optional"):
        yield f"chain-of-{op}", model(
            [node(op, ["x"], ["v0"]), *(node(op, [f"v{i}"], [f"v{i + 1}"]) for i in range(200)),
             node("Identity", ["v200"], ["y"])], [value("x", [4])], [value("y", [4])])
    for position in INTEGERS:
        yield f"sequence-at-{position}", model(
            [node("SequenceConstruct", ["x", "x"], ["q"]), node("SequenceAt", ["q", "p"], ["y"])],
            [value("x", [4])], [value("y", [4])], [scalar("p", position)])
        yield f"split-to-sequence-{position}", model(
            [node("SplitToSequence", ["x", "p"], ["q"]), node("ConcatFromSequence", ["q"], ["y"], axis=0)],
            [value("x", [4])], [value("y", [4])], [scalar("p", position)])
        yield f"concat-axis-{position}", one_node("Concat", ["x", "x"], {"x": [4]}, [8], [], axis=position)
        yield f"gather-{position}", one_node("Gather", ["x", "i"], {"x": [4]}, None, [ints("i", [position])])
        yield f"gather-nd-{position}", one_node(
            "GatherND", ["x", "i"], {"x": [4]}, None, [ints("i", [[position]])], batch_dims=position % 3)
        yield f"scatter-{position}", one_node(
            "ScatterElements", ["x", "i", "u"], {"x": [4]}, [4], [ints("i", [position]), floats("u", [1])])
        yield f"unsqueeze-{position}", one_node("Unsqueeze", ["x", "i"], {"x": [4]}, None, [ints("i", [position])])
        yield f"reshape-{position}", one_node("Reshape", ["x", "s"], {"x": [4]}, None, [ints("s", [position, -1])])
        yield f"slice-{position}", one_node(
            "Slice", ["x", "a", "b", "i", "c"], {"x": [4]}, None,
            [ints("a", [position]), ints("b", [2**63 - 1]), ints("i", [0]), ints("c", [position])])
    yield "strings-constant", model(
        [node("Constant", [], ["y"], value_strings=[b"x" * 1000] * 1000)], [], [value("y", None, STRING)])
    yield "string-as-number", model([node("Add", ["x", "s"], ["y"])], [value("x", [4])], [value("y", [4])],
                                    [helper.make_tensor("s", STRING, [4], [b"1"] * 4)])
    for count in (10**5, 3 * 10**6):
        yield f"ints-{count}", one_node("Conv", ["x", "w"], {"x": [1, 1, 4, 4]}, None, [weight("w", (1, 1, 2, 2))],
                                        pads=[0] * count)
        yield f"perm-{count}", one_node("Transpose", ["x"], {"x": [2, 3]}, None, [], perm=list(range(count)))
        yield f"constant-ints-{count}", model(
            [node("Constant", [], ["c"], value_ints=[1] * count), node("Reshape", ["x", "c"], ["y"])],
            [value("x", [1])], [value("y", None)])
        yield f"constant-floats-{count}", model(
            [node("Constant", [], ["c"], value_floats=[1.0] * count), node("Add", ["x", "c"], ["y"])],
            [value("x", [count])], [value("y", [count])])
        yield f"tree-{count}", model(
            [helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", name="bad_node",
                              nodes_values=[0.0] * count, n_targets=1)], [value("x", [1, 4])], [value("y", [1, 1])])
    for index in (*INTEGERS, 7):
        made = model([node("Add", ["x", "s"], ["y"])], [value("x", [8])], [value("y", [8])])
        sparse = made.graph.sparse_initializer.add()
        sparse.values.CopyFrom(floats("s", [1, 2]))
        sparse.indices.CopyFrom(ints("i", [0, index]))
        sparse.dims.extend([8])
        yield f"sparse-index-{index}", made
        made = model([node("Constant", [], ["s"]), node("Add", ["x", "s"], ["y"])], [value("x", [8])], [value("y", [8])])
        attribute = made.graph.node[0].attribute.add(name="sparse_value", type=11)
        attribute.sparse_tensor.CopyFrom(sparse)
        attribute.sparse_tensor.dims[0] = max(index, 1)
        yield f"sparse-dims-{index}", made


def body_cases():
    for family in (loop_cases, capture_cases, window_cases, quantized_cases, value_cases):
        yield from family()
