"""Which server, and with which token: from options, the environment, or a file."""

import os
import ssl
import stat
import sys
import tomllib
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lachesis.client import Client
from lachesis.connection import DEFAULT_URL


class UsageError(Exception):
    """What was asked for makes no sense, or a file that was named cannot be used."""


@dataclass(frozen=True)
class Settings:
    """A server's address, the token to show it, and the file of certificates to check its own with."""

    url: str
    token: str
    certificates: str | None

    def client(self) -> Client:
        """Return a client of the server."""
        verify = None
        if self.certificates is not None:
            try:
                verify = ssl.create_default_context(cafile=self.certificates)
            except (OSError, ssl.SSLError) as error:
                raise UsageError(f"{self.certificates} has no certificates: {error}") from error
        return Client(self.url, self.token, verify=verify)


def path() -> Path:
    """Return where the file is looked for."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "lachesis" / "client.toml"


def resolve(options: Namespace) -> Settings:
    """Return the settings: an option counts before the environment, that before the file.

    The file's token is only for the server that the file names; it is not shown to another one.
    """
    file = _read(path())
    url = options.url or os.environ.get("LACHESIS_URL") or file.get("url") or DEFAULT_URL
    token = options.token or (_token(Path(options.token_file)) if options.token_file else None)
    token = token or os.environ.get("LACHESIS_TOKEN")
    if not token and _same(url, file.get("url", DEFAULT_URL)):
        token = file.get("token")
    certificates = options.ca or os.environ.get("LACHESIS_CA") or file.get("ca")
    return Settings(url, token or "", certificates)


def _same(url: str, other: str) -> bool:
    return url.rstrip("/") == other.rstrip("/")


def _token(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} has no token: {error}") from error


def _read(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content: dict[str, Any] = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    for key, value in content.items():
        if key not in ("url", "token", "ca") or not isinstance(value, str):
            raise UsageError(f"{path}: {key} is no setting; url, token and ca are, each a text")
    if "token" in content and mode & (stat.S_IRGRP | stat.S_IROTH):
        print(f"lachesis: others may read the token in {path}: chmod 600 {path}", file=sys.stderr)
    return content
