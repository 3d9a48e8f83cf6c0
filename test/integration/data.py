"""Writes data in every form that --data takes and holds accopt-data to it."""

import argparse
import gzip
import os
import struct
import subprocess
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from accopt.digits.data import load_split

SEED = 4


def run(spec, sample="", output="", dump=None, environment=None):
    command = ["accopt-data", str(spec), f"--sample={sample}", f"--output={output}"]
    if dump:
        command.append(f"--dump={dump}")
    return subprocess.run(
        command, capture_output=True, text=True, errors="replace", env=environment, timeout=60
    )


def load(folder, spec, **options):
    """The splits that accopt-data reads, and what it prints."""
    dump = folder / "dump.npz"
    result = run(spec, dump=dump, **options)
    assert result.returncode == 0, result.stderr
    with np.load(dump) as file:
        return dict(file), result.stdout


def expect_equal(got, wanted, tolerance=0.0):
    wanted = np.asarray(wanted)
    assert got.shape == wanted.shape, (got.shape, wanted.shape)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance)


def join_train(splits):
    """Train and validation together, in the order of their bytes."""
    x = np.concatenate([splits["x_train"], splits["x_val"]])
    y = np.concatenate([splits["y_train"], splits["y_val"]])
    order = sorted(range(len(x)), key=lambda i: (x[i].tobytes(), y[i]))
    return x[order], y[order]


def expect_same_train(splits, x, y):
    got_x, got_y = join_train(splits)
    wanted_x, wanted_y = join_train({"x_train": x, "y_train": y, "x_val": x[:0], "y_val": y[:0]})
    expect_equal(got_x, wanted_x)
    expect_equal(got_y, wanted_y)


def as_floats(images):
    return images.astype(np.float32) / np.float32(255)


def check_digits(folder, digits):
    environment = dict(os.environ, ACCOPT_DATA_DIR=str(digits))
    splits, _ = load(folder, "digits", sample="1x8x8", output="10", environment=environment)
    train_x, train_y, test_x, test_y = load_split()
    expect_same_train(splits, train_x, train_y)
    expect_equal(splits["x_test"], test_x)
    expect_equal(splits["y_test"], test_y)
    # The tool finds the file without a hint, too.
    environment.pop("ACCOPT_DATA_DIR")
    assert run("digits", environment=environment).returncode == 0
    environment["ACCOPT_DATA_DIR"] = str(folder / "nowhere")
    error = run("digits", environment=environment)
    assert error.returncode == 1 and "python -m accopt.digits.data" in error.stderr, error
    print("digits: same as scikit-learn")


def check_npz(folder, rng):
    x = rng.integers(0, 256, (90, 5, 4, 3), dtype=np.uint8)
    y = rng.integers(0, 3, (90, 1), dtype=np.int32)
    parts = {}
    for name, begin, end in (("train", 0, 60), ("val", 60, 75), ("test", 75, 90)):
        parts[f"x_{name}"], parts[f"y_{name}"] = x[begin:end], y[begin:end]
    path = folder / "parts.npz"
    np.savez_compressed(path, **parts)
    splits, _ = load(folder, f"{path}{{layout=nhwc,mean=0.1;0.2;0.3,std=2}}", sample="3x5x4")
    mean = np.array([0.1, 0.2, 0.3]).reshape(3, 1, 1)
    for name in ("train", "val", "test"):
        wanted = (as_floats(parts[f"x_{name}"]).transpose(0, 3, 1, 2) - mean) / 2
        expect_equal(splits[f"x_{name}"], wanted, 1e-6)
        expect_equal(splits[f"y_{name}"], parts[f"y_{name}"][:, 0])

    features = rng.standard_normal((50, 7))
    targets = rng.standard_normal((50, 2)).astype(np.float16)
    np.savez(folder / "regression.npz", x=features, y=targets)
    splits, text = load(folder, folder / "regression.npz", sample="7", output="2")
    assert ": 0 classes" in text, text
    whole = np.concatenate([splits[f"x_{name}"] for name in ("train", "val", "test")])
    whole_y = np.concatenate([splits[f"y_{name}"] for name in ("train", "val", "test")])
    place = [int(np.abs(features - row).sum(1).argmin()) for row in whole]
    assert sorted(place) == list(range(50))
    expect_equal(whole, features.astype(np.float32)[place])
    expect_equal(whole_y, targets.astype(np.float32)[place])

    np.savez(folder / "heldout.npz", image=as_floats(x), labels=y[:, 0])
    splits, _ = load(folder, folder / "heldout.npz")
    assert [len(splits[f"y_{n}"]) for n in ("train", "val", "test")] == [61, 11, 18]
    print("npz: same values and kinds")


