"""Random whole graphs, valid by construction, that grow step by step.

A step is an operator of random_ops.py, or one whose schema says that it maps float
tensors to a float tensor, on values that are there already: cut, padded or reshaped to
what the operator wants. onnxruntime runs each step when it is added, on the values
themselves, so that shapes are the true ones and a step that it refuses, or that leaves
the range where float arithmetic means something, is taken back.
"""

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from op_generator import Generator
from random_ops import MAKERS, OPSETS

GRAPH_OPSETS = (*OPSETS, 22, 23, 24, 25)
LIMIT = 1e4  # of a value's magnitude
ELEMENTS = 20000
# They jump: a rounding error before them could make any error behind them.
DISCONTINUOUS = {"QuantizeLinear", "Floor", "Ceil", "Round", "Sign", "ThresholdedRelu", "Shrink", "Mod"}


def schema_ops(supported):
    """Operators by name of which the schema says enough: 1 to 3 float tensors in, one out,
    float attributes. Those that import only folds are left to random_ops.py."""
    found = {}
    for schema in onnx.defs.get_all_schemas():
        if schema.domain or schema.deprecated or schema.name in MAKERS:
            continue
        if "where it folds" in supported.get(schema.name, "where it folds"):
            continue
        floats = all("tensor(float)" in value.types for value in [*schema.inputs, *schema.outputs])
        simple = all(a.type.name == "FLOAT" and not a.required for a in schema.attributes.values())
        if floats and simple and len(schema.outputs) == 1 and 1 <= schema.min_input <= 3:
            found[schema.name] = schema
    return dict(sorted(found.items()))


def run_ort(model, feeds):
    """onnxruntime's outputs by name, without its optimizations; raises where it refuses."""
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return {name: np.asarray(value) for name, value in zip(names, session.run(names, feeds))}


def make_model(nodes, inputs, constants, outputs, opset, symbolic=None):
    """A model; `inputs` and `outputs` are arrays by name, whose shapes count. An input
    `symbolic` gets a first dimension without a size, and outputs then have none at all."""
    def describe(name, array):
        shape = list(array.shape)
        if symbolic and name in outputs:
            shape = [None] * array.ndim
        elif shape and name == symbolic:
            shape[0] = "batch"
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes, "random", [describe(*item) for item in inputs.items()],
        [describe(*item) for item in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in constants.items()])
    imports = [helper.make_opsetid("", opset)]
    version = max(8, helper.find_min_ir_version_for(imports, ignore_unknown=True))
    return helper.make_model(graph, opset_imports=imports, ir_version=version)


