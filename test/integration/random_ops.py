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

OPSETS = (8, 9, 10, 11, 12, 13, 14, 17, 18, 19, 21)

Case = collections.namedtuple("Case", "op nodes inputs constants outputs tolerance")


class Generator:
    """Draws the parts of one case; `name()` makes its values' names unique."""

    def __init__(self, rng, opset, prefix):
        self.rng, self.opset, self.prefix = rng, opset, prefix
        self.inputs, self.constants, self.nodes = {}, {}, []
        self.count = 0

    def name(self):
        self.count += 1
        return f"{self.prefix}_{self.count}"

    def flip(self, probability=0.5):
        return self.rng.random() < probability

    def data(self, shape, low=-2.0, high=2.0):
        seed = self.rng.randrange(1 << 31)
        return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)

    def input(self, shape, low=-2.0, high=2.0):
        name = self.name()
        self.inputs[name] = self.data(shape, low, high)
        return name

    def constant(self, array):
        name = self.name()
        self.constants[name] = array
        return name

    def ints(self, values):
        return self.constant(np.array(values, np.int64))

    def weight(self, shape, low=-1.0, high=1.0):
        """A parameter: constant, or now and then computed elsewhere."""
        return self.constant(self.data(shape, low, high)) if self.flip(0.8) else self.input(shape, low, high)

    def shape(self, low=1, high=4, size=6):
        return [self.rng.randint(1, size) for _ in range(self.rng.randint(low, high))]

    def node(self, op, inputs, outputs=1, **attributes):
        names = [self.name() for _ in range(outputs)]
        attributes = {k: v for k, v in attributes.items() if v is not None}
        self.nodes.append(helper.make_node(op, inputs, names, name=f"{op}_{names[0]}", **attributes))
        return names

    def window(self, spatial, size, pooling):
        """Attributes of a window over `size` that fit it."""
        rng = self.rng
        kernel = [rng.randint(1, 3) for _ in range(spatial)]
        dilations = [rng.choice((1, 1, 2)) for _ in range(spatial)]
        attributes = {"kernel_shape": kernel, "strides": [rng.randint(1, 3) for _ in range(spatial)]}
        if not pooling or (pooling == "max" and self.opset >= 10) or self.opset >= 19:
            attributes["dilations"] = dilations
        if pooling and self.opset >= (10 if pooling else 1):
            attributes["ceil_mode"] = int(self.flip())
        padding = rng.choice(("none", "pads", "SAME_UPPER", "SAME_LOWER", "VALID"))
        if padding == "pads":
            attributes["pads"] = [rng.randint(0, k - 1 if pooling else 2) for k in kernel * 2]
        elif padding != "none":
            attributes["auto_pad"] = padding
        if pooling and attributes.get("auto_pad", "").startswith("SAME"):
            # onnxruntime leaves the dilation of a pooling window out of auto_pad.
            attributes.pop("dilations", None)
            # Where ONNX's formula gives negative pads, onnxruntime crops
            # (AveragePool), refuses (MaxPool) or takes zero (Conv).
            attributes["strides"] = [
                k if (-(-n // s) - 1) * s + k < n else s
                for n, s, k in zip(size, attributes["strides"], kernel)]
        if self.flip(0.2):
            del attributes["strides"]
        return attributes


def conv(g):
    spatial, groups = g.rng.randint(1, 2), g.rng.choice((1, 1, 2, 3))
    per_group, filters = g.rng.randint(1, 4), groups * g.rng.randint(1, 3)
    size = [g.rng.randint(5, 12) for _ in range(spatial)]
    attributes = g.window(spatial, size, pooling=None)
    kernel = attributes["kernel_shape"]
    if g.flip(0.3):
        del attributes["kernel_shape"]
    x = g.input([g.rng.randint(1, 2), groups * per_group] + size)
    inputs = [x, g.weight([filters, per_group] + kernel)]
    if g.flip():
        inputs.append(g.weight([filters]))
    return g.node("Conv", inputs, group=groups, **attributes)


def conv_transpose(g):
    rng, spatial = g.rng, g.rng.randint(1, 2)
    groups = rng.choice((1, 1, 2, 3))
    per_group, filters = rng.randint(1, 3), rng.randint(1, 3)
    size = [rng.randint(1, 6) for _ in range(spatial)]
    kernel = [rng.randint(1, 5) for _ in range(spatial)]
    strides = [rng.randint(1, 3) for _ in range(spatial)]
    dilations = [rng.choice((1, 1, 2)) for _ in range(spatial)]
    attributes = {"group": groups, "dilations": dilations, "strides": strides}
    if g.flip():
        attributes["kernel_shape"] = kernel
    # onnxruntime wants less than the larger of stride and dilation.
    extra = [rng.randrange(max(s, d)) for s, d in zip(strides, dilations)]
    padding = rng.choice(("none", "pads", "pads", "output_shape", "SAME_UPPER", "SAME_LOWER", "VALID"))
    if padding == "pads":
        attributes["pads"] = [rng.randint(0, 2) for _ in range(2 * spatial)]
        attributes["output_padding"] = extra
    elif padding == "output_shape":
        attributes["output_shape"] = [
            max(1, s * (n - 1) + (k - 1) * d + 1 - rng.randint(-1, 3))
            for s, n, k, d in zip(strides, size, kernel, dilations)]
        if g.flip():
            attributes["auto_pad"] = rng.choice(("SAME_UPPER", "SAME_LOWER"))
    elif padding != "none":
        attributes["auto_pad"] = padding
        # ONNX gives input * stride results always, onnxruntime at most those
        # that the kernel reaches.
        attributes["strides"] = [min(s, (k - 1) * d + 1) for s, k, d in zip(strides, kernel, dilations)]
    x = g.input([rng.randint(1, 2), groups * per_group] + size)
    inputs = [x, g.constant(g.data([groups * per_group, filters] + kernel))]
    if g.flip():
        inputs.append(g.constant(g.data([groups * filters])))
    return g.node("ConvTranspose", inputs, **attributes)


def depth_to_space(g):
    block = g.rng.randint(1, 3)
    shape = [g.rng.randint(1, 2), block * block * g.rng.randint(1, 3), g.rng.randint(1, 4), g.rng.randint(1, 4)]
    mode = g.rng.choice((None, "DCR", "CRD")) if g.opset >= 11 else None
    return g.node("DepthToSpace", [g.input(shape)], blocksize=block, mode=mode)


def space_to_depth(g):
    block = g.rng.randint(1, 3)
    shape = [g.rng.randint(1, 2), g.rng.randint(1, 3), block * g.rng.randint(1, 4), block * g.rng.randint(1, 4)]
    return g.node("SpaceToDepth", [g.input(shape)], blocksize=block)


def resize(g):
    """Every mode that onnxruntime has for floats of any rank up to 4."""
    rng = g.rng
    mode = rng.choice(("nearest", "linear", "cubic") if g.opset >= 11 else ("nearest", "linear"))
    size = [rng.randint(2, 7), rng.randint(2, 7)]
    # onnxruntime interpolates two or three dimensions, the outer ones kept.
    shape = [rng.randint(1, 2), rng.randint(1, 3)] + size
    attributes = {"mode": mode}
    coordinates = "half_pixel"
    if g.opset >= 11:
        modes = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize"]
        if g.opset >= 19:
            modes.append("half_pixel_symmetric")
        coordinates = rng.choice(modes)
        attributes["coordinate_transformation_mode"] = coordinates
        if mode == "nearest":
            attributes["nearest_mode"] = rng.choice(("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"))
        if mode == "cubic" and g.flip():
            attributes["cubic_coeff_a"] = -0.5
        if mode == "cubic" and g.flip() and coordinates != "tf_crop_and_resize":
            attributes["exclude_outside"] = 1
    # Ratios whose coordinates no rounding moves over a half.
    ratios = [rng.choice((0.5, 1.0, 2.0, 3.0, 1.5, 0.75)) for _ in size]
    if coordinates == "tf_crop_and_resize":
        # Where nothing is scaled onnxruntime does not crop either.
        ratios = [2.0 if int(n * r) == n else r for n, r in zip(size, ratios)]
        attributes["extrapolation_value"] = rng.choice((0.0, 7.5))
    x = g.input(shape)
    if g.opset < 11:
        return g.node("Resize", [x, g.constant(np.array([1, 1] + ratios, np.float32))], **attributes)
    roi = ""
    if coordinates == "tf_crop_and_resize":
        roi = g.constant(np.array([0, 0, rng.choice((0.0, -0.2, 0.25)), 0, 1, 1, rng.choice((1.0, 1.3)), 0.8],
                                  np.float32))
    if g.flip():
        sizes = [max(1, int(n * r)) for n, r in zip(size, ratios)]
        none = "" if g.opset >= 13 else g.constant(np.zeros(0, np.float32))
        return g.node("Resize", [x, roi or none, none, g.ints(shape[:2] + sizes)], **attributes)
    if g.opset < 13:
        roi = roi or g.constant(np.zeros(0, np.float32))
    return g.node("Resize", [x, roi, g.constant(np.array([1, 1] + ratios, np.float32))], **attributes)


def upsample(g):
    shape = [g.rng.randint(1, 2), g.rng.randint(1, 3), g.rng.randint(2, 5), g.rng.randint(2, 5)]
    if g.opset > 9:  # where it became Resize
        return resize(g)
    scales = [1.0, 1.0, g.rng.choice((1.0, 2.0, 3.0)), g.rng.choice((1.0, 2.0, 3.0))]
    mode = g.rng.choice(("nearest", "linear"))
    x = g.input(shape)
    if g.opset < 9:
        return g.node("Upsample", [x], mode=mode, scales=scales)
    return g.node("Upsample", [x, g.constant(np.array(scales, np.float32))], mode=mode)


def recurrent(kind):
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind]

    def make(g):
        rng = g.rng
        steps, batch, width, hidden = rng.randint(1, 5), rng.randint(1, 3), rng.randint(1, 5), rng.randint(1, 5)
        direction = rng.choice(("forward", "reverse", "bidirectional"))
        count = 2 if direction == "bidirectional" else 1
        attributes = {"hidden_size": hidden, "direction": direction}
        inputs = [g.input([steps, batch, width]), g.constant(g.data([count, gates * hidden, width])),
                  g.constant(g.data([count, gates * hidden, hidden])),
                  g.constant(g.data([count, 2 * gates * hidden])) if g.flip() else "",
                  g.constant(np.array([rng.randint(1, steps) for _ in range(batch)], np.int32))
                  if g.flip(0.4) else "",
                  g.weight([count, batch, hidden]) if g.flip() else ""]
        if kind == "LSTM":
            inputs.append(g.weight([count, batch, hidden]) if g.flip() else "")
            inputs.append(g.constant(g.data([count, 3 * hidden])) if g.flip(0.4) else "")
            if g.flip(0.2):
                attributes["input_forget"] = 1
        if kind == "GRU":
            attributes["linear_before_reset"] = rng.randrange(2)
        if g.flip(0.3):
            attributes["clip"] = 0.6
        if g.flip(0.5):
            names = [rng.choice(("Sigmoid", "Tanh", "Relu", "HardSigmoid", "LeakyRelu", "ScaledTanh", "Elu",
                                 "Softsign", "Softplus", "Affine", "ThresholdedRelu"))
                     for _ in range(count * {"LSTM": 3, "GRU": 2, "RNN": 1}[kind])]
            # A gate that is no gate makes states grow beyond floats.
            for first in range(0, len(names), {"LSTM": 3, "GRU": 2, "RNN": len(names)}[kind]):
                if kind != "RNN":
                    names[first] = rng.choice(("Sigmoid", "HardSigmoid"))
            attributes["activations"] = names
            with_alpha = ("HardSigmoid", "LeakyRelu", "ScaledTanh", "Elu", "Affine", "ThresholdedRelu")
            with_beta = ("HardSigmoid", "ScaledTanh", "Affine")
            attributes["activation_alpha"] = [0.3 for n in names if n in with_alpha] or None
            attributes["activation_beta"] = [0.4 for n in names if n in with_beta] or None
        while inputs and inputs[-1] == "":
            inputs.pop()
        return g.node(kind, inputs, outputs=rng.randint(1, 3 if kind == "LSTM" else 2), **attributes)
    return make


def gemm(g):
    m, k, n = (g.rng.randint(1, 8) for _ in range(3))
    trans_a, trans_b = int(g.flip()), int(g.flip())
    inputs = [g.input([k, m] if trans_a else [m, k]), g.weight([n, k] if trans_b else [k, n])]
    if g.opset < 11 or g.flip():
        inputs.append(g.weight(g.rng.choice(([n], [1, n], [m, 1], [m, n], [1], []))))
    return g.node("Gemm", inputs, transA=trans_a, transB=trans_b,
                  alpha=g.rng.choice((None, 0.5)), beta=g.rng.choice((None, 2.0)))


def matmul(g):
    m, k, n = (g.rng.randint(1, 5) for _ in range(3))
    a, b = g.rng.choice((([m, k], [k, n]), ([2, m, k], [k, n]), ([2, 1, m, k], [3, k, n]),
                         ([k], [k, n]), ([m, k], [k]), ([2, m, k], [2, k, n]), ([k], [2, k, n])))
    return g.node("MatMul", [g.input(a), g.weight(b)])


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


def max_pool(g):
    spatial = g.rng.randint(1, 2)
    size = [g.rng.randint(5, 12) for _ in range(spatial)]
    return g.node("MaxPool", [g.input([1, 3] + size)], **g.window(spatial, size, "max"))


def average_pool(g):
    spatial = g.rng.randint(1, 2)
    size = [g.rng.randint(5, 12) for _ in range(spatial)]
    return g.node("AveragePool", [g.input([1, 3] + size)], count_include_pad=g.rng.choice((None, 1)),
                  **g.window(spatial, size, "average"))


def global_pool(op):
    def make(g):
        return g.node(op, [g.input([1, 3] + [g.rng.randint(1, 6) for _ in range(g.rng.randint(1, 2))])])
    return make


def batch_norm(g):
    channels = g.rng.randint(1, 6)
    x = g.input([g.rng.randint(1, 2), channels] + [3] * g.rng.randint(0, 2))
    parameters = [g.constant(g.data([channels], low, 2.0)) for low in (-2.0, -2.0, -2.0, 0.1)]
    return g.node("BatchNormalization", [x] + parameters, epsilon=g.rng.choice((None, 1e-3)))


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


def lrn(g):
    return g.node("LRN", [g.input([1, g.rng.randint(1, 8), 3, 3])], size=g.rng.choice((1, 3, 5)),
                  alpha=g.rng.choice((None, 0.5)), beta=g.rng.choice((None, 0.5)), bias=g.rng.choice((None, 2.0)))


def instance_norm(g):
    channels = g.rng.randint(1, 6)
    shape = [g.rng.randint(1, 2), channels] + [g.rng.randint(2, 6) for _ in range(g.rng.randint(1, 2))]
    return g.node("InstanceNormalization", [g.input(shape), g.weight([channels]), g.weight([channels])],
                  epsilon=g.rng.choice((None, 1e-3)))


def lp_normalization(g):
    shape = g.shape(1, 4)
    return g.node("LpNormalization", [g.input(shape)], axis=g.rng.choice((None, len(shape) - 1, 0)),
                  p=g.rng.choice((None, 1, 2)))


def global_lp_pool(g):
    return g.node("GlobalLpPool", [g.input([1, 3] + [g.rng.randint(1, 6) for _ in range(g.rng.randint(1, 2))])],
                  p=g.rng.choice((None, 1, 2, 3)))


def lp_pool(g):
    spatial = g.rng.randint(1, 2)
    size = [g.rng.randint(5, 12) for _ in range(spatial)]
    kernel = [g.rng.randint(1, 4) for _ in range(spatial)]
    pads = [g.rng.randint(0, k - 1) for k in kernel]
    return g.node("LpPool", [g.input([1, 3] + size)], kernel_shape=kernel, p=g.rng.choice((None, 1, 2, 3)),
                  strides=[g.rng.randint(1, 3) for _ in range(spatial)], pads=pads * 2)


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
