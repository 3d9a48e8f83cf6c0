"""ResNet-50's main path, without shortcuts, as ONNX and as int8 TFLite.

49 convolutions with their activations and one pooling, in order, on a 224 x 224
image; weights are seeded random numbers. TFLite is written field by field with the
package flatbuffers (https://github.com/tensorflow/tensorflow, schema.fbs, version 3),
as an int8 model for which no converter is needed.
"""

import numpy as np

TFLITE_INT8, TFLITE_INT32 = 9, 2
TFLITE_CONV, TFLITE_MAX_POOL = 3, 17
TFLITE_CONV_OPTIONS, TFLITE_POOL_OPTIONS = 1, 5


def layers():
    """(kind, input channels, output channels, kernel, stride, output size), in order."""
    made = [("conv", 3, 64, 7, 2, 112), ("pool", 64, 64, 3, 2, 56)]
    channels, size = 64, 56
    for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            step = stride if block == 0 else 1
            made.append(("conv", channels, width, 1, 1, size))
            size //= step
            made.append(("conv", width, width, 3, step, size))
            made.append(("conv", width, 4 * width, 1, 1, size))
            channels = 4 * width
    return made


def write_onnx(path, seed=0):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    generator = np.random.default_rng(seed)
    nodes, weights, value = [], [], "x"
    for i, (kind, c, m, k, stride, _) in enumerate(layers()):
        shape = {"kernel_shape": [k, k], "strides": [stride] * 2, "pads": [k // 2] * 4}
        if kind == "pool":
            nodes.append(helper.make_node("MaxPool", [value], [f"v{i}"], f"pool{i}", **shape))
        else:
            w = generator.standard_normal((m, c, k, k)) * np.sqrt(2 / (c * k * k))
            weights.append(numpy_helper.from_array(w.astype(np.float32), f"w{i}"))
            nodes.append(helper.make_node("Conv", [value, f"w{i}"], [f"c{i}"], f"conv{i}",
                                          dilations=[1, 1], group=1, **shape))
            nodes.append(helper.make_node("Relu", [f"c{i}"], [f"v{i}"], f"relu{i}"))
        value = f"v{i}"
    graph = helper.make_graph(
        nodes, "resnet50_main_path",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 224, 224])],
        [helper.make_tensor_value_info(value, TensorProto.FLOAT, [1, 2048, 7, 7])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(onnx.shape_inference.infer_shapes(model, check_type=True), path)


class Writer:
    """Tables of a flatbuffer, children before parents."""

    def __init__(self):
        import flatbuffers

        self.builder = flatbuffers.Builder(1 << 20)

    def vector(self, array):
        return self.builder.CreateNumpyVector(np.ascontiguousarray(array))

    def offsets(self, items):
        self.builder.StartVector(4, len(items), 4)
        for item in reversed(items):
            self.builder.PrependUOffsetTRelative(item)
        return self.builder.EndVector()

    def table(self, *fields):
        """fields: (slot, kind, value); kind is one of int32, int8, uint8, uint32, offset."""
        b = self.builder
        put = {"int32": b.PrependInt32Slot, "int8": b.PrependInt8Slot,
               "uint8": b.PrependUint8Slot, "uint32": b.PrependUint32Slot,
               "offset": b.PrependUOffsetTRelativeSlot}
        b.StartObject(1 + max((slot for slot, _, _ in fields), default=0))
        for slot, kind, value in fields:
            put[kind](slot, value, 0)
        return b.EndObject()


def write_tflite(path, seed=0):
    w = Writer()
    generator = np.random.default_rng(seed)
    buffers, tensors, operators = [w.table()], [], []

    def tensor(shape, kind, scale, data=None):
        buffer = 0
        if data is not None:
            buffers.append(w.table((0, "offset", w.vector(data.view(np.uint8).reshape(-1)))))
            buffer = len(buffers) - 1
        quantization = w.table((2, "offset", w.vector(np.array([scale], np.float32))),
                               (3, "offset", w.vector(np.array([0], np.int64))))
        name = w.builder.CreateString(f"t{len(tensors)}")
        tensors.append(w.table((0, "offset", w.vector(np.array(shape, np.int32))),
                               (1, "int8", kind), (2, "uint32", buffer),
                               (3, "offset", name), (4, "offset", quantization)))
        return len(tensors) - 1

    def operator(code, inputs, output, options_kind, options):
        operators.append(w.table(
            (0, "uint32", code), (1, "offset", w.vector(np.array(inputs, np.int32))),
            (2, "offset", w.vector(np.array([output], np.int32))),
            (3, "uint8", options_kind), (4, "offset", options)))

    scale = 0.05
    value = first = tensor([1, 224, 224, 3], TFLITE_INT8, scale)
    for kind, c, m, k, stride, size in layers():
        output = tensor([1, size, size, m], TFLITE_INT8, scale)
        if kind == "pool":
            options = w.table((1, "int32", stride), (2, "int32", stride), (3, "int32", k),
                              (4, "int32", k))
            operator(1, [value], output, TFLITE_POOL_OPTIONS, options)
        else:
            weights = generator.integers(-127, 128, (m, k, k, c), dtype=np.int8)
            inputs = [value, tensor(weights.shape, TFLITE_INT8, 0.01, weights),
                      tensor([m], TFLITE_INT32, 0.01 * scale, np.zeros(m, np.int32))]
            options = w.table((1, "int32", stride), (2, "int32", stride), (3, "int8", 1),
                              (4, "int32", 1), (5, "int32", 1))
            operator(0, inputs, output, TFLITE_CONV_OPTIONS, options)
        value = output
    codes = [w.table((0, "int8", code), (2, "int32", 1), (3, "int32", code))
             for code in (TFLITE_CONV, TFLITE_MAX_POOL)]
    graph = w.table((0, "offset", w.offsets(tensors)),
                    (1, "offset", w.vector(np.array([first], np.int32))),
                    (2, "offset", w.vector(np.array([value], np.int32))),
                    (3, "offset", w.offsets(operators)),
                    (4, "offset", w.builder.CreateString("main")))
    model = w.table((0, "uint32", 3), (1, "offset", w.offsets(codes)),
                    (2, "offset", w.offsets([graph])), (4, "offset", w.offsets(buffers)))
    w.builder.Finish(model, file_identifier=b"TFL3")
    with open(path, "wb") as file:
        file.write(w.builder.Output())


if __name__ == "__main__":
    import sys

    {"onnx": write_onnx, "tflite": write_tflite}[sys.argv[1]](sys.argv[2])
