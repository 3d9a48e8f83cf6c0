"""Small ONNX models for the tests of import: models.py NAME FILE.onnx."""

import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

F32 = np.float32


def model(nodes, inputs, outputs, constants=None, opset=17, ir=8, types=None, **more):
    """Inputs and outputs are {name: shape}; `types` holds those that are not float."""
    types = types or {}

    def info(values):
        return [helper.make_tensor_value_info(n, types.get(n, TensorProto.FLOAT), s) for n, s in values.items()]

    graph = helper.make_graph(
        nodes, "graph", info(inputs), info(outputs),
        [numpy_helper.from_array(np.asarray(a), n) for n, a in (constants or {}).items()])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], **more)
    made.ir_version = ir
    return made


def node(op, inputs, outputs, **attributes):
    attributes.setdefault("name", op.lower())
    return helper.make_node(op, inputs.split(), outputs.split(), **attributes)


def ramp(*shape):
    return np.arange(np.prod(shape), dtype=F32).reshape(shape)


def convolutions():
    return model(
        [node("Conv", "x w b", "a", auto_pad="SAME_UPPER", strides=[2, 2]),
         node("Conv", "x w", "b1", name="lower", auto_pad="SAME_LOWER", strides=[2, 2]),
         node("Conv", "x w", "c", name="valid", auto_pad="VALID", dilations=[2, 1]),
         node("Conv", "x d", "e", name="depthwise", group=4, pads=[0, 1, 2, 3]),
         node("Conv", "l k", "f", name="one_d", kernel_shape=[3])],
        {"x": [1, 4, 8, 8], "l": [1, 2, 9]},
        {"a": [1, 2, 4, 4], "b1": [1, 2, 4, 4], "c": [1, 2, 4, 6], "e": [1, 4, 8, 10], "f": [1, 3, 7]},
        {"w": ramp(2, 4, 3, 3), "b": ramp(2), "d": ramp(4, 1, 3, 3), "k": ramp(3, 2, 3)})


def products():
    return model(
        [node("Gemm", "x w c", "a", transB=1, alpha=0.5, beta=2.0), node("MatMul", "x m", "b")],
        {"x": [2, 3]}, {"a": [2, 4], "b": [2, 5]},
        {"w": ramp(4, 3), "c": ramp(4), "m": ramp(3, 5)})


def windows():
    return model(
        [node("MaxPool", "x", "a", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, dilations=[1, 2]),
         node("AveragePool", "x", "b", kernel_shape=[2, 2], pads=[1, 1, 0, 0], count_include_pad=1),
         node("GlobalAveragePool", "x", "c"), node("GlobalMaxPool", "x", "d"),
         node("ReduceMean", "x", "e", axes=[-1, 1], keepdims=0)],
        {"x": [1, 2, 8, 8]},
        {"a": [1, 2, 4, 3], "b": [1, 2, 8, 8], "c": [1, 2, 1, 1], "d": [1, 2, 1, 1], "e": [1, 8]})


def elementwise():
    return model(
        [node("Add", "x s", "a"), node("Sub", "a s", "b"), node("Mul", "b s", "c"), node("Div", "c s", "d"),
         node("Sum", "a b d", "e"), node("Relu", "e", "f"), node("Clip", "f lo hi", "g"), node("LeakyRelu", "g", "h"),
         node("Sigmoid", "h", "i"), node("HardSigmoid", "i", "j"), node("HardSwish", "j", "k"),
         node("Softmax", "k", "l"), node("LRN", "l", "m", size=3), node("Identity", "m", "n"),
         node("Dropout", "n", "o"), node("BatchNormalization", "o s s s s", "y")],
        {"x": [2, 3, 3]}, {"y": [2, 3, 3]},
        {"s": np.array([1, 2, 4], F32).reshape(3), "lo": np.array(0, F32), "hi": np.array(6, F32)})


