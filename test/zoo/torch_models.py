"""Exports one network of torchvision, timm, ultralytics, segmentation-models-pytorch or
transformers.

    torch_models.py NAME FILE.onnx
    torch_models.py --list

Trained weights are not to be had from a package registry, so that they are drawn with a
seed; the statistics of normalizations are then measured on photographs, as training would
have left them. `:dynamo` after a name asks for torch's newer exporter, `:opset9` for an old
opset of the older one.
"""

import contextlib
import io
import logging
import sys
import warnings
from pathlib import Path

import numpy as np
import torch

import samples

# By package: name, side of the image. Sides are those that the networks are known for where
# that is quick, and otherwise smaller.
TORCHVISION = {
    "resnet18": 160, "resnet50": 224, "resnext50_32x4d": 224, "wide_resnet50_2": 128,
    "densenet121": 224, "vgg11_bn": 224, "alexnet": 224, "inception_v3": 224, "googlenet": 224, "squeezenet1_1": 224,
    "shufflenet_v2_x1_0": 224, "mobilenet_v2": 224, "mobilenet_v3_small": 224,
    "efficientnet_b0": 224, "efficientnet_v2_s": 160, "mnasnet1_0": 224, "regnet_y_400mf": 224,
    "regnet_x_400mf": 224, "convnext_tiny": 128, "vit_b_32": 224, "swin_t": 128, "maxvit_t": 224,
    "segmentation.fcn_resnet50": 96, "segmentation.deeplabv3_mobilenet_v3_large": 160,
    "segmentation.lraspp_mobilenet_v3_large": 160,
}
TIMM = {
    "mobilenetv1_100": 160, "mobilenetv4_conv_small": 224, "mobilenetv4_hybrid_medium": 192,
    "efficientnet_lite0": 160, "tf_efficientnet_b0": 160, "tf_mobilenetv3_small_100": 160,
    "ghostnet_100": 224, "ghostnetv2_100": 160, "repvgg_a0": 160, "mobileone_s0": 160,
    "resnet18d": 160, "resnetv2_50": 128, "seresnet18": 160, "ecaresnet26t": 128, "skresnet18": 128,
    "res2net50_26w_4s": 128, "resnest14d": 128, "dla34": 128, "hardcorenas_a": 160, "fbnetc_100": 160,
    "spnasnet_100": 160, "semnasnet_075": 160, "mixnet_s": 160, "tinynet_a": 160, "lcnet_050": 160,
    "rexnet_100": 160, "hrnet_w18_small": 128, "dpn48b": 128, "xception41": 128, "inception_v4": 160,
    "inception_resnet_v2": 160, "nfnet_l0": 128, "cspresnet50": 128, "cspdarknet53": 128,
    "darknet53": 128, "vovnet39a": 128, "ese_vovnet19b_dw": 160, "selecsls42b": 128, "hgnetv2_b0": 160,
    "convnext_atto": 128, "convnextv2_atto": 128, "convmixer_768_32": 96, "edgenext_xx_small": 160,
    "mobilevit_xxs": 160, "mobilevitv2_050": 160, "efficientformer_l1": 224, "fastvit_t8": 160,
    "poolformer_s12": 128, "efficientvit_b0": 160, "efficientvit_m0": 224, "repvit_m0_9": 160,
    "starnet_s1": 160, "inception_next_tiny": 128, "levit_128s": 224, "deit_tiny_patch16_224": 224,
    "gmlp_s16_224": 224, "mixer_s32_224": 224, "coatnet_nano_rw_224": 224, "pvt_v2_b0": 128,
    "tresnet_m": 128, "gernet_s": 128, "bat_resnext26ts": 256, "halonet26t": 256, "lambda_resnet26t": 256,
    "visformer_tiny": 224, "crossvit_tiny_240": 240, "xcit_nano_12_p16_224": 224, "nextvit_small": 128,
    "focalnet_tiny_srf": 224, "davit_tiny": 224,
}
ULTRALYTICS = {"yolov3-tiny": 160, "yolov5n": 224, "yolov6n": 160, "yolov8n": 224, "yolov8n-seg": 160,
               "yolov8n-pose": 160, "yolov8n-cls": 160, "yolov8n-obb": 160, "yolov9t": 160,
               "yolov10n": 160, "yolo11n": 224, "yolo12n": 160, "yolo26n": 160, "rtdetr-resnet50": 160}
