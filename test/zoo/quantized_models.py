"""Networks of other exporters, quantized or rewritten by tools for ONNX.

onnxruntime's quantizers run here, in every format they write and with their options; other
tools (rewritten_models.py) in an environment of their own.
"""

import numpy as np
import onnx
from onnxruntime import quantization as q
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

QDQ, QOPERATOR = q.QuantFormat.QDQ, q.QuantFormat.QOperator
S4, S8, U8, S16, U16 = (q.QuantType.QInt4, q.QuantType.QInt8, q.QuantType.QUInt8, q.QuantType.QInt16,
                        q.QuantType.QUInt16)
# Format, type of activations, type of weights, scales per channel, options.
STATIC = {
    "qdq-s8s8-channel": (QDQ, S8, S8, True, {}),
    "qdq-u8s8-tensor": (QDQ, U8, S8, False, {}),
    "qdq-u8u8-tensor": (QDQ, U8, U8, False, {}),
    "qoperator-s8s8-channel": (QOPERATOR, S8, S8, True, {}),
    "qoperator-u8s8-tensor": (QOPERATOR, U8, S8, False, {}),
    "qoperator-u8u8-channel": (QOPERATOR, U8, U8, True, {}),
    "qdq-s8s8-symmetric": (QDQ, S8, S8, True, {"extra_options": {"ActivationSymmetric": True}}),
    "qoperator-s8s8-symmetric": (QOPERATOR, S8, S8, False, {"extra_options": {"ActivationSymmetric": True}}),
    "qdq-u8s8-percentile": (QDQ, U8, S8, True, {"calibrate_method": q.CalibrationMethod.Percentile}),
    "qdq-u8u8-reduced": (QDQ, U8, U8, True, {"reduce_range": True}),
    "qdq-s8s4-channel": (QDQ, S8, S4, True, {}),
    "qdq-u16s8-channel": (QDQ, U16, S8, True, {}),
    "qdq-s16s16-tensor": (QDQ, S16, S16, False, {}),
    "qdq-s8s8-pairs": (QDQ, S8, S8, True, {"extra_options": {
        "DedicatedQDQPair": True, "QDQKeepRemovableActivations": True, "AddQDQPairToWeight": True}}),
    "qdq-s8s8-nobias": (QDQ, S8, S8, True, {"extra_options": {"QuantizeBias": False}}),
}
# Bits, format; of the weights of matrix products, in blocks.
BLOCKS = {"matmul4": (4, QOPERATOR), "matmul8": (8, QOPERATOR), "matmul4-qdq": (4, QDQ)}
BASES = ("torchvision/mobilenet_v2", "torchvision/resnet50", "torchvision/shufflenet_v2_x1_0",
         "torchvision/googlenet", "ultralytics/yolov8n", "smp/Unet/resnet18", "keras/uneven_pads")
DYNAMIC = ("torchvision/squeezenet1_1", "transformers/bert", "transformers/minilm", "keras/sequence_lstm")
OTHERS = {  # What rewritten_models.py does, by network.
    "torchvision/mobilenet_v2": ("nncf", "inc-static", "half", "half-io", "simplified", "slim"),
    "torchvision/shufflenet_v2_x1_0": ("nncf", "half", "simplified", "slim"),
    "torchvision/squeezenet1_1": ("nncf", "inc-static", "inc-dynamic"),
    "ultralytics/yolov8n": ("nncf", "half", "simplified", "slim"),
    "transformers/bert": ("nncf", "inc-dynamic", "half", "simplified", "slim"),
    "transformers/minilm": ("nncf", "half-io", "slim"),
    "keras/uneven_pads": ("nncf", "half", "simplified", "slim"),
    "packaged/silero-vad-ifless": ("half-io", "simplified", "slim"),
}
QUANTIZED_NAMES = ([f"quantized/{base}:{mode}" for base in BASES[:1] for mode in STATIC]
                   + [f"quantized/{base}:{mode}" for base in BASES[1:]
                      for mode in ("qdq-s8s8-channel", "qoperator-u8s8-tensor")]
                   + [f"quantized/{base}:dynamic" for base in DYNAMIC]
                   + [f"quantized/transformers/{base}:{mode}" for base in ("bert", "minilm") for mode in
                      (*BLOCKS, "qdq-u8s8-tensor", "qoperator-s8s8-channel")]
                   + [f"quantized/{base}:{mode}" for base, modes in OTHERS.items() for mode in modes])


def base_of(name):
    """The float model that a quantized one is made of."""
    return name.removeprefix("quantized/").rpartition(":")[0]


def is_rewritten(name):
    """Whether a tool of rewritten_models.py makes it."""
    base, mode = base_of(name), name.rpartition(":")[2]
    return mode in OTHERS.get(base, ())


class Reader(q.CalibrationDataReader):
    def __init__(self, feeds):
        self.feeds = iter(feeds)

    def get_next(self):
        return next(self.feeds, None)


def quantize(name, base, path, feeds):
    """Writes the model `base` quantized by onnxruntime as `name` says, calibrated on `feeds`."""
    mode = name.rpartition(":")[2]
    if mode == "dynamic":
        q.quantize_dynamic(base, path, weight_type=U8)
        return
    if mode in BLOCKS:
        bits, form = BLOCKS[mode]
        quantizer = MatMulNBitsQuantizer(onnx.load(base), bits=bits, block_size=32, is_symmetric=form == QDQ,
                                         quant_format=form)
        quantizer.process()
        quantizer.model.save_model_to_file(str(path))
        return
    form, activation, weight, channel, options = STATIC[mode]
    ready = path.with_suffix(".ready.onnx")
    q.quant_pre_process(base, ready, skip_symbolic_shape=True)
    q.quantize_static(ready, path, Reader(feeds), quant_format=form, activation_type=activation,
                      weight_type=weight, per_channel=channel, **options)
    ready.unlink()


def save_feeds(path, feeds):
    """Writes what rewritten_models.py calibrates on: NUMBER:INPUT."""
    np.savez(path, **{f"{i}:{name}": array for i, feed in enumerate(feeds) for name, array in feed.items()})
