"""Files: what a script reads and writes beside its own work folder, which is nothing, and how much that holds."""

from pathlib import Path
from typing import Any

import pytest
from hostile import SECRET, Ground, Report, cases

WORK_BYTES = 320 << 20
ENTRIES = 10_000

DEEDS, PARAMETERS = cases(
    {
        # Reading.
        "shadow": ("open('/etc/shadow')", "ENOENT"),
        "passwd": ("open('/etc/passwd')", "ENOENT"),
        "home-of-root": ("os.listdir('/root')", "ENOENT"),
        "homes": ("os.listdir('/home')", "ENOENT"),
        "run": ("os.listdir('/run')", "ENOENT"),
        "temporary-files-of-all": ("os.listdir('/tmp')", "EACCES"),
        "more-temporary-files": ("os.listdir('/var/tmp')", "ENOENT"),
        "list-the-root": ("os.listdir('/')", "EACCES"),
        "list-etc": ("os.listdir('/etc')", "EACCES"),
        "list-devices": ("os.listdir('/dev')", "EACCES"),
        "database": ("open(DATA + '/lachesis.sqlite')", "ENOENT"),
        "database-folder": ("os.listdir(DATA)", "ENOENT"),
        "runtime-folder": ("os.listdir(RUNTIME)", "ENOENT"),
        "checkout": ("os.listdir(ROOT)", "EACCES"),
        "checkout-sources": ("os.listdir(ROOT + '/Sources')", "ENOENT"),
        # Writing.
        "write-programs": ("open('/usr/bin/lachesis', 'w')", "EROFS"),
        "change-a-program": ("open('/usr/bin/env', 'r+b')", "EACCES"),
        "folder-in-usr": ("os.mkdir('/usr/lachesis')", "EROFS"),
        "touch-usr": ("os.utime('/usr')", "EROFS"),
        "write-the-environment": ("open(VENV + '/lachesis', 'w')", "EROFS"),
        "change-numpy": ("open(NUMPY, 'r+')", "EACCES"),
        "remove-numpy": ("os.unlink(NUMPY)", "EROFS"),
        "permit-numpy": ("os.chmod(NUMPY, 0o777)", "EROFS"),
        "touch-numpy": ("os.utime(NUMPY)", "EROFS"),
        "move-numpy": ("os.rename(NUMPY, 'numpy')", "EXDEV"),
        "link-numpy": ("os.link(NUMPY, 'numpy')", "EXDEV"),
        "change-the-worker": ("opened(__import__('lachesis_worker').__file__)", True),
        "change-the-plugin": ("opened(__import__('lachesis_kalman').__file__)", True),
        "remove-the-plugin": ("os.unlink(__import__('lachesis_kalman').__file__)", "EROFS"),
        "write-into-the-root": ("open('/lachesis', 'w')", "EROFS"),
        "folder-in-the-root": ("os.mkdir('/lachesis')", "EROFS"),
        "write-into-devices": ("open('/dev/lachesis', 'w')", "EROFS"),
        "shared-memory": ("open('/dev/shm/lachesis', 'w')", "ENOENT"),
        "write-temporary-files-of-all": ("open('/tmp/lachesis', 'w')", "EROFS"),
        "permit-null": ("os.chmod('/dev/null', 0)", "EROFS"),
        "give-null-away": ("os.chown('/dev/null', 65534, 65534)", "EPERM"),
        "write-into-null": ("open('/dev/null', 'w').write('x')", 1),
        "read-zeros": ("open('/dev/zero', 'rb', 0).read(4) == bytes(4)", True),
        "read-random": ("len(open('/dev/urandom', 'rb', 0).read(4))", 4),
        # Devices.
        "memory": ("open('/dev/mem')", "ENOENT"),
        "messages-of-the-kernel": ("open('/dev/kmsg')", "ENOENT"),
        "terminal": ("open('/dev/tty')", "ENOENT"),
        "disk": ("open('/dev/vda')", "ENOENT"),
        "mknod-null": ("os.mknod('null', 0o20600, os.makedev(1, 3))", "EPERM"),
        "mknod-memory": ("os.mknod('memory', 0o20600, os.makedev(1, 1))", "EPERM"),
        "mknod-disk": ("os.mknod('disk', 0o60600, os.makedev(254, 0))", "EPERM"),
        "mknod-socket": ("os.mknod('socket', 0o140600)", "EPERM"),
        "mkfifo": ("os.mkfifo('fifo')", "EPERM"),
        "mknodat": ("call(259, -100, b'null', 0o20600, 0x103)", "EPERM"),
        # Its own.
        "become-the-owner": ("os.chown('.', 0, 0)", "EPERM"),
        "sparse-petabyte": ("os.truncate(new('petabyte'), 1 << 50)", "EFBIG"),
        "petabyte-at-once": ("os.posix_fallocate(new('at-once'), 0, 1 << 50)", "EFBIG"),
        "byte-behind-a-petabyte": ("os.pwrite(new('behind'), b'x', 1 << 50)", "EFBIG"),
        "more-than-a-file-may-have": (f"os.truncate(new('more'), {WORK_BYTES + 1})", "EFBIG"),
        "the-most-that-a-file-may-have": (f"os.truncate(new('most'), {WORK_BYTES})", "done"),
        "its-own-folder": ("sorted(os.listdir('/estimator'))[:1]", ["at-once"]),
    }
)

