"""Holds --accuracy-report to onnxruntime and the binary: compare.py MODEL INPUTS REPORT ELF.

The output's SQNR, cosine and decisions are computed again from onnxruntime's float
output and acc-sim's.
"""

import json
import subprocess
import sys

import numpy as np
import onnxruntime

model, inputs, report, elf = sys.argv[1:]
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
arrays = np.load(inputs)
images = arrays[name] if name in arrays else arrays[arrays.files[0]]
batch = session.get_inputs()[0].shape[0]
size = batch if isinstance(batch, int) else len(images)
x = np.concatenate([session.run(None, {name: images[i:i + size]})[0]
                    for i in range(0, len(images), size)])
np.savez("x.npz", **{name: images})
subprocess.run(["acc-sim", elf, "--input=x.npz", "--output=y.npz", "--quiet"], check=True)
y = np.load("y.npz")[session.get_outputs()[0].name].reshape(x.shape)

tensor = next(t for t in json.load(open(report))["tensors"] if t["is_output"])
expected = dict(
    sqnr_db=10 * np.log10((x**2).sum() / ((x - y)**2).sum()),
    cosine=(x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum()),
    max_error=np.abs(x - y).max(),
    same_decision=(x.argmax(1) == y.argmax(1)).sum())
for key, value in expected.items():
    if not np.isclose(tensor[key], value, rtol=1e-3):
        sys.exit(f"{key}: expected {value}, got {tensor[key]}")
