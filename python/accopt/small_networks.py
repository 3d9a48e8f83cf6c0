"""Small networks with the structure of published ones, in torch, after the papers.

Each is narrow and takes a small image, so that a test can compile and run them all;
what a paper's network does with layers, branches and shapes is there. The values of
SMALL_NETWORKS are a function that makes the network and the shape of its input.
"""

import torch
from torch import nn
from torch.nn import functional

from accopt.torch_networks import Residual, SqueezeExcite, conv_bn


class UNet(nn.Module):
    """Ronneberger et al. 2015, https://arxiv.org/abs/1505.04597, figure 1: contracting
    path, transposed convolutions, skip connections by concatenation."""

    def __init__(self, widths=(8, 16, 32), classes=3):
        super().__init__()

        def double(inputs, outputs):
            return nn.Sequential(*conv_bn(inputs, outputs, 3), nn.ReLU(),
                                 *conv_bn(outputs, outputs, 3), nn.ReLU())

        self.down = nn.ModuleList(double(a, b) for a, b in zip((3, *widths), widths))
        self.bottom = double(widths[-1], 2 * widths[-1])
        turned = widths[::-1]
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, 2) for w in turned)
        self.merge = nn.ModuleList(double(2 * w, w) for w in turned)
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x):
        skips = []
        for block in self.down:
            skips.append(block(x))
            x = functional.max_pool2d(skips[-1], 2)
        x = self.bottom(x)
        for up, merge, skip in zip(self.up, self.merge, skips[::-1]):
            x = merge(torch.cat([skip, up(x)], 1))
        return self.head(x)


class Generator(nn.Module):
    """Radford et al. 2015, https://arxiv.org/abs/1511.06434, figure 1: transposed
    convolutions of kernel 4 and stride 2 with normalization and ReLU; DCGAN."""

    def __init__(self, latent=16, width=8):
        super().__init__()
        layers, channels = [], 4 * width
        self.stem = nn.Sequential(nn.ConvTranspose2d(latent, channels, 4), nn.BatchNorm2d(channels),
                                  nn.ReLU())
        for outputs in (2 * width, width):
            layers += [nn.ConvTranspose2d(channels, outputs, 4, 2, 1, bias=False),
                       nn.BatchNorm2d(outputs), nn.ReLU()]
            channels = outputs
        self.body = nn.Sequential(*layers, nn.ConvTranspose2d(channels, 3, 3, 2, 1, 1))

    def forward(self, x):
        return self.body(self.stem(x))


class CspBlock(nn.Module):
    """Wang et al. 2019, https://arxiv.org/abs/1911.11929: half of the channels goes
    through the block, both halves are joined."""

    def __init__(self, inputs, outputs):
        super().__init__()
        half = outputs // 2
        self.enter = nn.Sequential(*conv_bn(inputs, outputs, 1), nn.SiLU())
        self.body = nn.Sequential(*conv_bn(half, half, 3), nn.SiLU(), *conv_bn(half, half, 3),
                                  nn.SiLU())
        self.leave = nn.Sequential(*conv_bn(outputs + half, outputs, 1), nn.SiLU())

    def forward(self, x):
        left, right = self.enter(x).chunk(2, 1)
        return self.leave(torch.cat([left, right, self.body(right) + right], 1))


class Detector(nn.Module):
    """The neck and head of YOLOv5 to YOLOv8: pooling in a chain (SPPF), a pyramid by
    upsampling and concatenation, boxes of two scales with sigmoids, grids and strides
    (Redmon and Farhadi 2018, https://arxiv.org/abs/1804.02767, section 2.1)."""

    def __init__(self, width=8, anchors=2, classes=3):
        super().__init__()
        self.values = 5 + classes
        self.stem = nn.Sequential(*conv_bn(3, width, 3, 2), nn.SiLU(), *conv_bn(width, 2 * width, 3, 2),
                                  nn.SiLU())
        self.high = CspBlock(2 * width, 2 * width)
        self.low = nn.Sequential(*conv_bn(2 * width, 4 * width, 3, 2), nn.SiLU(),
                                 CspBlock(4 * width, 4 * width))
        self.squeeze = nn.Sequential(*conv_bn(4 * width, 2 * width, 1), nn.SiLU())
        self.expand = nn.Sequential(*conv_bn(8 * width, 2 * width, 1), nn.SiLU())
        self.merge = CspBlock(4 * width, 2 * width)
        self.heads = nn.ModuleList(nn.Conv2d(2 * width, anchors * self.values, 1) for _ in range(2))

    def forward(self, x):
        high = self.high(self.stem(x))
        low = self.squeeze(self.low(high))
        pooled = [low]
        for _ in range(3):
            pooled.append(functional.max_pool2d(pooled[-1], 5, 1, 2))
        low = self.expand(torch.cat(pooled, 1))
        up = functional.interpolate(low, scale_factor=2, mode="nearest")
        results = []
        for head, level in zip(self.heads, (self.merge(torch.cat([up, high], 1)), low)):
            y = head(level)
            n, c, h, w = y.shape
            y = y.view(n, c // self.values, self.values, h, w).permute(0, 1, 3, 4, 2)
            center, size, scores = y.sigmoid().split([2, 2, self.values - 4], -1)
            boxes = torch.cat([2 * center - 0.5, 4 * size * size, scores], -1)
            results.append(boxes.reshape(n, -1, self.values))
        return torch.cat(results, 1)


class Upsampler(nn.Module):
    """Shi et al. 2016, https://arxiv.org/abs/1609.05158: sub-pixel convolution, beside a
    bilinear path; what super-resolution networks end with."""

    def __init__(self, width=16, factor=2):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, width, 5, padding=2), nn.ReLU(),
                                  nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
                                  nn.Conv2d(width, 3 * factor**2, 3, padding=1),
                                  nn.PixelShuffle(factor))
        self.factor = factor

    def forward(self, x):
        smooth = functional.interpolate(x, scale_factor=self.factor, mode="bilinear",
                                        align_corners=False)
        return self.body(x) + smooth


