"""accopt-run, but its outputs are one too large: shows that the suite notices."""

import subprocess
import sys

import numpy as np

status = subprocess.run(["accopt-run", *sys.argv[1:]]).returncode
if status == 0:
    path = next(argument.split("=", 1)[1] for argument in sys.argv if argument.startswith("--output="))
    with np.load(path) as archive:
        arrays = {name: archive[name] + 1 for name in archive}
    np.savez(path, **arrays)
sys.exit(status)
