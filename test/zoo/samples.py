"""Inputs for real models: photographs, lines of text, sound, files, sentences.

Everything comes from packages that are installed anyway (scikit-learn's and matplotlib's
photographs, Pillow's font), is drawn with a seed, or is a file of this repository.
"""

import functools
import importlib.util
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "test/integration")]
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


def package_folder(name):
    return Path(importlib.util.find_spec(name).origin).parent


@functools.cache
def photographs():
    folder = package_folder("sklearn") / "datasets/images"
    return [Image.open(folder / name).convert("RGB") for name in ("china.jpg", "flower.jpg")]


def crops(generator, count, height, width):
    """[count, height, width, 3] in 0 to 255: parts of photographs, some of them mirrored."""
    result = []
    for _ in range(count):
        photo = photographs()[int(generator.integers(2))]
        side = int(generator.integers(160, 400))
        left = int(generator.integers(photo.width - side))
        top = int(generator.integers(photo.height - side))
        part = photo.crop((left, top, left + side, top + side)).resize((width, height))
        pixels = np.asarray(part, np.float32)
        result.append(pixels[:, ::-1] if generator.random() < 0.5 else pixels)
    return np.stack(result)


def images(generator, count, shape, scale="imagenet", last=False):
    """[count, *shape] of crops; `scale` is imagenet, unit (0 to 1), centred (-1 to 1), bytes
    (0 to 255)."""
    channels, height, width = (shape[2], *shape[:2]) if last else shape
    pixels = crops(generator, count, height, width)
    if channels == 1:
        pixels = pixels.mean(-1, keepdims=True)
    if scale == "imagenet":
        pixels = (pixels / 255 - MEAN) / DEVIATION if channels == 3 else (pixels / 255 - 0.5) / 0.25
    elif scale == "centred":
        pixels = pixels / 127.5 - 1
    elif scale == "unit":
        pixels = pixels / 255
    return pixels.astype(np.float32) if last else pixels.transpose(0, 3, 1, 2).astype(np.float32)


def text_lines(generator, count, shape):
    """Rendered lines of text in [-1, 1], [count, channels, height, width]."""
    from text_direction import render

    channels, height, width = shape
    result = np.zeros((count, *shape), np.float32)
    for image in result:
        line = render(generator).convert("L" if channels == 1 else "RGB")
        wide = min(width, int(np.ceil(height * line.width / line.height)))
        pixels = np.asarray(line.resize((wide, height)), np.float32).reshape(height, wide, channels)
        image[:, :, :wide] = pixels.transpose(2, 0, 1) / 127.5 - 1
    return result


def seals(generator, count, side):
    """Red rings with letters along them on paper, [count, 3, side, side], as imagenet's photographs."""
    from PIL import ImageDraw, ImageFont

    result = []
    for _ in range(count):
        image = Image.new("RGB", (side, side), tuple(int(v) for v in generator.integers(225, 256, 3)))
        red = (int(generator.integers(180, 230)), *(int(v) for v in generator.integers(10, 60, 2)))
        radius = int(side * generator.uniform(0.3, 0.42))
        middle = side / 2 + generator.uniform(-0.06, 0.06, 2) * side
        ImageDraw.Draw(image).ellipse([*(middle - radius), *(middle + radius)], outline=red, width=6)
        letters = "".join(generator.choice(list("ABCDEFGHKLMNPRSTUWXYZ"), 16))
        size = int(radius * 0.3)
        for i, letter in enumerate(letters):
            angle = -225 + 270 * i / 15
            tile = Image.new("L", (2 * size, 2 * size))
            ImageDraw.Draw(tile).text((size, size), letter, 255, ImageFont.load_default(size=size), anchor="mm")
            tile = tile.rotate(-angle - 90)
            place = middle + 0.75 * radius * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))]) - size
            image.paste(red, (int(place[0]), int(place[1])), tile)
        result.append((np.asarray(image, np.float32) / 255 - MEAN) / DEVIATION)
    return np.stack(result).transpose(0, 3, 1, 2)


def captchas(generator, count, shape):
    """Four to six letters on a noisy ground, grey, as ddddocr wants them."""
    from PIL import ImageDraw, ImageFont

    channels, height, width = shape
    result = []
    for _ in range(count):
        image = Image.new("L", (width, height), int(generator.integers(200, 256)))
        draw = ImageDraw.Draw(image)
        letters = "".join(generator.choice(list("abcdefghkmnpqrstuwxyz2345678"), int(generator.integers(4, 6))))
        for i, letter in enumerate(letters):
            font = ImageFont.load_default(size=int(generator.integers(34, 48)))
            draw.text((8 + i * 30 + generator.integers(-3, 4), generator.integers(2, 12)), letter,
                      int(generator.integers(0, 90)), font)
        for _ in range(3):
            ends = generator.integers(0, (width, height, width, height))
            draw.line([int(v) for v in ends], int(generator.integers(90, 170)), 1)
        pixels = np.asarray(image, np.float32) + generator.normal(0, 6, (height, width))
        result.append(np.clip(pixels, 0, 255)[None].repeat(channels, 0) / 255)
    return ((np.stack(result) - 0.456) / 0.224).astype(np.float32)


def sound(generator, count, length, rate=16000):
    """[count, length] in [-1, 1]: half of it voiced (a gliding harmonic tone whose formants
    move), half of it faint noise."""
    time = np.arange(length) / rate
    result = []
    for i in range(count):
        noise = generator.normal(0, 0.004, length)
        if i % 2:
            result.append(noise)
            continue
        pitch = generator.uniform(90, 220) * (1 + 0.1 * np.sin(2 * np.pi * generator.uniform(1, 4) * time))
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        tone = np.zeros(length)
        formants = generator.uniform((300, 900, 2200), (800, 2000, 3200))
        for k in range(1, 30):
            level = sum(np.exp(-((k * pitch.mean() - f) / 150) ** 2) for f in formants)
            tone += (level + 0.02) * np.sin(k * phase + generator.uniform(0, 6))
        result.append(0.3 * tone / np.abs(tone).max() + noise)
    return np.stack(result).astype(np.float32)


def mel_spectrum(waves, bands, rate=16000, size=512, step=160):
    """Energies [count, windows, bands] of triangular bands that are evenly wide in mel."""
    starts = range(0, waves.shape[1] - size + 1, step)
    power = np.abs(np.fft.rfft(np.stack([waves[:, s:s + size] for s in starts], 1) * np.hanning(size))) ** 2
    mels = np.linspace(0, 2595 * np.log10(1 + rate / 1400), bands + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    bins = np.fft.rfftfreq(size, 1 / rate)[:, None]
    rising, falling = (bins - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - bins) / np.diff(edges)[1:]
    return power @ np.clip(np.minimum(rising, falling), 0, None)


def file_bytes(generator, count):
    """[count, 2048] as Magika reads files: 1024 bytes from their beginning and their end,
    white space stripped, 256 where there is none."""
    suffixes = ("py", "cpp", "md", "yaml", "onnx", "td", "h", "mlir", "npz", "txt", "json", "sh")
    paths = sorted(p for s in suffixes for p in ROOT.glob(f"[!.b]*/**/*.{s}") if p.is_file())
    rows = []
    for index in generator.choice(len(paths), count, replace=False):
        data = paths[index].read_bytes()
        begin, end = data[:4096].lstrip()[:1024], data[-4096:].rstrip()[-1024:]
        row = np.full(2048, 256, np.int32)
        row[:len(begin)] = list(begin)
        row[2048 - len(end):] = list(end)
        rows.append(row)
    return np.stack(rows)