SMP = {"Unet/resnet18": 128, "UnetPlusPlus/resnet18": 96, "FPN/resnet18": 128, "PSPNet/resnet18": 144,
       "PAN/resnet18": 128, "Linknet/mobilenet_v2": 128, "MAnet/resnet18": 96, "DeepLabV3Plus/mobilenet_v2": 128,
       "UPerNet/resnet18": 192, "Segformer/resnet18": 128}
TEXT = {"bert": 32, "distilbert": 32, "roberta": 32, "albert": 32, "mpnet": 32, "electra": 32,
        "deberta_v2": 32, "t5_encoder": 32, "gpt2": 24, "minilm": 32, "funnel": 32, "convbert": 32,
        "squeezebert": 32, "mobilebert": 32, "modernbert": 32}
# torchvision's compiled operators want CUDA's libraries beside torch; without them the
# package cannot be imported for want of these two, which no network here calls.
OPERATORS = torch.library.Library("torchvision", "DEF")
for operator in ("nms", "qnms"):
    OPERATORS.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

TORCH_NAMES = ([f"torchvision/{n}" for n in TORCHVISION] + [f"timm/{n}" for n in TIMM]
               + [f"ultralytics/{n}" for n in ULTRALYTICS] + [f"smp/{n}" for n in SMP]
               + [f"transformers/{n}" for n in TEXT]
               + [f"torchvision/{n}:dynamo" for n in (
                   "resnet50", "densenet121", "mobilenet_v3_small", "efficientnet_b0", "shufflenet_v2_x1_0",
                   "convnext_tiny", "regnet_y_400mf", "squeezenet1_1", "googlenet", "vit_b_32", "swin_t")]
               + [f"timm/{n}:dynamo" for n in ("mobilenetv4_conv_small", "ghostnet_100", "mobilevit_xxs",
                                               "fastvit_t8", "tf_efficientnet_b0", "deit_tiny_patch16_224",
                                               "halonet26t")]
               + [f"smp/{n}:dynamo" for n in ("Unet/resnet18", "DeepLabV3Plus/mobilenet_v2", "PSPNet/resnet18")]
               + [f"ultralytics/{n}:dynamo" for n in ("yolov8n", "yolo11n")]
               + [f"torchvision/{n}:opset{o}" for o, n in (
                   (7, "resnet18"), (8, "squeezenet1_1"), (9, "mobilenet_v2"), (9, "densenet121"), (10, "googlenet"),
                   (11, "shufflenet_v2_x1_0"), (11, "segmentation.lraspp_mobilenet_v3_large"),
                   (12, "efficientnet_b0"), (12, "swin_t"))]
               + [f"transformers/{n}:opset{o}" for o, n in ((9, "distilbert"), (11, "bert"), (12, "electra"))]
               + [f"transformers/{n}:dynamo" for n in ("bert", "minilm", "distilbert", "roberta", "mpnet")])


def side_of(name):
    package, _, rest = name.partition("/")
    rest = rest.partition(":")[0]
    table = {"torchvision": TORCHVISION, "timm": TIMM, "ultralytics": ULTRALYTICS, "smp": SMP,
             "transformers": TEXT}[package]
    return table[rest]


