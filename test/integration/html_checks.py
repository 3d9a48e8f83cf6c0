"""What an HTML cost report must show: checks of a page that nobody touches."""

import re

ROWS = "[...document.querySelectorAll('#ops tbody tr')]"


class Failure(Exception):
    pass


def expect(actual, expected, what):
    if actual != expected:
        raise Failure(f"{what}: expected {shorten(expected)}, got {shorten(actual)}")


def expect_near(actual, expected, what):
    """Up to what the page rounds to: three decimals, or six digits below one."""
    size = abs(expected)
    tolerance = 1e-9 * size + (6e-4 if size >= 1 else 1e-5 * size)
    if actual is None or abs(actual - expected) > tolerance:
        raise Failure(f"{what}: expected {expected}, got {actual}")


def shorten(value):
    text = repr(value)
    return text if len(text) < 300 else f"{text[:300]} ..."


def number(text):
    """The number that a title such as "1,234.5 pJ" starts with."""
    match = re.match(r"-?[\d,]+(\.\d+)?(E-?\d+)?", text or "")
    return float(match[0].replace(",", "")) if match else None


def name_of(op):
    return op.get("name") or "(no name)"


def dram_bytes(op):
    return op.get("dram_read_bytes", 0) + op.get("dram_write_bytes", 0)


def array_ops(report):
    return [i for i, op in enumerate(report["ops"]) if op["placement"] == "array"]


def check_isolated(page, report):
    expect(page.problems, [], "problems in the console")
    expect(len(page.requests), 1, f"requests {page.requests}")
    policy = page.run("document.querySelector('meta[http-equiv=Content-Security-Policy]').content")
    if "default-src 'none'" not in policy:
        raise Failure(f"expected a policy of default-src 'none', got {policy}")
    # The policy must be in force, not only written.
    violated = page.run("""new Promise(done => {
        addEventListener('securitypolicyviolation', event => done(event.effectiveDirective));
        fetch('https://example.invalid/').catch(() => setTimeout(done, 500, 'nothing')); })""")
    expect(violated, "connect-src", "what a request by script violates")
    page.problems.clear()
    page.requests.clear()


def check_texts_only(page, report):
    expect(page.run("document.scripts.length"), 2, "scripts in the page")
    expect(
        page.run("document.querySelectorAll('img, iframe, object, b, i, [onerror]').length"),
        0,
        "elements that names brought in",
    )
    expect(
        page.run("document.title"),
        f"{report['model']['name']} on {report['target']['name']}: cost report",
        "title",
    )


def check_totals(page, report):
    total = report["total"]
    tiles = page.run(
        "Object.fromEntries([...document.querySelectorAll('.tile')].map("
        "tile => [tile.querySelector('dt').textContent, tile.title]))"
    )
    wanted = {
        "Cycles": "cycles",
        "Latency": "latency_s",
        "Energy": "energy_pj",
        "MACs": "macs",
        "Array used": "utilization",
        "DRAM allocated": "dram_peak_bytes",
    }
    for label, field in wanted.items():
        if field in total:
            expect_near(number(tiles[label]), total[field], label)
    expect_near(number(tiles["DRAM traffic"]), dram_bytes(total), "DRAM traffic")
    head = page.run("document.getElementById('head').innerText")
    for text in (report["model"]["name"], report["target"]["name"], report["source"]):
        if text not in head:
            raise Failure(f"expected {text!r} in the head, got {head!r}")


def check_table(page, report):
    ops = report["ops"]
    names = page.run(f"{ROWS}.map(row => row.querySelector('th').textContent)")
    expect(names, [name_of(op) for op in ops], "names in the table")
    columns = page.run(
        "[...document.querySelectorAll('#ops thead button')].map(b => b.textContent)"
    )
    cycles = columns.index("cycles")
    shown = page.run(f"{ROWS}.map(row => row.cells[{cycles}].title)")
    expect([number(title) for title in shown], [op["cycles"] for op in ops], "cycles in the table")


def sums(page):
    return page.run(
        "Object.fromEntries([...document.querySelectorAll('#ops tfoot [data-sum]')].map("
        "cell => [cell.dataset.sum, cell.title || cell.textContent]))"
    )


def check_sums(page, report):
    total, shown = report["total"], sums(page)
    for key, value in (
        ("cycles", total["cycles"]),
        ("macs", total["macs"]),
        ("energy", total["energy_pj"]),
        ("dram", dram_bytes(total)),
    ):
        expect_near(number(shown[key]), value, f"sum of {key} in the table against the total")


def check_roofline(page, report):
    drawn = page.run(
        "[...document.querySelectorAll('#roofline .point')].map(p => Number(p.dataset.op))"
    )
    expect(sorted(drawn), array_ops(report), "points of the roofline")
    bad = page.run(
        "[...document.querySelectorAll('svg *')].filter(node => [...node.attributes].some("
        "a => /NaN|Infinity|undefined/.test(a.value))).map(node => node.outerHTML).slice(0, 3)"
    )
    expect(bad, [], "shapes without a place")
    roofs = page.run("document.querySelectorAll('#roofline .roof').length")
    if drawn and "rows" in report["target"]["parameters"] and not roofs:
        raise Failure("expected a roof in the roofline plot, got none")


