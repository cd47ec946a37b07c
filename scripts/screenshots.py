"""Take the pictures of README anew: the sandbox in headless Chromium.

    pip install playwright    # the browser is the system's own, and so are fonts for Korean
    python scripts/screenshots.py [--output docs/images] [--wheels FOLDER]

It starts `ftbot sandbox`, does what a person would do, and writes PNG files. FOLDER holds wheels,
as `derive_xray.py` fetches them: without, the picture of `ftbot xray` is left as it is.
"""

import argparse
import asyncio
import io
import itertools
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from bot.sandbox.index import serve_index
from bot.sandbox.snapshot import shipped_snapshot

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
SHOWN = f"{MESSAGES}:not([hidden])"
PARTS = "#modal-root :is(textarea, input:not([type=file]))"
QUESTION = "a warning says that the GIL came back"
NEWS = "uploaded"
"""What stands in announcements alone."""
ADA, BEN = "Ada", "Ben"

CHECKED = {"numpy": "ready", "requests": "pure", "grpcio": "compile", "h3": "xray"}
"""Projects, and what the pictures of them show."""
READ = ("aiohttp", "bcrypt", "h3")
"""Projects one of whose wheels is read."""

# A report about a project that does not exist.
PROJECT = "made-up-linux-only"
PLATFORM = "Python 3.14.2 free-threading build, Linux x86_64"
STORY = f"{PROJECT} 3.1 crashes when eight threads submit work at once."
LOG = """\
$ python -X faulthandler threads.py
Fatal Python error: Segmentation fault

Current thread 0x00007f5c2d7fb6c0 (most recent call first):
  File "made_up_linux_only/pool.py", line 31 in submit
  File "threads.py", line 9 in work
"""
STORY_KO = f"{PROJECT} 3.1에서 스레드 8개가 동시에 작업을 넣으면 비정상 종료됩니다."
ALSO = "My program dies with made-up-linux-only 3.1, now and then."

