"""Paths that lead elsewhere, or that a careless reader stumbles over; nobody outside opens one that a script made."""

from typing import Any

import pytest
from cells import KALMAN
from hostile import PRELUDE, Ground, Report, cases, reported, reporting
from server import fresh

DEEDS, PARAMETERS = cases(
    {
        "parent": ("open('../etc/shadow')", "ENOENT"),
        "parents": ("open('../' * 40 + 'etc/shadow')", "ENOENT"),
        "parent-as-folder": ("os.chdir('..')\ntry: return os.listdir('.')\nfinally: os.chdir('/estimator')", "EACCES"),
        "absolute": ("open('/etc/hostname')", "ENOENT"),
        "absolute-write": ("open('/escape', 'w')", "EROFS"),
        "parent-write": ("open('../escape', 'w')", "EROFS"),
        "link-to-a-file": ("os.symlink('/etc/shadow', 'link')\nopen('link')", "ENOENT"),
        "link-to-the-root": ("os.symlink('/', 'root')\nos.listdir('root')", "EACCES"),
        "link-to-itself": ("os.symlink('loop', 'loop')\nopen('loop')", "ELOOP"),
        "write-through-a-link": ("os.symlink('/usr/escape', 'out')\nopen('out', 'w')", "EROFS"),
        "hard-link-outside": ("os.link('/usr/bin/env', 'env')", "EXDEV"),
        "moved-outside": ("open('mine', 'w').close()\nos.rename('mine', '/usr/mine')", "EXDEV"),
        "nul": ("open('a\\0b', 'w')", "ValueError"),
        "newline": ("made('a\\nb')", True),
        "leading-dash": ("made('-rf')", True),
        "not-utf-8": ("made(b'\\xff\\xfe')", True),
        "terminal-codes": ("made('\\x1b]0;title\\x07')", True),
        "too-long": ("open('a' * 256, 'w')", "ENAMETOOLONG"),
        "too-long-a-path": ("open('a/' * 3000, 'w')", "ENAMETOOLONG"),
    }
)
DEEP = """
for depth in range(3000):
    os.mkdir('deep')
    os.chdir('deep')
os.chdir('/estimator')
return depth
"""
MADE = """
def made(name):
    open(name, 'w').close()
    return name in os.listdir(b'.' if isinstance(name, bytes) else '.')
"""


@pytest.fixture(scope="module")
def report(ground: Ground) -> Report:
    return ground.report(DEEDS | {"too-deep": DEEP}, MADE)


@pytest.mark.parametrize(("deed", "outcome"), PARAMETERS)
def test_a_path_leads_nowhere_else(report: Report, deed: str, outcome: Any) -> None:
    assert report[deed] == outcome


def test_folders_deeper_than_any_path_are_gone_afterwards(report: Report) -> None:
    # That they are gone the ground has checked.
    assert report["too-deep"] == 2999


def test_a_living_estimators_odd_folder_is_gone_with_it(ground: Ground) -> None:
    odd = "import os\nfor name in ('a\\nb', '-rf', b'\\xff'): os.mkdir(name, 0)\n"
    odd += "os.symlink('/', 'root')\nos.chmod('.', 0)\n"
    with ground.accepted(odd + KALMAN):
        pass


@pytest.mark.parametrize(
    ("name", "arrives"),
    [
        pytest.param("../../escape", "escape", id="parent"),
        pytest.param("/etc/cron.d/absolute", "absolute", id="absolute"),
        pytest.param("..\\..\\windows", "windows", id="backslash"),
        pytest.param("..", None, id="parent-alone"),
        pytest.param("-rf", None, id="leading-dash"),
        pytest.param("line\nbreak", None, id="newline"),
        pytest.param("a" * 256, None, id="too-long"),
    ],
)
def test_an_uploaded_files_name_is_one_component_of_the_work_folder(
    ground: Ground, name: str, arrives: str | None
) -> None:
    script = reporting({"list": "os.listdir('.')"})
    reply = ground.server.register(fresh("named"), script, files=[("files", (name, b"x"))])
    assert reply.status_code == 422, reply.text
    detail = reply.json()["detail"]
    if arrives is None:
        # Refused by the form, before any worker.
        assert isinstance(detail, list) and any("files" in problem["loc"] for problem in detail), detail
    else:
        assert reported(detail)["list"] == [arrives]
    ground.check()


@pytest.mark.parametrize("name", [pytest.param(b"\xff\xfe", id="not-utf-8"), pytest.param(b"a\0b", id="nul")])
def test_an_uploaded_files_name_that_no_file_can_have_is_refused(ground: Ground, name: bytes) -> None:
    battery = fresh("named")
    body = (
        f'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n{battery}\r\n'
        f'--b\r\nContent-Disposition: form-data; name="definition"\r\n\r\n{PRELUDE}\r\n'
        '--b\r\nContent-Disposition: form-data; name="files"; filename="'
    ).encode() + (name + b'"\r\n\r\ncontent\r\n--b--\r\n')
    reply = ground.server.http.post(
        "/online/register", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert 400 <= reply.status_code < 500 and ground.server.stats(battery) is None, reply.text
    assert "Traceback" not in reply.text
    ground.check()
