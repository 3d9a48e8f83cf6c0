"""Opens an HTML cost report in headless Chromium and checks what it shows against
the JSON report of the same network.

    python html_report.py REPORT.html REPORT.json [--variants] [--screenshots=DIR]

Prints a line for each check; exits 1 if one failed. --variants puts other reports
(hostile names, missing fields, 2000 ops, none) into the same page and checks each.
"""

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path

from browser import Browser, BrowserError, find_browser
from html_actions import (
    check_choices,
    check_host_reasons,
    check_keyboard,
    check_roofline_keys,
    check_selection,
    check_sorting,
    check_text_filter,
    check_zoom,
)
from html_checks import (
    Failure,
    check_accessible_names,
    check_isolated,
    check_memory,
    check_narrow,
    check_roofline,
    check_schemes,
    check_sums,
    check_table,
    check_texts_only,
    check_timeline,
    check_totals,
    expect,
)
from html_variants import VARIANTS

DATA = re.compile(r'(<script type="application/json" id="report">)(.*?)(</script>)', re.DOTALL)

CHECKS = (
    ("loads nothing, complains of nothing", check_isolated),
    ("shows names as text only", check_texts_only),
    ("shows the totals", check_totals),
    ("lists every op", check_table),
    ("adds up to the totals", check_sums),
    ("sorts by clicks", check_sorting),
    ("filters by typing", check_text_filter),
    ("filters by unit and limit", check_choices),
    ("draws the roofline with a point for each op on the array", check_roofline),
    ("shows and selects a point of the roofline by key", check_roofline_keys),
    ("draws the timeline", check_timeline),
    ("zooms and pans the timeline", check_zoom),
    ("draws the memory in use", check_memory),
    ("highlights the selected op everywhere", check_selection),
    ("says why ops are on the host", check_host_reasons),
    ("works by keyboard", check_keyboard),
    ("names its controls", check_accessible_names),
    ("has a light and a dark scheme with enough contrast", check_schemes),
    ("fits narrow screens", check_narrow),
)
# What needs an op to act on.
NEED_OPS = {
    check_sorting,
    check_text_filter,
    check_choices,
    check_timeline,
    check_zoom,
    check_memory,
    check_selection,
    check_keyboard,
}


def check_page(page, path, report, label):
    """Runs every check; returns how many failed."""
    try:
        page.resize(1400, 900)
        page.open(path)
    except BrowserError as error:
        print(f"FAIL {label}: opens: {error}")
        return 1
    failed = 0
    for name, check in CHECKS:
        if check in NEED_OPS and not report["ops"]:
            continue
        try:
            check(page, report)
            expect(page.problems, [], "problems in the console")
            print(f"ok   {label}: {name}")
        except (Failure, BrowserError) as error:
            failed += 1
            page.problems.clear()
            print(f"FAIL {label}: {name}: {error}")
    return failed


def take_screenshots(page, path, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for width, scheme in ((1400, "light"), (1400, "dark"), (390, "light")):
        page.prefer(scheme)
        page.resize(width, 900)
        page.open(path)
        # Rows out of the window are not drawn.
        page.resize(width, page.run("document.documentElement.scrollHeight"))
        page.screenshot(folder / f"{path.stem}-{width}-{scheme}.png")


def check_variants(page, html, report):
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for make in VARIANTS:
            variant = make(report)
            text = json.dumps(variant, ensure_ascii=False).replace("<", "\\u003c")
            path = Path(folder) / f"{make.__name__}.html"
            start, end = DATA.search(html).span(2)
            path.write_text(html[:start] + text + html[end:], encoding="utf-8")
            failed += check_page(page, path, variant, make.__name__)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("html", type=Path)
    parser.add_argument("json", type=Path)
    parser.add_argument(
        "--variants", action="store_true", help="check other reports in the same page too"
    )
    parser.add_argument("--screenshots", type=Path, metavar="DIR", help="keep pictures of the page")
    options = parser.parse_args()
    executable = find_browser()
    if not executable:
        sys.exit("error: no Chromium; on Debian: apt-get install chromium-headless-shell")
    report = json.loads(options.json.read_text(encoding="utf-8"))
    html = options.html.read_text(encoding="utf-8")
    data = DATA.search(html)
    failed = 0
    if not data or json.loads(data[2]) != report:
        failed += 1
        print("FAIL the page's data is not the JSON report")
    with Browser(executable) as page:
        failed += check_page(page, options.html, report, options.html.name)
        if options.variants:
            failed += check_variants(page, html, report)
        if options.screenshots:
            take_screenshots(page, options.html, options.screenshots)
    print(f"{failed} failed" if failed else "all passed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
