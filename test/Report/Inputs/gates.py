"""Checks what acc-opt writes about its limits, with parsers of Python.

    gates.py junit FILE        prints each test case and its verdict
    gates.py comparison FILE   checks that the ops' changes add up to the total's
    gates.py allowed OLD NEW cycles|percent EXTRA
                               prints the least --max-regression that passes, and EXTRA
                               cycles or millionths of a percent
    gates.py odd-names IN OUT  a report whose names no format can write as they are
    gates.py edit IN OUT KEY=VALUE ...   sets fields of the report (a.b=JSON)
"""

import json
import math
import sys
import xml.etree.ElementTree as ElementTree


def junit(path):
    root = ElementTree.parse(path).getroot()
    assert root.tag == "testsuites", root.tag
    for suite in root.iter("testsuite"):
        cases = suite.findall("testcase")
        failures = [case for case in cases if case.find("failure") is not None]
        for counted in (root, suite):
            assert int(counted.get("tests")) == len(cases)
            assert int(counted.get("failures")) == len(failures)
        print("suite", suite.get("name"))
        for case in cases:
            worse = case.findall("properties/property")
            verdict = "failed" if case in failures else "passed"
            print(verdict, case.get("name"), "worse ops", len(worse))
            if case in failures:
                failure = case.find("failure")
                assert failure.text.startswith(failure.get("message"))
                print(failure.text)
        for output in suite.findall("system-out"):
            print("output", output.text.strip())


def comparison(path):
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    assert (data["schema"], data["version"]) == ("accopt.comparison", 1)
    assert data["passed"] == all(gate["passed"] for gate in data["gates"])
    for field, total in data["total"].items():
        assert math.isclose(total["after"] - total["before"], total["delta"], abs_tol=1e-3)
        if field in data["ops"][0]:
            ops = math.fsum(op[field]["delta"] for op in data["ops"])
            assert math.isclose(ops, total["delta"], rel_tol=1e-9, abs_tol=1e-3), field
    cycles = data["total"]["cycles"]
    print("passed" if data["passed"] else "failed", cycles["before"], cycles["after"])
    print(len(data["ops"]), "changed", data["ops_unchanged"], "unchanged")


def allowed(source, target, kind, extra):
    totals = []
    for path in (source, target):
        with open(path, encoding="utf-8") as file:
            totals.append(json.load(file)["total"]["cycles"])
    old, new = totals
    if kind == "cycles":
        print(new - old + int(extra))
    else:
        millionths = -(-(new - old) * 100_000_000 // old) + int(extra)
        print(f"{millionths // 1_000_000}.{millionths % 1_000_000:06}%")


def odd_names(source, target):
    with open(source, encoding="utf-8") as file:
        data = json.load(file)
    data["model"]["name"] = "a\u0001<b>&\"'|`\n\uffff]]>"
    data["ops"][0]["name"] = "\u0000\u001f\ufffe\U0001f600"
    with open(target, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1, sort_keys=True)


def edit(source, target, *changes):
    with open(source, encoding="utf-8") as file:
        data = json.load(file)
    for change in changes:
        path, value = change.split("=", 1)
        *parents, key = path.split(".")
        parent = data
        for name in parents:
            parent = parent[int(name) if isinstance(parent, list) else name]
        parent[key] = json.loads(value)
    with open(target, "w", encoding="utf-8") as file:
        json.dump(data, file)


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    commands = {
        "junit": junit,
        "comparison": comparison,
        "allowed": allowed,
        "odd-names": odd_names,
        "edit": edit,
    }
    commands[command](*arguments)
