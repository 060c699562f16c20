"""The network, of which there is none: no socket can be made, of whatever family."""

from pathlib import Path
from typing import Any

import pytest
from hostile import Ground, Report, cases

FAMILIES = {
    "unix": (1, 1),
    "unix-datagram": (1, 2),
    "tcp4": (2, 1),
    "udp4": (2, 2),
    "raw4": (2, 3),
    "ping4": (2, 2),
    "tcp6": (10, 1),
    "udp6": (10, 2),
    "ax25": (3, 5),
    "packet": (17, 3),
    "packet-datagram": (17, 2),
    "netlink-route": (16, 3),
    "netlink-audit": (16, 3),
    "algorithms": (38, 5),
    "vsock": (40, 1),
    "bluetooth": (31, 3),
    "can": (29, 3),
    "tipc": (30, 2),
    "xdp": (44, 3),
    "smc": (43, 1),
    "kcm": (41, 5),
    "rds": (21, 5),
    "key": (15, 3),
    "qipcrtr": (42, 2),
}

DEEDS, PARAMETERS = cases(
    {f"family-{name}": (f"call(41, {family}, {kind}, 0)", "EPERM") for name, (family, kind) in FAMILIES.items()}
    | {
        "metadata-service": ("socket.create_connection(('169.254.169.254', 80), 2)", "EPERM"),
        "metadata-service-6": ("socket.create_connection(('fd00:ec2::254', 80), 2)", "EPERM"),
        "server-itself": ("socket.create_connection(('127.0.0.1', PORT), 2)", "EPERM"),
        "server-itself-6": ("socket.create_connection(('::1', PORT), 2)", "EPERM"),
        "by-a-client": ("__import__('urllib.request').request.urlopen(f'http://127.0.0.1:{PORT}/health')", "URLError"),
        "name": ("try: socket.gethostbyname('example.org')\nexcept socket.gaierror: return 'unknown'", "unknown"),
        "abstract-socket": ("socket.socket(socket.AF_UNIX).connect('\\0lachesis')", "EPERM"),
        "listening": ("socket.create_server(('127.0.0.1', 0))", "EPERM"),
        "pair": ("socket.socketpair()", "EPERM"),
        "hosts-socket": ("socket.socket(socket.AF_UNIX).connect(HOST)", "EPERM"),
        "hosts-socket-as-file": ("open(HOST)", "ENOENT"),
        # With the one socket that there is.
        "own-connect-elsewhere": ("own().connect('\\0lachesis')", "EPERM"),
        "own-bind": ("own().bind('\\0lachesis')", "EPERM"),
        "own-listen": ("own().listen()", "EPERM"),
        "own-accept": ("own().accept()", "EPERM"),
        "own-options": ("own().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)", "EPERM"),
        "own-peer": (
            "list(__import__('struct').unpack('3i', own().getsockopt(1, socket.SO_PEERCRED, 12)))",
            [0, 65534, 65534],
        ),
    }
)
PRELUDE = """
def own():
    return socket.socket(fileno=os.dup(3))
"""


@pytest.fixture(scope="module")
def report(ground: Ground) -> Report:
    server = ground.server
    (host,) = [path for path in Path(server.runtime).rglob("*") if path.is_socket()]
    port = int(server.url.rsplit(":", 1)[1])
    return ground.report(DEEDS, f"HOST, PORT = {str(host)!r}, {port}\n" + PRELUDE)


@pytest.mark.parametrize(("deed", "outcome"), PARAMETERS)
def test_there_is_no_network(report: Report, deed: str, outcome: Any) -> None:
    assert report[deed] == outcome