def movement():
    i64 = np.int64
    return model(
        [node("Flatten", "x", "a", axis=2), node("Reshape", "x r", "b"), node("Unsqueeze", "x u", "c"),
         node("Squeeze", "c u", "d"), node("Transpose", "d", "e"), node("Pad", "x p v", "f", mode="constant"),
         node("Slice", "x s t ax st", "g"), node("Split", "x sp", "h i", axis=2), node("Concat", "h x", "j", axis=-1)],
        {"x": [2, 3, 4]},
        {"a": [6, 4], "b": [2, 12], "e": [4, 3, 2], "f": [2, 5, 3], "g": [2, 3, 2], "i": [2, 3, 3], "j": [2, 3, 5]},
        {"r": np.array([0, -1], i64), "u": np.array([1, -1], i64), "p": np.array([0, 1, 0, 0, 1, -1], i64),
         "v": np.array(1.5, F32), "s": np.array([-1], i64), "t": np.array([-(1 << 62)], i64),
         "ax": np.array([2], i64), "st": np.array([-2], i64), "sp": np.array([1, 3], i64)})


def shape_arithmetic():
    """x.reshape(n, prod(rest)) as exporters write it, and a constant range."""
    i64 = np.int64
    return model(
        [node("Shape", "x", "shape"), node("Gather", "shape zero", "n"), node("Unsqueeze", "n axes", "n1"),
         node("Slice", "shape one big axes", "rest"), node("ReduceProd", "rest", "size", keepdims=1),
         node("Cast", "size", "sizef", to=TensorProto.FLOAT), node("Mul", "sizef half", "halff"),
         node("Floor", "halff", "whole"), node("Cast", "whole", "wholei", name="back", to=TensorProto.INT64),
         node("Mul", "wholei two", "again", name="twice"), node("Concat", "n1 again", "target", axis=0),
         node("Reshape", "x target", "flat"), node("ConstantOfShape", "again", "ones",
                                                    value=numpy_helper.from_array(np.array([1.0], F32))),
         node("Range", "zero end two0", "range"), node("Equal", "range two0", "is_two"),
         node("Where", "is_two three range", "chosen"), node("Cast", "chosen", "floats", name="cf", to=TensorProto.FLOAT),
         node("Expand", "floats shape3", "rows"), node("Add", "flat ones", "y0"), node("Mul", "y0 rows", "y", name="last")],
        {"x": [3, 2, 2]}, {"y": [3, 4]},
        {"zero": np.array(0, i64), "axes": np.array([0], i64), "one": np.array([1], i64),
         "big": np.array([99], i64), "half": np.array(0.5, F32), "two": np.array([2], i64),
         "two0": np.array(2, i64), "three": np.array(3, i64), "end": np.array(8, i64), "shape3": np.array([3, 4], i64)})


def constants():
    """Every way to write a constant, and every float type."""
    nodes = [node("Constant", "", "c1", value_floats=[1.0, 2.0, 3.0]),
             node("Constant", "", "c2", value=numpy_helper.from_array(np.array([4, 5, 6], np.float64))),
             node("Add", "x c1", "a1", name="n1"), node("Cast", "c2", "c2f", to=TensorProto.FLOAT),
             node("Mul", "a1 c2f", "a2", name="n2"), node("Cast", "half", "halff", name="cast2", to=TensorProto.FLOAT),
             node("Sub", "a2 halff", "a3", name="n3"), node("Cast", "brain", "brainf", name="cast3", to=TensorProto.FLOAT),
             node("Div", "a3 brainf", "y", name="n4")]
    made = model(nodes, {"x": [3]}, {"y": [3]}, {"half": np.array([0.5, 65504, -2], np.float16)})
    made.graph.initializer.append(
        helper.make_tensor("brain", TensorProto.BFLOAT16, [3], [1.0, -2.5, 0.125]))
    return made


