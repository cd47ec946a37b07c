"""The package index, and the public documents that are refreshed."""

from collections.abc import Callable
from functools import partial
from typing import Final

from bot.check.tracker import parse_table
from bot.doctor.model import Check, Finding, Findings, State
from bot.errors import ProjectNotFound, ServiceError, UserError
from bot.guide.mkdocs import read_index
from bot.http import Client, Fetched, fetch_document
from bot.index.names import parse_top_packages
from bot.pypi.client import IndexClient
from bot.pypi.journal import Journal, JournalUnavailable
from bot.pypi.wire import decode_page
from bot.settings import Settings

_PROJECT: Final = "pip"  # which every index is likely to have
_PATIENCE: Final = 12.0


def index_checks(settings: Settings, http: Client) -> tuple[Check, ...]:
    """Return what to ask the index for, through its client, and whoever publishes documents."""
    documents: tuple[tuple[str, str, Callable[[bytes], object]], ...] = (
        ("download ranks", settings.top_packages_url, parse_top_packages),
        ("tracking table", settings.tracker_url, _read_table),
        ("porting guide", settings.guide_url, read_index),
    )
    return (
        Check("index", partial(_index, http)),
        Check("journal", partial(_journal, http, settings.changes)),
        *(Check(name, partial(_document, http, name, url, read)) for name, url, read in documents),
    )


async def _index(http: Client) -> Findings:
    """Ask for a page of the Simple API."""
    name, host = "index", http.base_url.host
    try:
        answer = await IndexClient(http, deadline_seconds=_PATIENCE).project(_PROJECT)
    except ProjectNotFound:
        text = f"{host} answers, though it has no project {_PROJECT}"
        return (Finding(name, State.OK, text),)
    if not isinstance(answer, Fetched):
        return (Finding(name, State.OK, f"{host} answers"),)
    decode_page(answer.body)
    serial = (
        "" if answer.serial is None else f", its page of {_PROJECT} is of serial {answer.serial}"
    )
    return (Finding(name, State.OK, f"{host} answers{serial}"),)


async def _journal(http: Client, source: str) -> Findings:
    """Ask for the last serial, unless changes are found in another way."""
    name = "journal"
    if source == "serials":
        return (Finding(name, State.SKIPPED, "FTBOT_CHANGES=serials does without."),)
    try:
        serial = await Journal(http, deadline_seconds=_PATIENCE).last_serial()
    except JournalUnavailable as error:
        if source == "journal":
            raise
        mend = (
            "Until it answers, changes are found by the list of projects, which is slower and"
            " misses the first wheel of projects that hardly anybody downloads."
        )
        return (Finding(name, State.WARNING, error.text, mend, answered=False),)
    return (Finding(name, State.OK, f"answers, its last serial is {serial}"),)


async def _document(http: Client, name: str, url: str, read: Callable[[bytes], object]) -> Findings:
    """Fetch and read a document. The bot goes on with the last one, so it is only a warning."""
    try:
        answer = await fetch_document(http, url)
        if isinstance(answer, Fetched):
            read(answer.body)
    except UserError as error:
        mend = f"{error.hint} Until then ftbot uses the last one it has.".lstrip()
        silent = isinstance(error, ServiceError)
        return (Finding(name, State.WARNING, error.text, mend, answered=not silent),)
    return (Finding(name, State.OK, "can be fetched and read"),)


def _read_table(body: bytes) -> object:
    return parse_table(body.decode("utf-8", "replace"))
