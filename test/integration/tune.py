"""acc-tune from end to end on the bundled digits model.

 - the report, the ONNX file and the binary agree with each other: onnxruntime and
   acc-sim decide alike on at least 99.5 % of the test part, and the report's cycles
   are the simulator's;
 - killed at random moments and resumed, a run ends with the same bytes;
 - bad input gets one line, a non-zero exit, and leaves nothing half-written.
"""

import argparse
import json
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

STEPS = "prune{rounds=2,round-epochs=1,epochs=2},mixed-precision{budget=45%,samples=128},qat{epochs=2}"
OUTPUTS = ("model.onnx", "model.elf", "report.json", "report.html", "curves.csv", "events.out.tfevents.accopt")


class Harness:
    def __init__(self, arguments):
        self.model, self.data = arguments.model, arguments.data
        self.folder = arguments.folder

    def command(self, out, *options, model=None, data=None):
        return ["acc-tune", str(model or self.model), f"--data={data or self.data}",
                "--target=systolic16x16-mixed", f"--output-dir={self.folder / out}",
                "--objective=energy", "--quiet", "--seed=3", *options]

    def run(self, out, *options, status=0, **names):
        done = subprocess.run(self.command(out, *options, **names), capture_output=True,
                              text=True, check=False)
        if done.returncode != status:
            sys.exit(f"{' '.join(done.args)}\nexpected status {status}, got "
                     f"{done.returncode}\n{done.stderr}")
        return done

    def bytes_of(self, out):
        return {name: (self.folder / out / name).read_bytes() for name in OUTPUTS}


def decisions(path, images):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.array([session.run(None, {name: image[None]})[0].argmax() for image in images])


def check_results(harness):
    out = harness.folder / "whole"
    harness.run("whole", f"--steps={STEPS}", "--budget=60%")
    report = json.loads((out / "report.json").read_text())
    assert report["schema"] == "accopt.tune" and report["meets"], report
    assert report["after"]["energy_pj"] <= 0.6 * report["before"]["energy_pj"]
    assert report["binary"]["simulated_cycles"] == report["after"]["cycles"]
    assert report["binary"]["equal_decisions"] == report["binary"]["samples"] > 0
    assert sum(op["cycles"] for op in report["after"]["ops"]) == report["after"]["cycles"]

    data = np.load(harness.data)
    images, labels = data["x_test"], data["y_test"]
    onnx.checker.check_model(str(out / "model.onnx"), full_check=True)
    ours = decisions(out / "model.onnx", images)
    np.save(out / "images.npy", images)
    subprocess.run(["acc-sim", out / "model.elf", f"--input={out / 'images.npy'}",
                    f"--output={out / 'outputs.npz'}", "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    outputs = np.load(out / "outputs.npz")
    theirs = outputs[outputs.files[0]].argmax(1)
    agreement = (ours == theirs).mean()
    print(f"onnxruntime and the binary agree on {100 * agreement:.2f} % of {len(labels)}")
    assert agreement >= 0.995
    accuracy = (theirs == labels).mean()
    assert abs(accuracy - report["after"]["test"]["accuracy"]) < 1e-9, accuracy
    # Compiling the exported model again gives the same binary.
    subprocess.run(["acc-opt", out / "model.onnx", "--target=systolic16x16-mixed", "--quiet",
                    "-o", out / "again.elf"], check=True)
    assert (out / "again.elf").read_bytes() == (out / "model.elf").read_bytes()


def check_resume(harness, kills, seed):
    print(f"seed of the kills: {seed}")
    chance = random.Random(seed)
    whole = harness.bytes_of("whole")
    start = time.monotonic()
    harness.run("timed", f"--steps={STEPS}", "--budget=60%")
    duration = time.monotonic() - start
    assert harness.bytes_of("timed") == whole, "two runs differ"
    for attempt in range(kills):
        process = subprocess.Popen(
            harness.command("killed", f"--steps={STEPS}", "--budget=60%",
                            *(["--resume"] if attempt else [])),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.1, 0.7) * duration)
        process.send_signal(signal.SIGKILL)
        process.wait()
    if not (harness.folder / "killed" / "journal.sqlite").exists():
        harness.run("killed", f"--steps={STEPS}", "--budget=60%")
    else:
        harness.run("killed", f"--steps={STEPS}", "--budget=60%", "--resume")
    for name, expected in whole.items():
        assert harness.bytes_of("killed")[name] == expected, f"{name} differs after kills"
    print(f"{kills} kills, same bytes")
    # Another run's journal is refused, and so is a journal without --resume.
    done = harness.run("killed", f"--steps={STEPS}", "--budget=50%", "--resume", status=1)
    assert "goal" in done.stderr, done.stderr
    done = harness.run("killed", f"--steps={STEPS}", "--budget=60%", status=1)
    assert "--resume" in done.stderr, done.stderr
    assert harness.bytes_of("killed") == whole


def no_parameters(path):
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"], name="relu")], "none",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 8, 8])])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)],
                                ir_version=10), path)