def check_cifar(folder, rng):
    place = folder / "cifar"
    place.mkdir()
    x = rng.integers(0, 256, (60, 3, 32, 32), dtype=np.uint8)
    y = (np.arange(60) % 10).astype(np.uint8)
    records = np.concatenate([y[:, None], x.reshape(60, -1)], 1)
    (place / "data_batch_1.bin").write_bytes(records[:20].tobytes())
    (place / "data_batch_2.bin").write_bytes(records[20:40].tobytes())
    (place / "test_batch.bin").write_bytes(records[40:].tobytes())
    splits, _ = load(folder, f"cifar10:{place}", sample="3x32x32", output="10")
    expect_same_train(splits, as_floats(x[:40]), y[:40].astype(np.int32))
    expect_equal(splits["x_test"], as_floats(x[40:]))
    expect_equal(splits["y_test"], y[40:])
    print("cifar10: same bytes")


def idx(array):
    header = struct.pack(">I", 0x800 + array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def check_mnist(folder, rng):
    x = rng.integers(0, 256, (50, 9, 7), dtype=np.uint8)
    y = (np.arange(50) % 5).astype(np.uint8)
    for packed in (False, True):
        place = folder / ("mnist-packed" if packed else "mnist")
        place.mkdir()
        for part, begin, end in (("train", 0, 30), ("t10k", 30, 50)):
            for what, array in (("images-idx3", x), ("labels-idx1", y)):
                data = idx(array[begin:end])
                name = f"{part}-{what}-ubyte" + (".gz" if packed else "")
                (place / name).write_bytes(gzip.compress(data) if packed else data)
        splits, _ = load(folder, f"mnist:{place}", sample="63", output="10")
        flat = as_floats(x).reshape(50, 63)
        expect_same_train(splits, flat[:30], y[:30].astype(np.int32))
        expect_equal(splits["x_test"], flat[30:])
        expect_equal(splits["y_test"], y[30:])
    print("mnist: same bytes, plain and packed")


def smooth_image(rng, height, width, mode):
    small = rng.integers(0, 256, (4, 5, len(mode)), dtype=np.uint8)
    image = Image.fromarray(small[..., 0] if mode == "L" else small, mode)
    return image.resize((width, height), Image.BICUBIC)


def resized(path, channels, height, width):
    """By code that is not ours: Pillow's decoder and torch's antialiased scaling."""
    with Image.open(path) as file:
        image = np.asarray(file.convert("RGB"), np.float32).transpose(2, 0, 1)
    if channels == 1:
        image = np.tensordot(np.float32([0.299, 0.587, 0.114]), image, 1)[None]
    scaled = torch.nn.functional.interpolate(
        torch.from_numpy(image)[None], (height, width), mode="bilinear", antialias=True
    )
    return scaled[0].numpy() / 255


def check_folder(folder, rng):
    place = folder / "images"
    wanted = {}
    for part in ("train", "val", "test"):
        for name in ("cat", "dog"):
            (place / part / name).mkdir(parents=True)
            for number in range(5):
                ending = ("png", "jpg", "PNG", "jpeg", "png")[number]
                image = smooth_image(rng, 9 + 7 * number, 40 - 6 * number, ("RGB", "L")[number % 2])
                path = place / part / name / f"{number}.{ending}"
                image.save(path, format="PNG" if "png" in ending.lower() else "JPEG")
                wanted.setdefault(part, []).append((path, int(name == "dog")))
    (place / "train" / "cat" / ".hidden").write_text("not an image")
    for channels, height, width in ((3, 16, 12), (1, 20, 24)):
        sample = f"{channels}x{height}x{width}"
        splits, text = load(folder, f"folder:{place}", sample=sample, output="2")
        for part, files in wanted.items():
            images = np.stack([resized(path, channels, height, width) for path, _ in files])
            expect_equal(splits[f"x_{part}"], images, 1.5 / 255)
            expect_equal(splits[f"y_{part}"], [label for _, label in files])
            exact = [i for i, (path, _) in enumerate(files) if path.suffix.lower() == ".png"]
            expect_equal(splits[f"x_{part}"][exact], images[exact], 2e-6)
    # A folder that is not split gives the same samples.
    _, text = load(folder, f"folder:{place}/train{{validation=0.25}}", sample="3x8x8")
    assert "train: 6 of 3 8 8" in text and "test: 2 of 3 8 8; labels 0:1 1:1" in text, text
    print("folder: same as Pillow and PyTorch")


def expect_error(what, spec, **options):
    result = run(spec, **options)
    assert result.returncode == 1, (spec, result)
    assert result.stderr.count("\n") == 1 and result.stderr.startswith("error: "), result.stderr
    assert what in result.stderr, (what, result.stderr)


def check_errors(folder):
    cifar, mnist, images = folder / "cifar", folder / "mnist", folder / "images"
    expect_error("expected samples of shape 3 x 8 x 8", f"cifar10:{cifar}", sample="3x8x8")
    expect_error("from 0 to 4, got ", f"cifar10:{cifar}", output="5")
    expect_error("got nothing there", f"cifar10:{folder}/absent")
    expect_error("test_batch.bin: No such file", f"cifar10:{broken(cifar, 'test_batch.bin', None)}")
    half = broken(cifar, "data_batch_1.bin", lambda data: data[:-1])
    expect_error("data_batch_1.bin: expected records of 3073 bytes", f"cifar10:{half}")
    bad = broken(cifar, "data_batch_2.bin", lambda data: b"\x0a" + data[1:])
    expect_error("expected labels from 0 to 9, got 10", f"cifar10:{bad}")
    name = "train-images-idx3-ubyte"
    bad = broken(mnist, name, lambda data: b"\0\0\x0d\x03" + data[4:])
    expect_error("expected magic number 2051, got 3331", f"mnist:{bad}")
    expect_error("truncated: expected 1890", f"mnist:{broken(mnist, name, lambda d: d[:-5])}")
    expect_error("more data than", f"mnist:{broken(mnist, name, lambda d: d + b'0')}")
    expect_error("expected this file", f"mnist:{broken(mnist, name, None)}")
    label = "t10k-labels-idx1-ubyte"
    few = broken(mnist, label, lambda data: data[:4] + struct.pack(">I", 19) + data[8:-1])
    expect_error("expected 20 labels", f"mnist:{few}")
    packed = folder / "mnist-packed"
    bad = broken(packed, name + ".gz", lambda data: data[:-8] + b"\0\0\0\0" + data[-4:])
    expect_error(name + ".gz: ", f"mnist:{bad}")
    bad = broken(images, "train/dog/1.jpg", lambda data: data[: len(data) // 2])
    expect_error("train/dog/1.jpg: JPEG: ", f"folder:{bad}", sample="3x8x8")
    bad = broken(images, "train/dog/0.png", lambda data: data[:-30])
    expect_error("train/dog/0.png: PNG: ", f"folder:{bad}", sample="3x8x8")
    bad = broken(images, "test/dog/0.png", lambda data: b"GIF89a")
    expect_error("expected a PNG or JPEG image", f"folder:{bad}")
    expect_error("expected a model that reads C x H x W", f"folder:{images}", sample="64")
    (bad / "test" / "emu").mkdir()
    (bad / "test" / "dog" / "0.png").unlink()
    expect_error("test/emu: expected a class of the training part", f"folder:{bad}")
    (bad / "train" / "dog" / "x.bmp").write_text("")
    expect_error("x.bmp: expected .png, .jpg or .jpeg", f"folder:{bad}")
    print("errors: one line each")


copies = 0


def broken(source, name, change):
    """A copy of the folder with file `name` changed, or absent without `change`."""
    global copies
    copies += 1
    place = source.parent / f"broken{copies}"
    for path in sorted(source.rglob("*")):
        target = place / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            target.write_bytes(path.read_bytes())
    if change:
        (place / name).write_bytes(change((place / name).read_bytes()))
    else:
        (place / name).unlink()
    return place


def check_damage(folder, rng):
    """Random bytes and ends: an error of one line or data, never a crash."""
    files = [
        ("cifar", "data_batch_1.bin", "cifar10:{}"),
        ("mnist", "train-images-idx3-ubyte", "mnist:{}"),
        ("mnist-packed", "train-labels-idx1-ubyte.gz", "mnist:{}"),
        ("images", "train/cat/0.png", "folder:{}"),
        ("images", "train/cat/2.PNG", "folder:{}"),
        ("images", "train/cat/1.jpg", "folder:{}"),
        ("images", "train/dog/3.jpeg", "folder:{}"),
    ]
    refused = 0
    for kind, name, spec in files:
        place = broken(folder / kind, name, lambda data: data)
        whole = (place / name).read_bytes()
        for attempt in range(12):
            data = bytearray(whole)
            # Headers are where damage does most.
            reach = 40 if attempt % 2 else len(data)
            for position in rng.integers(0, min(reach, len(data)), rng.integers(1, 5)):
                data[position] = rng.integers(0, 256)
            if attempt % 3 == 0:
                data = data[: rng.integers(0, len(data))]
            (place / name).write_bytes(data)
            result = run(spec.format(place), sample="3x8x8" if kind == "images" else "")
            what = (name, attempt, result.returncode, result.stderr)
            assert result.returncode in (0, 1), what
            if result.returncode == 1:
                refused += 1
                assert result.stderr.count("\n") == 1, what
    print(f"damaged files: refused or read, {refused} refused")
    assert refused > 20


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--digits", type=Path, required=True)
    options = parser.parse_args()
    print(f"seed {SEED}")
    rng = np.random.default_rng(SEED)
    check_digits(options.folder, options.digits)
    check_npz(options.folder, rng)
    check_cifar(options.folder, rng)
    check_mnist(options.folder, rng)
    check_folder(options.folder, rng)
    check_errors(options.folder)
    check_damage(options.folder, rng)


if __name__ == "__main__":
    main()
