"""Pictures of the running demo for the README: ``make demo`` in one terminal, ``make screenshots`` in another."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import httpx
from playwright.sync_api import Browser, sync_playwright

URL, CHAT = "http://127.0.0.1:8000", "http://127.0.0.1:8010/chat"
MODEL = "flight-delays"
IMAGES = Path(__file__).parents[2] / "docs" / "images"
MOST = 1300  # pixels of a page that a README shows
DRAWN = "document.querySelectorAll('[data-drawn]').length >= document.querySelectorAll('script[data-for]').length"
BOTTOM = "Math.ceil((document.querySelector('footer') || document.body).getBoundingClientRect().bottom)"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def main() -> None:
    """The README's pictures; with a folder as argument every page whole, wide and narrow, light and dark."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("There is no Chromium here; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        if len(sys.argv) > 1:
            _take_all(browser, Path(sys.argv[1]))
        else:
            IMAGES.mkdir(parents=True, exist_ok=True)
            for name, address in _pages().items():
                _take(browser, address, IMAGES / f"{name}-light.png", "light", 1440, MOST)
        browser.close()


def _take_all(browser: Browser, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        for width, suffix in ((1440, ""), (390, "-narrow")):
            for name, address in _pages().items():
                _take(browser, address, folder / f"{name}-{scheme}{suffix}.png", scheme, width, 6000)


def _pages() -> dict[str, str]:
    alerts = httpx.get(f"{URL}/v1/alerts", params={"model": MODEL, "limit": 1000}).raise_for_status().json()["items"]
    told = [alert for alert in alerts if alert["rule"] == "performance"] or alerts
    worst = max(told, key=lambda one: (one["severity"] == "critical", one["fired_at"] or ""))
    everything = "?start=2013-04-08T00:00:00Z&end=2014-01-01T08:00:00Z"
    return {
        "fleet": URL,
        "model": f"{URL}/models/{MODEL}{everything}&length=168",
        "feature": f"{URL}/models/{MODEL}/features/temp{everything}",
        "alert": f"{URL}/alerts/{worst['id']}",
        "chat": CHAT,
    }


def _take(browser: Browser, address: str, file: Path, scheme: str, width: int, most: int) -> None:
    """One page from its top, as high as it is, at most ``most`` pixels."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = context.new_page()
    page.goto(address, wait_until="networkidle")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")  # figures are drawn when they come near, or now
    page.wait_for_function(DRAWN)
    page.wait_for_timeout(300)
    height = min(most, page.evaluate(BOTTOM))
    page.screenshot(path=file, full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})
    context.close()
    print(file.name)


if __name__ == "__main__":
    main()
