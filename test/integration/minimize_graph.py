"""Makes a failing graph small: delta debugging on ONNX models.

Each round tries, largest cuts first, to keep one output alone, to replace what a node
computes by a graph input of the same value, to bypass a node, to shrink every dimension
of one size, to drop and simplify attributes, and to make values plain. A change stays
if onnxruntime still takes the model and the verdict on it is still of the same kind.
"""

import re
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from graph_generator import run_ort

SECONDS = 120  # for one graph


def kind_of(verdict):
    """A verdict without what a smaller graph changes: numbers, names, places."""
    return re.sub(r"'[^']*'|tensor<[^>]*>|[-\d.e+]+|:.*wrong:.*", "", verdict.split(" at ")[0].split(": expected")[0])


def copy(model):
    made = onnx.ModelProto()
    made.CopyFrom(model)
    return made


def prune(model, feeds):
    """Removes what no output needs."""
    needed = {output.name for output in model.graph.output}
    kept = []
    for node in reversed(model.graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(node.input)
    kept.reverse()
    for field, items in (("node", kept),
                         ("input", [v for v in model.graph.input if v.name in needed]),
                         ("initializer", [t for t in model.graph.initializer if t.name in needed])):
        items = [type(item).FromString(item.SerializeToString()) for item in items]
        model.graph.ClearField(field)
        getattr(model.graph, field).extend(items)
    return model, {name: value for name, value in feeds.items() if name in needed}


def declare(model, feeds):
    """Gives outputs the shapes that they have, unless the file says nothing of them."""
    values = run_ort(model, feeds)
    for output in model.graph.output:
        if output.type.tensor_type.HasField("shape"):
            shape = np.shape(values[output.name])
            output.CopyFrom(helper.make_tensor_value_info(output.name, TensorProto.FLOAT, shape))


def intermediates(model, feeds):
    """Every float value by name."""
    whole = copy(model)
    del whole.graph.output[:]
    whole.graph.output.extend(onnx.ValueInfoProto(name=n) for node in model.graph.node for n in node.output if n)
    return {n: v for n, v in run_ort(whole, feeds).items() if v.dtype == np.float32}


def fewer_outputs(model, feeds):
    if len(model.graph.output) > 1:
        for output in model.graph.output:
            single = copy(model)
            del single.graph.output[:]
            single.graph.output.add().CopyFrom(output)
            yield prune(single, feeds)


def earlier_outputs(model, feeds):
    """Ends at a value in the middle."""
    for node in model.graph.node[:-1]:
        for name in node.output:
            if name:
                ended = copy(model)
                del ended.graph.output[:]
                ended.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ()))
                yield prune(ended, feeds)


def later_inputs(model, feeds):
    """Starts at a value in the middle, the last ones first."""
    values = intermediates(model, feeds)
    outputs = {output.name for output in model.graph.output}
    for name in reversed(list(values)):
        if name in outputs:
            continue
        started = copy(model)
        for node in started.graph.node:
            for i, output in enumerate(node.output):
                if output == name:
                    node.output[i] = f"{name}_unused"
        started.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, values[name].shape))
        yield prune(started, {**feeds, name: values[name]})


def bypasses(model, feeds):
    """A node's readers read its first input instead, where the shapes are equal."""
    values = {**feeds, **intermediates(model, feeds)}
    for index, node in enumerate(model.graph.node):
        if not node.input or not node.output:
            continue
        source, target = node.input[0], node.output[0]
        if source not in values or target not in values or values[source].shape != values[target].shape:
            continue
        short = copy(model)
        for other in short.graph.node[index + 1:]:
            for i, name in enumerate(other.input):
                other.input[i] = source if name == target else name
        if any(output.name == target for output in short.graph.output):
            continue
        yield prune(short, feeds)


def smaller_shapes(model, feeds):
    """Every dimension of one size, in inputs and constants, made 1, half or one less."""
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    sizes = {size for value in [*feeds.values(), *constants.values()] for size in value.shape if size > 1}
    for size in sorted(sizes, reverse=True):
        for smaller in sorted({1, size // 2, size - 1}):
            def cut(array):
                if array.dtype.kind == "i" and array.ndim == 1:
                    # A shape, or sizes of parts.
                    return np.where(array == size, smaller, array).astype(array.dtype)
                return array[tuple(slice(smaller) if s == size else slice(None) for s in array.shape)]

            shrunk = copy(model)
            for tensor in shrunk.graph.initializer:
                tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(cut(constants[tensor.name])), tensor.name))
            fed = {name: np.ascontiguousarray(cut(value)) for name, value in feeds.items()}
            for value in shrunk.graph.input:
                if value.name in fed:
                    value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, fed[value.name].shape))
            yield shrunk, fed


def simpler_attributes(model, feeds):
    for i, node in enumerate(model.graph.node):
        for j, attribute in enumerate(node.attribute):
            without = copy(model)
            del without.graph.node[i].attribute[j]
            yield without, feeds
            for k, number in enumerate(attribute.ints):
                # Each change must make it plainer, or two would follow each other for ever.
                for plain in () if number in (0, 1) else (0, 1):
                    changed = copy(model)
                    changed.graph.node[i].attribute[j].ints[k] = plain
                    yield changed, feeds


def plainer_values(model, feeds):
    for name, value in feeds.items():
        for plain in (np.ones_like(value), np.round(value)):
            if np.array_equal(plain, value):
                break
            yield model, {**feeds, name: plain}
    for i, tensor in enumerate(model.graph.initializer):
        value = numpy_helper.to_array(tensor)
        if value.dtype == np.float32 and not np.array_equal(value, np.ones_like(value)):
            plain = copy(model)
            plain.graph.initializer[i].CopyFrom(numpy_helper.from_array(np.ones_like(value), tensor.name))
            yield plain, feeds


PASSES = (fewer_outputs, earlier_outputs, later_inputs, bypasses, smaller_shapes, simpler_attributes, plainer_values)


def minimize(model, feeds, verdict, judge):
    """(model, feeds) of a smaller graph on which `judge(model, feeds)` says the same kind
    of thing; the graph as it was where nothing can go."""
    wanted, end = kind_of(verdict), time.monotonic() + SECONDS

    def still(candidate):
        try:
            declare(*candidate)
            return kind_of(judge(*candidate)) == wanted
        except Exception:  # onnxruntime refuses the candidate
            return False

    changed = True
    while changed and time.monotonic() < end:
        changed = False
        for make in PASSES:
            again = True
            while again and time.monotonic() < end:
                again = False
                for candidate in make(model, feeds):
                    if time.monotonic() > end:
                        break
                    if still(candidate):
                        model, feeds = candidate
                        again = changed = True
                        break
    return model, feeds
