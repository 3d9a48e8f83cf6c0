"""Opens the page of acc-tune's runs in headless Chromium and checks what it shows against
the JSON reports of the same runs.

    tune_page.py REPORT.html REPORT.json [BESIDE.json ...] [--screenshots=DIR]

Prints a line for each check; exits 1 if one failed.
"""

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path

from browser import Browser, BrowserError, find_browser
from html_checks import Failure, check_schemes, expect

DATA = re.compile(r'(<script type="application/json" id="report">)(.*?)(</script>)', re.S)
COSTS = ("cycles", "energy_pj", "energy_delay", "weight_bytes")


def cost_of(candidate, key):
    return candidate["energy_pj"] * candidate["cycles"] if key == "energy_delay" else candidate[key]


def quality_of(candidate):
    return candidate.get("validation_accuracy", -candidate["validation_loss"])


def dominates(a, b, key):
    """Whether `a` is no worse than `b` in both, and better in one."""
    pairs = [(cost_of(b, key), cost_of(a, key)), (quality_of(a), quality_of(b))]
    return all(x >= y for x, y in pairs) and any(x > y for x, y in pairs)


def choose(page, key):
    page.click(f'[data-cost="{key}"]')
    expect(
        page.run("document.querySelector('[aria-pressed=true]').dataset.cost"),
        key,
        "pressed button",
    )


def check_head(page, reports):
    report = reports[0]
    text = page.run("document.getElementById('head').innerText")
    for word in (
        report["model"],
        report["target"]["name"],
        report["steps"],
        report["after"]["name"],
    ):
        if word not in text:
            raise Failure(f"expected {word!r} in the head, got {text!r}")
    title = page.run("document.querySelector('#totals .tile:nth-child(2)').title")
    expect(float(title.replace(",", "")), float(report["after"]["cycles"]), "cycles of the result")
    warning = page.run("document.querySelector('#notes .warning')?.innerText ?? ''")
    expect(bool(warning), not report["meets"], "a warning")


MARKS = """[...document.querySelectorAll('#%s .mark')].map(node => [
    Number(node.dataset.run), Number(node.dataset.candidate),
    Number(node.firstChild.getAttribute('cx')), Number(node.firstChild.getAttribute('cy'))])"""


def check_order(what, values, places):
    """Larger values are at larger places."""
    pairs = sorted(zip(values, places))
    for (value, place), (next_value, next_place) in zip(pairs, pairs[1:]):
        if value < next_value and not place < next_place:
            raise Failure(f"{what}: {value} at {place}, but {next_value} at {next_place}")


def check_points(page, reports):
    """Every candidate once in each plot; further right costs more, further up is better;
    in the search further right is later, further up costs more."""
    wanted = [[r, c] for r, report in enumerate(reports) for c in range(len(report["candidates"]))]
    for key in COSTS:
        choose(page, key)
        for plot in ("front", "search"):
            marks = page.run(MARKS % plot)
            expect([mark[:2] for mark in marks], wanted, f"marks of {plot} by {key}")
            candidates = [reports[r]["candidates"][c] for r, c, _, _ in marks]
            costs = [cost_of(candidate, key) for candidate in candidates]
            qualities = [quality_of(candidate) for candidate in candidates]
            order = [c for _, c, _, _ in marks]
            across, up = (costs, qualities) if plot == "front" else (order, costs)
            check_order(f"{plot} by {key}, across", across, [x for _, _, x, _ in marks])
            check_order(f"{plot} by {key}, up", up, [-y for _, _, _, y in marks])


def check_front(page, reports):
    for key in COSTS:
        choose(page, key)
        fronts = page.run(
            "[...document.querySelectorAll('#front [data-front]')].map(node => node.dataset.front)"
        )
        for report, front in zip(reports, fronts, strict=True):
            candidates = report["candidates"]
            shown = [candidates[int(i)] for i in front.split()]
            best = [
                c for c in candidates if not any(dominates(other, c, key) for other in candidates)
            ]
            expect(
                sorted({(cost_of(c, key), quality_of(c)) for c in shown}),
                sorted({(cost_of(c, key), quality_of(c)) for c in best}),
                f"front by {key}",
            )
    floors = page.run("document.querySelectorAll('#front .floor').length")
    expect(floors, int("floor" in reports[0]), "lines of the floor")


def check_search(page, reports):
    for key in COSTS:
        choose(page, key)
        lines = page.run(
            "[...document.querySelectorAll('#search [data-best]')].map(node => node.dataset.best)"
        )
        for report, line in zip(reports, lines, strict=True):
            floor = report.get("floor", float("-inf"))
            best, wanted = None, []
            for candidate in report["candidates"]:
                if quality_of(candidate) >= floor and (
                    best is None or cost_of(candidate, key) < best
                ):
                    best = cost_of(candidate, key)
                wanted.append(best)
            shown = line.split(" ") if line else []
            expect([float(x) if x else None for x in shown], wanted, f"best so far by {key}")


