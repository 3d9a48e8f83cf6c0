"""Random layers: operators with weights, windows over images, recurrences and norms.

Each function draws one and returns the names of its outputs; `g` is an op_generator.Generator.
"""

import numpy as np


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
