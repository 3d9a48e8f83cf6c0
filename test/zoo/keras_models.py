"""Exports one Keras network through tf2onnx.

    keras_models.py NAME FILE.onnx

Weights are drawn with a seed; moving statistics are those of photographs. TensorFlow's
images have channels last, and its SAME pads unevenly where strides are 2.
"""

import sys

import numpy as np

# Side of the image; networks of keras.applications by their names there.
APPLICATIONS = {"MobileNet": 160, "MobileNetV2": 160, "MobileNetV3Small": 160, "EfficientNetB0": 160,
                "EfficientNetV2B0": 160, "DenseNet121": 160, "ResNet50": 128, "ResNet50V2": 128,
                "NASNetMobile": 224, "Xception": 128, "InceptionV3": 160, "ConvNeXtTiny": 96, "VGG16": 64}
OWN = {"uneven_pads": (45, 37, 3), "separable": (48, 48, 3), "decoder": (32, 32, 3), "unet": (64, 64, 3),
       "dilated": (40, 40, 3), "keyword_spotter": (49, 40, 1), "sequence_lstm": (24, 12),
       "sequence_gru": (24, 12), "bidirectional": (24, 12), "conv1d": (128, 4), "transformer": (16, 32),
       "conv_lstm": (4, 16, 16, 3), "conv3d": (8, 16, 16, 3), "pixel_shuffle": (24, 24, 3),
       "global_max": (33, 33, 3), "crop_and_pad": (30, 30, 3)}
KERAS_NAMES = [f"keras/{name}" for name in [*APPLICATIONS, *OWN]]


# These scale pixels themselves.
TAKES_BYTES = ("MobileNetV3", "EfficientNet", "ConvNeXt")


def scale_of(name):
    """The scale of the images (samples.images) that a network takes."""
    return "bytes" if name.partition("/")[2].startswith(TAKES_BYTES) else "imagenet"


def shape_of(name):
    name = name.partition("/")[2]
    return OWN[name] if name in OWN else (APPLICATIONS[name], APPLICATIONS[name], 3)