# A lock file of a service that does not exist: versions, and who requires what.
LOCK = "uv.lock"
SERVICE = {
    "service": (
        "1.0",
        "alembic cryptography githubkit grpcio made-up-tool pandas structlog",
    ),
    "alembic": ("1.16.5", "sqlalchemy"),
    "cryptography": ("45.0.7", ""),
    "githubkit": ("0.13.1", "hishel httpx"),
    "grpcio": ("1.74.0", ""),
    "hishel": ("0.1.3", "httpx"),
    "httpx": ("0.28.1", ""),
    "made-up-tool": ("0.9", "orjson safetensors"),
    "numpy": ("2.3.2", ""),
    "orjson": ("3.11.3", ""),
    "pandas": ("2.3.2", "numpy"),
    "safetensors": ("0.6.2", ""),
    "sqlalchemy": ("2.0.43", ""),
    "structlog": ("25.4.0", ""),
}
COLUMNS = 92
TERMINAL = """<body style="margin: 0"><pre style="margin: 0; padding: 16px 20px; width: max-content;
background: #1c1d22; color: #d6d7dc; font: 14px/1.4 'DejaVu Sans Mono', monospace">{text}</pre>"""

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
    """A page of the sandbox, and hands for it; `viewer` is through whose eyes it is seen."""

    def __init__(
        self, browser: "Browser", screen: Screen, address: str, output: Path, viewer: str = ""
    ) -> None:
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
        if viewer:
            self._view_as(viewer)
        self._page.add_style_tag(content=STYLE)
        self._ready()

    def _view_as(self, name: str) -> None:
        picker = self._page.locator("#viewer-picker")
        everyone = picker.locator("option").all_inner_texts()
        picker.select_option(label=next(each for each in everyone if each.startswith(name)))
        self._page.wait_for_timeout(800)
        self._ready()

    def link(self, text: str) -> str:
        """Return where a link leads."""
        return self._page.get_by_role("link", name=text).first.get_attribute("href") or ""

    def report(self, *texts: str, command: str = "report") -> None:
        """Open the form of /report and fill in its parts, from the first one on."""
        self._page.locator(f"{COMPOSER} textarea").click()
        self._page.keyboard.type(f"/{command}", delay=20)
        self._page.get_by_role("option").first.wait_for()
        self._page.keyboard.press("Enter")
        self._page.wait_for_timeout(300)
        self._page.keyboard.press("Escape")
        self._page.locator(f"{COMPOSER} button[type=submit]").click()
        for part, text in enumerate(texts):
            self._page.locator(PARTS).nth(part).fill(text)
        self._page.locator(PARTS).first.scroll_into_view_if_needed()

    def press(self, label: str, *, shown: str) -> None:
        """Press the newest button whose label begins like that, and wait for what it shows."""
        starts = re.compile("^" + re.escape(label))
        self._page.get_by_role("button", name=starts).last.click()
        self.wait(shown)
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

    def ask(self, question: str, *, command: str = "guide", option: str = "query") -> None:
        """Run /guide with a question."""
        before = self._page.locator(MESSAGES).count()
        self.type(command)
        self._page.get_by_role("option", name=option).first.click()
        self._page.keyboard.type(question, delay=20)
        self._page.wait_for_timeout(800)
        self._page.keyboard.press("Escape")
        self._page.locator(f"{COMPOSER} button[type=submit]").click()
        self._page.locator(MESSAGES).nth(before).wait_for(state="attached")
        self._ready()

    def audit(self, name: str, body: str, *, command: str = "audit", shown: str) -> None:
        """Run /audit with a file, and wait for what its answer says."""
        before = self._page.locator(MESSAGES).count()
        self._page.locator(f"{COMPOSER} textarea").click()
        self._page.keyboard.type(f"/{command}", delay=20)
        self._page.get_by_role("option").first.wait_for()
        self._page.keyboard.press("Enter")
        file = {"name": name, "mimeType": "text/plain", "buffer": body.encode()}
        self._page.locator(f"{COMPOSER} input[type=file]").first.set_input_files(file)  # type: ignore[arg-type]  # a dictionary is a file
        self._page.keyboard.press("Escape")
        self._page.locator(f"{COMPOSER} button[type=submit]").click()
        self._page.locator(MESSAGES).nth(before).wait_for(state="attached")
        self.wait(shown)
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

        On a phone it is all of the screen, else the message alone.
        """
        self._page.evaluate(FOCUS, [MESSAGES, about])
        self._page.mouse.move(0, 0)  # what is pointed at shows buttons
        self._page.wait_for_timeout(300)
        area = self._page if self._screen is PHONE else self._page.locator(SHOWN).last
        _write(self._output / f"{name}-{self._screen.name}.png", area.screenshot())

    def _ready(self) -> None:
        self._page.wait_for_function("window.simcordPreview?.ready")


def _write(path: Path, picture: bytes) -> None:
    """Keep a picture with few colours."""
    shown = Image.open(io.BytesIO(picture))
    shown.convert("RGB").quantize(COLOURS).save(path, optimize=True)
    sys.stdout.write(f"{path}: {path.stat().st_size:,} bytes\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--wheels", type=Path, help="where wheels are to be read")
    options = parser.parse_args()
    output: Path = options.output
    output.mkdir(parents=True, exist_ok=True)
    told = asyncio.run(_audited())  # before the browser, which has a loop of its own
    wheels = _wheels(options.wheels) if options.wheels else []
    read = asyncio.run(_read(wheels)) if wheels else ""
    with _sandbox() as (address, *private), _browser() as browser:
        _on_a_desktop(Tab(browser, DESKTOP, address, output))
        _on_a_phone(Tab(browser, PHONE, address, output))
        for screen in (DESKTOP, PHONE):
            tab = Tab(browser, screen, address, output)
            tab.audit(LOCK, _lock(), shown=f"{LOCK} on ")
            tab.shoot("audit", about=f"{LOCK} on ")
        _terminal(browser, f"ftbot audit {LOCK}", told, output / "audit-terminal.png")
        if read:
            _terminal(browser, "ftbot xray *.whl", read, output / "xray-terminal.png")
        ada = Tab(browser, DESKTOP, address, output, ADA)
        ben = Tab(browser, PHONE, address, output, BEN)
        _a_report(browser, ada, ben, output)
        Tab(browser, PHONE, private[-1], output).shoot("told", about=PROJECT)
        _in_korean(browser, output)


def _on_a_desktop(tab: Tab) -> None:
    tab.shoot("welcome")
    tab.send("check", "cryptography")
    tab.shoot("differs")
    tab.choose("3.14t")
    tab.shoot("details")
    tab.send("check", "cryptograpy")
    tab.shoot("error")


def _on_a_phone(tab: Tab) -> None:
    for project, picture in CHECKED.items():
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
    tab.ask(QUESTION)
    tab.shoot("guide")
    tab.send("check", "cryptograpy")
    tab.type("check", "p")
    tab.shoot("autocomplete")


def _a_report(browser: "Browser", ada: Tab, ben: Tab, output: Path) -> None:
    github = ben.link("a made-up GitHub")
    ben.report(PROJECT, PLATFORM, STORY, LOG)
    ben.shoot("form")
    ben.press("Submit", shown="nothing is sent yet")
    ben.shoot("understood")
    ben.press("Send to the triagers", shown="Sent, as report")
    ada.wait("Waits for a triager")
    ada.shoot("card", about="Waits for a triager")
    ada.press("File on", shown="Filed")
    ada.wait("is open")
    ada.report(PROJECT, PLATFORM, ALSO, LOG)
    ada.press("Submit", shown="nothing is sent yet")
    ada.shoot("same")
    ada.press("Mine is the same", shown="Counted")
    for command, picture in (("check", "reported"), ("reports", "known")):
        ben.send(command, PROJECT)
        ben.shoot(picture)
    _on_github(browser, github, output)
    ada.wait("is closed")
    ada.shoot("closed", about="is closed")
    ben.send("privacy")
    ben.shoot("privacy")


def _in_korean(browser: "Browser", output: Path) -> None:
    with _sandbox("ko") as (address, *_):
        tab = Tab(browser, PHONE, address, output, BEN)
        tab.send("확인", "numpy")
        tab.shoot("ko-ready")
        tab.report(PROJECT, PLATFORM, STORY_KO, LOG, command="제보")
        tab.press("Submit", shown="아직 아무것도 보내지 않았습니다")
        tab.shoot("ko-understood")
        tab.send("확인", "cryptograpy")
        tab.type("확인", "p")
        tab.shoot("ko-autocomplete")


def _on_github(browser: "Browser", address: str, output: Path) -> None:
    """Look at the newest issue, and close it."""
    page = browser.new_page(
        viewport={"width": DESKTOP.width, "height": DESKTOP.height},
        device_scale_factor=DESKTOP.density,
        color_scheme="dark",
    )
    page.goto(address)
    page.get_by_role("link", name=f"{PROJECT} 3.1 crashes").first.click()
    below = page.get_by_role("heading", name="As a maintainer").bounding_box()
    height = below["y"] if below else DESKTOP.height
    _write(
        output / f"issue-{DESKTOP.name}.png",
        page.screenshot(
            full_page=True, clip={"x": 0, "y": 0, "width": DESKTOP.width, "height": height}
        ),
    )
    page.get_by_role("button", name=re.compile("^Close")).first.click()


def _terminal(browser: "Browser", command: str, told: str, output: Path) -> None:
    """Show what a command writes to a terminal."""
    page = browser.new_page(device_scale_factor=DESKTOP.density)
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text(f"$ {command}", "bold"))
    console.print(Text.from_ansi(told))
    text = console.export_html(inline_styles=True, code_format="{code}", theme=MONOKAI)
    page.set_content(TERMINAL.format(text=text))
    _write(output, page.locator("pre").screenshot())


async def _audited() -> str:
    """Return what `ftbot audit` writes to a terminal, about the sandbox's index."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / LOCK).write_text(_lock(), "utf-8")
        async with serve_index(shipped_snapshot()) as address:
            return await _written(
                *("audit", LOCK, "--platform", "linux-x86_64"),
                folder=folder,
                FTBOT_PYPI_URL=address,
                FTBOT_TRACKER_URL=f"{address}/none",
                FTBOT_GUIDE_URL=f"{address}/none",
            )


