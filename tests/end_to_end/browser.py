"""A real Chromium, and a page that remembers everything that went wrong on it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE, NARROW = 1440, 390


def path_of_chromium() -> str:
    """Where Chromium is; skips by name where it is missing, unless it is required."""
    found = shutil.which("chromium")
    if found is None and os.environ.get("PLIMSOLL_REQUIRE_CHROMIUM") != "1":
        pytest.skip("chromium is not installed")
    assert found is not None, "PLIMSOLL_REQUIRE_CHROMIUM=1, and there is no chromium"
    return found


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """A browser."""
    from playwright.sync_api import sync_playwright

    executable = path_of_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watched:
    """A page with its troubles: console errors, failed requests, requests to anywhere else."""

    page: Any
    url: str
    troubles: list[str] = field(default_factory=list)

    def go(self, path: str, *, status: int = 200) -> None:
        """Open an address and wait until its first figure is drawn; the others are when they come near."""
        answer = self.page.goto(self.url + path)
        assert answer.status == status, f"{path}: {answer.status}"
        self.page.wait_for_load_state()
        if self.page.locator(".plot").count():  # how far down it begins is a matter of the fonts that there are
            self.page.locator(".plot").first.scroll_into_view_if_needed()
        self.settle()
        self.page.evaluate("window.scrollTo(0, 0)")

    def whole(self) -> None:
        """Have every figure drawn, as before printing."""
        self.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        self.settle(self.page.locator("script[data-for]").count())

    def settle(self, most: int = 1) -> None:
        """Wait until that many figures, or all there are, are drawn."""
        self.page.wait_for_load_state()
        figures = min(most, self.page.locator("script[data-for]").count())
        drawn = "n => document.querySelectorAll('.plot[data-drawn] svg.main-svg').length >= n"
        self.page.wait_for_function(drawn, arg=figures, timeout=30_000)

    @property
    def path(self) -> str:
        """Where the page is now."""
        split = urlsplit(self.page.url)
        return split.path + (f"?{split.query}" if split.query else "")

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@contextlib.contextmanager
def watching(
    context: Any, url: str, *, scheme: str = "light", width: int = WIDE, but: str | None = None
) -> Iterator[Watched]:
    """A fresh page, signed in nowhere; fails at the end when anything went wrong on it ``but`` what says so. The
    context is shared, so that the plot library is compiled once."""
    context.clear_cookies()
    watched = Watched(context.new_page(), url)
    page, own = watched.page, urlsplit(url).netloc
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.on("console", lambda told: _console(watched, told))
    page.on("pageerror", lambda error: watched.troubles.append(f"error: {error}"))
    page.on("requestfailed", lambda request: watched.troubles.append(f"failed: {request.url} {request.failure}"))
    page.on("request", lambda request: _requested(watched, request.url, own))
    try:
        yield watched
        assert [one for one in watched.troubles if but is None or but not in one] == []
    finally:
        page.close()


def _requested(watched: Watched, address: str, own: str) -> None:
    if urlsplit(address).netloc not in ("", own):
        watched.troubles.append(f"elsewhere: {address}")


def _console(watched: Watched, told: Any) -> None:
    if told.type in ("error", "warning"):
        watched.troubles.append(f"{told.type}: {told.text}")
