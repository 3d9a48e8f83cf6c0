"""Proves a model on every built-in machine: `builtin_machines.py MODEL.onnx`."""

import subprocess
import sys

targets = subprocess.run(["acc-opt", "--list-targets"], stdout=subprocess.PIPE, text=True, check=True)
for target in targets.stdout.split():
    run = subprocess.run(["accopt-prove", sys.argv[1], f"--target={target}"], stdout=subprocess.PIPE, text=True)
    print(f"{target}: {run.stdout.strip()}")
    if run.returncode:
        sys.exit(f"{target} failed")
