"""Foreign text made fit for an issue on GitHub: it shows as itself, and nothing in it is alive.

GitHub links mentions, references and commits wherever they stand outside of code, escaped or not,
and a link that it once made stays on the other issue for ever. So a text is either fenced, and
left alone, or it is prose: there every word that could come alive becomes a code span, and all
that Markdown or HTML would read as markup is escaped. Nothing is treated in both ways.

The forms are those of https://docs.github.com/en/get-started/writing-on-github/
working-with-advanced-formatting/autolinked-references-and-urls.
"""

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Final

_DECODINGS: Final = 5
"""How often a character reference may be wrapped in another one; what is left shows as written."""
_LONGEST_RUN: Final = 120
"""Characters of a run of backticks or tildes; a fence around it must be longer still."""

_LANGUAGES: Final = {
    **dict.fromkeys(("py", "python", "python3", "py3"), "python"),
    **dict.fromkeys(("sh", "bash", "shell", "console", "zsh"), "console"),
    **dict.fromkeys(("c", "h"), "c"),
    **dict.fromkeys(("cpp", "c++", "cxx", "cc"), "cpp"),
    **dict.fromkeys(("rs", "rust"), "rust"),
    "pytb": "pytb",
    "toml": "toml",
}
"""What a member may write after a fence, and what stands there in the issue; else `text`."""

_REFERENCE: Final = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_LINE_END: Final = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_ANSI: Final = re.compile(r"\x1b(?:\[[0-?]{0,32}[ -/]{0,8}[@-~]|[@-Z\\^_])")
_HIDDEN: Final = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0") | {
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
}

_DISCORD: Final = re.compile(
    r"<(?:(?P<who>@[!&]?|\#)[0-9]{1,20}"
    r"|t:(?P<time>-?[0-9]{1,13})(?::[tTdDfFRsS])?"
    r"|a?:(?P<emoji>[A-Za-z0-9_]{1,32}):[0-9]{1,20}"
    r"|(?P<command>/[\w -]{1,100}):[0-9]{1,20}"
    r"|id:(?P<page>[a-z]{1,20}))>",
    re.ASCII,
)
_WITHIN_DISCORD: Final = re.compile(
    r"https?://(?:[a-z0-9-]{1,20}\.)?discord(?:app)?\.(?:com|net)/[^\s<>()\[\]\"'`|]{0,400}",
    re.ASCII | re.IGNORECASE,
)
_ID: Final = re.compile("[0-9]{15}")
"""What tells a number of Discord's, of a member or a channel, from others."""
_WHO: Final = {"@": "(a member)", "@!": "(a member)", "@&": "(a role)", "#": "(a channel)"}

_RUNS: Final = re.compile(r"`+|~+")
_LONG_RUN: Final = re.compile(rf"(`{{{_LONGEST_RUN}}})`+|(~{{{_LONGEST_RUN}}})~+")
_FENCE: Final = re.compile(r"`{3,}")
_INFO: Final = re.compile(r"[ \t]*([A-Za-z0-9+]{1,10})[ \t]*\n")
_SPAN: Final = re.compile(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)")
# Pipes stand alone, so that no code span has one: they would end a table's cell.
_WORD: Final = re.compile(r"[^\s|]+|\s+|\|")

# What GitHub brings to life, in a word without blanks. Rather too much than too little.
_LIVE: Final = re.compile(
    r"@\w|\#[0-9]|gh-[0-9]|github\.com|(?<![0-9a-z])[0-9a-f]{7,40}(?![0-9a-z])",
    re.ASCII | re.IGNORECASE,
)
_URL: Final = re.compile(r"https?://[A-Za-z0-9\-._~:/?#!$&'()*+,=%]+", re.IGNORECASE)
_URL_START: Final = re.compile("https?://", re.IGNORECASE)
_BEFORE: Final = "([{\"'“‘«,*_~"  # noqa: RUF001 - quotation marks are meant
_AFTER: Final = ")]}\"'”’».,:;!?…*_~"  # noqa: RUF001
_MARKUP: Final = re.compile(r"[\\*~\[\]$]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")
_ENTITIES: Final = str.maketrans({"<": "&lt;", "`": "&#96;", "|": "&#124;"})
_AMPERSAND: Final = re.compile(r"&(?=[#A-Za-z])")
# What would begin a heading, a list, a quotation, a table or an underline.
_BLOCK_START: Final = re.compile(r"[#=+:>-]")
_NUMBERED: Final = re.compile(r"([0-9]{1,9})([.)])(?=\s|$)")
_ITEM: Final = re.compile(r"[ \t]*(?:[-*+\u2022]|([0-9]{1,9})[.)])[ \t]+(?=\S)")
# Lines that people paste without a fence though they are code, output, a prompt or a table.
_CODE_LINE: Final = re.compile(
    r"\t|\||[ ]{2,}\S|>>> |\.\.\. |\$ |Traceback \(most|(?:from [\w.]+ )?import [\w., ]+$"
    r"|(?:async )?(?:def|class|for|while|with|if|try)\b.*:$"
)
# And lines that go on with code after a blank one.
_CODE_AGAIN: Final = re.compile(
    rf"{_CODE_LINE.pattern}|[@#]|[\w.\[\], ]+ ?[-+*/|&]?= ?\S|[\w.]+\(.*\)$"
    r"|\w*(?:Error|Exception)\b"
)


