"""The forms in which a case is given to the importer, from its own to the easiest.

The suite makes everything a graph input, a Reshape's target and a normalization's
variance as well. Models do not: there these are initializers. So a case that is refused
as it stands is tried again with inputs baked in as initializers, first those that are
not floats, then all but the first float one, then all, which tests constant folding.
Outputs that are not floats are then read through a Cast to float, those of a
QuantizeLinear through the DequantizeLinear that undoes it.
"""

import dataclasses

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

# What a passed case shows; the order is that of the attempts.
DIRECT, BAKED, FOLDED = "as it is", "parameters baked in", "folded"

FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}


@dataclasses.dataclass
class Variant:
    kind: str
    model: onnx.ModelProto
    feeds: dict  # by input name, f32 for every float type
    outputs: list  # names, in the order of the case's outputs
    expected: list  # the reference's arrays in this form

    def signature(self):
        """Tells the variants of a case apart."""
        return tuple(self.feeds), tuple(node.op_type for node in self.model.graph.node)


def is_float(value):
    return value.type.tensor_type.elem_type in FLOATS


def graph_inputs(model):
    """The inputs that a caller must give."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in constants]


def feed(array):
    """As accopt-run takes it: it computes every float type in f32."""
    array = np.asarray(array)
    with np.errstate(over="ignore"):
        return array if array.dtype.kind in "iub" else array.astype(np.float32)


def beyond_float(inputs):
    """Whether a value is finite, but not as f32: the suite has doubles of 1e223."""
    arrays = [np.asarray(value) for value in inputs if can_bake([value])]
    return any(np.isfinite(array).all() and not np.isfinite(feed(array)).all()
               for array in arrays if array.dtype == np.float64)


def bake(model, values, names):
    """`model` with the inputs `names` as initializers; IR 3 wants both."""
    baked = onnx.ModelProto()
    baked.CopyFrom(model)
    for name in names:
        baked.graph.initializer.append(numpy_helper.from_array(np.asarray(values[name]), name))
    if model.ir_version >= 4:
        kept = [value for value in baked.graph.input if value.name not in names]
        del baked.graph.input[:]
        baked.graph.input.extend(kept)
    return baked


def opset(model):
    return next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))


def cast(model, output):
    """A Cast of `output` to float, or None. Up to opset 5 its type was a string, which the
    version converter does not take: then a model that means the same at opset 6 says so."""
    if opset(model) < 6:
        schemas = [onnx.defs.get_schema(node.op_type, 6, node.domain) for node in model.graph.node]
        if any(schema.since_version > opset(model) for schema in schemas):
            return None
        for entry in model.opset_import:
            entry.version = 6 if entry.domain in ("", "ai.onnx") else entry.version
    return helper.make_node("Cast", [output], [f"{output}_as_float"], to=TensorProto.FLOAT)


def dequantize(model, output):
    """What undoes the quantization of the node that makes `output`, or None where there is
    none or it computes its scale."""
    made = {name for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear" and output in node.output and not made & set(node.input[1:]):
            undone = helper.make_node("DequantizeLinear", [output, *node.input[1:]], [f"{output}_as_float"])
            undone.attribute.extend(a for a in node.attribute if a.name in ("axis", "block_size"))
            return undone
        if node.op_type in ("QLinearConv", "QLinearMatMul") and output in node.output:
            return helper.make_node("DequantizeLinear", [output, *node.input[6:8]], [f"{output}_as_float"])
    return None


def run_node(node, model, names, arrays):
    """One node by ONNX's reference evaluator; `arrays` are the values of `names`."""
    typed = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
             for n, a in zip(names, arrays)]
    output = helper.make_tensor_value_info(node.output[0], TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "node", typed, [output])
    imports = list(model.opset_import)
    if node.op_type == "DequantizeLinear":
        # The evaluator knows none before opset 19; what they compute did not change.
        imports = [helper.make_opsetid(i.domain, i.version if i.domain else max(i.version, 19))
                   for i in imports]
    alone = helper.make_model(graph, opset_imports=imports, ir_version=max(model.ir_version, 9))
    return ReferenceEvaluator(alone).run(None, dict(zip(names, arrays)))[0]


def read_as_float(model, reader, expected, values):
    """Puts what `reader` makes behind the outputs of other tensor types than float.
    Returns the names of all outputs and what is expected of them, or (None, None)."""
    names, wanted = [], []
    for index, (output, want) in enumerate(zip(model.graph.output, expected)):
        node = None
        if not is_float(output) and output.type.HasField("tensor_type"):
            node = reader(model, output.name)
            if not node:
                return None, None
        if not node:
            names.append(output.name)
            wanted.append(want)
            continue
        name, want = node.output[0], np.asarray(want)
        if reader is dequantize:
            inputs = [i for i in node.input if i]
            want = run_node(node, model, inputs, [want, *(np.asarray(values[i]) for i in inputs[1:])])
        model.graph.node.append(node)
        replaced = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        if output.type.tensor_type.HasField("shape"):
            replaced.type.tensor_type.shape.CopyFrom(output.type.tensor_type.shape)
        model.graph.output[index].CopyFrom(replaced)
        names.append(name)
        wanted.append(want)
    return names, wanted


def can_bake(values):
    """Sequences, optionals and strings are no initializers."""
    return all(not isinstance(v, (list, type(None))) and np.asarray(v).dtype.kind not in "OSU" for v in values)


def kind_of_inputs(case):
    """What the graph takes: float, tensor (of any numbers), or other."""
    values = graph_inputs(case.model)
    if not all(can_bake(inputs) and len(inputs) == len(values) for inputs, _ in case.data):
        return "other"
    return "float" if all(is_float(value) for value in values) else "tensor"


def variants(case, inputs, expected):
    """Yields the forms of a case with one of its data sets."""
    values = dict(zip((value.name for value in graph_inputs(case.model)), inputs))
    floats = [value.name for value in graph_inputs(case.model) if is_float(value)]
    feedable = {name: feed(value) for name, value in values.items() if can_bake([value])}
    yield Variant(DIRECT, case.model, feedable, [value.name for value in case.model.graph.output],
                  expected)
    if not can_bake(values.values()):
        return
    others = [name for name in values if name not in floats]
    parameters = [name for name in values if name not in floats[:1]]
    reads_floats = all(is_float(output) for output in case.model.graph.output)
    tried = {()} if reads_floats else set()
    for names in ([], others, parameters, list(values)):
        if tuple(names) in tried:
            continue
        tried.add(tuple(names))
        kind = DIRECT if not names else FOLDED if len(names) == len(values) else BAKED
        for reader in (cast,) if reads_floats else (cast, dequantize):
            model = bake(case.model, values, names)
            outputs, wanted = read_as_float(model, reader, expected, values)
            if outputs:
                feeds = {n: v for n, v in feedable.items() if n not in names}
                yield Variant(kind, model, feeds, outputs, wanted)
