"""Where the command line's server and token come from."""

from argparse import Namespace
from pathlib import Path

import pytest

from lachesis.cli.settings import UsageError, resolve


def options(**given: str) -> Namespace:
    return Namespace(**{"url": None, "token": None, "token_file": None, "ca": None} | given)


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("LACHESIS_URL", "LACHESIS_TOKEN", "LACHESIS_CA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "lachesis").mkdir()
    return tmp_path / "lachesis"


def write(folder: Path, text: str, mode: int = 0o600) -> None:
    (folder / "client.toml").write_text(text)
    (folder / "client.toml").chmod(mode)


def test_without_anything_it_is_this_machine() -> None:
    found = resolve(options())
    assert (found.url, found.token, found.certificates) == ("http://127.0.0.1:8000", "", None)


def test_options_come_before_the_environment_and_that_before_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, 'url = "https://file"\ntoken = "file"\nca = "file.pem"\n')
    assert (found := resolve(options())).url == "https://file" and found.token == "file"
    assert found.certificates == "file.pem"
    monkeypatch.setenv("LACHESIS_URL", "https://file/")
    monkeypatch.setenv("LACHESIS_TOKEN", "environment")
    assert (found := resolve(options())).url == "https://file/" and found.token == "environment"
    assert (found := resolve(options(url="https://option", token="option"))).url == "https://option"
    assert found.token == "option"
    (folder / "token").write_text("from a file\n")
    assert resolve(options(token_file=str(folder / "token"))).token == "from a file"


def test_the_files_token_is_not_shown_to_another_server(folder: Path) -> None:
    write(folder, 'url = "https://file"\ntoken = "secret"\n')
    assert resolve(options(url="https://file/")).token == "secret"
    assert resolve(options(url="https://other")).token == ""
    assert resolve(options(url="http://file")).token == ""


@pytest.mark.parametrize("text", ["url = 5", "urls = 'x'", "url = "])
def test_a_file_that_is_no_good_is_said(folder: Path, text: str) -> None:
    write(folder, text)
    with pytest.raises(UsageError, match=r"client\.toml"):
        resolve(options())


def test_a_token_that_others_may_read_is_warned_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, 'token = "x"\n', 0o644)
    resolve(options())
    assert "chmod 600" in capsys.readouterr().err
    write(folder, 'token = "x"\n')
    resolve(options())
    assert capsys.readouterr().err == ""
