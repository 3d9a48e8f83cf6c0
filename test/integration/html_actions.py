"""What an HTML cost report must do: checks by real clicks, keys, wheel and typing."""

import json
import time

from html_checks import (
    ROWS,
    Failure,
    array_ops,
    dram_bytes,
    expect,
    name_of,
    number,
    sums,
)

VISIBLE = f"{ROWS}.filter(row => !row.hidden).map(row => Number(row.dataset.op))"
SLOWEST_SORT = 2


def matches(op, word):
    fields = ("name", "op", "placement", "bound", "reason")
    return word.lower() in "\n".join(str(op.get(field, "")) for field in fields).lower()


def check_sorting(page, report):
    ops = report["ops"]
    keys = {
        "cycles": lambda op: op["cycles"],
        "macs": lambda op: op.get("macs", 0),
        "energy": lambda op: op.get("energy_pj", 0),
        "dram": dram_bytes,
    }
    indices = range(len(ops))
    for key, value in keys.items():
        header = f"#ops .column-{key}"
        start = time.monotonic()
        page.click(f"{header} button")
        took = time.monotonic() - start
        if took > SLOWEST_SORT:
            raise Failure(f"sorting by {key} took {took:.1f} s, expected {SLOWEST_SORT} s at most")
        expect(
            page.run(VISIBLE), sorted(indices, key=lambda i: (-value(ops[i]), i)), f"{key}, falling"
        )
        expect(
            page.run(f"document.querySelector('{header}').ariaSort"),
            "descending",
            f"aria-sort of {key}",
        )
        page.click(f"{header} button")
        expect(
            page.run(VISIBLE), sorted(indices, key=lambda i: (value(ops[i]), i)), f"{key}, rising"
        )
    page.click("#ops .column-name button")
    shown = page.run(f"{ROWS}.map(row => row.querySelector('th').textContent)")
    ordered = page.run(
        f"{json.dumps(shown)}.sort((a, b) => a.localeCompare(b, 'en', {{numeric: true}}))"
    )
    expect(shown, ordered, "names, rising")
    page.click("#ops .column-index button")
    expect(page.run(VISIBLE), list(indices), "program order")


def check_text_filter(page, report):
    ops = report["ops"]
    for word in dict.fromkeys((ops[-1]["op"], name_of(ops[len(ops) // 2])[-5:].split(" ")[-1])):
        page.click("#ops input")
        page.type(word)
        found = [i for i, op in enumerate(ops) if matches(op, word) or word in name_of(op)]
        expect(page.run(VISIBLE), found, f"ops that match {word!r}")
        expect(
            number(sums(page)["cycles"]),
            sum(ops[i]["cycles"] for i in found),
            f"cycles of {word!r}",
        )
        page.click("#ops .controls button")
        expect(len(page.run(VISIBLE)), len(ops), "ops after clearing the filter")
    page.click("#ops input")
    page.type("no op is called this")
    expect(page.run(VISIBLE), [], "ops that match nothing")
    page.click("#ops .controls button")


def check_choices(page, report):
    ops = report["ops"]
    for place, field in ((1, "placement"), (2, "bound")):
        page.click("#ops input")
        for _ in range(place):
            page.press("Tab")
        page.press("ArrowDown")
        chosen = page.run("document.activeElement.value")
        values = sorted({op.get(field) for op in ops})
        expect(chosen, values[0], f"first choice of {field}")
        expect(
            page.run(VISIBLE),
            [i for i, op in enumerate(ops) if op[field] == chosen],
            f"ops of {chosen}",
        )
        page.click("#ops .controls button")


def visible_range(page):
    return page.run("document.querySelector('#timeline-hint ~ .controls .range').textContent")


def check_zoom(page, report):
    if report["total"]["cycles"] < 100:
        return
    whole = visible_range(page)
    page.wheel("#timeline svg", -600)
    expect(visible_range(page), whole, "range after a wheel on a plot without the focus")
    page.run("document.querySelector('#timeline').focus({preventScroll: true})")
    page.wheel("#timeline svg", -600)
    zoomed = visible_range(page)
    if zoomed == whole:
        raise Failure("the wheel does not zoom the timeline")
    page.drag("#timeline svg", 120)
    dragged = visible_range(page)
    if dragged == zoomed:
        raise Failure("dragging does not pan the timeline")
    page.press("ArrowRight")
    if visible_range(page) == dragged:
        raise Failure("the arrow key does not pan the timeline")
    page.press("0")
    expect(visible_range(page), whole, "range after the key 0")
    page.click("#timeline-hint ~ .controls button[aria-label='Zoom in']")
    if visible_range(page) == whole:
        raise Failure("the button does not zoom the timeline")
    page.press("Escape")
    page.click("#timeline-hint ~ .controls button[aria-label='Show the whole network']")


def check_selection(page, report):
    ops = report["ops"]
    slowest = max(range(len(ops)), key=lambda i: (ops[i]["cycles"], -i))
    page.click(f"#cycles [data-op='{slowest}']")
    for view in ("#cycles", "#ops", *(["#roofline"] if slowest in array_ops(report) else [])):
        marked = page.run(
            f"[...document.querySelectorAll('{view} .selected')].map(n => Number(n.dataset.op))"
        )
        expect(marked, [slowest], f"selected in {view}")
    if ops[slowest]["cycles"]:
        expect(
            page.run("document.querySelectorAll('#timeline .chosen').length") > 0,
            True,
            "marked in the timeline",
        )
    detail = page.run("document.getElementById('detail').textContent")
    numbers = [
        f"{ops[slowest][field]:,}"
        for field in ("cycles", "macs", "dram_read_bytes", "scratchpad_read_bytes")
        if field in ops[slowest]
    ]
    for text in (name_of(ops[slowest]), *numbers, *ops[slowest].get("energy", {})):
        if text not in detail:
            raise Failure(f"expected {text!r} in the panel of op {slowest}, got {detail!r}")
    expect(page.run("location.hash"), f"#op-{slowest + 1}", "the address")
    page.press("Escape")
    expect(page.run("document.querySelectorAll('.selected').length"), 0, "marks after Escape")
    expect(page.run("document.getElementById('detail').hidden"), True, "panel hidden after Escape")


def check_host_reasons(page, report):
    for i, op in enumerate(report["ops"]):
        if op["placement"] != "host":
            continue
        page.click(f"#ops tr[data-op='{i}'] button")
        detail = page.run("document.getElementById('detail').textContent")
        if op["reason"] not in detail:
            raise Failure(f"expected the reason {op['reason']!r} in the panel, got {detail!r}")
        page.press("Escape")
        break


def check_keyboard(page, report):
    page.run("document.querySelector('#ops tbody button').focus()")
    page.press("Enter")
    expect(
        page.run("document.querySelector('#ops .selected').dataset.op"),
        "0",
        "row selected by Enter",
    )
    if len(report["ops"]) > 1:
        page.press("ArrowDown")
        page.press("Enter")
        expect(
            page.run("document.querySelector('#ops .selected').dataset.op"),
            "1",
            "row after the arrow",
        )
    page.press("Escape")


def check_roofline_keys(page, report):
    if not array_ops(report):
        return
    page.run("document.querySelector('#roofline').focus()")
    page.press("ArrowRight")
    first = array_ops(report)[0]
    expect(
        page.run("Number(document.querySelector('#roofline .selected').dataset.op)"),
        first,
        "point selected by key",
    )
    page.hover("#roofline .selected")
    expect(
        page.run("document.querySelector('#tip strong').textContent"),
        name_of(report["ops"][first]),
        "tooltip of the selected point",
    )
    page.press("Escape")