def check_timeline(page, report):
    ops = report["ops"]
    used = [
        name
        for name in ("load", "exec", "store", "host")
        if any(name in op.get("engines", {}) for op in ops)
    ]
    lanes = page.run(
        "[...document.querySelectorAll('#timeline .lane-label')].map(l => l.textContent)"
    )
    expect(lanes, ["network"] + [name.upper() for name in used], "lanes of the timeline")
    missing = page.run(
        "document.getElementById('timeline').parentElement.innerText.includes('not in this report')"
    )
    expect(missing, not used, "says that engine times are not in this report")
    for op in range(len(ops)):
        if ops[op]["cycles"] * 1000 >= 4 * report["total"]["cycles"]:
            found = page.run(
                f"document.querySelectorAll('#timeline .span[data-op=\"{op}\"]').length"
            )
            if not found:
                raise Failure(f"expected a bar of op {op} in the timeline, got none")
    bars = page.run("document.querySelectorAll('#timeline .span, #timeline .run').length")
    if not bars or bars > 20000:
        raise Failure(f"expected 1 to 20000 bars in the timeline, got {bars}")


def check_memory(page, report):
    text = page.run("document.getElementById('memory').parentElement.innerText")
    for field, name in (("scratchpad_bytes", "scratchpad"), ("dram_live_bytes", "DRAM")):
        present = any(field in op for op in report["ops"])
        expect(
            f"bytes of {name} in use: not in this report" in text, not present, f"{name} is missing"
        )
    areas = page.run(
        "[...document.querySelectorAll('#memory .area')].filter(a => a.getAttribute('d')).length"
    )
    fields = sum(
        any(f in op for op in report["ops"]) for f in ("scratchpad_bytes", "dram_live_bytes")
    )
    expect(areas, fields, "areas of memory in use")


def check_accessible_names(page, report):
    nameless = page.run(
        """[...document.querySelectorAll('button, input, select, svg, [tabindex="0"]')].filter(
        node =>
        !(node.textContent.trim() && node.tagName !== 'svg') && !node.ariaLabel &&
        !node.getAttribute('aria-labelledby')).map(node => node.outerHTML.slice(0, 120))"""
    )
    expect(nameless, [], "controls and plots without a name")


CONTRAST = """(() => {
  const probe = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const luminance = (colour) => {
    probe.fillStyle = colour; probe.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => {
      v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(document.documentElement);
  const of = (name) => luminance(style.getPropertyValue('--' + name));
  const ratio = (a, b) => (Math.max(of(a), of(b)) + 0.05) / (Math.min(of(a), of(b)) + 0.05);
  const low = [];
  const need = (least, names, grounds) => { for (const n of names) for (const g of grounds)
    if (ratio(n, g) < least) low.push(n + ' on ' + g + ': ' + ratio(n, g).toFixed(2)); };
  need(4.5, ['ink', 'muted', 'accent', 'warning'], ['page', 'surface', 'raised']);
  need(4.5, ['ink', 'accent'], ['chosen']);
  need(3, [0, 1, 2, 3, 4, 5, 6, 7].map(i => 'tone-' + i), ['surface']);
  return { low, page: of('page') };
})()"""


def check_schemes(page, report):
    grounds = {}
    for scheme in ("light", "dark"):
        page.prefer(scheme)
        result = page.run(CONTRAST)
        expect(result["low"], [], f"contrasts that are too low in the {scheme} scheme")
        grounds[scheme] = result["page"]
        body = page.run("getComputedStyle(document.body).backgroundColor")
        expect(
            bool(re.match(r"rgb\(2|rgb\(1[5-9]\d", body)),
            scheme == "light",
            f"a light page in {scheme}",
        )
    page.prefer("dark", media="print")
    expect(page.run(CONTRAST)["page"], grounds["light"], "luminance of the page in print")
    shown = page.run("[...document.querySelectorAll('.controls')].some(node => node.offsetWidth)")
    expect(shown, False, "controls in print")
    page.prefer("light")
    if grounds["light"] < 0.6 or grounds["dark"] > 0.1:
        raise Failure(f"expected a light and a dark page, got luminances {grounds}")


def check_narrow(page, report):
    for width in (320, 390, 768, 1024):
        page.resize(width, 800)
        for state in ("closed", "open"):
            if state == "open" and report["ops"]:
                page.click("#cycles .bar")
            wide = page.run("document.documentElement.scrollWidth")
            if wide > width:
                raise Failure(f"at {width} pixels with the panel {state} the page is {wide} wide")
        page.press("Escape")
    page.resize(1400, 900)
