"""Exports one PaddlePaddle network through paddle2onnx.

    paddle_models.py NAME FILE.onnx
"""

import sys

import numpy as np

VISION = {"mobilenet_v1": 160, "mobilenet_v2": 160, "mobilenet_v3_small": 160, "resnet18": 128,
          "shufflenet_v2_x0_5": 160, "squeezenet1_1": 160, "densenet121": 128, "googlenet": 224,
          "inception_v3": 160, "vgg11": 224, "resnext50_32x4d": 96}
OWN = {"crnn": (3, 32, 96), "unet": (3, 64, 64), "fpn": (3, 64, 64), "uneven_pads": (3, 45, 37),
       "swishes": (3, 32, 32)}
PADDLE_NAMES = [f"paddle/{name}" for name in [*VISION, *OWN]]


def shape_of(name):
    name = name.partition("/")[2]
    return OWN[name] if name in OWN else (3, VISION[name], VISION[name])


def own_network(name, paddle):
    nn, F = paddle.nn, paddle.nn.functional

    class Crnn(nn.Layer):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv2D(3, 16, 3, 2, 1), nn.BatchNorm2D(16), nn.Hardswish(), nn.Conv2D(16, 32, 3, 2, 1),
                nn.BatchNorm2D(32), nn.ReLU(), nn.MaxPool2D((8, 1)))
            self.rnn = nn.LSTM(32, 24, num_layers=2, direction="bidirect")
            self.out = nn.Linear(48, 40)

        def forward(self, x):
            x = self.body(x).squeeze(2).transpose([0, 2, 1])
            return F.softmax(self.out(self.rnn(x)[0]), -1)

    class Unet(nn.Layer):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2D(3, 8, 3, padding=1), nn.Conv2D(8, 16, 3, 2, 1)
            self.up, self.out = nn.Conv2DTranspose(16, 8, 4, 2, 1), nn.Conv2D(16, 2, 1)

        def forward(self, x):
            a = F.relu(self.a(x))
            b = F.leaky_relu(self.b(a))
            return F.sigmoid(self.out(paddle.concat([F.relu(self.up(b)), a], 1)))

    class Fpn(nn.Layer):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2D(3, 16, 3, 2, 1), nn.Conv2D(16, 16, 3, 2, 1)
            self.out = nn.Conv2D(16, 4, 3, padding=1)

        def forward(self, x):
            a = F.hardswish(self.a(x))
            b = F.hardsigmoid(self.b(a)) * 2
            a = a + F.interpolate(b, scale_factor=2, mode="bilinear", align_corners=False)
            return self.out(F.interpolate(a, scale_factor=2, mode="nearest"))

    class Uneven(nn.Layer):
        def __init__(self):
            super().__init__()
            self.a = nn.Conv2D(3, 8, 3, 2, padding=[0, 1, 0, 1])
            self.b = nn.Conv2D(8, 16, 5, 2, padding="SAME")
            self.out = nn.Linear(16, 6)

        def forward(self, x):
            x = F.max_pool2d(F.relu6(self.a(x)), 3, 2, padding=[0, 1, 1, 0])
            x = F.avg_pool2d(F.relu(self.b(x)), 2, 2, ceil_mode=True)
            return self.out(F.adaptive_avg_pool2d(x, 1).flatten(1))

    class Swishes(nn.Layer):
        def __init__(self):
            super().__init__()
            self.layers = nn.LayerList([nn.Conv2D(3 if i == 0 else 8, 8, 3, padding=1, groups=1 if i == 0 else 2)
                                        for i in range(6)])
            self.norm, self.group = nn.InstanceNorm2D(8), nn.GroupNorm(4, 8)
            self.out = nn.Linear(8 * 4, 5)

        def forward(self, x):
            acts = [F.swish, F.mish, F.gelu, F.elu, F.log_sigmoid, F.hardtanh]
            for layer, act in zip(self.layers, acts):
                x = act(layer(x))
            x = self.group(self.norm(x))
            return self.out(F.adaptive_max_pool2d(x, 2).reshape([-1, 32]))

    return {"crnn": Crnn, "unet": Unet, "fpn": Fpn, "uneven_pads": Uneven, "swishes": Swishes}[name]()


def main():
    import paddle

    import samples

    name = sys.argv[1].partition("/")[2]
    paddle.seed(7)
    network = own_network(name, paddle) if name in OWN else getattr(paddle.vision.models, name)(
        **({"num_classes": 0} if name == "vgg11" else {}))
    shape = shape_of(sys.argv[1])
    photos = paddle.to_tensor(samples.images(np.random.default_rng(11), 8, shape))
    network.train()
    for layer in network.sublayers():
        if type(layer).__name__.startswith("BatchNorm"):
            layer._momentum = 0.0
        if type(layer).__name__ == "Dropout":
            layer.p = 0.0
    network(photos)
    network.eval()
    path = sys.argv[2].removesuffix(".onnx")
    paddle.onnx.export(network, path, input_spec=[paddle.static.InputSpec((1, *shape), "float32", "image")],
                       opset_version=13)


if __name__ == "__main__":
    main()
