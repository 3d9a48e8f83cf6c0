"""Trains the baseline on a generated set and writes it as ONNX.

    python -m accopt.shapes.baseline DATA.npz OUT.onnx --width=32 --seed=0

The stages are width, 2 and 4 times width wide. The test images are looked at
once, at the end.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from accopt.shapes.export import to_onnx
from accopt.shapes.network import ShapesNet

BATCH = 64
LEARNING_RATE = 3e-3
SHIFT = 2


def read_images(data, name):
    images = data[name]
    if images.dtype == np.uint8:
        images = images.astype(np.float32) / np.float32(255)
    return torch.from_numpy(images).contiguous(memory_format=torch.channels_last)


def change(images, generator):
    """Mirrors half of the images and moves the batch by up to SHIFT pixels."""
    mirrored = torch.rand(len(images), 1, 1, 1, generator=generator) < 0.5
    images = torch.where(mirrored, images.flip(3), images)
    y, x = torch.randint(0, 2 * SHIFT + 1, (2,), generator=generator).tolist()
    padded = nn.functional.pad(images, (SHIFT,) * 4)
    return padded[:, :, y : y + images.shape[2], x : x + images.shape[3]]


def train(network, images, labels, epochs, seed):
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=1e-2)
    steps = epochs * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, LEARNING_RATE, total_steps=steps, pct_start=0.1
    )
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    network.train()
    for epoch in range(epochs):
        start_time, total = time.monotonic(), 0.0
        order = torch.randperm(len(images), generator=generator)
        for start in range(0, len(order) - BATCH + 1, BATCH):
            batch = order[start : start + BATCH]
            loss = loss_of(network(change(images[batch], generator)), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        seconds = time.monotonic() - start_time
        mean = total / (len(images) // BATCH)
        print(f"epoch {epoch + 1}: loss {mean:.4f}, {seconds:.1f} s", flush=True)
    return network.eval()


def top1(network, images, labels):
    with torch.no_grad():
        right = [
            (network(x).argmax(1) == y).sum().item()
            for x, y in zip(images.split(500), labels.split(500))
        ]
    return sum(right) / len(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, metavar="DATA.npz")
    parser.add_argument("output", type=Path, metavar="OUT.onnx")
    parser.add_argument("--width", type=int, default=32, help="channels of the first stage")
    parser.add_argument("--blocks", type=int, default=1, help="residual blocks in a stage")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    torch.use_deterministic_algorithms(True)
    data = np.load(options.data)
    # The layout that the CPU's convolutions work in.
    network = ShapesNet(options.width, options.blocks).to(memory_format=torch.channels_last)
    images, labels = read_images(data, "x_train"), torch.from_numpy(data["y_train"])
    train(network, images, labels, options.epochs, options.seed)
    accuracy = top1(network, read_images(data, "x_test"), torch.from_numpy(data["y_test"]))
    print(f"test top-1: {100 * accuracy:.2f} % of {len(data['y_test'])} images")

    options.output.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(to_onnx(network), options.output)


if __name__ == "__main__":
    main()
