"""Measures servers of its own against a bare Moirae loop and plain SQLite, in one run.

Prints lines of `name value unit`, and writes the same as JSON and as a page. Only ratios compare between machines.

    python bench [GROUP...] [--json FILE] [--page FILE] [--compare FILE] [--rounds N]
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import estimates
import ingest
import live
import polling
import recovery
import registration
from measure import Figure
from report import compared, page, read, report, written
from server import Server


def _on_a_server(figures: Callable[[Server], Iterator[Figure]]) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder)).start()
        try:
            server.wait_plugins()
            yield from figures(server)
        finally:
            server.dispose()


GROUPS: dict[str, Callable[[int], Iterator[Figure]]] = {
    "estimates": lambda rounds: _on_a_server(lambda server: estimates.figures(server, rounds)),
    "ingest": lambda rounds: _on_a_server(lambda server: ingest.figures(server, rounds)),
    "status": lambda _: polling.figures(),
    "registration": lambda _: _on_a_server(registration.figures),
    "live": lambda _: live.figures(),
    "recovery": lambda _: recovery.figures(),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.splitlines()[0])
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"what to measure, of {', '.join(GROUPS)}; all")
    parser.add_argument("--json", type=Path, default=Path("bench.json"), help="file for the figures")
    parser.add_argument("--page", type=Path, help="file for a page of them, in Markdown")
    parser.add_argument("--compare", type=Path, help="figures of an earlier run, shown beside these")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions of which the median counts")
    options = parser.parse_args()
    if unknown := set(options.groups) - GROUPS.keys():
        parser.error(f"no group is named {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    earlier = read(options.compare) if options.compare else {}
    found: dict[str, list[Figure]] = {}
    for group in options.groups or GROUPS:
        for figure in GROUPS[group](options.rounds):
            print(compared(figure, earlier), flush=True)
            found.setdefault(group, []).append(figure)
    result = report(found)
    written(result, options.json)
    if options.page:
        options.page.write_text(page(result), "utf-8")
    print(f"written to {options.json}")


if __name__ == "__main__":
    main()
