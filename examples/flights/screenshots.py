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
    """Every page in both colour schemes at 1440 pixels, and at 390 for narrow screens."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    folder.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("There is no Chromium here; on Debian: apt-get install chromium")
    pages = _pages()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(QUIET))
        for scheme in ("light", "dark"):
            for width, suffix in ((1440, ""), (390, "-narrow")):
                for name, address in pages.items():
                    _take(browser, address, folder / f"{name}-{scheme}{suffix}.png", scheme, width)
        browser.close()


def _pages() -> dict[str, str]:
    alerts = httpx.get(f"{URL}/v1/alerts", params={"model": MODEL, "limit": 1000}).raise_for_status().json()["items"]
    told = [alert for alert in alerts if alert["rule"] == "performance"] or alerts
    worst = max(told, key=lambda one: (one["severity"] == "critical", one["fired_at"] or ""))
    everything = "?start=2013-04-08T00:00:00Z&end=2014-01-01T08:00:00Z"
    return {
        "fleet": URL,
        "model": f"{URL}/models/{MODEL}{everything}",
        "feature": f"{URL}/models/{MODEL}/features/temp{everything}",
        "alert": f"{URL}/alerts/{worst['id']}",
        "chat": CHAT,
    }


def _take(browser: Browser, address: str, file: Path, scheme: str, width: int) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=1,
    )
    page = context.new_page()
    page.goto(address, wait_until="networkidle")
    for place in range(0, page.evaluate("document.body.scrollHeight"), 700):  # figures are drawn when they come near
        page.evaluate(f"window.scrollTo(0, {place})")
        page.wait_for_timeout(80)
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(300)
    page.screenshot(path=file, full_page=width > 1000 and "chat" not in file.name)
    context.close()
    print(file.name)


if __name__ == "__main__":
    main()
