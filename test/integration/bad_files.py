"""Feeds damaged files to acc-opt and acc-sim.

Each must end with status 1 and one line `error: ...` that names the file, print
nothing to standard output and leave nothing behind, quickly and in little memory.
Without an argument for the ELF file only the models are tried.
"""

import argparse
import re
import resource
import struct
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from accopt.bad_models import all_cases, write_companions

SECONDS = 20
MEMORY = 4 << 30


# What the importer warns of: the file, the output, both types.
DECLARED = re.compile(r"warning: \S+: output '.*': expected the declared type \S+, got \S+")


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def complain(command, folder, name, may_succeed=None, seconds=SECONDS):
    """Runs `command` in `folder`; returns what is wrong with how it failed. With
    `may_succeed`, the files that it then makes, success is right as well, and so are
    several lines of error: one for each bad node."""
    before = sorted(folder.iterdir())
    try:
        run = subprocess.run(command, cwd=folder, capture_output=True, timeout=seconds,
                             preexec_fn=limit)
    except subprocess.TimeoutExpired:
        return f"took over {seconds} s"
    error = run.stderr.decode(errors="replace")
    made = {path.name for path in set(folder.iterdir()) - set(before)}
    if may_succeed is not None and run.returncode == 0:
        return None if made == may_succeed else f"expected {may_succeed}, made {made}"
    if run.returncode != 1:
        return f"status {run.returncode}, expected 1: {error[:300]!r}"
    # A declared shape that does not come out is worth a warning, whatever follows.
    lines = [line for line in error.split("\n")[:-1]
             if may_succeed is None or not DECLARED.fullmatch(line)]
    if not lines or (may_succeed is None and len(lines) > 1):
        return f"expected one line 'error: ...', got {error[:400]!r}"
    for line in lines:
        if not line.startswith("error: "):
            return f"expected a line 'error: ...', got {line[:400]!r}"
        if name not in line:
            return f"expected the file's name in {line[:400]!r}"
        if not line.isprintable():
            return f"expected printable characters, got {line[:400]!r}"
    if run.stdout:
        return f"expected nothing on standard output, got {run.stdout[:200]!r}"
    return f"left {sorted(made)} behind" if made else None


def elf_cases(good):
    """Yields (name, bytes) of damaged binaries."""
    yield "empty.elf", b""
    yield "magic-only.elf", good[:4]
    yield "text.elf", b"hello\n"
    yield "zeros.elf", bytes(len(good))
    for share in (1, 10, 25, 50, 75, 90, 99):
        yield f"truncated-{share}.elf", good[: max(5, len(good) * share // 100)]
    yield "truncated-last-byte.elf", good[:-1]
    # Fields of the ELF header: (offset, format, value).
    for name, offset, form, field in (
        ("class32", 4, "B", 1), ("big-endian", 5, "B", 2), ("elf-version", 6, "B", 9),
        ("machine", 18, "<H", 62), ("section-offset", 40, "<Q", 2**63 - 1),
        ("section-size", 58, "<H", 1), ("section-count", 60, "<H", 0xFEFF),
        ("section-names", 62, "<H", 0xFEFF), ("no-sections", 60, "<H", 0),
    ):
        data = bytearray(good)
        struct.pack_into(form, data, offset, field)
        yield f"{name}.elf", bytes(data)
    # Fields of each section header: every offset and size, far out.
    table, = struct.unpack_from("<Q", good, 40)
    size, count = struct.unpack_from("<HH", good, 58)
    for index in range(1, count):
        for name, offset in (("offset", 24), ("size", 32)):
            data = bytearray(good)
            struct.pack_into("<Q", data, table + index * size + offset, 2**62)
            yield f"section-{index}-{name}.elf", bytes(data)


def try_all(cases, folder, command):
    """Returns the number of cases and the complaints."""
    def run(case):
        name, data = case
        # A folder for each, so that what one leaves is not another's.
        own = folder / name.replace(".", "_")
        own.mkdir()
        write_companions(own)
        (own / name).write_bytes(data)
        problem = complain(command(name), own, name)
        return f"{name}: {problem}" if problem else None

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(run, cases))
    return len(results), [problem for problem in results if problem]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="a valid model to damage")
    parser.add_argument("--elf", type=Path, help="a valid binary to damage")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "onnx").mkdir()
        models = [(f"{name}.onnx", data) for name, data in all_cases(options.model.read_bytes())]
        count, problems = try_all(
            models, folder / "onnx", lambda name: ["acc-opt", name, "-o", "out.elf"])
        if options.elf:
            (folder / "elf").mkdir()
            more, found = try_all(
                elf_cases(options.elf.read_bytes()), folder / "elf",
                lambda name: ["acc-sim", name, "--output=out.npz"])
            count, problems = count + more, problems + found
    for problem in problems:
        print(problem)
    print(f"{count - len(problems)} of {count} bad files refused as they should be")
    sys.exit(1 if problems or count < 40 else 0)


if __name__ == "__main__":
    main()