def prose(text: str) -> str:
    """Return a member's prose as Markdown: their lines, lists and code stay what they were.

    What they fenced is fenced anew, and so are lines that are plainly code though they are not.
    """
    blocks: list[str] = []
    for part, info in _parts(_shown(text)):
        if info is not None:
            blocks.append(fence(part, info))
        else:
            blocks += _paragraphs(part)
    return "\n\n".join(block for block in blocks if block)


def fence(text: str, info: str = "text") -> str:
    """Return text as a fenced block, longer than any run of backticks or tildes inside.

    It stays as it was, but for line ends, invisible characters and Discord's markup, which names
    people; runs of hundreds of backticks or tildes are shortened.
    """
    inside = _LONG_RUN.sub(r"\1\2", _shown(text)).strip("\n")
    longest = max((len(run[0]) for run in _RUNS.finditer(inside)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}{info}\n{inside}\n{marks}"


def cell(text: str, limit: int = 200) -> str:
    """Return text for a table's cell, a list's item or a sentence: one line, cut to `limit`."""
    line = one_line(text, limit)
    return _unstarted(_inline(line.replace("`", "'") if "|" in line else line))


def plain(text: str, limit: int) -> str:
    """Return text for a title, where there is no Markdown but code spans: at most `limit` long."""
    room = limit
    while len(made := _plain(one_line(text, room))) > limit:
        room -= len(made) - limit
    return made


def one_line(text: str, limit: int) -> str:
    """Return text on one line without invisible characters, cut with "…" to `limit`."""
    text = _shown(_decoded(_shown(text[: 4 * limit])))
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def _shown(text: str) -> str:
    """Return text as people see it: no invisible characters, no Discord markup, plain line ends.

    No marker of ours is in it either, since those are looked for in code too.
    """
    text = _LINE_END.sub("\n", _ANSI.sub("", text))
    if not (text.isascii() and text.replace("\n", "").replace("\t", "").isprintable()):
        text = "".join(map(_visible, unicodedata.normalize("NFC", text)))
    text = _WITHIN_DISCORD.sub(_unlinked, _DISCORD.sub(_readable, text))
    return text.replace("ftbot:report=", "ftbot: report=")


def _visible(char: str) -> str:
    if char in "\n\t":
        return char
    if char.isspace():
        return " "
    return "" if char in _BLANK or unicodedata.category(char) in _HIDDEN else char


def _readable(markup: re.Match[str]) -> str:
    if markup["who"]:
        return _WHO[markup["who"]]
    if markup["time"]:
        try:
            return f"{datetime.fromtimestamp(int(markup['time']), UTC):%Y-%m-%d %H:%M UTC}"
        except (ValueError, OverflowError, OSError):  # a year that the platform does not have
            return "(a time)"
    if markup["emoji"]:
        return f":{markup['emoji']}:"
    return markup["command"] or f"({markup['page']})"


def _unlinked(address: re.Match[str]) -> str:
    """Leave out an address that says who or where on Discord; only members can open it anyway."""
    return "(a link within Discord)" if _ID.search(address[0]) else address[0]


def _decoded(text: str) -> str:
    """Return text with its character references decoded, and those that then appear."""
    for _ in range(_DECODINGS):
        decoded = _REFERENCE.sub(lambda found: html.unescape(found[0]), text)
        if decoded == text:
            break
        text = decoded
    return text


def _parts(text: str) -> Iterator[tuple[str, str | None]]:
    """Split text at its fences, as Discord reads them: prose has no info string."""
    start = 0
    while opening := _FENCE.search(text, start):
        yield text[start : opening.start()], None
        closing = text.find(opening[0], opening.end())
        end = closing if closing >= 0 else len(text)  # one without an end goes on to the end
        inside = text[opening.end() : end]
        info = _INFO.match(inside)
        if info:
            inside = inside[info.end() :]
        yield inside, _LANGUAGES.get(info[1].lower(), "text") if info else "text"
        start = end + len(opening[0])
    yield text[start:], None


def _paragraphs(text: str) -> Iterator[str]:
    """Give the blocks of a prose: paragraphs, lists, and fences around what is plainly code."""
    kind, lines = _Block.BLANK, list[str]()
    for line in text.split("\n"):
        new = _kind(line, kind, lines)
        if new is not kind:
            yield _block(kind, lines)
            kind, lines = new, []
        lines.append(line)
    yield _block(kind, lines)


class _Block(Enum):
    BLANK = auto()
    TEXT = auto()
    LIST = auto()
    CODE = auto()


def _kind(line: str, before: _Block, lines: list[str]) -> _Block:
    """Tell what a line belongs to, given the block before it and its lines so far."""
    if not line.strip():
        return before if before is _Block.CODE else _Block.BLANK
    if before is _Block.CODE and (lines[-1].strip() or _CODE_AGAIN.match(line)):
        return _Block.CODE
    if _ITEM.match(line) or (before is _Block.LIST and line[0] in " \t"):
        return _Block.LIST
    return _Block.CODE if _CODE_LINE.match(line) else _Block.TEXT


def _block(kind: _Block, lines: list[str]) -> str:
    match kind:
        case _Block.CODE:
            return fence("\n".join(lines))
        case _Block.LIST:
            return "\n".join(map(_item, lines))
        case _Block.TEXT:
            return "\n".join(map(_line, lines))
        case _Block.BLANK:
            return ""


def _item(line: str) -> str:
    marker = _ITEM.match(line)
    if not marker:  # it goes on with the item above
        return f"  {_line(line)}"
    number = f"{marker[1]}." if marker[1] else "-"
    return f"{number} {_line(line[marker.end() :])}"


def _line(line: str) -> str:
    return _unstarted(_inline(" ".join(_shown(_decoded(line)).split())))


def _unstarted(line: str) -> str:
    """Return a line of Markdown so that it begins no block but a paragraph."""
    if _BLOCK_START.match(line):
        return f"\\{line}"
    return _NUMBERED.sub(r"\1\\\2", line, count=1) if _NUMBERED.match(line) else line


def _inline(line: str) -> str:
    pieces: list[str] = []
    start = 0
    for span in _SPAN.finditer(line):
        pieces += _words(line[start : span.start()])
        pieces.append(_code(span[2]))
        start = span.end()
    pieces += _words(line[start:])
    made = ""
    for piece in pieces:
        # Two code spans side by side would be read as one.
        made += f" {piece}" if made.endswith("`") and piece.startswith("`") else piece
    return made


def _words(text: str) -> Iterable[str]:
    if _LIVE.search(text) or "://" in text:
        return map(_word, _WORD.findall(text))
    return (_escaped(text),)


def _word(word: str) -> str:
    """Return a word as Markdown, as code if it could come alive."""
    before, core, after = _peeled(word)
    if _LIVE.search(word):
        shown = _code(core.replace("`", "'"))
    elif url := _URL_START.search(core):
        if not _URL.fullmatch(core, url.start()):
            shown = _code(core.replace("`", "'"))
        else:
            shown = f"{_escaped(core[: url.start()])}<{core[url.start() :]}>"
    else:
        return _escaped(word)
    return f"{_escaped(before)}{shown}{_escaped(after)}"


def _plain(line: str) -> str:
    words = (_peeled(word) for word in _WORD.findall(line.replace("`", "'")))
    return "".join(
        f"{before}`{core}`{after}" if _LIVE.search(core) else f"{before}{core}{after}"
        for before, core, after in words
    )


def _peeled(word: str) -> tuple[str, str, str]:
    """Return the punctuation before a word, the word itself, and the punctuation after it."""
    core = word.lstrip(_BEFORE)
    before = word[: len(word) - len(core)]
    core = core.rstrip(_AFTER)
    return before, core, word[len(before) + len(core) :]


def _code(text: str) -> str:
    """Return a code span, whatever backticks are inside."""
    if not text.strip():
        return _escaped(text)
    marks = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    padding = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{marks}{padding}{text}{padding}{marks}"


def _escaped(text: str) -> str:
    text = _MARKUP.sub(r"\\\g<0>", _AMPERSAND.sub("&amp;", text))
    return text.translate(_ENTITIES)
