"""Top-1 of a float ONNX model with onnxruntime.

    python -m accopt.float_top1 MODEL.onnx DATA.npz

DATA.npz holds one array for the model's input, by its name, and `labels`.
"""

import argparse

import numpy as np
import onnxruntime


def float_logits(model, images):
    """Runs `model` on images [N, ...] in batches of the model's own batch size."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(model), options, providers=["CPUExecutionProvider"]
    )
    (model_input,) = session.get_inputs()
    batch = model_input.shape[0]
    parts = [
        session.run(None, {model_input.name: images[i : i + batch]})[0]
        for i in range(0, len(images), batch)
    ]
    return np.concatenate(parts)


def load(data):
    """Returns (images, labels) of an .npz with `labels` and one other array."""
    arrays = np.load(data)
    (name,) = [name for name in arrays.files if name != "labels"]
    return arrays[name], arrays["labels"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("data")
    options = parser.parse_args()
    images, labels = load(options.data)
    hits = int((float_logits(options.model, images).argmax(1) == labels).sum())
    print(f"float top-1: {100 * hits / len(labels):.2f} % ({hits} of {len(labels)})")


if __name__ == "__main__":
    main()
