"""The parts of a random case of an operator: values, constants and nodes with unique names."""

import numpy as np
from onnx import helper


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
