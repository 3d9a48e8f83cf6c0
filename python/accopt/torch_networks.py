"""ResNet, MobileNet and EfficientNet in torch, after the papers' tables.

Torchvision is not used: its wheels fit only one build of torch.
"""

from torch import nn


def conv_bn(inputs, outputs, kernel, stride=1, groups=1):
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]


class Residual(nn.Module):
    """relu(body(x) + shortcut(x)); the shortcut projects where the shape changes."""

    def __init__(self, body, inputs, outputs, stride):
        super().__init__()
        self.body = nn.Sequential(*body)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else nn.Sequential(
            *conv_bn(inputs, outputs, 1, stride))
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.body(x) + self.shortcut(x))


def basic_block(inputs, width, stride):
    body = [*conv_bn(inputs, width, 3, stride), nn.ReLU(), *conv_bn(width, width, 3)]
    return Residual(body, inputs, width, stride), width


def bottleneck(inputs, width, stride):
    outputs = 4 * width
    body = [*conv_bn(inputs, width, 1), nn.ReLU(), *conv_bn(width, width, 3, stride), nn.ReLU(),
            *conv_bn(width, outputs, 1)]
    return Residual(body, inputs, outputs, stride), outputs


def resnet(block, depths):
    """He et al. 2015, https://arxiv.org/abs/1512.03385, table 1."""
    layers = [*conv_bn(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage, depth in enumerate(depths):
        for index in range(depth):
            stride = 2 if stage > 0 and index == 0 else 1
            layer, channels = block(channels, 64 << stage, stride)
            layers.append(layer)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(channels, 1000))


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        width = inputs * expansion
        expand = [*conv_bn(inputs, width, 1), nn.ReLU6()] if expansion > 1 else []
        self.body = nn.Sequential(
            *expand, *conv_bn(width, width, 3, stride, groups=width), nn.ReLU6(),
            *conv_bn(width, outputs, 1))
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.body(x) if self.adds else self.body(x)


def mobilenet_v2():
    """Sandler et al. 2018, https://arxiv.org/abs/1801.04381, table 2."""
    table = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
             (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    layers = [*conv_bn(3, 32, 3, 2), nn.ReLU6()]
    channels = 32
    for expansion, outputs, repeats, stride in table:
        for index in range(repeats):
            layers.append(InvertedResidual(
                channels, outputs, stride if index == 0 else 1, expansion))
            channels = outputs
    return nn.Sequential(*layers, *conv_bn(channels, 1280, 1), nn.ReLU6(),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000))


class SqueezeExcite(nn.Module):
    """Hu et al. 2018, https://arxiv.org/abs/1709.01507: scales channels by their means."""

    def __init__(self, width, squeezed, activation, gate):
        super().__init__()
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, squeezed, 1), activation(),
            nn.Conv2d(squeezed, width, 1), gate())

    def forward(self, x):
        return x * self.scale(x)


class MobileBlock(nn.Module):
    """Expand, depthwise convolution, squeeze and excite, project."""

    def __init__(self, inputs, width, outputs, kernel, stride, activation, excite):
        super().__init__()
        expand = [*conv_bn(inputs, width, 1), activation()] if width != inputs else []
        self.body = nn.Sequential(
            *expand, *conv_bn(width, width, kernel, stride, groups=width), activation(),
            *([excite(inputs, width)] if excite else []), *conv_bn(width, outputs, 1))
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.body(x) if self.adds else self.body(x)


def efficientnet_b0():
    """Tan and Le 2019, https://arxiv.org/abs/1905.11946, table 1."""
    table = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3),
             (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]

    def excite(inputs, width):
        return SqueezeExcite(width, inputs // 4, nn.SiLU, nn.Sigmoid)

    layers = [*conv_bn(3, 32, 3, 2), nn.SiLU()]
    channels = 32
    for expansion, outputs, repeats, stride, kernel in table:
        for index in range(repeats):
            layers.append(MobileBlock(channels, channels * expansion, outputs, kernel,
                                      stride if index == 0 else 1, nn.SiLU, excite))
            channels = outputs
    return nn.Sequential(*layers, *conv_bn(channels, 1280, 1), nn.SiLU(),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000))


def mobilenet_v3():
    """MobileNetV3-Large, Howard et al. 2019, https://arxiv.org/abs/1905.02244, table 1."""
    relu, swish = nn.ReLU, nn.Hardswish
    # Kernel, expanded width, outputs, squeeze and excite, activation, stride.
    table = [(3, 16, 16, False, relu, 1), (3, 64, 24, False, relu, 2),
             (3, 72, 24, False, relu, 1), (5, 72, 40, True, relu, 2),
             (5, 120, 40, True, relu, 1), (5, 120, 40, True, relu, 1),
             (3, 240, 80, False, swish, 2), (3, 200, 80, False, swish, 1),
             (3, 184, 80, False, swish, 1), (3, 184, 80, False, swish, 1),
             (3, 480, 112, True, swish, 1), (3, 672, 112, True, swish, 1),
             (5, 672, 160, True, swish, 2), (5, 960, 160, True, swish, 1),
             (5, 960, 160, True, swish, 1)]

    def excite(inputs, width):
        # A quarter of the width, in eights as in the authors' code.
        squeezed = max(8, (width // 4 + 4) // 8 * 8)
        return SqueezeExcite(width, squeezed, nn.ReLU, nn.Hardsigmoid)

    layers = [*conv_bn(3, 16, 3, 2), nn.Hardswish()]
    channels = 16
    for kernel, width, outputs, excites, activation, stride in table:
        layers.append(MobileBlock(channels, width, outputs, kernel, stride, activation,
                                  excite if excites else None))
        channels = outputs
    return nn.Sequential(*layers, *conv_bn(channels, 960, 1), nn.Hardswish(),
                         nn.AdaptiveAvgPool2d(1), nn.Conv2d(960, 1280, 1), nn.Hardswish(),
                         nn.Flatten(), nn.Linear(1280, 1000))


TORCH_NETWORKS = {
    "resnet18": lambda: resnet(basic_block, (2, 2, 2, 2)),
    "resnet50": lambda: resnet(bottleneck, (3, 4, 6, 3)),
    "mobilenet_v2": mobilenet_v2,
    "mobilenet_v3": mobilenet_v3,
    "efficientnet_b0": efficientnet_b0,
}