def _wheels(folder: Path) -> list[Path]:
    found = (folder.glob(f"{name}-*-cp314-cp314t-manylinux*x86_64.whl") for name in READ)
    return [wheel.resolve() for each in found for wheel in each]


async def _read(wheels: Sequence[Path]) -> str:
    """Return what `ftbot xray` writes to a terminal, about some real wheels."""
    with tempfile.TemporaryDirectory() as folder:
        for wheel in wheels:
            (Path(folder) / wheel.name).symlink_to(wheel)
        return await _written("xray", *(wheel.name for wheel in wheels), folder=folder)


async def _written(*command: str, folder: str, **settings: str) -> str:
    """Run ftbot in a folder; return what it writes to a terminal."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *command),
        cwd=folder,
        env={
            **settings,
            "PYTHONPATH": str(ROOT),
            "COLUMNS": str(COLUMNS),
            "FORCE_COLOR": "1",
            "TERM": "xterm-256color",
        },
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return out.decode()


def _lock() -> str:
    """Write the lock of the service as uv would."""
    lines = ["version = 1", "revision = 3", 'requires-python = ">=3.12"']
    for name, (version, requires) in SERVICE.items():
        source = (
            '{ virtual = "." }'
            if name == "service"
            else '{ registry = "https://index.example/simple" }'
        )
        needs = ", ".join(f'{{ name = "{each}" }}' for each in requires.split())
        lines += ["[[package]]", f'name = "{name}"', f'version = "{version}"']
        lines += [f"source = {source}", f"dependencies = [{needs}]"]
    return "\n".join(lines)


@contextmanager
def _sandbox(language: str = "en") -> Iterator[list[str]]:
    """Start the sandbox, and give the addresses of its pages: the server's, then people's."""
    command = (sys.executable, "-m", "bot", "sandbox", "--language", language)
    with subprocess.Popen(  # noqa: S603 - nothing of it comes from elsewhere
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            lines = iter(process.stdout or ())
            told = " ".join(itertools.takewhile(lambda line: "Ctrl+C" not in line, lines))
            addresses = re.findall(r"http://\S+", told)
            if not addresses:
                sys.exit("The sandbox did not start.")
            yield addresses
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