def stages(block, widths, depths, stem, classes=10):
    """A stem, stages that halve the image, a classifier."""
    layers, channels = [*conv_bn(3, stem, 3, 2), nn.ReLU()], stem
    for width, depth in zip(widths, depths):
        for index in range(depth):
            layers.append(block(channels, width, 2 if index == 0 else 1))
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def regnet_block(inputs, outputs, stride):
    """Radosavovic et al. 2020, https://arxiv.org/abs/2003.13678, figure 4 (Y block):
    groups of a fixed width, squeeze and excite."""
    return Residual([*conv_bn(inputs, outputs, 1), nn.ReLU(),
                     *conv_bn(outputs, outputs, 3, stride, groups=outputs // 8), nn.ReLU(),
                     SqueezeExcite(outputs, max(4, inputs // 4), nn.ReLU, nn.Sigmoid),
                     *conv_bn(outputs, outputs, 1)], inputs, outputs, stride)


def resnext_block(inputs, outputs, stride):
    """Xie et al. 2017, https://arxiv.org/abs/1611.05431, figure 3 c: 4 groups."""
    width = outputs // 2
    return Residual([*conv_bn(inputs, width, 1), nn.ReLU(),
                     *conv_bn(width, width, 3, stride, groups=4), nn.ReLU(),
                     *conv_bn(width, outputs, 1)], inputs, outputs, stride)


class Ghost(nn.Module):
    """Han et al. 2020, https://arxiv.org/abs/1911.11907, figure 2: half of the channels
    by cheap depthwise convolutions of the other half."""

    def __init__(self, inputs, outputs, relu):
        super().__init__()
        half, last = (outputs + 1) // 2, [nn.ReLU()] if relu else []
        self.primary = nn.Sequential(*conv_bn(inputs, half, 1), *last)
        self.cheap = nn.Sequential(*conv_bn(half, half, 3, groups=half), *last)
        self.outputs = outputs

    def forward(self, x):
        x = self.primary(x)
        return torch.cat([x, self.cheap(x)], 1)[:, :self.outputs]


def ghost_block(inputs, outputs, stride):
    width = 2 * outputs
    down = conv_bn(width, width, 3, stride, groups=width) if stride > 1 else []
    return Residual([Ghost(inputs, width, True), *down,
                     SqueezeExcite(width, width // 4, nn.ReLU, nn.Hardsigmoid),
                     Ghost(width, outputs, False)], inputs, outputs, stride)


class RepVgg(nn.Module):
    """Ding et al. 2021, https://arxiv.org/abs/2101.03697, figure 2 b: the form in which it
    is trained, a sum of a 3x3, a 1x1 and an identity, each normalized."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.large = nn.Sequential(*conv_bn(inputs, outputs, 3, stride))
        self.small = nn.Sequential(*conv_bn(inputs, outputs, 1, stride))
        self.same = nn.BatchNorm2d(inputs) if inputs == outputs and stride == 1 else None

    def forward(self, x):
        y = self.large(x) + self.small(x)
        return torch.relu(y + self.same(x) if self.same else y)


def mnasnet():
    """Tan et al. 2019, https://arxiv.org/abs/1807.11626, figure 7 a, narrow: kernels of 3
    and 5, expansions of 3 and 6, linear bottlenecks without clipping."""

    class Block(nn.Module):
        def __init__(self, inputs, outputs, kernel, stride, expansion):
            super().__init__()
            width = inputs * expansion
            self.body = nn.Sequential(
                *conv_bn(inputs, width, 1), nn.ReLU(),
                *conv_bn(width, width, kernel, stride, groups=width), nn.ReLU(),
                *conv_bn(width, outputs, 1))
            self.adds = stride == 1 and inputs == outputs

        def forward(self, x):
            return x + self.body(x) if self.adds else self.body(x)

    layers = [*conv_bn(3, 8, 3, 2), nn.ReLU(), *conv_bn(8, 8, 3, groups=8), nn.ReLU(),
              *conv_bn(8, 8, 1)]
    channels = 8
    for outputs, repeats, kernel, stride, expansion in ((12, 2, 3, 2, 3), (16, 2, 5, 2, 3),
                                                        (24, 1, 3, 1, 6)):
        for index in range(repeats):
            layers.append(Block(channels, outputs, kernel, stride if index == 0 else 1, expansion))
            channels = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


class Inception(nn.Module):
    """Szegedy et al. 2016, https://arxiv.org/abs/1512.00567, figures 5 to 7: factorized
    7x1 and 1x7 convolutions, a pooled branch, a reduction by stride beside a pool."""

    def __init__(self, width=8, classes=10):
        super().__init__()

        def conv(inputs, outputs, kernel, stride=1, padding=0):
            return [nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False),
                    nn.BatchNorm2d(outputs, eps=1e-3), nn.ReLU()]

        self.stem = nn.Sequential(*conv(3, width, 3, 2), *conv(width, 2 * width, 3),
                                  nn.MaxPool2d(3, 2))
        c = 2 * width
        self.branches = nn.ModuleList([
            nn.Sequential(*conv(c, width, 1)),
            nn.Sequential(*conv(c, width, 1), *conv(width, width, (1, 7), padding=(0, 3)),
                          *conv(width, width, (7, 1), padding=(3, 0))),
            nn.Sequential(*conv(c, width, 1), *conv(width, width, 3, padding=1),
                          *conv(width, width, 3, padding=1)),
            nn.Sequential(nn.AvgPool2d(3, 1, 1), *conv(c, width, 1))])
        self.reduction = nn.ModuleList([nn.Sequential(*conv(4 * width, width, 3, 2)),
                                        nn.MaxPool2d(3, 2)])
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                                  nn.Linear(5 * width, classes))

    def forward(self, x):
        x = self.stem(x)
        x = torch.cat([branch(x) for branch in self.branches], 1)
        x = torch.cat([branch(x) for branch in self.reduction], 1)
        return self.head(x)


class Crnn(nn.Module):
    """Shi et al. 2015, https://arxiv.org/abs/1507.05717, table 1, narrow: convolutions that
    halve the height more often than the width, two bidirectional LSTMs along the width,
    logits for CTC. What captcha and licence plate readers are."""

    def __init__(self, width=8, hidden=16, classes=11):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            *conv_bn(2 * width, 2 * width, 3), nn.ReLU(), nn.MaxPool2d((2, 1)),
            nn.Conv2d(2 * width, 4 * width, (4, 1)), nn.ReLU())
        self.sequence = nn.LSTM(4 * width, hidden, num_layers=2, bidirectional=True)
        self.logits = nn.Linear(2 * hidden, classes)

    def forward(self, x):
        x = self.features(x).squeeze(2).permute(2, 0, 1)
        return self.logits(self.sequence(x)[0])


class Speech(nn.Module):
    """A keyword spotter: convolutions along time, a GRU, the last state (after Arik et al.
    2017, https://arxiv.org/abs/1703.05390, figure 1)."""

    def __init__(self, bands=20, hidden=24, classes=5):
        super().__init__()
        self.features = nn.Sequential(nn.Conv1d(bands, 32, 5, stride=2, padding=2), nn.ReLU())
        self.sequence = nn.GRU(32, hidden, batch_first=True)
        self.logits = nn.Linear(hidden, classes)

    def forward(self, x):
        return self.logits(self.sequence(self.features(x).transpose(1, 2))[1].squeeze(0))


IMAGE = (1, 3, 32, 32)
SMALL_NETWORKS = {
    "unet": (UNet, IMAGE),
    "dcgan": (Generator, (1, 16, 1, 1)),
    "detector": (Detector, (1, 3, 64, 64)),
    "upsampler": (Upsampler, (1, 3, 16, 20)),
    "regnet": (lambda: stages(regnet_block, (16, 32), (1, 2), 16), IMAGE),
    "resnext": (lambda: stages(resnext_block, (32, 64), (1, 2), 16), IMAGE),
    "ghostnet": (lambda: stages(ghost_block, (16, 24), (2, 1), 8), IMAGE),
    "repvgg": (lambda: stages(RepVgg, (16, 32), (2, 2), 8), IMAGE),
    "mnasnet": (mnasnet, IMAGE),
    "inception": (Inception, (1, 3, 47, 47)),
    "crnn": (Crnn, (1, 1, 32, 64)),
    "keywords": (Speech, (1, 20, 30)),
}
