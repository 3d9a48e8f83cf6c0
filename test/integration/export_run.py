"""Runs a model in onnxruntime after acc-opt has read and exported it.

    export_run.py MODEL --input=F.npz --output=F.npz [--optimize]

The command line of accopt-run, so that tests of random models can take either.
The exported file must pass ONNX's checker and come out the same when it is
exported again.
"""

import argparse
import tempfile

import numpy as np

from export_tools import check, expect_fixpoint, export_float, session


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--input", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--optimize", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = export_float(args.model, folder, args.optimize)
        check(path)
        expect_fixpoint(path, folder, args.optimize)
        runner = session(path, optimize=False)
        with np.load(args.input) as inputs:
            feed = {i.name: inputs[i.name] for i in runner.get_inputs()}
        names = [o.name for o in runner.get_outputs()]
        np.savez(args.output, **dict(zip(names, runner.run(names, feed), strict=True)))


if __name__ == "__main__":
    main()
