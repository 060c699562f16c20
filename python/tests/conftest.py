"""What all tests share: servers, the rule about skipping, and servers' logs beside failures."""

import importlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

# Before numpy is imported, so that a plain loop computes as workers do.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
# Who is started in the background is deaf to an interrupt, and so would be all programs that the tests start and
# interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, str(Path(__file__).parent / "e2e"))

import pytest
from server import Server, ServerFactory


def _missing_moirae() -> str | None:
    """Return why genuine Moirae cannot be imported; None if it can."""
    try:
        importlib.import_module("moirae.estimators.online")
    except ImportError as error:
        return str(error)
    return None


MISSING_MOIRAE = _missing_moirae()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=60, help="kills of the crash campaign")
    parser.addoption("--seed", type=int, default=None, help="seed of the crash campaign; by default another each time")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "moirae: needs genuine Moirae")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if MISSING_MOIRAE is None:
        return
    for item in items:
        if item.get_closest_marker("moirae"):
            item.add_marker(pytest.mark.skip(reason="genuine Moirae is not installed"))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where Moirae is there, nothing may be skipped: a test that does not run shows nothing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if MISSING_MOIRAE is None and reporter and reporter.stats.get("skipped") and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = len(terminalreporter.stats.get("skipped", []))
    if not skipped:
        return
    if MISSING_MOIRAE is None:
        terminalreporter.write_line(f"FAILED: {skipped} tests were skipped although Moirae is installed", red=True)
    else:
        terminalreporter.write_line(
            f"GENUINE MOIRAE WAS NOT TESTED: {skipped} tests were skipped ({MISSING_MOIRAE})", red=True, bold=True
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # noqa: ANN201
    report = yield
    if report.failed:
        servers = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Server)]
        for server in servers + getattr(item, "own_servers", []):
            report.sections.append((f"log of the server in {server.folder}", server.log_tail()))
    return report


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server that most tests share; each uses batteries of its own."""
    server = Server(tmp_path_factory.mktemp("server"))
    try:
        yield server.start()
    finally:
        server.dispose()


@pytest.fixture
def make_server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[ServerFactory]:
    """Starts servers of a test's own, with options."""
    servers: list[Server] = []
    request.node.own_servers = servers

    def make(*options: str, start: bool = True) -> Server:
        servers.append(Server(tmp_path_factory.mktemp("own"), *options))
        return servers[-1].start() if start else servers[-1]

    yield make
    for server in servers:
        server.dispose()
