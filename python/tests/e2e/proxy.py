"""A real nginx with the project's own example of its settings, on a free port and in a folder of its own."""

import os
import socket
import ssl
import subprocess
from pathlib import Path
from typing import Any

import httpx
import websockets
from processes import wait
from server import ROOT

NAME = "batteries.example.org"
EXAMPLE = ROOT / "deploy" / "nginx" / "lachesis.conf"
MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/lachesis.conf;
}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Proxy:
    """nginx before whatever listens at `behind`, a port of this machine; `program` is nginx's."""

    def __init__(self, folder: Path, program: Path, behind: int) -> None:
        self.folder, self.program, self.port = folder, program, free_port()
        certificate, key = folder / "chain.pem", folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}",
             "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", str(key), "-out", str(certificate)],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        self.trust = ssl.create_default_context(cafile=str(certificate))
        text = EXAMPLE.read_text("utf-8")
        for said, meant in {
            "/etc/lachesis/": f"{folder}/", "127.0.0.1:8000": f"127.0.0.1:{behind}",
            "listen 443 ": f"listen 127.0.0.1:{self.port} ", "listen [::]:443 ssl http2;": "",
        }.items():  # fmt: skip
            assert said in text, said
            text = text.replace(said, meant)
        (folder / "lachesis.conf").write_text(text, "utf-8")
        main = MAIN.format(folder=folder, user="user root;" if os.geteuid() == 0 else "")
        (folder / "nginx.conf").write_text(main, "utf-8")

    @property
    def command(self) -> list[str]:
        return [str(self.program), "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"),
                "-e", str(self.folder / "error.log")]  # fmt: skip

    def check(self) -> str:
        """Let nginx check its settings; return what it said, raise AssertionError if they are no good."""
        made = subprocess.run([*self.command, "-t"], capture_output=True, text=True, timeout=60)
        assert made.returncode == 0, made.stderr
        return made.stderr

    def start(self) -> "Proxy":
        self._process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL)

        def answers() -> bool:
            assert self._process.poll() is None, (self.folder / "error.log").read_text("utf-8")
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
            except ConnectionRefusedError:
                return False
            return True

        wait(answers, "an nginx that listens")
        return self

    def stop(self) -> None:
        self._process.terminate()
        assert self._process.wait(60) == 0

    def client(self, token: str | None = None) -> httpx.Client:
        """Return a client that calls it by its name."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}

        class ByName(httpx.HTTPTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                request.extensions |= {"sni_hostname": NAME}
                return super().handle_request(request)

        return httpx.Client(
            base_url=f"https://127.0.0.1:{self.port}", headers={"Host": NAME} | headers, timeout=120,
            transport=ByName(verify=self.trust), trust_env=False,
        )  # fmt: skip

    def connect(self, path: str, token: str, **more: Any) -> websockets.connect:
        """Open a WebSocket by its name."""
        return websockets.connect(
            f"wss://{NAME}{path}", host="127.0.0.1", port=self.port, ssl=self.trust, proxy=None, open_timeout=60,
            close_timeout=60, additional_headers={"Authorization": f"Bearer {token}"}, **more,
        )  # fmt: skip
