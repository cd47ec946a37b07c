"""What MkDocs writes for its search: `search/search_index.json`, read as sections.

It has a list `docs`, with a `location`, a `title` and a `text` each; the last two are HTML, cut to
paragraphs, lists and code. Pages come in the order of navigation, each followed by its parts.
All of it is foreign.
"""

import html
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final
from urllib.parse import quote

import msgspec

from bot.errors import UserError
from bot.guide.model import Section

MOST_SECTIONS: Final = 5_000
LONGEST_TEXT: Final = 50_000
"""Characters of HTML that are read of a section."""
LONGEST_TITLE, LONGEST_GIST, LONGEST_LOCATION = 150, 400, 300

# From "<" to the next ">", never across another "<": so it stays linear whatever the text.
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9]*)?[^<>]*>")
_BLOCK_TAGS = "p li ul ol pre div table tr h1 h2 h3 h4 h5 h6 blockquote br dt dd"
_BLOCKS = frozenset(_BLOCK_TAGS.split())
_UNSAID = "pre"  # code is searched, but it is no sentence
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"“(])")
_HINT = "What was known before stays. Check FTBOT_GUIDE_URL."


class _Document(msgspec.Struct, frozen=True):
    location: str
    title: str
    text: str = ""


class _Index(msgspec.Struct, frozen=True):
    docs: list[_Document]


def read_index(body: bytes) -> tuple[Section, ...]:
    """Read a search index. Raises UserError if it is none, or holds no section."""
    try:
        documents = msgspec.json.decode(body, type=_Index).docs
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UserError("The guide's search index cannot be read.", _HINT) from error
    sections = tuple(_sections(documents[:MOST_SECTIONS]))
    if not sections:
        raise UserError("The guide's search index lists no section.", _HINT)
    return sections


def _sections(documents: Iterable[_Document]) -> Iterator[Section]:
    """Yield what can be shown and linked; the first of several with one location counts."""
    pages: dict[str, str] = {}
    seen: set[str] = set()
    for document in documents:
        title = _cut(_line(_TAG.sub("", document.title[:LONGEST_TEXT])), LONGEST_TITLE)
        location = _location(document.location)
        if not title or location is None or location in seen:
            continue
        seen.add(location)
        paragraphs = list(_paragraphs(document.text[:LONGEST_TEXT]))
        page = pages.setdefault(location.partition("#")[0], title)
        yield Section(
            location=location,
            title=title,
            page=page,
            gist=gist(text for text, said in paragraphs if said),
            text=" ".join(text for text, _ in paragraphs),
        )


def _location(text: str) -> str | None:
    """Return a place below the guide's address as it may stand in a link, None if it is none."""
    if len(text) > LONGEST_LOCATION or text.startswith("/") or ".." in text.split("/"):
        return None
    location = quote(text, safe="/#%!$&*+,;=:@?~")
    return location if len(location) <= LONGEST_LOCATION else None


def _paragraphs(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each paragraph as plain text on one line, and whether it is said rather than code."""
    kept: list[str] = []
    unsaid, start = False, 0
    for tag in chain(_TAG.finditer(text), [None]):
        kept.append(text[start : tag.start() if tag else None])
        name = (tag[2] or "").lower() if tag else "p"
        if name in _BLOCKS:
            if paragraph := _line("".join(kept)):
                yield paragraph, not unsaid
            kept.clear()
        if tag:
            start = tag.end()
            if name == _UNSAID:
                unsaid = not tag[1]


def _line(text: str) -> str:
    """Resolve character references, and leave one line of printable characters."""
    shown = html.unescape(text)
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() else " " for char in shown)
    return " ".join(shown.split())


def gist(paragraphs: Iterable[str]) -> str:
    """Return as many whole sentences from the beginning as fit, cut if the first is too long."""
    said = ""
    for paragraph in paragraphs:
        for sentence in _SENTENCE.split(paragraph[: 2 * LONGEST_GIST]):
            longer = f"{said} {sentence}".lstrip()
            if len(longer) > LONGEST_GIST:
                return said or _cut(sentence, LONGEST_GIST)
            said = longer
    return said


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
