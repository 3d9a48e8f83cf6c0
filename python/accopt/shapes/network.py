"""A small residual network: a stem of stride 2, three stages, one linear layer."""

from torch import nn


def conv_bn(inputs, outputs, kernel, stride=1):
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs))


class Block(nn.Module):
    """Two convolutions and a way around them (K. He et al., arXiv:1512.03385)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = conv_bn(inputs, outputs, 3, stride)
        self.conv2 = conv_bn(outputs, outputs, 3)
        self.skip = None
        if stride != 1 or inputs != outputs:
            self.skip = conv_bn(inputs, outputs, 1, stride)
        self.relu = nn.ReLU()

    def forward(self, x):
        y = self.conv2(self.relu(self.conv1(x)))
        return self.relu(y + (self.skip(x) if self.skip else x))


class ShapesNet(nn.Module):
    """Maps images [N, 3, 32, 32] to logits [N, 10]; stages of width, 2 and 4 times it."""

    def __init__(self, width=32, blocks=1):
        super().__init__()
        self.stem = conv_bn(3, width, 3, stride=2)
        self.relu = nn.ReLU()
        self.blocks = nn.ModuleList()
        inputs = width
        for stage in range(3):
            outputs = width << stage
            for number in range(blocks):
                stride = 2 if stage > 0 and number == 0 else 1
                self.blocks.append(Block(inputs, outputs, stride))
                inputs = outputs
        self.linear = nn.Linear(inputs, 10)

    def forward(self, image):
        x = self.relu(self.stem(image))
        for block in self.blocks:
            x = block(x)
        return self.linear(x.mean((2, 3)))
