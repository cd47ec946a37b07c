"""Foreign text made fit to be shown: names, versions and files come from anybody who can upload.

What comes out of `escape` and `code` shows as itself: no formatting, no mention, no link, no
invisible or direction-changing characters, and no more than its limit.
"""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from bot.language import say_many

_LINK_BUTTON_URL = 512  # Discord's limit
_BEGINNING, _SAID = 40, 1000  # characters by which a piece of text is recognised
_LINK_IN_TEXT = 3500  # what a message has room for

# Characters that show nothing though Unicode counts them among letters, marks and symbols.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0") | {
    chr(code) for code in range(0xFE00, 0xFE10)
}
_UNSHOWABLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_MARKUP = re.compile(r"[\\*_~|`<>\[\]()#]|:(?=/)")
# A client that ignores the backslash would still see a mention: part the sign from its name.
_MENTION = re.compile("@")
_PARTED = "@\u200b"
_ENDS_LINK = re.compile(r"[<>()\[\]\\`\s]")


def clean(text: str, limit: int) -> str:
    """Return `text` on one line without invisible characters, cut with "…" to `limit`."""
    text = text[: 4 * limit]  # what comes after is cut anyway; don't look at megabytes
    if not (text.isascii() and text.isprintable()):
        text = "".join(map(_showable, unicodedata.normalize("NFC", text)))
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _showable(char: str) -> str:
    if char.isspace():
        return " "
    hidden = char in _BLANK or unicodedata.category(char) in _UNSHOWABLE
    return "" if hidden else char


def escape(text: str, limit: int = 100) -> str:
    """Return `text` as Markdown that shows just that: at most `limit` visible characters."""
    return _MENTION.sub(_PARTED, _MARKUP.sub(r"\\\g<0>", clean(text, limit)))


def code(text: str, limit: int = 200) -> str:
    """Return `text` as an inline code span of at most `limit` visible characters."""
    shown = clean(text, limit).replace("`", "'") or "?"
    return f"`{_MENTION.sub(_PARTED, shown)}`"


def repeats(text: str, said: Iterable[str]) -> bool:
    """Tell whether something that was `said` already holds how `text` begins."""
    beginning = clean(text, _BEGINNING).removesuffix("…")
    return any(beginning in clean(each, _SAID) for each in said)


def fit(lines: Iterable[str], limit: int) -> str:
    """Join the lines that fit into `limit` characters, and say how many did not."""
    every = list(lines)
    if sum(map(len, every)) + len(every) - 1 <= limit:
        return "\n".join(every)
    room = limit - len(_and_more(9999)) - 1
    kept: list[str] = []
    for line in every:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return "\n".join([*kept, _and_more(len(every) - len(kept))])


def _and_more(number: int) -> str:
    return "-# " + say_many("… and {count} more line", "… and {count} more lines", number)


def timestamp(moment: datetime | str | None, style: str = "D") -> str:
    """Show a moment in the reader's own zone and language; "" where it is unknown or unreadable.

    `style` is one of Discord's letters: `D` is a date, `R` is "3 minutes ago".
    """
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError:
            return ""
    if moment is None:
        return ""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return f"<t:{int(moment.timestamp())}:{style}>"


def web_address(url: str | None, limit: int = _LINK_BUTTON_URL) -> str | None:
    """Return `url` if a link button may carry it: http(s) with a host, short and plain."""
    if url is None or len(url) > limit or not (url.isascii() and url.isprintable()):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    plain = parts.scheme in ("http", "https") and parts.hostname and " " not in url
    return url if plain else None


def link(text: str, url: str | None, limit: int = 100) -> str:
    """Return `text` as Markdown that leads to `url`, or `text` alone if that cannot be a link."""
    address = web_address(url, _LINK_IN_TEXT)
    shown = escape(text, limit)
    if not shown or address is None or _ENDS_LINK.search(address):
        return shown
    return f"[{shown}](<{address}>)"
