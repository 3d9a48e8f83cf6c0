"""A virtual environment for each exporter, made when it is first needed."""

import subprocess
import sys
import sysconfig

# Beside what requirements.txt has installed here; torch and tools see its packages, the
# others need versions of their own.
PACKAGES = {
    "torch": ["--no-deps", "torchvision==0.28.0", "timm==1.0.31", "ultralytics==8.4.190",
              "segmentation-models-pytorch==0.6.0", "transformers==5.23.0", "huggingface_hub", "hf-xet",
              "safetensors", "tokenizers", "regex", "pyyaml", "tqdm", "requests", "urllib3", "idna", "certifi",
              "charset-normalizer", "opencv-python-headless", "matplotlib", "pyparsing", "cycler", "kiwisolver",
              "contourpy", "fonttools", "python-dateutil", "six", "polars", "httpx", "httpx2", "httpcore2",
              "truststore", "anyio", "httpcore", "h11", "click", "typer", "rich", "ultralytics-thop"],
    "keras": ["tensorflow-cpu==2.21.0", "tf2onnx==1.17.0", "onnx==1.17.0", "pillow", "scikit-learn"],
    "paddle": ["paddlepaddle==3.3.1", "paddle2onnx==2.1.0", "packaging", "pillow", "scikit-learn"],
    "tools": ["--no-deps", "onnxsim==0.8.1", "onnxslim==0.1.98", "onnxconverter-common==1.16.0", "nncf==3.4.0",
              "neural-compressor==2.6", "rich", "tabulate", "natsort", "openvino-telemetry", "pymoo", "jsonschema",
              "jsonschema-specifications", "referencing", "rpds-py", "attrs", "pydot", "markdown-it-py", "mdurl",
              "pygments", "safetensors", "pandas", "python-dateutil", "six", "pytz", "tzdata", "prettytable",
              "wcwidth", "pyyaml", "py-cpuinfo", "schema", "requests", "urllib3", "idna", "certifi",
              "charset-normalizer", "deprecated", "wrapt", "colorama", "opencv-python-headless", "pycocotools"],
}
SHARING = ("torch", "tools")


def python_of(exporter, folder):
    """The interpreter of an exporter's environment below `folder`."""
    place = folder / "environments" / exporter
    python = place / "bin/python"
    ready = place / "installed"
    if ready.exists():
        return python
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    if exporter in SHARING:
        site = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
                              capture_output=True, text=True, check=True).stdout.strip()
        with open(f"{site}/main.pth", "w") as file:
            file.write(sysconfig.get_path("purelib") + "\n")
    # tf2onnx asks for an older protobuf than TensorFlow has, and works with that.
    for package in ([PACKAGES[exporter]] if exporter != "keras" else
                    [PACKAGES["keras"][:1] + PACKAGES["keras"][3:], ["--no-deps", *PACKAGES["keras"][1:3]]]):
        subprocess.run([python, "-m", "pip", "install", "--quiet", *package], check=True)
    ready.touch()
    return python