class First(torch.nn.Module):
    """A network whose results are in a dictionary, or nested in lists."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, *inputs):
        result = self.inner(*inputs)
        if isinstance(result, dict):
            result = result["out"] if "out" in result else result
        while isinstance(result, (tuple, list)) and not torch.is_tensor(result):
            result = result[0]
        return result


class Sentence(torch.nn.Module):
    """Token ids and mask to the mean of the last layer, of length 1: a sentence encoder."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, input_ids, attention_mask):
        x = self.inner(input_ids=input_ids, attention_mask=attention_mask)[0]
        weight = attention_mask.unsqueeze(-1).to(x.dtype)
        mean = (x * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(mean, dim=-1)


def sentence_model(name):
    import transformers

    small = dict(vocab_size=1000, hidden_size=128, num_hidden_layers=2, num_attention_heads=4,
                 intermediate_size=256, max_position_embeddings=64, attn_implementation="eager")
    kinds = {"bert": "Bert", "minilm": "Bert", "roberta": "Roberta", "albert": "Albert", "mpnet": "MPNet",
             "electra": "Electra", "deberta_v2": "DebertaV2", "convbert": "ConvBert", "squeezebert": "SqueezeBert",
             "mobilebert": "MobileBert", "modernbert": "ModernBert"}
    if name == "minilm":  # the shape of all-MiniLM-L6-v2 but for its words
        small.update(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
    if name == "albert":
        small["embedding_size"] = 64
    if name == "squeezebert":
        small["embedding_size"] = 128
    if name == "mobilebert":
        small.update(embedding_size=64, intra_bottleneck_size=64)
    if name == "modernbert":
        small.update(pad_token_id=0, eos_token_id=1, bos_token_id=2, cls_token_id=1, sep_token_id=2)
    if name == "distilbert":
        return transformers.DistilBertModel(transformers.DistilBertConfig(
            vocab_size=1000, dim=128, n_layers=2, n_heads=4, hidden_dim=256, max_position_embeddings=64,
            attn_implementation="eager"))
    if name == "t5_encoder":
        return transformers.T5EncoderModel(transformers.T5Config(
            vocab_size=1000, d_model=128, d_kv=32, d_ff=256, num_layers=2, num_heads=4))
    if name == "gpt2":
        return transformers.GPT2Model(transformers.GPT2Config(
            vocab_size=1000, n_embd=128, n_layer=2, n_head=4, n_positions=64, use_cache=False,
            attn_implementation="eager"))
    if name == "funnel":
        return transformers.FunnelModel(transformers.FunnelConfig(
            vocab_size=1000, d_model=128, n_head=4, d_head=32, d_inner=256, block_sizes=[1, 1]))
    config = getattr(transformers, kinds[name] + "Config")(**small)
    return getattr(transformers, kinds[name] + "Model")(config)


def network_of(name):
    package, _, rest = name.partition("/")
    if package == "torchvision":
        import torchvision

        family, _, last = rest.rpartition(".")
        options = dict(weights=None)
        if last in ("googlenet", "inception_v3"):
            options.update(init_weights=True, aux_logits=False)
        if family:
            options.update(weights_backbone=None)
        module = torchvision.models.segmentation if family else torchvision.models
        return First(getattr(module, last)(**options))
    if package == "timm":
        import timm

        side = TIMM[rest]
        try:
            return timm.create_model(rest, pretrained=False, exportable=True, img_size=side)
        except TypeError:
            return timm.create_model(rest, pretrained=False, exportable=True)
    if package == "ultralytics":
        from ultralytics import RTDETR, YOLO

        model = (RTDETR if rest.startswith("rtdetr") else YOLO)(f"{rest}.yaml").model
        for module in model.modules():
            if hasattr(module, "export"):
                module.export, module.format = True, "onnx"
        return First(model)
    if package == "smp":
        import segmentation_models_pytorch as smp

        kind, _, encoder = rest.partition("/")
        return getattr(smp, kind)(encoder_name=encoder, encoder_weights=None, classes=4)
    return Sentence(sentence_model(rest))


def draw_zeros(network):
    """Some begin with a last layer of zeros, behind which nothing could be compared."""
    for module in network.modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)) and not module.weight.any():
            torch.nn.init.normal_(module.weight, std=0.02)


def measure_statistics(network, images):
    """Leaves what batch normalizations see on photographs as their running statistics."""
    norms = [m for m in network.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    network.eval()
    for norm in norms:
        norm.train()
        norm.momentum = None
        norm.reset_running_stats()
    with torch.no_grad():
        for _ in range(1 if norms else 0):
            network(torch.from_numpy(images))
    network.eval()


def export(name, path):
    base, _, exporter = name.partition(":")
    torch.manual_seed(7)
    torch.set_num_threads(1)
    # The fused operator of attention has no counterpart in ONNX.
    torch.backends.mha.set_fastpath_enabled(False)
    network = network_of(base)
    draw_zeros(network)
    generator = np.random.default_rng(11)
    side = side_of(name)
    if base.startswith("transformers"):
        ids = torch.from_numpy(generator.integers(3, 1000, (1, side)))
        arguments, names = (ids, torch.ones_like(ids)), ["input_ids", "attention_mask"]
        network.eval()
    else:
        scale = "unit" if base.startswith("ultralytics") else "imagenet"
        photos = samples.images(generator, 8, (3, side, side), scale)
        measure_statistics(network, photos)
        arguments, names = (torch.from_numpy(photos[:1]),), ["image"]
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")
        if exporter == "dynamo":
            torch.onnx.export(network, arguments, str(path), input_names=names, dynamo=True,
                              external_data=False, verbose=False)
        else:
            torch.onnx.export(network, arguments, str(path), input_names=names, dynamo=False,
                              opset_version=int(exporter.removeprefix("opset") or 17))


if __name__ == "__main__":
    if sys.argv[1] == "--list":
        print("\n".join(TORCH_NAMES))
    else:
        export(sys.argv[1], Path(sys.argv[2]))
