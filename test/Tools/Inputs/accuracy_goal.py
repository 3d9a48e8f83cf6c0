"""What --accuracy-goal reports against the compiler with the bits that it names.

    accuracy_goal.py MODELS BITS.json COST.json
"""

import json
import subprocess
import sys


def run(models, point):
    """Cycles, and SQNR of the result over the samples that the goal was measured on."""
    data = f"{models}/digits-calibration.npz"
    subprocess.run(
        ["acc-opt", f"{models}/digits.onnx", f"--calibration-data={data}", "--quiet",
         f"--activation-bits={point['activation_bits']}", f"--weight-bits={point['weight_bits']}",
         "--report=cost.json", f"--compare={data}",
         "--accuracy-report=accuracy.json", "-o", "point.elf"], check=True)
    with open("cost.json") as cost, open("accuracy.json") as accuracy:
        return (json.load(cost)["total"]["cycles"],
                json.load(accuracy)["tensors"][-1]["sqnr_db"])


def main():
    models, bits, cost = sys.argv[1:]
    with open(bits) as file:
        report = json.load(file)
    with open(cost) as file:
        cycles = json.load(file)["total"]["cycles"]
    assert report["chosen"]["cycles"] == cycles, (report["chosen"], cycles)
    assert report["integers"]["sqnr_db"] >= 41 > report["narrow"]["sqnr_db"]
    assert cycles < report["wide"]["cycles"]
    assert cycles <= report["control"]["point"]["cycles"]
    for name in ("narrow", "chosen", "wide"):
        exact, sqnr = run(models, report[name])
        trial = report[name]["sqnr_db"]
        print(name, exact, sqnr, trial)
        assert exact == report[name]["cycles"], (name, exact)
        # The trial has 32 of the 128 samples.
        assert abs(sqnr - trial) < 1.5, (name, sqnr, trial)


if __name__ == "__main__":
    main()
