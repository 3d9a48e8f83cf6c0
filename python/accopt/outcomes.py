"""How a run of one of the tools ended, for tests."""

import re
import subprocess

PASSED, REFUSED, FAILED, CRASHED = "passed", "refused", "failed", "crashed"


def run(command, timeout):
    """(status, standard output, complaint) of a command. REFUSED is exit status 1 with
    nothing but `error: ...` lines; everything else that is not success is CRASHED."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return CRASHED, "", f"took over {timeout} s"
    output, error = (stream.decode(errors="replace") for stream in (done.stdout, done.stderr))
    if done.returncode == 0:
        return PASSED, output, error.strip()
    lines = error.strip().splitlines()
    tidy = lines and all(re.match(r"accopt-prove: |(loc\(.*\): )?error: ", line) for line in lines)
    if done.returncode != 1 or not tidy or "Sanitizer" in error:
        return CRASHED, output, f"status {done.returncode}: {' | '.join(lines[-6:])[:600]}"
    return REFUSED, output, "\n".join(lines)


def reason_of(complaint):
    """The first line without the file's and the node's name."""
    line = complaint.splitlines()[0]
    line = re.sub(r"^(accopt-prove: )?(loc\(.*?\): )?(error: )?(\S*\.onnx: )?", "", line)
    return re.sub(r"^node '.*?' (?=\()", "", line)


def prove(tool, model, shapes, timeout, *options):
    """(status, reason) of accopt-prove: simulator and JIT, analysis and simulator.
    `shapes` by input name; scalars have none to give."""
    shapes = [f"--input-shape={name}={'x'.join(map(str, shape))}" for name, shape in shapes.items() if shape]
    status, output, complaint = run([*tool.split(), str(model), *shapes, *options], timeout)
    if status == REFUSED and re.search(r"elements? differ|simulator", complaint):
        status = FAILED
    if status == PASSED and " 0 tensors differ" not in output:
        return FAILED, output.strip()
    return status, reason_of(complaint) if complaint else ""
