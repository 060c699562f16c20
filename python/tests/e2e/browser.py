"""A headless Chromium that looks at a server's pages, and keeps what it should not have seen."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Locator, Page, Request, sync_playwright
from processes import wait
from server import Server

CHROMIUM = os.environ.get("LACHESIS_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"

Worker = dict[str, Any]

View = Callable[..., "Visit"]
"""Opens a page of a server; see `visitor`."""


class Visit:
    """A page that is open, with everything that went wrong in it and every request that it made."""

    def __init__(self, context: BrowserContext, server: Server) -> None:
        self.server = server
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.page = context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("console", lambda message: self._said(message.type, f"{message.text} {message.location['url']}"))
        self.page.on("pageerror", lambda error: self.errors.append(f"thrown: {error}"))
        self.page.on("request", self._asked)

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.errors.append(f"{kind}: {text}")

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)

    def open(self, path: str) -> "Visit":
        self.page.goto(self.server.url + path)
        return self

    def battery(self, name: str) -> "Visit":
        return self.open(f"/dashboard/{quote(name)}")

    def find(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def text(self, selector: str) -> str:
        """Return what is written there, with plain spaces."""
        return self.page.locator(selector).first.inner_text().replace("\u202f", "").replace("\xa0", " ").strip()

    def until(self, condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
        """Wait until something is so, letting the page go on meanwhile."""

        def looked() -> Any:
            self.page.wait_for_timeout(30)
            try:
                return condition()
            except Error as error:
                # The page is being loaded anew, and takes what is asked of it with it.
                if "context was destroyed" not in str(error):
                    raise
                return None

        return wait(looked, lambda: f"{what}; errors: {self.errors}", seconds)

    def is_live(self) -> None:
        self.until(lambda: self.find("#live").get_attribute("data-state") == "live", "a page that is live")

    def drawn(self, count: int) -> None:
        """Wait until so many plots have been drawn: their canvases hold pixels."""
        self.until(lambda: sum(ink > 0 for ink in self.ink()) >= count, f"{count} plots that show something")

    def ink(self) -> list[int]:
        """Return how many pixels of each drawn plot have some colour, lines and bands."""
        return self.page.evaluate(
            """() => [...document.querySelectorAll(".plot")].map((figure) => {
                const canvas = figure.querySelector("canvas");
                if (!canvas || canvas.width === 0) return 0;
                // Read from a copy: the browser warns of what slows the original down.
                const copy = new OffscreenCanvas(canvas.width, canvas.height);
                const context = copy.getContext("2d", { willReadFrequently: true });
                context.drawImage(canvas, 0, 0);
                const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
                let count = 0;
                for (let place = 0; place < data.length; place += 4) {
                    const channels = [data[place], data[place + 1], data[place + 2]];
                    if (data[place + 3] > 60 && Math.max(...channels) - Math.min(...channels) > 40) count += 1;
                }
                return count;
            })"""
        )

    def is_clean(self, but: str | None = None) -> None:
        """Assert that only the server was asked, and nothing went wrong but where this expression is found."""
        errors = [error for error in self.errors if but is None or not re.search(but, error)]
        assert not errors, errors
        own = urlsplit(self.server.url).netloc
        assert {urlsplit(url).netloc for url in self.requests} == {own}


@contextmanager
def chromium() -> Iterator[Browser]:
    assert os.path.exists(CHROMIUM), f"{CHROMIUM} is missing: `make setup` installs it"
    with sync_playwright() as playwright:
        # Where tests run as root, the browser's own sandbox does not start.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def view(browser: Browser) -> Iterator[View]:
    """Opens pages: `view(server, width=…, color_scheme=…)`; each in a context of its own."""
    contexts: list[BrowserContext] = []

    def make(server: Server, width: int = 1280, height: int = 900, **options: Any) -> Visit:
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **options))
        return Visit(contexts[-1], server)

    yield make
    for context in contexts:
        context.close()


def store(server: Server, name: str, records: list[dict[str, Any]]) -> None:
    """Store records with one request: the browser's event loop runs in this thread, so that no other can."""
    server.http.post(f"/db/upload/{quote(name)}", json=records).raise_for_status()


def focused(page: Page) -> str:
    """Return what has the focus: its tag, and its text or name."""
    return page.evaluate(
        """() => {
            const { activeElement: it } = document;
            const name = it.getAttribute("aria-label") ?? it.id;
            return [it.tagName.toLowerCase(), name, it.textContent.trim().slice(0, 40)].join(" ");
        }"""
    )


def worker(name: str, **values: Any) -> Worker:
    """Return what `/admin/workers` tells of a worker."""
    usual: Worker = {
        "name": name, "state": "running", "version": 2, "estimator": "JointEstimator", "plugin": "moirae", "pid": 77,
        "stepped": 5, "skipped": 0, "failed": 0, "lag_records": 0, "lag_seconds": None, "steps_per_second": 812.44,
        "memory_bytes": 9_437_184, "cpu_seconds": 90, "restarts": 0, "started": 0, "last_error": None, "limits": {},
        "acceleration": {"asked": "full", "in_use": "full", "reason": None, "disagreements": 0},
    }  # fmt: skip
    return usual | values


def pretend(visit: Visit, *workers: Worker) -> None:
    """Answer `/admin/workers` with these: states of workers that no test could bring about at will."""
    answer = {"hosts": [{"name": "local", "workers": len(workers)}], "max_workers": 1000, "workers": list(workers)}
    visit.page.route("**/admin/workers", lambda route: route.fulfill(json=answer))