class GraphGenerator(Generator):
    """`values` holds every float tensor that may be read, with what it computes to."""

    def __init__(self, rng, opset, supported):
        super().__init__(rng, opset, "v")
        self.values = {}
        self.fresh = False
        self.schemas = schema_ops(supported)
        self.makers = [op for op, (since, _) in MAKERS.items() if since <= opset and op in supported]

    def pick(self, fits=lambda array: True):
        """A value, mostly one of the newest, or None."""
        names = [name for name, array in self.values.items() if fits(array)]
        if not names:
            return None
        return self.rng.choice(names[-4:] if self.flip(0.7) else names)

    def shape(self, low=1, high=4, size=6):
        like = self.pick(lambda array: low <= array.ndim <= high)
        return list(self.values[like].shape) if like and self.flip(0.8) else super().shape(low, high, size)

    def input(self, shape, low=-2.0, high=2.0):
        if self.fresh or low > 0 or not self.values or self.flip(0.08):
            return super().input(shape, low, high)
        same = self.pick(lambda array: list(array.shape) == list(shape))
        return same or self.adapt(self.pick(), list(shape))

    def adapt(self, name, shape):
        """Value `name`, cut, padded and reshaped to `shape`."""
        have = list(self.values[name].shape)
        if int(np.prod(have)) != int(np.prod(shape)):
            if len(have) != len(shape):
                name = self.node("Reshape", [name, self.ints([-1])])[0]
                have, wanted = [int(np.prod(have))], [int(np.prod(shape))]
            else:
                wanted = shape
            name = self.pad(self.crop(name, have, wanted), [min(a, b) for a, b in zip(have, wanted)], wanted)
            have = wanted
        return name if have == shape else self.node("Reshape", [name, self.ints(shape)])[0]

    def crop(self, name, have, wanted):
        axes = [d for d, (a, b) in enumerate(zip(have, wanted)) if a > b]
        if not axes:
            return name
        starts = [self.rng.randint(0, have[d] - wanted[d]) for d in axes]
        ends = [start + wanted[d] for start, d in zip(starts, axes)]
        if self.opset < 10:
            return self.node("Slice", [name], starts=starts, ends=ends, axes=axes)[0]
        return self.node("Slice", [name, self.ints(starts), self.ints(ends), self.ints(axes)])[0]

    def pad(self, name, have, wanted):
        if have == wanted:
            return name
        before = [self.rng.randint(0, b - a) for a, b in zip(have, wanted)]
        pads = before + [b - a - p for a, b, p in zip(have, wanted, before)]
        if self.opset < 11:
            return self.node("Pad", [name], pads=pads)[0]
        return self.node("Pad", [name, self.ints(pads)])[0]

    def schema_step(self, schema):
        shape = self.shape()
        count = schema.min_input + (self.rng.randint(0, 2) if schema.max_input > 3 else 0)
        inputs = [self.input(shape)]
        while len(inputs) < count:
            inputs.append(self.weight([1 if self.flip(0.2) else size for size in shape]))
        attributes = {}
        for name, attribute in schema.attributes.items():
            if self.flip():
                default = helper.get_attribute_value(attribute.default_value) if attribute.default_value.name else 1.0
                attributes[name] = default * self.rng.choice((0.5, 0.8, 1.25, 2.0))
        self.node(schema.name, inputs, **attributes)

    def step(self):
        """Adds an operator; False where it was taken back."""
        before = len(self.nodes), set(self.inputs), set(self.constants)
        schemas = [s for s in self.schemas.values() if s.since_version <= self.opset or self.opset >= 13]
        index = self.rng.randrange(len(self.makers) + len(schemas))
        op = self.makers[index] if index < len(self.makers) else schemas[index - len(self.makers)].name
        self.fresh = op in DISCONTINUOUS
        if op in MAKERS:
            MAKERS[op][1](self)
        else:
            self.schema_step(self.schemas[op])
        made = self.evaluate(self.nodes[before[0]:])
        if made is None:
            del self.nodes[before[0]:]
            self.inputs = {n: a for n, a in self.inputs.items() if n in before[1]}
            self.constants = {n: a for n, a in self.constants.items() if n in before[2]}
            return False
        self.values.update({n: self.inputs[n] for n in self.inputs if n not in before[1]})
        self.values.update(made)
        return True

    def evaluate(self, nodes):
        """The float values that `nodes` make, or None where the step is no good."""
        read = {name for node in nodes for name in node.input}
        made = [name for node in nodes for name in node.output]
        feeds = {name: array for name, array in {**self.values, **self.inputs}.items() if name in read}
        constants = {name: array for name, array in self.constants.items() if name in read}
        graph = make_model(nodes, feeds, constants, {}, self.opset)
        graph.graph.output.extend(onnx.ValueInfoProto(name=name) for name in made)
        try:
            values = run_ort(graph, feeds)
        except Exception:  # onnxruntime's own exceptions share no base but this
            return None
        floats = {name: value for name, value in values.items() if value.dtype == np.float32}
        good = all(0 < value.size <= ELEMENTS and np.isfinite(value).all() and np.abs(value).max() < LIMIT
                   for value in floats.values())
        return floats if good and floats else None

    def graph(self, steps):
        """(model, feeds) after so many steps."""
        self.input(self.shape(2, 4, 8))
        self.values.update(self.inputs)
        done = tries = 0
        while done < steps and tries < 10 * steps:
            done += self.step()
            tries += 1
        read = {name for node in self.nodes for name in node.input}
        computed = [n for n in self.values if n not in self.inputs]
        outputs = {n: self.values[n] for n in computed if n not in read or self.flip(0.1)}
        used = {name: array for name, array in self.inputs.items() if name in read}
        # A caller gives the shape of a symbolic input; then outputs have none in the file.
        symbolic = self.rng.choice(sorted(used)) if used and self.flip(0.2) else None
        model = make_model(self.nodes, used, self.constants, outputs, self.opset, symbolic)
        if symbolic and self.flip():
            # Exporters leave it out where they do not know the rank.
            for output in model.graph.output:
                output.type.tensor_type.ClearField("shape")
        return model, used