def quantized():
    return model(
        [node("QuantizeLinear", "x s zp", "xq"), node("DequantizeLinear", "xq s zp", "xd"),
         node("DequantizeLinear", "w ws", "wd", name="weights", axis=0),
         node("DequantizeLinear", "u us uz", "ud", name="unsigned"),
         node("DequantizeLinear", "b bs", "bd", name="bias", axis=0),
         node("Conv", "xd wd bd", "c"), node("Mul", "c ud", "y")],
        {"x": [1, 1, 4, 4]}, {"y": [1, 2, 2, 2]},
        {"s": np.array(0.5, F32), "zp": np.array(130, np.uint8),
         "w": np.arange(-9, 9).astype(np.int8).reshape(2, 1, 3, 3), "ws": np.array([0.5, 0.25], F32),
         "u": np.array([0, 128, 255, 1], np.uint8).reshape(2, 2), "us": np.array(0.125, F32), "uz": np.array(127, np.uint8),
         "b": np.array([7, -7], np.int32), "bs": np.array([0.25, 0.125], F32)})


def narrow():
    """Weights of 4 bits, two to a byte, in blocks as well; activations of 16 bits."""
    made = model(
        [node("QuantizeLinear", "x s zp", "xq"), node("DequantizeLinear", "xq s zp", "xd"),
         node("DequantizeLinear", "w ws", "wd", name="signed"), node("DequantizeLinear", "u us uz", "ud", name="unsigned"),
         node("DequantizeLinear", "w bs", "bd", name="blocks", axis=1, block_size=2),
         node("Gemm", "xd wd", "a"), node("Gemm", "xd ud", "b"), node("Gemm", "xd bd", "c"), node("Sum", "a b c", "y")],
        {"x": [1, 3]}, {"y": [1, 3]},
        {"s": np.array(0.5, F32), "zp": np.array(32768, np.uint16), "ws": np.array(0.5, F32), "us": np.array(0.25, F32),
         "bs": np.array([[1, 2], [3, 4], [5, 6]], F32)}, opset=21)
    int4, uint4 = onnx.TensorProto.INT4, onnx.TensorProto.UINT4
    made.graph.initializer.extend([
        helper.make_tensor("w", int4, [3, 3], [-8, 7, -1, 0, 1, 2, 3, 4, 5]),
        helper.make_tensor("u", uint4, [3, 3], [0, 15, 1, 2, 3, 4, 5, 6, 7]), helper.make_tensor("uz", uint4, [], [9])])
    return made


def narrow_activation():
    made = model([node("QuantizeLinear", "x s zp", "q", name="four"), node("DequantizeLinear", "q s zp", "y")],
                 {"x": [4]}, {"y": [4]}, {"s": np.array(0.5, F32)}, opset=21)
    made.graph.initializer.append(helper.make_tensor("zp", onnx.TensorProto.INT4, [], [0]))
    return made


def functions():
    body = helper.make_function(
        "local", "Twice", ["a"], ["b"],
        [helper.make_node("Relu", ["a"], ["t"]), helper.make_node("Add", ["t", "a"], ["b"])],
        [helper.make_opsetid("", 17)])
    made = model([node("Twice", "x", "m", name="first", domain="local"),
                  node("Twice", "m", "y", name="second", domain="local")],
                 {"x": [4]}, {"y": [4]}, functions=[body])
    made.opset_import.append(helper.make_opsetid("local", 1))
    return made


def old_forms():
    """What opset 8 wrote differently."""
    return model(
        [node("Softmax", "x", "a"), node("Clip", "a", "b", min=0.0, max=0.5), node("Squeeze", "b", "c", axes=[0]),
         node("Slice", "c", "d", starts=[1], ends=[9], axes=[0]), node("Pad", "d", "e", pads=[1, 0, 0, 0], value=2.0),
         node("Split", "e", "f g", axis=1, split=[1, 3]), node("ReduceMean", "g", "h", axes=[1]),
         node("BatchNormalization", "x n n n n", "i", spatial=0), node("Unsqueeze", "h", "y", axes=[0])],
        {"x": [1, 3, 4]}, {"f": [3, 1], "i": [1, 3, 4], "y": [1, 3, 1]},
        {"n": np.ones((3, 4), F32)}, opset=8)


def old_upsample():
    """The converter gives the Upsample's node and output other names."""
    return model(
        [node("Upsample", "x", "a", name="larger", mode="linear", scales=[1.0, 1.0, 1.0, 3.0]),
         node("Relu", "a", "y")], {"x": [1, 1, 2, 2]}, {"y": [1, 1, 2, 6]}, opset=8)


