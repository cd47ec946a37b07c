"""Files that people send, read as text."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

import aiohttp
import discord

from bot.errors import UserError
from bot.language import phrase, together
from bot.reports.reading.text import decode

LIMIT: Final = 1 << 20
"""Bytes of a file that is read."""

_TOO_MUCH: Final = UserError(phrase("All files together may have 1 MiB."))
_MEND: Final = phrase("Attach the part that matters.")
_PATIENCE: Final = 20.0  # seconds for a file
_TEXT_SUFFIXES: Final = frozenset(
    {
        *(".log", ".txt", ".out", ".err", ".md", ".rst", ".csv", ".patch", ".diff", ".crash"),
        *(".py", ".pyi", ".pyx", ".c", ".h", ".cpp", ".toml", ".cfg", ".ini", ".json", ".yml"),
    }
)


@dataclass(frozen=True, slots=True)
class Texts:
    """What was read: names with their texts, and a sentence for each file that could not be."""

    files: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()


def textual(attachments: Iterable[discord.Attachment]) -> list[discord.Attachment]:
    """Return those that say they are text, by their type or name."""
    return [each for each in attachments if _says_text(each)]


def _says_text(attachment: discord.Attachment) -> bool:
    kind = (attachment.content_type or "").partition(";")[0].strip()
    suffix = PurePath(attachment.filename).suffix.lower()
    return kind.startswith("text/") or suffix in _TEXT_SUFFIXES


async def read_texts(attachments: Sequence[discord.Attachment]) -> Texts:
    """Read files as text, at the same time, up to LIMIT characters in all; never raises."""
    files: list[tuple[str, str]] = []
    problems: list[str] = []
    room = LIMIT
    for each, found in zip(
        attachments, await asyncio.gather(*map(_read, attachments)), strict=True
    ):
        text = found if isinstance(found, UserError) or len(found) <= room else _TOO_MUCH
        if isinstance(text, str):
            room -= len(text)
            files.append((each.filename, text))
        else:
            reason = together(text.text, text.hint)
            problems.append(
                phrase("{file} was left out. {reason}", file=each.filename, reason=reason)
            )
    return Texts(tuple(files), tuple(problems))


async def _read(attachment: discord.Attachment) -> str | UserError:
    try:
        return decode(await download(attachment))
    except UserError as error:
        return error


async def download(attachment: discord.Attachment, mend: str = _MEND) -> bytes:
    """Return what a file holds. UserError if it is larger than LIMIT, or Discord fails.

    `mend` says what to do about one that is too large.
    """
    if attachment.size > LIMIT:
        raise UserError(phrase("It is larger than 1 MiB."), mend)
    try:
        async with asyncio.timeout(_PATIENCE):
            return await attachment.read()
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        # a TimeoutError is an OSError
        raise UserError(
            phrase("Discord did not hand it out."), phrase("Attach it once more.")
        ) from error


async def given_back(message: discord.Message | None) -> str:
    """Return the text of the file that ftbot attached to its message. Raises UserError."""
    files: list[discord.Attachment | discord.UnfurledMediaItem] = []
    if message is not None:
        files += [*message.attachments, *_shown(message.components)]
    if not files:
        raise UserError(
            phrase("What was typed is no longer here."), phrase("Run the command again.")
        )
    try:
        async with asyncio.timeout(_PATIENCE):
            return (await files[0].read()).decode()
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        raise UserError(
            phrase("Discord did not hand out what was typed."), phrase("Press it again.")
        ) from error


def _shown(parts: Iterable[Any]) -> Iterator[discord.UnfurledMediaItem]:
    """Yield the files that a message's components show."""
    for part in parts:
        if isinstance(part, discord.FileComponent):
            yield part.media
        yield from _shown(getattr(part, "children", ()))
