"""Files that come with a script."""

import hashlib
import json
import random
from pathlib import Path

import pytest
from cells import KALMAN, assert_same, drive, plain_kalman
from server import Files, Server, fresh
from streaming import upload

LISTING = "import json, os\nraise RuntimeError(json.dumps(sorted(os.listdir('.'))))"


def listed(server: Server, files: Files) -> list[str]:
    """Return the names of the files in the folder of a script that is registered with `files`."""
    reply = server.register(fresh("listed"), LISTING, files=files)
    assert reply.status_code == 422, reply.text
    detail = reply.json()["detail"]
    assert "RuntimeError: " in detail, detail
    return json.loads(detail[detail.rindex("RuntimeError: ") + len("RuntimeError: ") :])


def test_files_arrive_in_the_scripts_folder(server: Server) -> None:
    content = random.Random(1).randbytes(3_000_000)
    digest = hashlib.sha256(content).hexdigest()
    script = (
        "import hashlib, os\nfrom pathlib import Path\n"
        "assert Path('text.json').read_text() == '[1, \"Ä\"]'\n"
        f"assert hashlib.sha256(Path('large.bin').read_bytes()).hexdigest() == '{digest}'\n"
        "assert Path('empty').read_bytes() == b''\n"
        "assert Path(__file__).parent.samefile(os.getcwd())\n"
    )
    files: Files = [
        ("files", ("text.json", '[1, "Ä"]')), ("files", ("large.bin", content)), ("files", ("empty", b"")),
    ]  # fmt: skip
    server.accept(fresh("files"), script + KALMAN, files=files)


def test_modules_among_the_files_can_be_imported(server: Server) -> None:
    name, records = fresh("module"), drive(50)
    server.accept(name, "from model import estimator", files=[("files", ("model.py", KALMAN))])
    upload(server, name, records)
    assert_same(server.wait_status(name, stepped=49), plain_kalman(records))


def test_a_script_may_write_into_its_folder(server: Server) -> None:
    script = "from pathlib import Path\nPath('new').write_text('x')\nassert Path('new').read_text() == 'x'\n"
    server.accept(fresh("writes"), script + KALMAN)
    assert "new" not in listed(server, []), "scripts share a folder"


def test_the_files_of_one_version_are_not_the_next_ones(server: Server) -> None:
    name = fresh("version")
    script = "from pathlib import Path\nPath('a.txt').read_text()\n" + KALMAN
    server.accept(name, script, files=[("files", ("a.txt", "a"))])
    reply = server.register(name, script)
    assert reply.status_code == 422 and "a.txt" in reply.json()["detail"]


@pytest.mark.parametrize(
    ("name", "arrives"),
    [
        ("plain.json", "plain.json"), ("../../escape.txt", "escape.txt"), ("/etc/absolute.txt", "absolute.txt"),
        ("C:\\data\\windows.txt", "windows.txt"), ("with space.txt", "with space.txt"), ("電池.csv", "電池.csv"),
        ("Zelle_Ä.json", "Zelle_Ä.json"), (".hidden", ".hidden"), ("no-extension", "no-extension"),
        ("a" * 255, "a" * 255), ("it's; $(x) `y`.txt", "it's; $(x) `y`.txt"),
    ],
)  # fmt: skip
def test_a_files_name_is_reduced_to_its_last_component(server: Server, name: str, arrives: str) -> None:
    assert listed(server, [("files", (name, b"x"))]) == [arrives]
    assert not any(path.name == arrives for path in server.folder.rglob("*"))
    assert not Path(name).is_absolute() or not Path(name).exists()


@pytest.mark.parametrize(
    "name", ["..", ".", "a/..", "dir/", "-rf", "line\nbreak", "a" * 256, "Ä" * 128, "a\u202eb", "x\x7f"]
)
def test_an_odd_name_is_refused(server: Server, name: str) -> None:
    battery = fresh("odd")
    reply = server.register(battery, KALMAN, files=[("files", (name, b"x"))])
    assert reply.status_code == 422, reply.text
    assert any("files" in problem["loc"] for problem in reply.json()["detail"])
    assert server.stats(battery) is None


def test_a_file_without_a_name_is_refused(server: Server) -> None:
    battery = fresh("nameless")
    body = (
        f'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n{battery}\r\n'
        f'--b\r\nContent-Disposition: form-data; name="definition"\r\n\r\n{KALMAN}\r\n'
        '--b\r\nContent-Disposition: form-data; name="files"; filename=""\r\n\r\ncontent\r\n--b--\r\n'
    )
    reply = server.http.post(
        "/online/register", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert reply.status_code == 422 and server.stats(battery) is None


@pytest.mark.parametrize("names", [("a.txt", "a.txt"), ("a.txt", "../a.txt"), ("x/é", "e\u0301")])
def test_two_files_of_one_name_are_refused(server: Server, names: tuple[str, str]) -> None:
    reply = server.register(fresh("twice"), KALMAN, files=[("files", (name, b"x")) for name in names])
    assert reply.status_code == 422 and list(reply.json()) == ["detail"]
