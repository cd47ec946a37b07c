"""The log: records on standard error, without secrets and without forged lines.

Secrets are masked in the finished text, so that none slips by in arguments, exceptions, tracebacks
or stack dumps, whichever library wrote them. A record that is written while somebody is answered
carries the id of that interaction.
"""

import json
import logging
import re
import sys
import traceback
from collections import Counter
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal, TextIO
from urllib.parse import quote

MASK = "[secret]"

interaction: ContextVar[str | None] = ContextVar("interaction", default=None)
"""The id of the interaction that is answered just now, in this task and those that it starts."""

written: Counter[str] = Counter(warning=0, error=0, critical=0)
"""How many records were written, by level."""

# discord.py puts the token of an interaction into addresses; with it, others can answer for us.
_INTERACTION_TOKEN = r"(?<=/)(?P<owner>(?:webhooks|interactions)/[0-9]+/)[\w.~%-]{20,}"  # noqa: S105

# GitHub's tokens, which ftbot also makes while it runs; `ghs_` may hold a whole JWT, dots included.
_GITHUB_TOKEN = r"(?<![A-Za-z])(?:gh[oprsu]_[\w.-]{16,}|github_pat_\w{16,})"  # noqa: S105
_JWT = r"(?<![\w-])eyJ[\w-]{8,4096}\.[\w-]{8,4096}\.[\w-]{8,}"

# Control characters, separators of lines, and marks that turn the direction of writing.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

# Each writes a line per request, row or event, and some write tokens, at the levels left out here.
_LIBRARIES = {
    "aiohttp.access": logging.WARNING,
    "aiosqlite": logging.INFO,
    "discord": logging.INFO,
    "httpcore": logging.INFO,
    "httpx": logging.WARNING,
    "stamina": logging.ERROR,  # tells of each retry; the last failure is told by whoever asked
}

# What discord.py warns of at each start, and what is meant so: ftbot needs neither.
_MEANT_SO = ("Guilds intent seems to be disabled", "voice will NOT be supported")


class Redaction:
    """Masks secrets in a text, also where they are percent-encoded or inside a literal."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {
            spelling
            for secret in secrets
            if secret
            for spelling in (
                secret,
                quote(secret),
                quote(secret, safe=""),
                repr(secret)[1:-1],
                json.dumps(secret)[1:-1],
            )
        }
        # The longest first, since a secret may begin with another one.
        longest_first = sorted(spellings, key=len, reverse=True)
        kinds = (_INTERACTION_TOKEN, _GITHUB_TOKEN, _JWT)
        self._secrets = re.compile("|".join([*map(re.escape, longest_first), *kinds]))

    def __call__(self, text: str) -> str:
        return self._secrets.sub(lambda match: (match["owner"] or "") + MASK, text)


_redact = Redaction()


def redacted(text: str) -> str:
    """Mask in `text` what `configure` was told to be secret."""
    return _redact(text)


def printable(error: BaseException) -> str:
    """Give the traceback of an error, safe to be printed: without secrets, each line a line."""
    lines = redacted("".join(traceback.format_exception(error))).splitlines()
    return "".join(f"{escape(line)}\n" for line in lines)


def escape(text: str) -> str:
    """Give the text on one line: what could forge or hide a part of the log is written out."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


class _Formatter(logging.Formatter):
    def __init__(self, redact: Redaction) -> None:
        super().__init__()
        self.redact = redact

    def message(self, record: logging.LogRecord) -> str:
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - logging would print the arguments, secrets included
            text = f"{record.msg!r} does not fit its arguments {record.args!r}"
        return self.redact(text)

    def trace(self, record: logging.LogRecord) -> str:
        parts = []
        if record.exc_info:
            parts.append(self.formatException(record.exc_info))
        if record.stack_info:
            parts.append(record.stack_info)
        return self.redact("\n".join(parts))


class TextFormatter(_Formatter):
    """`2026-11-22 14:00:00Z INFO bot.app: message`, tracebacks indented below it.

    The id of an interaction stands in brackets: `… INFO bot.app [1a2b3c4d]: message`.
    """

    COLOURS = {"WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}  # noqa: RUF012 - never changed

    def __init__(self, redact: Redaction, *, colour: bool = False) -> None:
        super().__init__(redact)
        self.colour = colour

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC)
        level = record.levelname
        if self.colour and level in self.COLOURS:
            level = f"\x1b[{self.COLOURS[level]}m{level}\x1b[0m"
        message = escape(self.message(record))
        known = interaction.get()
        source = f"{escape(record.name)} [{known}]" if known else escape(record.name)
        lines = [f"{time:%Y-%m-%d %H:%M:%S}Z {level} {source}: {message}"]
        lines += [f"    {escape(line)}" for line in self.trace(record).split("\n") if line]
        return "\n".join(lines)


class JsonFormatter(_Formatter):
    """One JSON object a line.

    `time` (UTC), `level`, `logger`, `message`, `interaction` and `exc` (null: none).
    """

    def format(self, record: logging.LogRecord) -> str:
        time = datetime.fromtimestamp(record.created, UTC)
        return json.dumps(
            {
                "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": self.message(record),
                "interaction": interaction.get(),
                "exc": self.trace(record) or None,
            }
        )


def configure(
    level: str = "info",
    form: Literal["text", "json"] = "text",
    secrets: Iterable[str] = (),
    *,
    colour: bool = False,
    stream: TextIO | None = None,
) -> None:
    """Send the records of every library to `stream` (standard error), in place of what was set.

    `colour` is for a terminal whose owner did not ask for NO_COLOR.
    """
    global _redact  # noqa: PLW0603 - one log a process, and one set of secrets
    _redact = redact = Redaction(secrets)
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(
        JsonFormatter(redact) if form == "json" else TextFormatter(redact, colour=colour)
    )
    handler.addFilter(_is_news)
    handler.addFilter(_count)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name, least in _LIBRARIES.items():
        logging.getLogger(name).setLevel(max(least, logging.root.level))


def _is_news(record: logging.LogRecord) -> bool:
    from_discord = record.name.startswith("discord.")
    return not (from_discord and any(text in str(record.msg) for text in _MEANT_SO))


def _count(record: logging.LogRecord) -> bool:
    written[record.levelname.lower()] += 1
    return True
