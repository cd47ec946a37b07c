"""A report's text made fit for rules: cleaned, bounded, prose told from logs.

Texts are foreign and may be anything, one line of 10 MB included. So every step here is linear in
the text, and whatever comes later sees at most `LOOKED_AT` characters in lines of `LONGEST_LINE`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from bot.reports.reading.patterns import Passage
from bot.reports.reading.warning import Warned, parted

LOOKED_AT: Final = 28_000
"""Characters that are looked at: of longer texts the head, the tail and the telling places."""
LONGEST_LINE: Final = 2_000
LONGEST_TITLE: Final = 300
_LONGEST_TEXT = 2_097_152
_HEAD, _TAIL = 8_000, 6_000
_BEFORE, _AFTER = 400, 1_600
"""Characters around a telling place."""

_TELLING = (
    "WARNING: ThreadSanitizer",
    "Fatal Python error",
    "enabled to load module",
    "Segmentation fault",
    "fatal exception",
    "SIGSEGV",
    "SIGABRT",
    ": error: ",
    "fatal error",
    "error:",
    "ERROR: ",
    "Traceback (most recent call last)",
    "free-thread",
    "freethread",
    "_is_gil_enabled",
    "PYTHON_GIL",
    "cp313t",
    "cp314t",
    "cp315t",
    "python3.13t",
    "python3.14t",
    "python3.15t",
    "No matching distribution",
)
"""What is searched for in what lies between head and tail; plain searches are fast."""
_FINDS_EACH = 2

_ANSI = re.compile(
    r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b\n]{0,512}(?:\x07|\x1b\\)|[@-Z\\^_=>])"
    r"|\x9b[0-?]{0,64}[ -/]{0,8}[@-~]"
)
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+"
)
_BREAKS = re.compile("\r\n?|[\x0c\x85\u2028\u2029]")
_DISCORD = re.compile(
    r"<(?:@[!&]?\d{1,20}|#\d{1,20}|t:-?\d{1,16}(?::[a-zA-Z])?|/[\w -]{1,100}:\d{1,20}"
    r"|a?:(\w{1,40}):\d{1,20})>"
)
_FENCE = re.compile(r"[ \t]{0,8}(?:>[ ]?)?(`{3,}|~{3,})")
_LOG_LINE = re.compile(
    r"""(?x)
    [ \t]{0,16}
    (?: Traceback[ ]\( | File[ ]" | \#\d{1,3}[ ] | >>>[ ] | \$[ ] | %[ ] | E[ ]{3}
      | WARNING:[ ]Thread | Fatal[ ]Python | Windows[ ]fatal | Current[ ]thread | Thread[ ]0x
      | (?:Previous[ ])?(?:[Aa]tomic[ ])?(?:Read|Write|read|write)[ ]of[ ]size
      | Extension[ ]modules: | FAILED: | ERROR: | error: | error\[ | gcc[ ] | cc[ ] | clang | =====
      | <frozen[ ] | LINK[ ]: | SUMMARY:[ ] | frame[ ]\# | \*[ ]?frame
      | [\w./\\<>~-]{1,200}\.(?:c|cc|cpp|cxx|h|hpp|pyx|rs|py)[:(]\d )
    """
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_MANY_SENTENCES = 400


@dataclass(frozen=True, slots=True)
class Document:
    """A report's text, cleaned, and parted from the interpreter's warnings, which are `warned`.

    `body` is all below the title, `prose` and `logs` share its lines out between each other: logs
    are fenced lines and such as only programs write. `whole` is title and body, `story` title and
    prose. `printed` is the logs with their warnings, as they stood.
    """

    title: Passage
    body: Passage
    prose: Passage
    logs: Passage
    whole: Passage
    story: Passage
    printed: str
    warned: tuple[Warned, ...]


def document(title: str, text: str) -> Document:
    """Clean a report's text and tell prose from logs."""
    body: list[str] = []
    prose: list[str] = []
    logs: list[str] = []
    fence = ""
    for line in _lines(clean(text)):
        mark = _FENCE.match(line) if "```" in line or "~~~" in line else None
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
            prose.append("")  # sentences don't go on beyond a fence
            continue
        body.append(line)
        (logs if fence or _LOG_LINE.match(line) else prose).append(line)
    heading = " ".join(clean(title[: 4 * LONGEST_TITLE]).split())[:LONGEST_TITLE]
    top, warned_above = parted(heading)
    below, warned_below = parted("\n".join(body))
    told, _ = parted("\n".join(prose))
    printed = "\n".join(logs)
    return Document(
        title=Passage(top),
        body=Passage(below),
        prose=Passage(told),
        logs=Passage(parted(printed)[0]),
        whole=Passage(f"{top}\n{below}"),
        story=Passage(f"{top}\n{told}"),
        printed=printed,
        warned=warned_above + warned_below,
    )


def clean(text: str) -> str:
    """Take out what terminals and Discord understand and people don't read; bound what is left."""
    if len(text) > _LONGEST_TEXT:
        text = text[: _LONGEST_TEXT // 2] + "\n" + text[-_LONGEST_TEXT // 2 :]
    if "\x1b" in text or "\x9b" in text:
        text = _ANSI.sub("", text)
    text = _without_comments(_BREAKS.sub("\n", text))
    text = _telling(_INVISIBLE.sub("", text))
    return _DISCORD.sub(lambda found: f":{found[1]}:" if found[1] else "", text)


def sentences(prose: str) -> list[str]:
    """Split prose into its sentences, the first few hundred."""
    return [each for each in _SENTENCE_END.split(prose, _MANY_SENTENCES) if each.strip()]


def _without_comments(text: str) -> str:
    """Take out HTML comments: forms are full of them, and they are not the reporter's words."""
    if "<!--" not in text:
        return text
    kept: list[str] = []
    at = 0
    while (start := text.find("<!--", at)) >= 0 and (end := text.find("-->", start + 4)) >= 0:
        kept.append(text[at:start])
        at = end + 3
    return "".join([*kept, text[at:]])


def _telling(text: str) -> str:
    if len(text) <= LOOKED_AT:
        return text
    end = len(text) - _TAIL
    left = LOOKED_AT - _HEAD - _TAIL
    spans = [(0, _HEAD), (end, len(text))]
    for start, stop in _places(text, _HEAD, end):
        if left < stop - start:
            break
        spans.append((start, stop))
        left -= stop - start
    return "\n".join(text[start:stop] for start, stop in _merged(spans))


def _places(text: str, low: int, high: int) -> Iterator[tuple[int, int]]:
    for telling in _TELLING:
        at = low
        for _ in range(_FINDS_EACH):
            at = text.find(telling, at, high)
            if at < 0:
                break
            start = max(text.rfind("\n", at - _BEFORE, at) + 1, at - _BEFORE)
            yield max(start, low), min(at + _AFTER, high)
            at += _AFTER


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def _lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        if len(line) <= LONGEST_LINE:
            yield line.rstrip()
        else:
            # A log that lost its line breaks: looked at piece by piece.
            for at in range(0, len(line), LONGEST_LINE):
                yield line[at : at + LONGEST_LINE]
