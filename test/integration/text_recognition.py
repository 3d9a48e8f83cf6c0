"""PP-OCR's recognizer and detector, trained networks of others, against onnxruntime.

    text_recognition.py [--lines N] [--pages N] [--flag=FLAG]...
                        [--least-strings SHARE] [--least-overlap SHARE]

Lines of text are rendered, and the binary's strings compared with onnxruntime's, of
which 98 % should be equal. Blanks at a string's ends count apart: whether there is one is
so close a call that weights of 12 bits change two of 60. Pages are rendered; the pixels
that the detector calls text should be the same but for the edges. Each FLAG goes to
acc-opt; --flag=--activation-bits=16 loses least.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

import text_direction as lines_of_text
from accopt.compare_reports import differences

HEIGHT, WIDTH = 48, 320
PAGE = 320


def model_path(name):
    return Path(importlib.util.find_spec("rapidocr_onnxruntime").origin).parent / "models" / name


def session_of(model):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def make_lines(count, seed):
    """[count, 3, HEIGHT, WIDTH]: as the recognizer wants them."""
    generator = np.random.default_rng(seed)
    result = np.zeros((count, 3, HEIGHT, WIDTH), np.float32)
    for image in result:
        line = lines_of_text.render(generator)
        width = min(WIDTH, int(np.ceil(HEIGHT * line.width / line.height)))
        pixels = np.asarray(line.resize((width, HEIGHT), Image.Resampling.BILINEAR), np.float32)
        image[:, :, :width] = (pixels.transpose(2, 0, 1) / 255 - 0.5) / 0.5
    return result


def make_pages(count, seed):
    """[count, 3, PAGE, PAGE]: some lines on a page, normalized as the detector wants them."""
    generator = np.random.default_rng(seed)
    mean, deviation = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], np.float32)
    pages = []
    for _ in range(count):
        page = Image.new("RGB", (PAGE, PAGE), (int(generator.integers(200, 256)),) * 3)
        y = int(generator.integers(5, 40))
        while y < PAGE - 40:
            line = lines_of_text.render(generator)
            scale = min(1, (PAGE - 20) / line.width, 32 / line.height)
            line = line.resize((int(line.width * scale), int(line.height * scale)))
            page.paste(line, (int(generator.integers(0, PAGE - line.width + 1)), y))
            y += line.height + int(generator.integers(10, 60))
        pixels = np.asarray(page, np.float32) / 255
        pages.append(((pixels - mean) / deviation).transpose(2, 0, 1))
    return np.stack(pages)


def decode(scores, characters):
    """The string of each sequence of scores: repeats and blanks (0) are dropped."""
    strings = []
    for best in scores.argmax(2):
        kept = [k for i, k in enumerate(best) if k and (i == 0 or best[i - 1] != k)]
        strings.append("".join(characters[k] for k in kept))
    return strings


def run_binary(model, calibration, inputs, flags, folder):
    """The binary's first output; fails where analysis and simulator differ."""
    session = session_of(model)
    name, output = session.get_inputs()[0].name, session.get_outputs()[0].name
    shape = "x".join(map(str, (1, *inputs.shape[1:])))
    np.savez(folder / "c.npz", **{name: calibration})
    np.savez(folder / "x.npz", **{name: inputs})
    subprocess.run(
        ["acc-opt", model, f"--input-shape={name}={shape}", "--quiet", *flags,
         f"--calibration-data={folder / 'c.npz'}", "-o", folder / "m.elf",
         f"--report={folder / 'analysis.json'}"], check=True)
    subprocess.run(
        ["acc-sim", folder / "m.elf", f"--input={folder / 'x.npz'}", "--quiet",
         f"--output={folder / 'y.npz'}", f"--report={folder / 'simulator.json'}"], check=True)
    expected = np.concatenate([session.run([output], {name: x[None]})[0] for x in inputs])
    report = json.loads((folder / "analysis.json").read_text())
    problems = differences(report, json.loads((folder / "simulator.json").read_text()))
    return expected, np.load(folder / "y.npz")[output], problems, report


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, default=50)
    parser.add_argument("--pages", type=int, default=4)
    parser.add_argument("--flag", action="append", default=[])
    parser.add_argument("--least-strings", type=float, default=0.98)
    parser.add_argument("--least-overlap", type=float, default=0.9)
    options = parser.parse_args()
    flags = options.flag
    problems = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if options.lines:
            model = model_path("ch_PP-OCRv4_rec_infer.onnx")
            listed = session_of(model).get_modelmeta().custom_metadata_map["character"].splitlines()
            characters = ["", *listed, " "]
            expected, result, wrong, report = run_binary(
                model, make_lines(16, seed=1), make_lines(options.lines, seed=2), flags, folder)
            want, got = decode(expected, characters), decode(result, characters)
            whole = sum(a == b for a, b in zip(want, got, strict=True))
            equal = sum(a.strip() == b.strip() for a, b in zip(want, got, strict=True))
            letters = sum(map(len, want))
            print(f"recognizer: {equal} of {len(want)} strings equal, {whole} with the blanks "
                  f"at their ends, {letters} characters, {report['total']['cycles']} cycles")
            for a, b in zip(want, got, strict=True):
                if a != b:
                    print(f"  float  '{a}'\n  binary '{b}'")
            problems += wrong
            if equal < options.least_strings * len(want) or letters < 10 * len(want):
                problems.append(f"expected at least {100 * options.least_strings:.0f} % of "
                                f"{len(want)} strings equal, got {equal}")
        if options.pages:
            model = model_path("ch_PP-OCRv4_det_infer.onnx")
            expected, result, wrong, report = run_binary(
                model, make_pages(8, seed=3), make_pages(options.pages, seed=4), flags, folder)
            a, b = expected > 0.3, result > 0.3
            overlap = (a & b).sum() / (a | b).sum()
            print(f"detector: {100 * a.mean():.1f} % of the pixels are text, overlap {overlap:.3f}, "
                  f"{report['total']['cycles']} cycles")
            problems += wrong
            if overlap < options.least_overlap or a.mean() < 0.02:
                problems.append(f"expected an overlap of at least {options.least_overlap}, "
                                f"got {overlap:.3f}")
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
