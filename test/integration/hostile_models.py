"""Hostile ONNX models: each is refused in one line per node, or taken; never worse.

    hostile_models.py [--only REGEX] [--mutants N] [--flips N] [--seed S] [--keep FOLDER]
    hostile_models.py --bodies [--take N] [--seed S] ...

Beside the damaged files of accopt/bad_models.py, all of which must be refused, these are
models whose author means harm or whose numbers lie at the ends of their types: recursive
functions, bodies that double, expansions that would fill any memory, external data that
is a device, a pipe or far away, files around 2 GiB, and random changes of valid models; with --bodies what bodies, windows,
scales and kinds of values can do (hostile_bodies.py), or N of these at random.
acc-opt must end with status 0 or 1 within 20 s (files of 2 GiB: 90 s) and 4 GiB, say what
is wrong in lines `error: FILE: ...` of printable characters, and leave nothing behind but
its output.
"""

import argparse
import itertools
import os
import random
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from onnx import numpy_helper

from bad_files import SECONDS, complain
from hostile_bodies import body_cases
from hostile_cases import (INTEGERS, expansion_cases, external_cases, name_cases, recursive_cases, tensor_cases,
                           write_large)
from random_ops import MAKERS, OPSETS, make_case, make_model

LARGE_SECONDS = 90  # 2 GiB are hashed


def mutants(seed, count):
    """Single operators with one integer of an attribute, a constant or a shape changed."""
    rng = random.Random(f"mutants:{seed}")
    index = 0
    while index < count:
        opset = rng.choice(OPSETS)
        case = make_case(rng, opset, 0, [])
        made = make_model([case], opset) if can_infer(case, opset) else None
        if made is None:
            continue
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            mutate(rng, made)
        yield f"mutant-{seed}-{index}-{case.op}", made
        index += 1


def can_infer(case, opset):
    try:
        make_model([case], opset)
    except Exception:  # ONNX's shape inference refuses what the operator allows
        return False
    return True


def mutate(rng, made):
    """Changes one number of a model in place."""
    extreme = rng.choice(INTEGERS)
    targets = [("attribute", a) for n in made.graph.node for a in n.attribute if a.ints or a.HasField("i")]
    targets += [("tensor", t) for t in made.graph.initializer]
    targets += [("shape", v.type.tensor_type.shape) for v in [*made.graph.input, *made.graph.output]]
    targets += [("node", n) for n in made.graph.node]
    kind, target = rng.choice(targets)
    if kind == "attribute":
        if not target.ints:
            target.i = extreme
        elif rng.random() < 0.2:
            target.ints.append(extreme)
        else:
            target.ints[rng.randrange(len(target.ints))] = extreme
    elif kind == "tensor":
        try:
            array = numpy_helper.to_array(target).copy()
        except ValueError:  # changed before
            return
        if array.dtype == np.int64 and array.size:
            array.flat[rng.randrange(array.size)] = extreme
        elif array.dtype == np.float32 and array.size:
            array.flat[rng.randrange(array.size)] = rng.choice((np.nan, np.inf, -np.inf, 0, 1e38, 1e-45))
        target.CopyFrom(numpy_helper.from_array(array, target.name))
        if rng.random() < 0.2 and target.dims:
            target.dims[rng.randrange(len(target.dims))] = extreme
    elif kind == "shape" and target.dim:
        target.dim[rng.randrange(len(target.dim))].dim_value = extreme
    elif kind == "node" and target.input:
        place = rng.randrange(len(target.input))
        target.input[place] = rng.choice(("", *target.input, *target.output))


def flips(seed, count, goods):
    """Valid models with a few bytes changed, put in, or taken out."""
    rng = random.Random(f"flips:{seed}")
    for index in range(count):
        data = bytearray(rng.choice(goods))
        for _ in range(rng.choice((1, 1, 2, 4, 16))):
            at = rng.randrange(len(data))
            how = rng.randrange(4)
            if how == 0:
                data[at] ^= 1 << rng.randrange(8)
            elif how == 1:
                data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
            elif how == 2:
                data[at:at] = bytes(rng.randrange(256) for _ in range(rng.choice((1, 4))))
            else:
                del data[at:at + rng.choice((1, 1, 8, 100))]
            if not data:
                data = bytearray(b"\0")
        yield f"flip-{seed}-{index}", bytes(data)


