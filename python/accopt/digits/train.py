"""Trains the bundled digits model and writes it with its data.

    python -m accopt.digits.train --output-dir=models

writes digits.onnx, digits-heldout.npz (`image`, `labels`) and
digits-calibration.npz (`image`, from the training part). The held-out images are
looked at once, at the end.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

from accopt.digits.data import SEED, load_split
from accopt.digits.export import to_onnx
from accopt.digits.network import DigitsNet

EPOCHS = 60
BATCH = 64
LEARNING_RATE = 4e-3
CALIBRATION_IMAGES = 128


def distort(images, generator):
    """Turns, scales, slants and moves each image a little."""

    def spread(limit, *size):
        return (2 * torch.rand(len(images), *size, generator=generator) - 1) * limit

    angle, scale, slant, offset = spread(0.25), 1 + spread(0.15), spread(0.15), spread(0.2, 2)
    rows = [
        torch.stack([scale * angle.cos(), slant - scale * angle.sin(), offset[:, 0]], 1),
        torch.stack([scale * angle.sin(), scale * angle.cos(), offset[:, 1]], 1),
    ]
    grid = nn.functional.affine_grid(torch.stack(rows, 1), images.shape, align_corners=False)
    return nn.functional.grid_sample(images, grid, align_corners=False)


def train(images, labels, width=16):
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    # The order of floating-point sums depends on the number of threads.
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(SEED)
    network = DigitsNet(width)
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=1e-2)
    steps = EPOCHS * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    network.train()
    for epoch in range(EPOCHS):
        order = torch.randperm(len(images), generator=generator)
        total = 0.0
        for start in range(0, len(order) - BATCH + 1, BATCH):
            batch = order[start : start + BATCH]
            loss = loss_of(network(distort(images[batch], generator)), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item()
        if (epoch + 1) % 10 == 0:
            print(f"epoch {epoch + 1}: loss {total / (len(images) // BATCH):.4f}")
    return network.eval()


def top1(network, images, labels):
    with torch.no_grad():
        return (network(images).argmax(1) == labels).float().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output-dir", type=Path, default=Path("models"))
    parser.add_argument("--width", type=int, default=16, help="channels of the first layer")
    arguments = parser.parse_args()
    folder = arguments.output_dir

    train_x, train_y, test_x, test_y = load_split()
    network = train(torch.from_numpy(train_x), torch.from_numpy(train_y), arguments.width)
    accuracy = top1(network, torch.from_numpy(test_x), torch.from_numpy(test_y))
    print(f"held-out top-1: {100 * accuracy:.2f} % of {len(test_y)} images")

    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(to_onnx(network), folder / "digits.onnx")
    np.savez_compressed(folder / "digits-heldout.npz", image=test_x, labels=test_y)
    np.savez_compressed(folder / "digits-calibration.npz", image=train_x[:CALIBRATION_IMAGES])


if __name__ == "__main__":
    main()
