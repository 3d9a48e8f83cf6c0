"""The cases of ONNX's backend test suite, as the installed onnx package ships them.

A case is a model with sets of inputs and reference outputs. Cases of single operators
are made by the package's Python code, those of the other groups are files; the light
models come with their outputs, for the input that the suite's own runner generates.
"""

import dataclasses
import logging
import re
import warnings
from pathlib import Path

import onnx
import onnx.backend.test.loader
from onnx import numpy_helper
from onnx.backend.test.runner import Runner

GROUPS = ("node", "simple", "pytorch-converted", "pytorch-operator", "light")
LIGHT = Path(onnx.backend.test.loader.DATA_DIR) / "light"


@dataclasses.dataclass
class Case:
    """`data` is a list of (inputs, outputs), each in the order of the graph."""

    group: str
    name: str
    op: str  # the operator it is about, "" where there are several
    expanded: bool  # the operator is spelled out as its function's body
    model: onnx.ModelProto
    data: list
    rtol: float
    atol: float


def qualified(node):
    """An operator's name, with its domain where that is not ONNX's main one."""
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


def sole_op(model):
    """What a model with one node computes; Constant nodes only feed it."""
    nodes = [node for node in model.graph.node if node.op_type != "Constant"]
    return qualified(nodes[0]) if len(nodes) == 1 else ""


def array(value):
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def read_value(path, kind):
    """One input or output of a case on disk; `kind` is its TypeProto."""
    data = path.read_bytes()
    if kind.HasField("sequence_type"):
        return numpy_helper.to_list(onnx.SequenceProto.FromString(data))
    if kind.HasField("optional_type"):
        return numpy_helper.to_optional(onnx.OptionalProto.FromString(data))
    return numpy_helper.to_array(onnx.TensorProto.FromString(data))


def read_folder(folder, model):
    """The data sets of a case on disk."""
    sets = []
    for data in sorted(folder.glob("test_data_set*")):
        both = []
        for kind, values in (("input", model.graph.input), ("output", model.graph.output)):
            count = len(list(data.glob(f"{kind}_*.pb")))
            both.append([read_value(data / f"{kind}_{i}.pb", values[i].type) for i in range(count)])
        sets.append(tuple(both))
    return sets


def light_data(path, model):
    """The suite's input for a light model, and the outputs beside the file."""
    constants = {tensor.name for tensor in model.graph.initializer}
    inputs = [Runner.generate_dummy_data(value, seed=0, name=path.stem, random=False)
              for value in model.graph.input if value.name not in constants]
    outputs = [read_value(path.with_name(f"{path.stem}_output_{i}.pb"), value.type)
               for i, value in enumerate(model.graph.output)]
    return [(inputs, outputs)]


def node_cases():
    with warnings.catch_warnings():
        # Some references divide by zero on purpose.
        warnings.simplefilter("ignore")
        tests = onnx.backend.test.loader.load_model_tests(kind="node")
    ops = {test.name: sole_op(test.model) for test in tests}
    for test in tests:
        # A function's body is a case of its own: NAME_expanded, NAME_expanded_ver18.
        base = re.sub(r"_expanded(_ver\d+)?$", "", test.name)
        expanded = base != test.name
        data = [([array(v) for v in inputs], [array(v) for v in outputs]) for inputs, outputs in test.data_sets]
        yield Case("node", test.name, ops.get(base, "") if expanded else ops[test.name], expanded,
                   test.model, data, test.rtol, test.atol)


def file_cases(group):
    for test in onnx.backend.test.loader.load_model_tests(kind="real" if group == "light" else group):
        if group == "light":
            path = LIGHT / Path(test.url).name
            model = onnx.load(path)
            data = light_data(path, model)
        else:
            folder = Path(test.model_dir)
            model = onnx.load(folder / "model.onnx")
            data = read_folder(folder, model)
        yield Case(group, test.name, sole_op(model), False, model, data, test.rtol, test.atol)


def load(groups=GROUPS):
    """All cases of the groups, in an order that does not depend on the file system."""
    logging.getLogger("onnx").setLevel(logging.ERROR)
    for group in groups:
        cases = node_cases() if group == "node" else file_cases(group)
        yield from sorted(cases, key=lambda case: case.name)