def unnamed():
    made = model([node("Relu", "x", "a"), node("Softmax", "a", "y", axis=1)], {"x": [2, 3, 4]}, {"y": [2, 3, 4]}, opset=11)
    for each in made.graph.node:
        each.name = ""
    return made


def initializer_inputs():
    """IR version 3 lists initializers among the inputs."""
    made = model([node("Add", "x w", "y")], {"x": [4], "w": [4]}, {"y": [4]}, {"w": ramp(4)}, opset=8, ir=3)
    return made


def declared_otherwise():
    return model([node("Relu", "x", "y")], {"x": [1, 4]}, {"y": [2, 2, 1]})


def by_rate():
    """A branch for each rate; only one of them fits the input."""
    def branch(name, width):
        return helper.make_graph(
            [helper.make_node("MatMul", ["x", f"{name}_w"], [f"{name}_y"], name=f"{name}_layer")], name, [],
            [helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, None)],
            [numpy_helper.from_array(ramp(width, 2), f"{name}_w")])

    return model(
        [node("Equal", "rate r", "fast"),
         helper.make_node("If", ["fast"], ["y"], name="choice", then_branch=branch("fast", 8),
                          else_branch=branch("slow", 4))],
        {"x": [1, "n"], "rate": []}, {"y": [1, 2]}, {"r": np.array(16000)}, types={"rate": TensorProto.INT64})


def selected():
    """Ends in rows whose number depends on data, then in an operator that nobody has."""
    made = model(
        [node("Relu", "x", "features"), node("MatMul", "features w", "scores", name="head"),
         node("Greater", "scores t", "good"), node("NonZero", "good", "places"),
         node("Transpose", "places", "rows"), node("GatherND", "scores rows", "y"),
         node("Mystery", "scores", "z", domain="somebody")],
        {"x": [4, 3]}, {"y": ["n"], "z": [4, 2]}, {"w": ramp(3, 2), "t": F32(1.0)}, opset=17)
    made.opset_import.append(helper.make_opsetid("somebody", 1))
    return made


def symbolic():
    return model([node("Shape", "x", "s"), node("Reshape", "x s", "y")], {"x": ["n", 3, None]}, {"y": ["n", 3, None]})


def batches():
    return model([node("Add", "x z", "y")], {"x": ["n", 3, 5], "z": ["n", 3, 5]}, {"y": ["n", 3, 5]})


def unknown_rank():
    """The output has no shape, not even a rank."""
    made = symbolic()
    made.graph.output[0].type.tensor_type.ClearField("shape")
    return made


def unsupported():
    return model(
        [node("Erf", "x", "a"), node("Relu", "a", "b"), node("Dropout", "b r t", "c"),
         node("Det", "d", "e"), node("Clip", "c e", "y")],
        {"x": [1, 2, 4], "d": [2, 2]}, {"y": [1, 2, 4]}, {"r": F32(0.5), "t": np.array(True)})


def classic_learning():
    """A pipeline of scikit-learn: valid ONNX, of operators that are no network's."""
    made = model([node("Scaler", "x", "s", domain="ai.onnx.ml", offset=[0.5], scale=[2.0]),
                  node("Relu", "s", "y")],
                 {"x": [1, 4]}, {"y": [1, 4]})
    made.opset_import.append(helper.make_opsetid("ai.onnx.ml", 1))
    return made


def weights():
    generator = np.random.default_rng(0)
    return model([node("MatMul", "x w", "y")], {"x": [1, 32]}, {"y": [1, 16]},
                 {"w": generator.standard_normal((32, 16)).astype(F32)})


def external():
    """Saved with its weights in a file beside it."""
    return weights()


def main():
    name, path = sys.argv[1:]
    made = globals()[name]()
    if name == "external":
        data = os.path.basename(path) + ".data"
        onnx.save(made, path, save_as_external_data=True, location=data, size_threshold=0)
    else:
        onnx.save(made, path)


if __name__ == "__main__":
    main()
