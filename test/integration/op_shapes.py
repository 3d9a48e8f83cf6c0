"""Random elementwise operators, and those that move, reduce, quantize or compute shapes.

Each function draws one and returns the names of its outputs; `g` is an op_generator.Generator.
"""

import numpy as np
from onnx import TensorProto


def broadcast(g):
    """Two shapes that broadcast."""
    shape = g.shape(1, 4)
    other = [1 if g.flip(0.3) else size for size in shape][g.rng.randint(0, len(shape)):]
    return (shape, other) if g.flip() else (other, shape)


def binary(op):
    def make(g):
        a, b = broadcast(g)
        low = 0.5 if op == "Div" else -2.0
        return g.node(op, [g.input(a), g.weight(b, low, 2.0)])
    return make


def unary(op, **choices):
    def make(g):
        attributes = {k: g.rng.choice(v) for k, v in choices.items()}
        return g.node(op, [g.input(g.shape(), -5.0, 5.0)], **attributes)
    return make


def clip(g):
    x = g.input(g.shape(), -5.0, 5.0)
    low, high = g.rng.choice((None, -1.0, 0.0)), g.rng.choice((None, 1.0, 6.0))
    if g.opset < 11:
        return g.node("Clip", [x], min=low, max=high)
    bounds = ["" if v is None else g.constant(np.array(v, np.float32)) for v in (low, high)]
    while bounds and not bounds[-1]:
        bounds.pop()
    return g.node("Clip", [x] + bounds)


def concat(g):
    shape = g.shape(1, 4)
    axis = g.rng.randrange(len(shape))
    inputs = []
    for _ in range(g.rng.randint(1, 3)):
        part = list(shape)
        part[axis] = g.rng.randint(1, 4)
        inputs.append(g.weight(part) if inputs else g.input(part))
    return g.node("Concat", inputs, axis=axis - (len(shape) if g.flip() and g.opset >= 11 else 0))


def flatten(g):
    shape = g.shape(1, 4)
    low = -len(shape) if g.opset >= 11 else 0
    return g.node("Flatten", [g.input(shape)], axis=g.rng.choice((None, g.rng.randint(low, len(shape)))))


def reshape(g):
    shape = g.shape(2, 4)
    total = int(np.prod(shape))
    target = g.rng.choice(([-1], [0, -1], [total, 1, 1], [1, 0 if len(shape) > 1 and shape[0] == 1 else -1, 1][:2] + [1], [0] * len(shape)))
    if np.prod([s for s in target if s > 0]) * (0 if 0 in target else 1) > total:
        target = [-1]
    return g.node("Reshape", [g.input(shape), g.ints(target)])


def axes_argument(g, axes, attribute_until):
    """Axes as inputs or, before opset `attribute_until`, as an attribute."""
    if g.opset < attribute_until:
        return [], {"axes": axes}
    return [g.ints(axes)], {}


def squeeze(g):
    shape = [1 if g.flip() else g.rng.randint(2, 4) for _ in range(g.rng.randint(1, 4))]
    ones = [d for d, size in enumerate(shape) if size == 1]
    if not ones or g.flip(0.2):
        return g.node("Squeeze", [g.input(shape)])
    axes = [d - (len(shape) if g.flip() and g.opset >= 11 else 0) for d in g.rng.sample(ones, g.rng.randint(1, len(ones)))]
    inputs, attributes = axes_argument(g, axes, 13)
    return g.node("Squeeze", [g.input(shape)] + inputs, **attributes)


def unsqueeze(g):
    shape = g.shape(1, 3)
    rank = len(shape) + g.rng.randint(1, 2)
    axes = g.rng.sample(range(rank), rank - len(shape))
    if g.opset < 11:
        axes.sort()
    elif g.flip():
        axes = [d - rank for d in axes]
    inputs, attributes = axes_argument(g, axes, 13)
    return g.node("Unsqueeze", [g.input(shape)] + inputs, **attributes)


def transpose(g):
    shape = g.shape(1, 4)
    perm = g.rng.choice((None, g.rng.sample(range(len(shape)), len(shape))))
    return g.node("Transpose", [g.input(shape)], perm=perm)


def pad(g):
    modes = ["constant", "reflect", "edge"] + (["wrap"] if g.opset >= 19 else [])
    mode = g.rng.choice(modes)
    shape = [g.rng.randint(3, 5) for _ in range(g.rng.randint(1, 4))]
    axes = list(range(len(shape)))
    use_axes = g.opset >= 18 and g.flip(0.4)
    if use_axes:
        axes = g.rng.sample(axes, g.rng.randint(1, len(axes)))
    low = -1 if mode == "constant" else 0
    pads = [g.rng.randint(low, 2) for _ in range(2 * len(axes))]
    value = g.rng.choice((None, 1.5)) if mode == "constant" else None
    x = g.input(shape)
    if g.opset < 11:
        return g.node("Pad", [x], mode=mode, pads=pads, value=value)
    inputs = [x, g.ints(pads)]
    if value is not None or use_axes:
        inputs.append("" if value is None else g.constant(np.array(value, np.float32)))
    if use_axes:
        inputs.append(g.ints([d - (len(shape) if g.flip() else 0) for d in axes]))
    return g.node("Pad", inputs, mode=mode)


