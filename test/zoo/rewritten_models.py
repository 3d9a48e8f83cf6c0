"""Rewrites one ONNX model with a tool of another project.

    rewritten_models.py MODE BASE.onnx FILE.onnx FEEDS.npz

Quantizers: nncf, inc-static and inc-dynamic (Intel Neural Compressor). Narrower floats:
half, and half-io with inputs and outputs of 16 bits as well (onnxconverter-common).
Simplifiers: simplified (onnxsim), slim (onnxslim).
"""

import sys
import types

import numpy as np
import onnx


def read_feeds(path):
    feeds = {}
    with np.load(path) as stored:
        for key in stored:
            number, _, name = key.partition(":")
            feeds.setdefault(int(number), {})[name] = stored[key]
    return [feeds[number] for number in sorted(feeds)]


class Loader:
    """As Neural Compressor wants samples: pairs of inputs and a label."""

    batch_size = 1

    def __init__(self, feeds):
        self.feeds = feeds

    def __iter__(self):
        return ((feed, 0) for feed in self.feeds)


def compress(base, path, feeds, approach):
    # It asks for tables that newer versions of onnx have as functions.
    names = [kind for kind in onnx.TensorProto.DataType.values() if 0 < kind <= onnx.TensorProto.BFLOAT16]
    to_numpy = {kind: onnx.helper.tensor_dtype_to_np_dtype(kind) for kind in names}
    onnx.mapping = types.SimpleNamespace(TENSOR_TYPE_TO_NP_TYPE=to_numpy, NP_TYPE_TO_TENSOR_TYPE={
        numpy: kind for kind, numpy in to_numpy.items() if kind != onnx.TensorProto.BFLOAT16})
    from neural_compressor import PostTrainingQuantConfig, quantization

    done = quantization.fit(base, PostTrainingQuantConfig(approach=approach, quant_format="QDQ"),
                            calib_dataloader=Loader(feeds))
    if done is None:
        raise RuntimeError("Neural Compressor found no quantized model")
    done.save(path)


def main():
    mode, base, path, feeds = sys.argv[1], sys.argv[2], sys.argv[3], read_feeds(sys.argv[4])
    if mode == "nncf":
        import nncf

        onnx.save(nncf.quantize(onnx.load(base), nncf.Dataset(feeds)), path)
    elif mode in ("inc-static", "inc-dynamic"):
        compress(base, path, feeds, mode.removeprefix("inc-"))
    elif mode in ("half", "half-io"):
        from onnxconverter_common import float16

        onnx.save(float16.convert_float_to_float16(onnx.load(base), keep_io_types=mode == "half"), path)
    elif mode == "simplified":
        import onnxsim

        model, same = onnxsim.simplify(onnx.load(base))
        if not same:
            raise RuntimeError("onnxsim's own comparison failed")
        onnx.save(model, path)
    else:
        import onnxslim

        onnx.save(onnxslim.slim(onnx.load(base)), path)


if __name__ == "__main__":
    main()
