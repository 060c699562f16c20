"""Adds up test reports (JUnit XML) into one closing line; fails if a test failed, or if a suite ran none."""

import sys
from pathlib import Path
from xml.etree import ElementTree


def counts(report: Path) -> tuple[int, int, int]:
    """Return how many tests of a report passed, failed and were skipped."""
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    return len(cases) - failed - skipped, failed, skipped


def main(reports: list[Path]) -> int:
    total = [0, 0, 0]
    empty = []
    for report in reports:
        suite = counts(report)
        total = [a + b for a, b in zip(total, suite, strict=True)]
        # `swift test` writes a report of XCTest's beside that of Swift Testing; there are no tests of that kind.
        if sum(suite) == 0 and report.name != "swift.xml":
            empty.append(report.name)
    suites = {report.name for report in reports}
    missing = {"swift-swift-testing.xml", "python.xml"} - suites
    for name in sorted(missing | set(empty)):
        print(f"{name}: no test ran")
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or missing or empty else 0


if __name__ == "__main__":
    sys.exit(main([Path(argument) for argument in sys.argv[1:]]))
