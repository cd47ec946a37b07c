"""What is compared to find reports of one problem, as values."""

from dataclasses import dataclass

from bot.reports.model import Kind, Signature


@dataclass(frozen=True, slots=True)
class Known:
    """A report or an issue, reduced to what it is recognised by; made by `rules.known`.

    `key` is `report:12` or `issue:owner/name#34`. `words` are the telling ones of title and text:
    error messages (several words), names out of programs (`FT_Face`, `zlib.crc32`) and other rare
    words in lower case; `subject` are those of the title. `python` is the interpreter that it
    names, `reference` how other texts name this issue (`owner/name#34`). `sketch` stands for the
    whole text, see `rules.nearly_identical`.
    """

    key: str
    title: str
    url: str | None
    state: str
    project: str | None
    kind: Kind
    signature: Signature
    words: frozenset[str]
    subject: frozenset[str] = frozenset()
    python: str | None = None
    sketch: tuple[int, ...] = ()
    reference: str | None = None