def slice_(g):
    shape = [g.rng.randint(2, 6) for _ in range(g.rng.randint(1, 4))]
    axes = g.rng.sample(range(len(shape)), g.rng.randint(1, len(shape)))
    starts, ends, steps = [], [], []
    for d in axes:
        size = shape[d]
        step = g.rng.choice((1, 2, 3)) * (-1 if g.flip() and g.opset >= 10 else 1)
        first, last = sorted(g.rng.sample(range(size), 2))
        start, end = (first, last + 1) if step > 0 else (last, first - 1)
        if g.flip(0.3) and step > 0:
            end = (1 << 62) if g.flip() else size + 5
        elif step < 0 and (end < 0 or g.flip(0.2)):
            end = -(1 << 62)
        elif end > 0 and end < size and g.flip(0.3):
            end -= size
        if g.flip(0.3):
            start -= size
        starts.append(start), ends.append(end), steps.append(step)
    if g.opset < 10:
        return g.node("Slice", [g.input(shape)], starts=starts, ends=ends, axes=axes)
    if g.flip(0.3):
        axes = [d - len(shape) for d in axes]
    return g.node("Slice", [g.input(shape), g.ints(starts), g.ints(ends), g.ints(axes), g.ints(steps)])


def split(g):
    shape = g.shape(1, 4)
    axis, parts = g.rng.randrange(len(shape)), g.rng.randint(1, 3)
    sizes = [g.rng.randint(1, 3) for _ in range(parts)]
    equal = g.flip(0.4)
    shape[axis] = parts * 2 if equal else sum(sizes)
    inputs, attributes = [g.input(shape)], {"axis": axis}
    if equal and g.opset >= 18:
        attributes["num_outputs"] = parts
    elif not equal and g.opset < 13:
        attributes["split"] = sizes
    elif not equal:
        inputs.append(g.ints(sizes))
    return g.node("Split", inputs, outputs=parts, **attributes)


def reduce_mean(g):
    shape = g.shape(1, 4)
    attributes = {"keepdims": g.rng.choice((None, 0, 1))}
    if g.flip(0.2):
        if g.opset >= 18:
            attributes["noop_with_empty_axes"] = g.rng.choice((None, 1))
        return g.node("ReduceMean", [g.input(shape)], **attributes)
    axes = g.rng.sample(range(len(shape)), g.rng.randint(1, len(shape)))
    if g.opset >= 11 and g.flip():
        axes = [d - len(shape) for d in axes]
    inputs, more = axes_argument(g, axes, 18)
    return g.node("ReduceMean", [g.input(shape)] + inputs, **attributes, **more)


def softmax(g):
    shape = g.shape(1, 4)
    low = -len(shape) if g.opset >= 11 else 0
    axis = g.rng.choice((None, g.rng.randint(low, len(shape) - 1)))
    if axis is None and g.opset < 13 and len(shape) < 2:
        axis = 0
    return g.node("Softmax", [g.input(shape)], axis=axis)


def sum_(g):
    a, b = broadcast(g)
    return g.node("Sum", [g.input(a), g.weight(b)][:g.rng.randint(1, 2)] + ([g.input(b)] if g.flip() else []))


def dropout(g):
    return g.node("Dropout", [g.input(g.shape())])


def quantized(g):
    """x through 8 bits, times a constant of 8 or 32 bits."""
    kind = g.rng.choice((np.int8, np.uint8))
    scale = g.constant(np.array(g.rng.choice((0.03125, 0.02)), np.float32))
    zero = g.constant(np.array(g.rng.randint(np.iinfo(kind).min, np.iinfo(kind).max), kind))
    shape = [g.rng.randint(1, 4) for _ in range(3)]
    (q,) = g.node("QuantizeLinear", [g.input(shape), scale, zero])
    (x,) = g.node("DequantizeLinear", [q, scale, zero])
    kind = g.rng.choice((np.int8, np.uint8, np.int32))
    limits = np.iinfo(kind)
    values = np.random.default_rng(g.rng.randrange(1 << 31)).integers(
        max(limits.min, -1000), min(limits.max, 1000), shape).astype(kind)
    axis = g.rng.choice((None, 0, 1, -1)) if g.opset >= 13 else None
    scales = np.array(0.05, np.float32) if axis is None else g.data([shape[axis]], 0.01, 0.1)
    inputs = [g.constant(values), g.constant(scales)]
    if kind != np.int32 and g.flip():
        inputs.append(g.constant(np.full(scales.shape, g.rng.randint(limits.min, limits.max), kind)))
    (w,) = g.node("DequantizeLinear", inputs, axis=axis)
    return g.node("Mul", [x, w])


def shape_arithmetic(g):
    """Reshape to a target computed from the input's own shape."""
    shape = [g.rng.randint(1, 4) for _ in range(4)]
    x = g.input(shape)
    (whole,) = g.node("Shape", [x])
    (head,) = g.node("Gather", [whole, g.ints(0)], axis=0)
    head = (g.node("Unsqueeze", [head, g.ints([0])]) if g.opset >= 13 else g.node("Unsqueeze", [head], axes=[0]))[0]
    if g.flip():
        (tail,) = g.node("Gather", [whole, g.ints([1, 2, -1])], axis=0)
        (tail,) = g.node("ReduceProd", [tail], axes=[0] if g.opset < 18 else None, keepdims=1)
    else:
        tail = g.ints([-1])
    (target,) = g.node("Concat", [head, tail], axis=0)
    if g.flip():
        (target,) = g.node("Cast", [target], to=TensorProto.FLOAT)
        (target,) = g.node("Mul", [target, g.constant(np.array(1.0, np.float32))])
        (target,) = g.node("Floor", [target])
        (target,) = g.node("Cast", [target], to=TensorProto.INT64)
    return g.node("Reshape", [x, target])
