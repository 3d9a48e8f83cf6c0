"""Random models for float_ops.py: operators with graphs in them, places that data names,
windows in three dimensions."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def tensor(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def pick(rng, *values):
    return values[rng.integers(len(values))]


def info(name, shape, element=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, element, shape)


def stored(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


class Graph:
    """A model of several nodes, as float_ops.Case is one of a single node."""

    def __init__(self, op, nodes, given, constants, outputs, opset=18):
        self.op, self.inputs, self.attributes = op, list(given.values()), {}
        self.given, self.nodes, self.constants, self.outputs = given, nodes, constants, outputs
        self.opset = opset

    def model(self):
        graph = helper.make_graph(
            self.nodes, "graph", [info(k, v.shape, helper.np_dtype_to_tensor_dtype(v.dtype))
                                  for k, v in self.given.items()],
            [info(f"y{i}", shape) for i, shape in enumerate(self.outputs)],
            [stored(k, v) for k, v in self.constants.items()])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=9)

    def feeds(self):
        return self.given


def body(rng, name, x, shape, result):
    """Nodes from `x`, a value of the graph around, to `result`, with weights of their own."""
    op = pick(rng, "Add", "Mul", "Sub")
    nodes = [helper.make_node(op, [x, f"{name}_w"], [f"{name}_t"]),
             helper.make_node(pick(rng, "Relu", "Sigmoid", "Tanh"), [f"{name}_t"], [result])]
    return nodes, [stored(f"{name}_w", tensor(rng, shape[-1]))]


def branches(rng, known):
    """If whose condition is computed of a shape (known) or of data; one in two is nested."""
    shape = [int(n) for n in rng.integers(1, 6, 3)]
    graphs = {}
    for kind in ("then_branch", "else_branch"):
        nodes, weights = body(rng, kind, "x", shape, f"{kind}_r")
        if rng.integers(2):
            inner, more = body(rng, kind + "2", f"{kind}_r", shape, f"{kind}_i")
            other, rest = body(rng, kind + "3", "x", shape, f"{kind}_o")
            nodes.append(helper.make_node(
                "If", ["condition"], [f"{kind}_n"],
                then_branch=helper.make_graph(inner, "a", [], [info(f"{kind}_i", shape)], more),
                else_branch=helper.make_graph(other, "b", [], [info(f"{kind}_o", shape)], rest)))
            result = f"{kind}_n"
        else:
            result = f"{kind}_r"
        graphs[kind] = helper.make_graph(nodes, kind, [], [info(result, shape)], weights)
    if known:
        before = [helper.make_node("Size", ["x"], ["size"]),
                  helper.make_node("Less", ["size", "limit"], ["condition"])]
        constants = {"limit": np.array(rng.integers(1, 100))}
    else:
        before = [helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
                  helper.make_node("Greater", ["sum", "zero"], ["condition"])]
        constants = {"zero": np.array(0, np.float32)}
    return Graph("If", [*before, helper.make_node("If", ["condition"], ["y0"], name="op", **graphs)],
                 {"x": tensor(rng, *shape)}, constants, [shape], opset=int(pick(rng, 13, 18)))


def loop(rng):
    """A recurrence over the rows of x, which ends by its count, or by its condition before."""
    rows, width = int(rng.integers(2, 7)), int(rng.integers(1, 5))
    ends = int(rng.integers(1, rows + 1))
    inner = [helper.make_node("Gather", ["x", "i"], ["row"], axis=0),
             helper.make_node("Mul", ["state", "half"], ["less"]),
             helper.make_node("Add", ["less", "row"], ["next"]),
             helper.make_node("Tanh", ["next"], ["scanned"]),
             helper.make_node("Add", ["i", "one"], ["count"]),
             helper.make_node("Less", ["count", "ends"], ["go_on"])]
    graph = helper.make_graph(
        inner, "body", [info("i", [], TensorProto.INT64), info("go", [], TensorProto.BOOL), info("state", [width])],
        [info("go_on", [], TensorProto.BOOL), info("next", [width]), info("scanned", [width])],
        [stored("half", np.float32(0.5)), stored("one", np.int64(1)), stored("ends", np.int64(ends))])
    node = helper.make_node("Loop", ["trips", pick(rng, "", "true"), "start"], ["y0", "y1"], name="op", body=graph)
    return Graph("Loop", [node], {"x": tensor(rng, rows, width), "start": tensor(rng, width)},
                 {"trips": np.array(rows), "true": np.array(True)}, [[width], [ends, width]])


def scan(rng):
    """Two sequences along random axes and directions, one state, one or two results."""
    steps, width = int(rng.integers(1, 6)), int(rng.integers(1, 5))
    axes = [int(rng.integers(2)) for _ in range(2)]
    given = {"start": tensor(rng, width)}
    for name, axis in zip("ab", axes):
        given[name] = tensor(rng, *((steps, width) if axis == 0 else (width, steps)))
    inner = [helper.make_node("Mul", ["state", "p"], ["m"]), helper.make_node("Add", ["m", "q"], ["next"]),
             helper.make_node("Sigmoid", ["next"], ["s0"]), helper.make_node("Sub", ["next", "p"], ["s1"])]
    count = int(rng.integers(1, 3))
    graph = helper.make_graph(inner, "body", [info(n, [width]) for n in ("state", "p", "q")],
                              [info("next", [width])] + [info(f"s{i}", [width]) for i in range(count)])
    out_axes = [int(rng.integers(2)) for _ in range(count)]
    node = helper.make_node(
        "Scan", ["start", "a", "b"], ["y0"] + [f"y{1 + i}" for i in range(count)], name="op", body=graph,
        num_scan_inputs=2, scan_input_axes=axes, scan_output_axes=out_axes,
        scan_input_directions=[int(rng.integers(2)) for _ in range(2)],
        scan_output_directions=[int(rng.integers(2)) for _ in range(count)])
    shapes = [[width]] + [[steps, width] if axis == 0 else [width, steps] for axis in out_axes]
    return Graph("Scan", [node], given, {}, shapes)


def integers(rng, *shape, kind):
    limits = np.iinfo(kind)
    return rng.integers(max(limits.min, -1000), min(limits.max, 1000), shape, endpoint=True).astype(kind)


def dequantize(rng, gathered):
    """DequantizeLinear of integers that no QuantizeLinear made: an input of the model, or
    rows of a table, as quantize_dynamic leaves embeddings."""
    kind = np.dtype(pick(rng, np.int8, np.uint8) if gathered else pick(rng, np.int8, np.uint8, np.int32))
    rows, columns, count = (int(n) for n in rng.integers(2, 8, 3))
    axis = pick(rng, -1, 1) if rng.integers(2) else None
    sizes = () if axis is None else (columns,)
    constants = {"scale": rng.uniform(0.01, 0.1, sizes).astype(np.float32)}
    if rng.integers(2) and kind != np.int32:
        constants["zero"] = integers(rng, *sizes, kind=kind)
    nodes, given = [], {"x": integers(rng, count, columns, kind=kind)}
    if gathered:
        constants["table"] = integers(rng, rows, columns, kind=kind)
        given = {"x": rng.integers(0, rows, count)}
        nodes = [helper.make_node("Gather", ["table", "x"], ["rows"])]
    nodes.append(helper.make_node("DequantizeLinear", ["rows" if gathered else "x", *(
        k for k in ("scale", "zero") if k in constants)], ["y0"], **({} if axis is None else {"axis": axis})))
    return Graph("DequantizeLinear", nodes, given, constants, [(count, columns)])


def body_ops(case):
    """Makers by name; `case` is float_ops.Case."""
    def grid_sample(rng):
        rank = int(pick(rng, 2, 2, 3))
        mode = pick(rng, "linear", "nearest", "cubic") if rank == 2 else pick(rng, "linear", "nearest")
        batch = int(rng.integers(1, 3))
        image = tensor(rng, batch, int(rng.integers(1, 4)), *rng.integers(2, 7, rank))
        # Not near the middle between two places, where nearest may round either way.
        grid = rng.uniform(-1.4, 1.4, (batch, *rng.integers(1, 6, rank), rank)).astype(np.float32)
        return case("GridSample", [image, grid], mode=mode, align_corners=int(rng.integers(2)),
                    padding_mode=pick(rng, "zeros", "border", "reflection"))

    def reverse_sequence(rng):
        time = int(rng.integers(2))
        shape = [int(n) for n in rng.integers(1, 6, int(rng.integers(2, 5)))]
        lengths = rng.integers(1, shape[time] + 1, shape[1 - time])
        if rng.integers(3) == 0:
            lengths[:] = shape[time]
        return case("ReverseSequence", [tensor(rng, *shape), lengths], fed=pick(rng, (), (1,)),
                    time_axis=time, batch_axis=1 - time)

    def window(rng, kernel):
        return dict(strides=[int(s) for s in rng.integers(1, 3, 3)], dilations=[int(pick(rng, 1, 1, 2)) for _ in kernel],
                    pads=[int(rng.integers(0, k)) for k in kernel * 2])

    def conv_3d(rng):
        kernel = [int(k) for k in rng.integers(1, 4, 3)]
        groups, per_group = int(pick(rng, 1, 1, 2, 3)), int(rng.integers(1, 4))
        filters = groups * int(rng.integers(1, 5))
        inputs = [tensor(rng, int(rng.integers(1, 3)), groups * per_group, *rng.integers(6, 9, 3)),
                  tensor(rng, filters, per_group, *kernel)]
        if rng.integers(2):
            inputs.append(tensor(rng, filters))
        return case("Conv", inputs, group=groups, **window(rng, kernel))

    def max_pool_3d(rng):
        kernel = [int(k) for k in rng.integers(1, 4, 3)]
        return case("MaxPool", [tensor(rng, 2, 3, *rng.integers(6, 9, 3))], kernel_shape=kernel,
                    ceil_mode=int(rng.integers(2)), **window(rng, kernel))

    def average_pool_3d(rng):
        kernel = [int(k) for k in rng.integers(1, 4, 3)]
        attributes = window(rng, kernel)
        del attributes["dilations"]
        return case("AveragePool", [tensor(rng, 2, 3, *rng.integers(6, 9, 3))], kernel_shape=kernel,
                    count_include_pad=int(rng.integers(2)), **attributes)

    def global_max_3d(rng):
        return case("GlobalMaxPool", [tensor(rng, 2, 3, *rng.integers(1, 6, 3))])

    return {"If.known": lambda rng: branches(rng, True), "If.data": lambda rng: branches(rng, False),
            "Loop": loop, "Scan": scan, "GridSample": grid_sample, "ReverseSequence": reverse_sequence,
            "Conv3d": conv_3d, "MaxPool3d": max_pool_3d, "AveragePool3d": average_pool_3d,
            "GlobalMaxPool3d": global_max_3d,
            "DequantizeLinear.rows": lambda rng: dequantize(rng, True),
            "DequantizeLinear.input": lambda rng: dequantize(rng, False)}
