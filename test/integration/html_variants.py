"""Reports that a page must survive, made from a report of a real network."""

import copy

HOSTILE_NAMES = (
    "<img src=x onerror=\"document.title='owned'\">+</script><script>document.title='two'</script>",
    "/*ACCOPT_REPORT*/ & 'quotes' \" \\ \u2028 {{name}} ${name}",
    "层/卷积_1+свёртка+مرحبا+🙂+é",
    "/very/long" + "/block" * 80 + "/Conv",
    "",
)


def with_totals(report):
    """Makes the totals what the ops add up to, in place."""
    total, ops = report["total"], report["ops"]
    for field in total:
        if field in ("latency_s", "utilization", "dram_peak_bytes", "energy"):
            continue
        total[field] = sum(op.get(field, 0) for op in ops)
    for component in total["energy"]:
        total["energy"][component] = sum(op.get("energy", {}).get(component, 0) for op in ops)
    parameters = report["target"]["parameters"]
    total["latency_s"] = total["cycles"] / parameters["clock_hz"]
    possible = sum(op["cycles"] * op.get("array_rate", 1) for op in ops)
    possible *= parameters["rows"] * parameters["columns"]
    total["utilization"] = total["macs"] / possible if possible else 0
    return report


def without(report, *fields):
    for op in report["ops"]:
        for field in fields:
            op.pop(field, None)
    return report


def hostile(report):
    """Names that look like code, an op on the host, ops of zero cycles or traffic."""
    report = copy.deepcopy(report)
    ops = report["ops"]
    while len(ops) < 6:
        ops.append(copy.deepcopy(ops[-1]))
    for op, name in zip(ops, HOSTILE_NAMES):
        op["name"] = name
    ops[0].update(placement="host", bound="host", reason="<b>expected</b> 2, got 1")
    ops[1]["cycles"] = 0
    ops[2].update(dram_read_bytes=0, dram_write_bytes=0)
    ops[3]["macs"] = 0
    ops[4]["field_of_a_later_version"] = {"answer": 42}
    report["model"]["name"] = "<i>модель</i>"
    return with_totals(report)


def timed(report):
    """When each engine is busy and what memory is in use, as later reports say."""
    report = copy.deepcopy(report)
    size = report["target"]["parameters"]["scratchpad_bytes"]
    cycle = 0
    for i, op in enumerate(report["ops"]):
        end = cycle + op["cycles"]
        op["engines"] = {
            "load": {
                "start": max(0, cycle - op["cycles"] // 3),
                "end": end - op["cycles"] // 2,
                "busy": op["cycles"] // 4,
            },
            "exec": {"start": cycle, "end": end, "busy": op["cycles"]},
        }
        if i % 3 == 0:
            op["engines"]["store"] = {"start": cycle + op["cycles"] // 2, "end": end, "busy": 1}
        op["scratchpad_bytes"] = size * (1 + i % 4) // 4
        op["dram_live_bytes"] = 1000 * (1 + i % 7)
        cycle = end
    return report


def untimed(report):
    return without(copy.deepcopy(report), "engines", "scratchpad_bytes", "dram_live_bytes")


def bare(report):
    """What the first reports had, and less."""
    report = untimed(report)
    without(
        report,
        "energy",
        "roofline_cycles",
        "utilization",
        "weight_bits",
        "input_bits",
        "array_mode",
        "array_rate",
        "accumulator_read_bytes",
    )
    for field in ("roofline_cycles", "energy", "dram_peak_bytes"):
        report["total"].pop(field, None)
    report["target"]["parameters"] = {}
    return report


def long(report, count=2000):
    report = copy.deepcopy(report)
    ops = report["ops"]
    report["ops"] = [
        dict(copy.deepcopy(ops[i % len(ops)]), name=f"/layer{i}/{ops[i % len(ops)]['name']}")
        for i in range(count)
    ]
    return timed(with_totals(report))


def single(report):
    report = copy.deepcopy(report)
    report["ops"] = report["ops"][:1]
    return with_totals(report)


def empty(report):
    report = copy.deepcopy(report)
    report["ops"] = []
    return with_totals(report)


VARIANTS = (hostile, timed, untimed, bare, long, single, empty)
