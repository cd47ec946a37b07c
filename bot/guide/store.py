"""The guide's words, in SQLite's full-text search. They live in memory alone."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bot.errors import UserError
from bot.guide.model import Section

_TITLE, _PAGE, _ABOUT, _TEXT = 8.0, 0.5, 2.0, 1.0
"""How much a word counts where it stands."""
_MOST_TERMS: Final = 64
# Without content: what is shown of a section is kept elsewhere.
_CREATE = (
    "CREATE VIRTUAL TABLE section USING fts5"
    "(title, page, about, text, content='', tokenize='porter unicode61')"
)


class SearchIndex:
    """Finds sections by their words: stemmed, ranked by BM25. Threads take turns; close it."""

    def __init__(self, sections: Iterable[Section], about: Mapping[str, str]) -> None:
        """Read the sections, and what is known of some besides, by location.

        It takes 20 ms. Raises UserError if SQLite cannot search texts.
        """
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        try:
            self._connection.execute(_CREATE)
        except sqlite3.OperationalError as error:
            self.close()
            raise UserError(
                "The SQLite of this Python cannot search texts (FTS5).", "Use another Python."
            ) from error
        self._connection.executemany(
            "INSERT INTO section (rowid, title, page, about, text) VALUES (?, ?, ?, ?, ?)",
            (
                (
                    place,
                    each.title,
                    "" if each.is_page else each.page,
                    about.get(each.location, ""),
                    each.text,
                )
                for place, each in enumerate(sections)
            ),
        )
        self._connection.commit()

    def search(self, terms: Sequence[str], limit: int) -> list[int]:
        """Return the places of sections that hold any of `terms`, the best first."""
        wanted = " OR ".join(_quoted(term) for term in terms[:_MOST_TERMS])
        if not wanted:
            return []
        rows = self._connection.execute(
            "SELECT rowid FROM section WHERE section MATCH ?"
            " ORDER BY bm25(section, ?, ?, ?, ?), rowid LIMIT ?",
            (wanted, _TITLE, _PAGE, _ABOUT, _TEXT, limit),
        )
        return [place for (place,) in rows]

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()


def _quoted(term: str) -> str:
    """Write a term as FTS5's query language wants it, where a text in quotes means just that."""
    beginning = term.endswith("*")
    words = term.removesuffix("*").replace('"', " ").replace("\0", " ")
    return f'"{words}"*' if beginning else f'"{words}"'
