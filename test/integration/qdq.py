"""Compares a QDQ model in the simulator with onnxruntime.

The bundled digits model is quantized by onnxruntime, which leaves QuantizeLinear
and DequantizeLinear pairs in it. The compiler must keep that quantization: the
binary's results are then the same integers, but for ties of rounding.
"""

import argparse
import pathlib
import subprocess

import numpy as np
import onnxruntime
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

# Name, format, activations, weights, one scale per channel, batch norm folded before.
# What must hold: the least share of equal outputs, and the least signal-to-noise
# ratio in dB. uint8 weights have zero points, which the machine's symmetric
# weights cannot express in 8 bits; an unfolded batch norm runs in float there.
QDQ, OPERATORS = QuantFormat.QDQ, QuantFormat.QOperator
VARIANTS = [
    ("int8", QDQ, QuantType.QInt8, QuantType.QInt8, True, True, 0.98, 45.0),
    ("uint8", QDQ, QuantType.QUInt8, QuantType.QInt8, False, True, 0.98, 45.0),
    ("weights", QDQ, QuantType.QUInt8, QuantType.QUInt8, False, True, 0.0, 30.0),
    ("norm", QDQ, QuantType.QInt8, QuantType.QInt8, True, False, 0.0, 25.0),
    ("operators", OPERATORS, QuantType.QUInt8, QuantType.QInt8, True, True, 0.95, 45.0),
    ("operators-uint8", OPERATORS, QuantType.QUInt8, QuantType.QUInt8, False, True, 0.0, 30.0),
]


class Images(CalibrationDataReader):
    def __init__(self, name, images):
        self.feeds = iter([{name: image} for image in images])

    def get_next(self):
        return next(self.feeds, None)


def load_images(path, shape):
    arrays = np.load(path)
    images = arrays["image"].astype(np.float32)
    return images.reshape(-1, *shape)


def run_reference(model, images):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: image})[0] for image in images])


def run_binary(model, folder, data, shape, *flags):
    elf, output = folder / "model.elf", folder / "output.npz"
    subprocess.run(["acc-opt", model, "--quiet", "-o", elf, *flags], check=True)
    subprocess.run(
        ["acc-sim", elf, f"--input={data}", f"--output={output}"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    arrays = np.load(output)
    return arrays[arrays.files[0]].reshape(shape)


def check_dynamic(models, folder, prepared, images, shape):
    """Ranges of each run there, of the calibration data here: near, not equal."""
    model = str(folder / "dynamic.onnx")
    quantize_dynamic(str(prepared), model, weight_type=QuantType.QUInt8)
    expected = run_reference(model, images)
    data = models / "digits-calibration.npz"
    got = run_binary(model, folder, models / "digits-heldout.npz", expected.shape,
                     f"--calibration-data={data}")
    snr = 10 * np.log10((expected**2).sum() / ((got - expected) ** 2).sum())
    same = (got.argmax(1) == expected.argmax(1)).mean()
    print(f"dynamic: {same:.4f} decisions equal, {snr:.1f} dB")
    assert same >= 0.99 and snr >= 25.0, "dynamic: expected 99 % of the decisions and 25 dB"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=pathlib.Path, required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    args = parser.parse_args()
    source = args.models / "digits.onnx"
    heldout = args.models / "digits-heldout.npz"
    prepared = args.folder / "prepared.onnx"
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    shape = (1, 1, 8, 8)
    calibration = load_images(args.models / "digits-calibration.npz", shape)
    images = load_images(heldout, shape)

    for name, form, activations, weights, per_channel, folded, share, ratio in VARIANTS:
        model = str(args.folder / f"{name}.onnx")
        quantize_static(
            str(prepared if folded else source),
            model,
            Images("image", calibration),
            quant_format=form,
            activation_type=activations,
            weight_type=weights,
            per_channel=per_channel,
        )
        expected = run_reference(model, images)
        got = run_binary(model, args.folder, heldout, expected.shape)
        error = got - expected
        step = np.diff(np.unique(got)).min()
        equal = (np.abs(error) < step / 2).mean()
        noise = max((error**2).sum(), 1e-12)
        snr = 10 * np.log10((expected**2).sum() / noise)
        print(f"{name}: {equal:.4f} equal, {snr:.1f} dB")
        assert equal >= share, f"{name}: expected {share} of the outputs equal"
        assert snr >= ratio, f"{name}: expected {ratio} dB"
    check_dynamic(args.models, args.folder, prepared, images, shape)


if __name__ == "__main__":
    main()
