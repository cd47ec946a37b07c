"""What a project's own metadata claims: the trove classifier, and where its pages are.

Classifiers are what a maintainer ticked at upload; that one is missing proves nothing.
"""

import re
import string
from collections.abc import Iterable
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

import msgspec

from bot.errors import IndexUnavailable, UserError
from bot.language import phrase

_FREE_THREADING: Final = "Programming Language :: Python :: Free Threading"

CLASSIFIERS: Final = (
    _FREE_THREADING,
    f"{_FREE_THREADING} :: 1 - Unstable",
    f"{_FREE_THREADING} :: 2 - Beta",
    f"{_FREE_THREADING} :: 3 - Stable",
    f"{_FREE_THREADING} :: 4 - Resilient",
)
"""All trove classifiers about free threading, from the least said to the most."""

MAX_BODY: Final = 8_000_000
"""Bytes of a JSON API document; the route of one version keeps below 1 MB."""
MAX_CLASSIFIERS: Final = 1_000
MAX_LINKS: Final = 32
MAX_LABEL: Final = 64
MAX_SUMMARY: Final = 512
MAX_URL: Final = 500

# Well-known labels of Project-URL and their aliases (PEP 753), and what else is common;
# the likeliest place of a project's issue tracker first.
_TRACKER_LABELS: Final = (
    {"issues", "bugs", "issue", "tracker", "issuetracker", "bugtracker"}
    | {"bugreports", "reportissues", "reportabug"},
    {"source", "repository", "sourcecode", "github"} | {"code", "repo", "sourcerepository"},
    {"homepage"} | {"home"},
)
_NO_LABEL_CHARACTERS: Final = str.maketrans("", "", string.punctuation + string.whitespace)

_STRENGTH: Final = {classifier: strength for strength, classifier in enumerate(CLASSIFIERS)}

# A public host: at least two labels, the last one not numeric, so neither `localhost` nor an IP.
_HOST: Final = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,10}[a-z](?:[a-z0-9-]{0,61}[a-z0-9])"
)
_RESERVED: Final = (".example", ".internal", ".invalid", ".local", ".localhost", ".test")
# RFC 3986's characters; all that could end a link in Markdown or HTML is outside.
_URL_TEXT: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_PARENTHESES: Final = str.maketrans({"(": "%28", ")": "%29"})


class Link(msgspec.Struct, frozen=True):
    """A page that the project's metadata names, under its owners' label (plain text, unescaped)."""

    label: str
    url: str


class Metadata(msgspec.Struct, frozen=True, omit_defaults=True):
    """What ftbot keeps of a release's metadata. Texts are the uploader's own: escape them."""

    classifier: str | None = None
    summary: str = ""
    home_page: str | None = None
    links: tuple[Link, ...] = ()


class _Info(msgspec.Struct, frozen=True):
    # Of unknown type on purpose: one field that is wrong should not cost the others.
    classifiers: object = None
    summary: object = None
    home_page: object = None
    project_urls: object = None


class _Document(msgspec.Struct, frozen=True):
    info: _Info


def classifier_claim(classifiers: Iterable[str]) -> str | None:
    """Return the one of `CLASSIFIERS` that says the most, None if none of them is there.

    Only exact strings count, and only among the first `MAX_CLASSIFIERS`.
    """
    known = (name for name in islice(classifiers, MAX_CLASSIFIERS) if name in _STRENGTH)
    return max(known, key=_STRENGTH.__getitem__, default=None)


def safe_link(text: str, schemes: tuple[str, ...] = ("https",)) -> str | None:
    """Return `text` as a URL that can be shown as a link, or None.

    It is absolute, with a public host name, without credentials or a port, of at most `MAX_URL`
    ASCII characters. Parentheses are percent-encoded, so that it can stand in a Markdown link.
    """
    url = text.strip(" \t\r\n")
    if len(url) > MAX_URL or not _URL_TEXT.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:  # an open bracket where an IPv6 address would be
        return None
    host = parts.netloc.lower()
    if parts.scheme not in schemes or not _HOST.fullmatch(host) or host.endswith(_RESERVED):
        return None
    return url.translate(_PARENTHESES)


def metadata_facts(body: bytes) -> Metadata:
    """Read a document of the JSON API, `/pypi/<name>/<version>/json`.

    Fields that are null, missing or of a wrong type count as not given; a body that is no such
    document at all raises IndexUnavailable.
    """
    if len(body) > MAX_BODY:
        raise IndexUnavailable(
            phrase("The index's metadata of this project is too large to be read.")
        )
    try:
        info = msgspec.json.decode(body, type=_Document).info
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise IndexUnavailable(
            phrase("The index's metadata of this project is malformed."),
            phrase("Try again in some minutes."),
        ) from error
    classifiers = info.classifiers if isinstance(info.classifiers, list) else []
    home_page = info.home_page if isinstance(info.home_page, str) else ""
    return Metadata(
        classifier=classifier_claim(name for name in classifiers if isinstance(name, str)),
        summary=_one_line(info.summary, MAX_SUMMARY),
        home_page=safe_link(home_page, ("https", "http")),
        links=_links(info.project_urls),
    )


def tracker_urls(metadata: Metadata) -> tuple[str, ...]:
    """Return the addresses that may tell where a project's issues are, the likeliest first.

    They are those labelled as its issues, then as its source, then as its home page; labels are
    compared as PEP 753 says, without case, punctuation and blanks.
    """
    labelled = [(_normalised_label(link.label), link.url) for link in metadata.links]
    urls = [url for labels in _TRACKER_LABELS for label, url in labelled if label in labels]
    if metadata.home_page:
        urls.append(metadata.home_page)
    return tuple(dict.fromkeys(urls))


def encode_metadata(metadata: Metadata) -> str:
    """Return `metadata` as JSON text for storing."""
    return msgspec.json.encode(metadata).decode()


def decode_metadata(text: str) -> Metadata:
    """Return what `encode_metadata` was given; raise UserError if the text is something else."""
    try:
        return msgspec.json.decode(text, type=Metadata)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UserError(phrase("The stored metadata of this project is damaged.")) from error


def _normalised_label(label: str) -> str:
    return label.translate(_NO_LABEL_CHARACTERS).lower()


def _links(project_urls: object) -> tuple[Link, ...]:
    if not isinstance(project_urls, dict):
        return ()
    links = []
    for label, url in islice(project_urls.items(), MAX_LINKS):
        text = _one_line(label, MAX_LABEL)
        target = safe_link(url, ("https", "http")) if isinstance(url, str) else None
        if text and target:
            links.append(Link(text, target))
    return tuple(links)


def _one_line(text: object, limit: int) -> str:
    """Return `text` on one line of at most `limit` characters, without control characters."""
    if not isinstance(text, str):
        return ""
    # Four times the limit is enough to fill it, however much white space there is in reason.
    words = "".join(c if c.isprintable() else " " for c in text[: limit * 4]).split()
    line = " ".join(words)
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