PRELUDE = f"""
import numpy
NUMPY, VENV = numpy.__file__, sys.prefix

def new(name):
    return os.open(name, os.O_CREAT | os.O_RDWR)

def opened(path):
    \"\"\"Whether it cannot be opened for writing: the one layer says EACCES, the other EROFS, and which is asked first
    depends on whose the file is.\"\"\"
    try:
        os.close(os.open(path, os.O_WRONLY))
    except OSError as error:
        return named(error) in ("EACCES", "EROFS")

assert {SECRET!r} not in os.environ
"""


@pytest.fixture(scope="module")
def report(ground: Ground) -> Report:
    server = ground.server
    (database,) = server.data.glob("*.sqlite")
    assert database.name == "lachesis.sqlite"
    places = {"DATA": str(server.data), "RUNTIME": server.runtime, "ROOT": str(Path(__file__).parents[3])}
    return ground.report(DEEDS, "".join(f"{name} = {path!r}\n" for name, path in places.items()) + PRELUDE)


@pytest.mark.parametrize(("deed", "outcome"), PARAMETERS)
def test_a_file_is_out_of_reach(report: Report, deed: str, outcome: Any) -> None:
    assert report[deed] == outcome


def test_the_work_folder_is_filled_up_to_its_quota(ground: Ground) -> None:
    fill = """
written, piece = 0, bytes(1 << 20)
with open('a', 'wb', buffering=0) as a, open('b', 'wb', buffering=0) as b:
    for file in (a, b):
        try:
            while True:
                written += file.write(piece)
        except OSError as error:
            reason = named(error)
return [written, reason]
"""
    written, reason = ground.report({"fill": fill})["fill"]
    assert reason == "ENOSPC" and WORK_BYTES * 0.99 < written <= WORK_BYTES


def test_the_work_folder_takes_no_more_entries_than_its_quota(ground: Ground) -> None:
    fill = """
for number in range(20_000):
    try:
        open(f'{number}', 'x').close()
    except OSError as error:
        return [number, named(error)]
"""
    number, reason = ground.report({"fill": fill})["fill"]
    assert reason == "ENOSPC" and ENTRIES * 0.99 < number < ENTRIES


def test_what_filled_a_work_folder_is_gone_for_the_next(ground: Ground) -> None:
    fill = "open('full', 'wb').write(bytes(300 << 20))\nreturn sorted(os.listdir('.'))"
    for _ in range(2):
        assert ground.report({"fill": fill})["fill"] == ["full"]


def test_an_uploaded_library_is_not_loaded(ground: Ground) -> None:
    # A library that Python itself loads from where it belongs.
    import _ctypes

    library = Path(_ctypes.__file__).read_bytes()
    load = """
import _ctypes
assert ctypes.CDLL(_ctypes.__file__)
try:
    ctypes.CDLL('./library.so')
except OSError as error:
    return str(error)
"""
    report = ground.report(
        {
            "load": load,
            "import": "sys.path.insert(0, '.')\nimport library",
            "map": "__import__('mmap').mmap(os.open('library.so', os.O_RDONLY), 4096, prot=5, flags=2)",
            "permit": "os.chmod('library.so', 0o777)\nos.execv('library.so', ['x'])",
        },
        files=[("files", ("library.so", library))],
    )
    assert "failed to map segment" in report.pop("load")
    assert report == {"import": "ImportError", "map": "EPERM", "permit": "EPERM"}
