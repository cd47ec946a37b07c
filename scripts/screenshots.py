"""Take the pictures of README anew: the sandbox in headless Chromium.

    pip install playwright    # the browser is the system's own
    python scripts/screenshots.py [--output docs/images]

It starts `ftbot sandbox`, does what a person would do, and writes PNG files.
"""

import argparse
import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--no-sandbox",  # it only ever sees the sandbox's own page
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
COLOURS = 128
PATIENCE = 15_000  # milliseconds
COMPOSER = "#channel-composer"
MESSAGES = "#channel-message-list > *"
NEWS = "uploaded"
"""What stands in announcements alone."""

# The tools of the simulation are not shown, and of the conversation only what a picture is about.
STYLE = f"""
#toolbar, #messages-sidebar, .history-button {{ display: none !important }}
.preview-workspace {{ grid-template-columns: 1fr !important }}
{MESSAGES}[hidden] {{ display: none !important }}
.command-option-input {{ min-width: 5ch !important }}
"""
FOCUS = """([list, about]) => {
    const messages = [...document.querySelectorAll(list)];
    messages.forEach((message, place) => {
        const shown = about ? message.textContent.includes(about) : place == messages.length - 1;
        message.toggleAttribute("hidden", !shown);
    });
}"""


@dataclass(frozen=True, slots=True)
class Screen:
    """The part of a display that shows the conversation, in CSS pixels."""

    name: str
    width: int
    height: int
    density: float


DESKTOP = Screen("desktop", 760, 1200, 1.5)
PHONE = Screen("phone", 390, 844, 2)


class Tab:
    """A page of the sandbox, and hands for it."""

    def __init__(self, browser: "Browser", screen: Screen, address: str, output: Path) -> None:
        # The page forbids evaluated scripts, which is how its readiness is asked for.
        self._page: Page = browser.new_page(
            bypass_csp=True,
            viewport={"width": screen.width, "height": screen.height},
            device_scale_factor=screen.density,
            color_scheme="dark",
        )
        self._screen = screen
        self._output = output
        self._page.set_default_timeout(PATIENCE)
        self._page.goto(address)
        self._ready()
        self._page.add_style_tag(content=STYLE)
        self._ready()

    def type(self, command: str, text: str = "") -> None:
        """Pick a command, and type into its first option."""
        self._page.locator(f"{COMPOSER} textarea").click()
        self._page.keyboard.type(f"/{command}", delay=20)
        self._page.get_by_role("option").first.wait_for()
        self._page.keyboard.press("Enter")
        self._page.wait_for_timeout(200)
        self._page.keyboard.type(text, delay=30)
        self._page.wait_for_timeout(800)
        self._ready()

    def send(self, command: str, text: str = "", *, offered: bool = False) -> None:
        """Run a command with its first option: as it was typed, or the first that is `offered`."""
        before = self._page.locator(MESSAGES).count()
        self.type(command, text)
        self._page.keyboard.press("Enter" if offered else "Escape")
        self._page.locator(f"{COMPOSER} button[type=submit]").click()
        self._page.wait_for_function(
            f"before => document.querySelectorAll('{MESSAGES}').length > before",
            arg=before,
        )
        self._ready()

    def wait(self, *texts: str, count: int = 1) -> None:
        """Wait for messages that hold all of `texts`."""
        messages = self._page.locator(MESSAGES)
        for text in texts:
            messages = messages.filter(has_text=text)
        messages.nth(count - 1).wait_for(state="attached")

    def choose(self, label: str) -> None:
        """Choose from the newest message's menu."""
        self._page.locator("[role=combobox], .select-trigger").last.click()
        self._page.get_by_role("option", name=label).click()
        self._page.wait_for_timeout(800)
        self._ready()

    def shoot(self, name: str, *, about: str = "") -> None:
        """Write a picture of the newest message, or those `about` it, to `<name>-<screen>.png`.

        On a phone it is all of the screen, else the message alone. It has few colours.
        """
        self._page.evaluate(FOCUS, [MESSAGES, about])
        self._page.mouse.move(0, 0)  # what is pointed at shows buttons
        self._page.wait_for_timeout(300)
        area = self._page if self._screen is PHONE else self._page.locator(MESSAGES).last
        shown = Image.open(io.BytesIO(area.screenshot()))
        path = self._output / f"{name}-{self._screen.name}.png"
        shown.convert("RGB").quantize(COLOURS).save(path, optimize=True)
        sys.stdout.write(f"{path}: {path.stat().st_size:,} bytes\n")

    def _ready(self) -> None:
        self._page.wait_for_function("window.simcordPreview?.ready")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images")
    output: Path = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    with _sandbox() as address, _browser() as browser:
        _on_a_desktop(Tab(browser, DESKTOP, address, output))
        _on_a_phone(Tab(browser, PHONE, address, output))


def _on_a_desktop(tab: Tab) -> None:
    tab.shoot("welcome")
    tab.send("check", "cryptography")
    tab.shoot("differs")
    tab.choose("3.14t")
    tab.shoot("details")
    tab.send("check", "cryptograpy")
    tab.shoot("error")


def _on_a_phone(tab: Tab) -> None:
    for project, picture in (("numpy", "ready"), ("requests", "pure"), ("grpcio", "compile")):
        tab.send("check", project)
        tab.shoot(picture)
    tab.send("announce subscribe", offered=True)
    tab.send("sandbox publish")
    tab.wait(NEWS)
    tab.shoot("announced", about=NEWS)
    tab.send("sandbox complete")
    tab.wait(NEWS, "everywhere")
    tab.shoot("edited", about=NEWS)
    tab.send("sandbox yank")
    tab.wait(NEWS, "Withdrawn", count=2)
    tab.shoot("withdrawn", about=NEWS)
    tab.send("check", "cryptograpy")
    tab.type("check", "p")
    tab.shoot("autocomplete")


@contextmanager
def _sandbox() -> Iterator[str]:
    command = (sys.executable, "-m", "bot", "sandbox")
    with subprocess.Popen(  # noqa: S603 - nothing of it comes from elsewhere
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            lines = process.stdout or ()
            address = next((line.strip() for line in lines if line.startswith("http://")), None)
            if address is None:
                sys.exit("The sandbox did not start.")
            yield address
        finally:
            process.terminate()


@contextmanager
def _browser() -> Iterator["Browser"]:
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - see the message below
    except ModuleNotFoundError:
        sys.exit("This script needs Playwright: pip install playwright")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        sys.exit("This script needs Chromium: install it with the system's package manager.")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=list(FLAGS))


if __name__ == "__main__":
    main()
