"""The network: every kind of layer that a small vision model has."""

import torch
from torch import nn


class DigitsNet(nn.Module):
    """Maps images [N, 1, 8, 8] to logits [N, 10].

    A stem, a residual block, a depthwise-separable block, a grouped convolution,
    global average pooling and a linear layer; each convolution has a batch norm.
    """

    def __init__(self, width=16):
        super().__init__()
        self.stem = self._conv_bn(1, width, 3, padding=1)
        self.block1 = self._conv_bn(width, width, 3, padding=1)
        self.block2 = self._conv_bn(width, width, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.depthwise = self._conv_bn(width, width, 3, padding=1, groups=width)
        self.pointwise = self._conv_bn(width, 2 * width, 1)
        self.grouped = self._conv_bn(2 * width, 2 * width, 3, padding=1, groups=4)
        self.gap = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(2 * width, 10)
        self.relu = nn.ReLU()

    @staticmethod
    def _conv_bn(inputs, outputs, kernel, **options):
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel, bias=False, **options),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, image):
        x = self.relu(self.stem(image))
        y = self.relu(self.block1(x))
        x = self.relu(self.block2(y) + x)
        x = self.pool(x)
        x = self.relu(self.depthwise(x))
        x = self.relu(self.pointwise(x))
        x = self.relu(self.grouped(x))
        x = torch.flatten(self.gap(x), 1)
        return self.linear(x)
