"""Networks for the tests: real topologies with seeded, synthetic weights.

    python -m accopt.networks NAME FILE.onnx

NAME is resnet18, resnet50, mobilenet_v2, mobilenet_v3 or efficientnet_b0, or one of
accopt.small_networks, built with torch and exported by its ONNX exporter (`NAME:old` by
the one before, from a trace), or light_resnet50 and so on: the `light_*` topologies of the onnx
package, whose constant weights are replaced by random ones. Weights are scaled so
that activations keep their size (He et al. 2015, https://arxiv.org/abs/1502.01852).
"""

import argparse
import contextlib
import io
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

LIGHT = Path(onnx.__file__).parent / "backend/test/data/light"


def light_model(name, seed=0):
    """Returns a `light_*` model with its weights in the file, as a trained one has."""
    model = onnx.load(LIGHT / f"{name}.onnx")
    arrays = {w.name: numpy_helper.to_array(w) for w in model.graph.initializer}
    generator = np.random.default_rng(seed)
    kept, made, shapes = [], [], set()
    for node in model.graph.node:
        if node.op_type != "ConstantOfShape" or node.input[0] not in arrays:
            kept.append(node)
            continue
        shape = [int(size) for size in arrays[node.input[0]]]
        if len(shape) == 1:
            # Scales, biases, means and variances; the last must be positive.
            values = generator.uniform(0.5, 1.5, shape)
        else:
            fan_in = max(1, int(np.prod(shape[1:])))
            values = generator.standard_normal(shape) * np.sqrt(2 / fan_in)
        made.append(numpy_helper.from_array(values.astype(np.float32), node.output[0]))
        shapes.add(node.input[0])
    used = {name for node in kept for name in node.input}
    weights = [w for w in model.graph.initializer if w.name in used] + made
    constants = {w.name for w in weights} | shapes
    inputs = [i for i in model.graph.input if i.name in used and i.name not in constants]
    for field, values in (("node", kept), ("initializer", weights), ("input", inputs)):
        model.graph.ClearField(field)
        getattr(model.graph, field).extend(values)
    # Since version 4 a weight need not be an input as well.
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def torch_model(name, seed=0):
    """Returns a network with seeded weights, exported from torch; `:old` after the name
    asks for the exporter that traces."""
    import torch

    from accopt.small_networks import SMALL_NETWORKS
    from accopt.torch_networks import TORCH_NETWORKS

    torch.manual_seed(seed)
    name, _, exporter = name.partition(":")
    factory, shape = SMALL_NETWORKS.get(name) or (TORCH_NETWORKS[name], (1, 3, 224, 224))
    network = factory().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.2)
            torch.nn.init.normal_(module.running_mean, std=0.2)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
        elif isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()):
        names = dict(input_names=["image"], output_names=["logits"])
        if exporter == "old":
            file = io.BytesIO()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                torch.onnx.export(network, (torch.zeros(shape),), file, dynamo=False,
                                  opset_version=17, **names)
            return onnx.load_from_string(file.getvalue())
        program = torch.onnx.export(network, (torch.zeros(shape),), dynamo=True, verbose=False,
                                    **names)
    return program.model_proto


def make(name):
    return light_model(name) if name.startswith("light_") else torch_model(name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    onnx.save(make(options.name), options.file)


if __name__ == "__main__":
    main()
