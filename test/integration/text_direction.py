"""PP-OCR's text-direction classifier, a trained MobileNetV3-like network.

Lines of text are rendered, upright and turned by 180 degrees; the binary's decision
must equal onnxruntime's on the float model on at least 98 % of them.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageDraw, ImageFont

from accopt.compare_reports import differences

MODEL = "models/ch_ppocr_mobile_v2.0_cls_infer.onnx"
HEIGHT, WIDTH = 48, 192
CALIBRATION, TESTS = 32, 100
WORDS = ("the quick brown fox jumps over a lazy dog while seven wizards brew potions "
         "Invoice Total Amount Date Street London Paris Berlin No. 42 17:30 3.14 2026 "
         "PLEASE KEEP DRY This Side Up Exit Platform Gate Receipt Cash Change").split()


def render(generator):
    """One line of random words, black on light or white on dark, with some noise."""
    text = " ".join(generator.choice(WORDS, generator.integers(2, 5)))
    font = ImageFont.load_default(size=int(generator.integers(24, 36)))
    left, top, right, bottom = font.getbbox(text)
    paper = int(generator.integers(180, 256))
    ink = int(generator.integers(0, 80))
    if generator.random() < 0.2:
        paper, ink = ink, paper
    margin = int(generator.integers(3, 9))
    image = Image.new("RGB", (right - left + 2 * margin, bottom - top + 2 * margin), (paper,) * 3)
    ImageDraw.Draw(image).text((margin - left, margin - top), text, (ink,) * 3, font)
    pixels = np.asarray(image, np.float32) + generator.normal(0, 4, (*image.size[::-1], 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def prepare(image):
    """Scales to the height, normalizes to [-1, 1] and pads with zeros on the right."""
    width = min(WIDTH, int(np.ceil(HEIGHT * image.width / image.height)))
    pixels = np.asarray(image.resize((width, HEIGHT), Image.Resampling.BILINEAR), np.float32)
    result = np.zeros((3, HEIGHT, WIDTH), np.float32)
    result[:, :, :width] = (pixels.transpose(2, 0, 1) / 255 - 0.5) / 0.5
    return result


def make_lines(count, seed):
    """Each line upright and turned, [2 * count, 3, HEIGHT, WIDTH]."""
    generator = np.random.default_rng(seed)
    images = [render(generator) for _ in range(count)]
    return np.stack([prepare(turned) for image in images
                     for turned in (image, image.transpose(Image.Transpose.ROTATE_180))])


def main():
    package = importlib.util.find_spec("rapidocr_onnxruntime")
    model = Path(package.origin).parent / MODEL
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    output = session.get_outputs()[0].name
    lines = make_lines(TESTS, seed=2)
    expected = session.run([output], {name: lines})[0]

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        np.savez(folder / "calibration.npz", **{name: make_lines(CALIBRATION, seed=1)})
        np.savez(folder / "lines.npz", **{name: lines})
        subprocess.run(
            ["acc-opt", model, f"--input-shape={name}=1x3x{HEIGHT}x{WIDTH}", "--quiet",
             f"--calibration-data={folder / 'calibration.npz'}", "-o", folder / "cls.elf",
             f"--report={folder / 'analysis.json'}"], check=True)
        subprocess.run(
            ["acc-sim", folder / "cls.elf", f"--input={folder / 'lines.npz'}",
             f"--output={folder / 'y.npz'}", f"--report={folder / 'simulator.json'}"], check=True)
        result = np.load(folder / "y.npz")[output]
        problems = differences(json.loads((folder / "analysis.json").read_text()),
                               json.loads((folder / "simulator.json").read_text()))

    truth = np.arange(len(lines)) % 2
    agree = 100 * np.mean(result.argmax(1) == expected.argmax(1))
    print(f"{len(lines)} lines: float right on {100 * np.mean(expected.argmax(1) == truth):.1f} %, "
          f"binary on {100 * np.mean(result.argmax(1) == truth):.1f} %, they agree on {agree:.1f} %")
    if len(set(expected.argmax(1))) != 2:
        problems.append("expected the float model to decide both ways")
    if agree < 98:
        problems.append(f"expected agreement on at least 98 %, got {agree:.1f} %")
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
