"""Networks of other exporters, quantized by onnxruntime's tools in every format they write."""

import numpy as np
from onnxruntime import quantization as q

import samples

# Format, type of activations, type of weights, scales per channel.
STATIC = {
    "qdq-s8s8-channel": (q.QuantFormat.QDQ, q.QuantType.QInt8, q.QuantType.QInt8, True),
    "qdq-u8s8-tensor": (q.QuantFormat.QDQ, q.QuantType.QUInt8, q.QuantType.QInt8, False),
    "qdq-u8u8-tensor": (q.QuantFormat.QDQ, q.QuantType.QUInt8, q.QuantType.QUInt8, False),
    "qoperator-s8s8-channel": (q.QuantFormat.QOperator, q.QuantType.QInt8, q.QuantType.QInt8, True),
    "qoperator-u8s8-tensor": (q.QuantFormat.QOperator, q.QuantType.QUInt8, q.QuantType.QInt8, False),
    "qoperator-u8u8-channel": (q.QuantFormat.QOperator, q.QuantType.QUInt8, q.QuantType.QUInt8, True),
}
BASES = ("torchvision/mobilenet_v2", "torchvision/resnet50", "torchvision/shufflenet_v2_x1_0",
         "torchvision/googlenet", "ultralytics/yolov8n", "smp/Unet/resnet18", "keras/uneven_pads")
DYNAMIC = ("torchvision/squeezenet1_1", "transformers/bert", "transformers/minilm", "keras/sequence_lstm")
QUANTIZED_NAMES = ([f"quantized/{base}:{mode}" for base in BASES[:1] for mode in STATIC]
                   + [f"quantized/{base}:{mode}" for base in BASES[1:]
                      for mode in ("qdq-s8s8-channel", "qoperator-u8s8-tensor")]
                   + [f"quantized/{base}:dynamic" for base in DYNAMIC])


def base_of(name):
    """The float model that a quantized one is made of."""
    return name.removeprefix("quantized/").rpartition(":")[0]


class Reader(q.CalibrationDataReader):
    def __init__(self, feeds):
        self.feeds = iter(feeds)

    def get_next(self):
        return next(self.feeds, None)


def quantize(name, base, path, feeds):
    """Writes the model `base` quantized as `name` says, calibrated on `feeds`."""
    mode = name.rpartition(":")[2]
    if mode == "dynamic":
        q.quantize_dynamic(base, path, weight_type=q.QuantType.QUInt8)
        return
    form, activation, weight, channel = STATIC[mode]
    ready = path.with_suffix(".ready.onnx")
    q.quant_pre_process(base, ready, skip_symbolic_shape=True)
    q.quantize_static(ready, path, Reader(feeds), quant_format=form, activation_type=activation,
                      weight_type=weight, per_channel=channel)
    ready.unlink()