def check_errors(harness):
    data = dict(np.load(harness.data))

    def save(name, **changes):
        path = harness.folder / name
        np.savez(path, **(data | changes))
        return path

    labels = data["y_train"].copy()
    labels[5] = 10
    values = data["x_train"].copy()
    values[7, 0, 3, 3] = np.nan
    half = ["--budget=50%"]
    model = harness.folder / "none.onnx"
    no_parameters(model)
    cases = [
        (dict(data=save("shape.npz", x_train=data["x_train"][:, :, :6])), half,
         ("shape.npz", "8")),
        (dict(data=save("labels.npz", y_train=labels)), half, ("labels.npz", "y_train", "10")),
        (dict(data=save("nan.npz", x_train=values)), half, ("nan.npz",)),
        (dict(data=harness.folder / "absent.npz"), half, ("absent.npz",)),
        (dict(model=model), half, ("parameters",)),
        (dict(), ["--steps=mixed-precision"], ("mixed-precision", "--budget")),
        (dict(), [*half, "--hints=nowhere"], ("hint 'nowhere'",)),
        ({}, ["--steps=prune{epochs=1}", "--budget=0.1%"], ("budget", "least")),
        ({}, ["--steps=finetune{epochs=2}", "--learning-rate=1e30"], ("finite", "epoch")),
        ({}, ["--steps=prune{epochs=1}"], ("--budget",)),
        ({}, [*half, "--device=tpu"], ("tpu",)),
    ]
    for index, (names, options, words) in enumerate(cases):
        out = f"error{index}"
        done = harness.run(out, *options, status=1, **names)
        lines = done.stderr.strip().split("\n")
        assert len(lines) == 1 and lines[0].startswith("error: "), done.stderr
        for word in words:
            assert word in lines[0], f"expected '{word}' in: {lines[0]}"
        left = {path.name for path in (harness.folder / out).glob("*")}
        assert left <= {"journal.sqlite", "journal.sqlite-journal"}, left
        print(lines[0])
    done = harness.run("usage", "--steps=prun", status=2)
    assert "mixed-precision" in done.stderr, done.stderr


def check_full_disk(harness):
    """A limit on the size of files stands for a disk that fills up."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    done = subprocess.run(harness.command("full", "--steps=finetune{epochs=2}"),
                          preexec_fn=limit, capture_output=True, text=True, check=False)
    assert done.returncode == 1, (done.returncode, done.stderr)
    lines = done.stderr.strip().split("\n")
    assert len(lines) == 1 and "full" in lines[0], done.stderr
    print(lines[0])
    harness.run("full", "--steps=finetune{epochs=2}", "--resume")
    harness.run("roomy", "--steps=finetune{epochs=2}")
    assert harness.bytes_of("full") == harness.bytes_of("roomy"), "something was lost"


def check_nearest(harness):
    """Where nothing meets the floor, the nearest is written and the status is 3."""
    done = harness.run("nearest", "--steps=qat{bits=2,epochs=0}", "--budget=1%", status=3)
    assert "nearest" in done.stderr, done.stderr
    report = json.loads((harness.folder / "nearest" / "report.json").read_text())
    assert not report["meets"] and (harness.folder / "nearest" / "model.elf").exists()
    # A step that cannot do what it shall loses nothing of those before it.
    done = harness.run("short", "--steps=prune{budget=80%,epochs=1},prune{budget=1%}", status=3)
    assert "2.prune" in done.stderr and "before" in done.stderr, done.stderr
    report = json.loads((harness.folder / "short" / "report.json").read_text())
    assert report["after"]["energy_pj"] <= 0.8 * report["before"]["energy_pj"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    harness = Harness(arguments)
    check_results(harness)
    check_resume(harness, arguments.kills, arguments.seed)
    check_errors(harness)
    check_full_disk(harness)
    check_nearest(harness)


if __name__ == "__main__":
    main()