def nothing(_):
    pass


def all_cases(arguments):
    """Yields (name, writer of the model, writer of its companions)."""
    def serialized(content):
        data = content if isinstance(content, bytes) else content.SerializeToString(deterministic=True)
        return lambda path: path.write_bytes(data)

    if arguments.bodies:
        cases = list(body_cases())
        if arguments.take:
            cases = random.Random(f"bodies:{arguments.seed}").sample(cases, arguments.take)
        for name, content in cases:
            yield name, serialized(content), nothing
        return
    for family in (recursive_cases, expansion_cases, name_cases, tensor_cases):
        for name, content in family():
            yield name, serialized(content), nothing
    for name, content, companions in external_cases():
        yield name, serialized(content), companions
    for label, size in (("2G-1", 2**31 - 1), ("2G", 2**31), ("2G+1", 2**31 + 4097)):
        yield f"file-of-{label}", lambda path, size=size: write_large(path, size), nothing
    yield "model-is-a-pipe", lambda path: os.mkfifo(path), nothing
    yield "model-is-a-device", lambda path: path.symlink_to("/dev/zero"), nothing
    yield "model-is-a-folder", lambda path: path.mkdir(), nothing
    for name, content in mutants(arguments.seed, arguments.mutants):
        yield name, serialized(content), nothing
    goods = [content.SerializeToString() for _, content in mutants_unchanged(arguments.seed)]
    for name, content in flips(arguments.seed, arguments.flips, goods):
        yield name, serialized(content), nothing


def mutants_unchanged(seed):
    """Valid models to flip bytes of: one of every operator."""
    rng = random.Random(f"valid:{seed}")
    for op, (since, _) in MAKERS.items():
        opset = rng.choice([o for o in OPSETS if o >= since])
        case = make_case(rng, opset, 0, [op])
        if can_infer(case, opset):
            yield op, make_model([case], opset)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="names of cases, a regular expression")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--mutants", type=int, default=200)
    parser.add_argument("--flips", type=int, default=200)
    parser.add_argument("--bodies", action="store_true", help="the cases of hostile_bodies.py")
    parser.add_argument("--take", type=int, default=0, help="so many of them; default: all")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="folder for the models that went wrong")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)

    def run(case):
        name, write, companions = case
        safe = re.sub(r"[^\w.+-]", "_", name)
        # A folder for each, so that what one leaves is not another's.
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            write(folder / "model.onnx")
            companions(folder)
            command = ["acc-opt", "model.onnx", "--quiet", "-o", "out.elf"]
            problem = complain(command, folder, "model.onnx", may_succeed={"out.elf"},
                               seconds=LARGE_SECONDS if name.startswith("file-of") else SECONDS)
            if problem and arguments.keep and (folder / "model.onnx").is_file():
                if (folder / "model.onnx").stat().st_size < 10**7:
                    arguments.keep.mkdir(parents=True, exist_ok=True)
                    (arguments.keep / f"{safe}.onnx").write_bytes((folder / "model.onnx").read_bytes())
            return f"VIOLATION {safe}: {problem}" if problem else None

    cases = (case for case in all_cases(arguments) if re.search(arguments.only, case[0]))
    total = violations = 0
    with ThreadPoolExecutor(arguments.jobs) as pool:
        while batch := list(itertools.islice(cases, 16)):
            for problem in pool.map(run, batch):
                total += 1
                if problem:
                    violations += 1
                    print(problem, flush=True)
    print(f"{total - violations} of {total} hostile models refused or taken as they should be")
    return 1 if violations or not total else 0


if __name__ == "__main__":
    sys.exit(main())
