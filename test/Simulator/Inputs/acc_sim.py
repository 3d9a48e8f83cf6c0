"""Makes the arrays of acc-sim.test and checks what acc-sim made of them."""

import json
import sys

import numpy as np


def quantize(x):
    return np.clip(np.rint(x / np.float32(0.5)) + 3, -128, 127)


def network(q):
    """Channels swapped, the second doubled, in units above the zero point."""
    v = q.astype(int) - 3
    return np.clip(np.stack([v[:, 1], 2 * v[:, 0]], axis=1) + 3, -128, 127)


def make(folder):
    rng = np.random.default_rng(1)
    x = rng.normal(0, 30, (3, 2, 4, 4)).astype(np.float32)
    x[0, 0, 0, 0] = np.inf
    np.save(f"{folder}/x.npy", x)
    np.save(f"{folder}/q.npy", rng.integers(-128, 128, (1, 2, 4, 4), dtype=np.int8))
    labels = network(quantize(x)).reshape(3, -1).argmax(axis=1)
    labels[2] += 1
    np.save(f"{folder}/labels.npy", labels)
    np.savez(f"{folder}/all.npz", y=labels, pictures=x)


def check(x, y):
    expected = (network(quantize(np.load(x))) - 3) * 0.5
    actual = np.load(y)
    assert actual.files == ["result"], actual.files
    assert actual["result"].dtype == np.float32
    np.testing.assert_array_equal(actual["result"], expected)


def check_raw(q, y):
    actual = np.load(y)["result"]
    assert actual.dtype == np.int8
    np.testing.assert_array_equal(actual, network(np.load(q)))


def check_dump(q, folder):
    q = np.load(q)
    np.testing.assert_array_equal(np.load(f"{folder}/0000_image.npy"), q)
    np.testing.assert_array_equal(np.load(f"{folder}/0001_result.npy"), network(q))


def trace(path):
    events = json.load(open(path))["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M"}
    for e in events:
        if e["ph"] == "X":
            a = e["args"]
            assert round(e["ts"] * 1000) == a["start_cycle"]
            print(names[e["tid"]], e["cat"], a["start_cycle"], a["end_cycle"], a["completion_cycle"])


if __name__ == "__main__":
    command = {
        "make": make,
        "check": check,
        "check-raw": check_raw,
        "check-dump": check_dump,
        "trace": trace,
    }[sys.argv[1]]
    command(*sys.argv[2:])