def layers_of(name, x, L):
    """The output of an own network on the tensor `x`."""
    import keras

    if name == "uneven_pads":
        for filters, size, stride in ((8, 3, 2), (16, 5, 2), (16, 4, 3), (24, 2, 2)):
            x = L.ReLU()(L.BatchNormalization()(L.Conv2D(filters, size, stride, "same", use_bias=False)(x)))
            x = L.DepthwiseConv2D(3, 1, "same", activation="relu")(x)
        return L.Dense(10)(L.GlobalAveragePooling2D()(L.AveragePooling2D(2, 2, "same")(x)))
    if name == "separable":
        x = L.SeparableConv2D(16, 3, 2, "same", activation="relu", depth_multiplier=2)(x)
        x = L.MaxPooling2D(3, 2, "same")(L.SeparableConv2D(24, 5, 1, "same", activation="swish")(x))
        return L.Dense(5, activation="softmax")(L.Flatten()(x))
    if name == "decoder":
        x = L.LeakyReLU(negative_slope=0.2)(L.Conv2D(16, 4, 2, "same")(x))
        x = L.ELU()(L.Conv2DTranspose(8, 3, 2, "same")(x))
        x = L.UpSampling2D(2, interpolation="bilinear")(x)
        return L.Conv2DTranspose(3, 5, 1, "valid", activation="tanh")(x)
    if name == "unet":
        skips = []
        for filters in (8, 16):
            x = L.ReLU()(L.BatchNormalization()(L.Conv2D(filters, 3, padding="same")(x)))
            skips.append(x)
            x = L.MaxPooling2D()(x)
        x = L.Conv2D(32, 3, padding="same", activation="relu")(x)
        for filters, skip in ((16, skips[1]), (8, skips[0])):
            x = L.Concatenate()([L.Conv2DTranspose(filters, 2, 2)(x), skip])
            x = L.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return L.Conv2D(1, 1, activation="sigmoid")(x)
    if name == "dilated":
        for rate in (1, 2, 4):
            x = L.Conv2D(12, 3, padding="same", dilation_rate=rate, activation="relu6")(x)
        return L.Conv2D(4, 1)(L.UpSampling2D(2)(x))
    if name == "keyword_spotter":
        x = L.Conv2D(16, (10, 4), 2, "same", activation="relu")(x)
        x = L.Conv2D(16, 1, activation="relu")(L.DepthwiseConv2D(3, padding="same", activation="relu")(x))
        return L.Dense(12, activation="softmax")(L.Flatten()(L.AveragePooling2D((5, 5))(x)))
    if name == "sequence_lstm":
        return L.Dense(4)(L.LSTM(16)(L.LSTM(24, return_sequences=True)(x)))
    if name == "sequence_gru":
        return L.Dense(4)(L.GRU(16)(x))
    if name == "bidirectional":
        return L.Dense(6)(L.Bidirectional(L.LSTM(12, return_sequences=True))(x))
    if name == "conv1d":
        x = L.MaxPooling1D(4, 4, "same")(L.Conv1D(16, 9, 2, "same", activation="relu")(x))
        return L.Dense(3)(L.GlobalMaxPooling1D()(L.Conv1D(24, 3, padding="causal", activation="gelu")(x)))
    if name == "transformer":
        y = L.MultiHeadAttention(4, 8)(x, x)
        x = L.LayerNormalization()(x + y)
        # The exact gelu, which conv1d has, comes out of tf2onnx as an operator that ONNX lacks.
        y = L.Dense(64, activation=lambda v: keras.activations.gelu(v, approximate=True))(x)
        y = L.Dense(32)(y)
        return L.Dense(5)(L.GlobalAveragePooling1D()(L.LayerNormalization()(x + y)))
    if name == "conv_lstm":
        return L.Dense(3)(L.GlobalAveragePooling2D()(L.ConvLSTM2D(8, 3, padding="same")(x)))
    if name == "conv3d":
        x = L.MaxPooling3D(2)(L.Conv3D(8, 3, padding="same", activation="relu")(x))
        return L.Dense(3)(L.GlobalAveragePooling3D()(L.Conv3D(12, 3, 2, "same", activation="relu")(x)))
    if name == "pixel_shuffle":
        import tensorflow as tf

        x = L.Conv2D(12, 3, padding="same", activation="relu")(x)
        return L.Lambda(lambda v: tf.nn.depth_to_space(v, 2))(x)
    if name == "global_max":
        x = L.Conv2D(12, 3, 2, activation=lambda v: L.ReLU(max_value=6)(v))(x)
        x = L.Multiply()([x, L.Dense(12, activation="hard_sigmoid")(L.GlobalAveragePooling2D(keepdims=True)(x))])
        return L.Dense(4)(L.GlobalMaxPooling2D()(x))
    x = L.Cropping2D(((1, 2), (3, 0)))(L.ZeroPadding2D(((0, 1), (2, 3)))(x))
    x = L.Permute((2, 1, 3))(L.Conv2D(8, 3, activation="softplus")(x))
    return L.Dense(4)(L.Flatten()(L.Reshape((-1, 16))(x)))


def network_of(name):
    """The network with statistics of photographs, and those: [8, *shape]."""
    import keras

    import samples

    rest = name.partition("/")[2]
    keras.utils.set_random_seed(7)
    generator = np.random.default_rng(11)
    shape = shape_of(name)
    if rest in OWN:
        x = keras.Input(shape, 1)
        model = keras.Model(x, layers_of(rest, x, keras.layers))
    else:
        model = getattr(keras.applications, rest)(weights=None, input_shape=shape, classifier_activation=None)
        model = keras.Model(model.inputs, model.outputs)
    if len(shape) == 3 and shape[2] == 3:
        photos = samples.images(generator, 8, shape, scale_of(name), last=True)
    else:
        photos = generator.standard_normal((8, *shape)).astype(np.float32)
    if rest not in OWN:
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = 0.0
        model(photos, training=True)
    return model, photos


def main():
    import tensorflow as tf
    import tf2onnx

    model, photos = network_of(sys.argv[1])
    function = tf.function(lambda image: model(image, training=False), autograph=False)
    spec = [tf.TensorSpec((1, *photos.shape[1:]), tf.float32, name="image")]
    tf2onnx.convert.from_function(function, spec, opset=15, output_path=sys.argv[2])


if __name__ == "__main__":
    main()