def check_result(page, reports):
    ringed = page.run("""[...document.querySelectorAll('#front .mark')]
        .filter(node => node.querySelectorAll('circle').length > 1)
        .map(node => [Number(node.dataset.run), Number(node.dataset.candidate)])""")
    wanted = [
        [r, c]
        for r, report in enumerate(reports)
        for c, candidate in enumerate(report["candidates"])
        if candidate["name"] == report["after"]["name"]
    ]
    expect(ringed, wanted, "ringed candidates")
    page.hover("#front .mark")
    tip = page.run("document.getElementById('tip').innerText")
    if reports[0]["candidates"][0]["name"] not in tip:
        raise Failure(f"expected the first candidate in the tip, got {tip!r}")


def check_layers(page, reports):
    before, after = (
        reports[0]["before"]["ops"],
        {op["name"]: op for op in reports[0]["after"]["ops"]},
    )
    rows = page.run("""[...document.querySelectorAll('#layers tbody tr')].map(row =>
        [row.dataset.layer, ...[...row.querySelectorAll('.number')].slice(0, 2).map(cell => cell.innerText)])""")
    names = [op["name"] for op in before]
    new = [name for name in after if name not in names]
    expect([row[0] for row in rows], names + new, "layers")
    olds = {op["name"]: op for op in before}
    for name, *cells in rows:
        for cell, ops in zip(cells, (olds, after)):
            found = None if cell == "–" else float(cell.replace(",", ""))
            expect(found, float(ops[name]["cycles"]) if name in ops else None, f"cycles of {name}")


CHECKS = (
    ("shows the result", check_head),
    ("draws every candidate", check_points),
    ("draws the fronts", check_front),
    ("draws the search", check_search),
    ("marks the result", check_result),
    ("lists the layers", check_layers),
    (
        "has a light and a dark scheme with enough contrast",
        lambda page, reports: check_schemes(page, {"ops": reports[0]["after"]["ops"]}),
    ),
)


def hostile(page_text):
    """Names that would be markup, a run that does not keep its floor, no accuracies."""
    page = json.loads(page_text)
    for run in page["runs"]:
        report = run["report"]
        report["meets"], report["reason"] = False, "</script><b>it & that</b>"
        report["before"]["ops"][0]["name"] = "<img src=x onerror=alert(1)>"
        report["after"]["ops"] = report["after"]["ops"][1:]
        report["floor"] = -0.5
        for account in ("float", "before", "after"):
            for part in ("validation", "test"):
                report[account][part].pop("accuracy", None)
        for candidate in report["candidates"]:
            candidate.pop("validation_accuracy", None)
    return page


def run_checks(page, path, reports, label):
    page.resize(1400, 900)
    page.open(path)
    failed = 0
    for name, check in CHECKS:
        try:
            check(page, reports)
            expect(page.problems, [], "problems in the console")
            print(f"ok   {label}: {name}")
        except (Failure, BrowserError) as error:
            failed += 1
            page.problems.clear()
            print(f"FAIL {label}: {name}: {error}")
    expect([url for url in page.requests if not url.startswith(("file:", "data:"))], [], "requests")
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("html", type=Path)
    parser.add_argument("json", type=Path, nargs="+")
    parser.add_argument("--screenshots", type=Path)
    options = parser.parse_args()
    executable = find_browser()
    if not executable:
        sys.exit("error: no Chromium; on Debian: apt-get install chromium-headless-shell")
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in options.json]
    html = options.html.read_text(encoding="utf-8")
    data = DATA.search(html)
    expect(
        [run["report"] for run in json.loads(data[2])["runs"]], reports, "the page's own reports"
    )
    with Browser(executable) as page, tempfile.TemporaryDirectory() as folder:
        failed = run_checks(page, options.html, reports, "page")
        if options.screenshots:
            options.screenshots.mkdir(parents=True, exist_ok=True)
            page.prefer("light")
            page.resize(1400, page.run("document.documentElement.scrollHeight"))
            page.screenshot(options.screenshots / "tune.png")
        variant = hostile(data[2])
        path = Path(folder) / "hostile.html"
        text = json.dumps(variant).replace("<", "\\u003c")
        path.write_text(html[: data.start(2)] + text + html[data.end(2) :], encoding="utf-8")
        failed += run_checks(page, path, [run["report"] for run in variant["runs"]], "hostile")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
