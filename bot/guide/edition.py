"""The guide as it was on a day: what can be asked of it, all in memory."""

from collections.abc import Sequence
from itertools import chain
from typing import Final

import msgspec

from bot.guide.model import Hit, Pointer, Section
from bot.guide.rules import Helps, completions, labels, terms, words
from bot.guide.spelling import Spelling
from bot.guide.store import SearchIndex

INDEX: Final = "search/search_index.json"
"""Where MkDocs puts it, below the guide's address."""
_MENDED: Final = 8
"""So many misspelt words of a query are looked at, each for a tenth of a millisecond."""


class Edition:
    """Sections of one day. Whoever makes it closes it.

    `url` is the address of its search index. `own` are sections as ftbot itself describes them:
    their gists are searched too, and shown where the guide says nothing below a heading.
    """

    def __init__(
        self, sections: Sequence[Section], own: Sequence[Section], helps: Helps, url: str
    ) -> None:
        about = {each.location: each.gist for each in own}
        self._base = url.removesuffix(INDEX) if url.endswith(INDEX) else f"{_folder(url)}/"
        self._synonyms, self._pointers = helps.synonyms, helps
        self._index = SearchIndex(sections, about)
        self._spelling = Spelling(
            f"{each.title} {each.gist} {each.text}" for each in chain(sections, own)
        )
        # What is searched is in the search index; once is enough.
        self._sections = [
            msgspec.structs.replace(each, gist=each.gist or about.get(each.location, ""), text="")
            for each in sections
        ]
        self._labels = labels(sections)
        self._words = [words(label) for label in self._labels]
        self._labelled = {label: place for place, label in reversed([*enumerate(self._labels)])}
        self._located = {each.location: place for place, each in enumerate(sections)}
        self._chapters = [place for place, each in enumerate(sections) if each.is_chapter]

    def search(self, query: str, limit: int) -> tuple[Hit, ...]:
        """Return the sections that fit a query, the best first; a label finds its own.

        For words that are nowhere in the guide, those count that were perhaps meant.
        """
        named = self._labelled.get(query.strip())
        places = [] if named is None else [named]
        wanted = terms(query, self._synonyms)
        places += self._index.search((*wanted, *self._meant(wanted)), limit)
        return tuple(self._hit(place) for place in [*dict.fromkeys(places)][:limit])

    def contents(self) -> tuple[Hit, ...]:
        """Return the chapters, in the guide's order."""
        return tuple(self._hit(place) for place in self._chapters)

    def complete(self, text: str, limit: int) -> list[str]:
        """Return labels for what was typed so far: those with its words, then what fits it."""
        if not words(text):
            places = self._chapters
        else:
            places = completions(text, self._words, limit)
            places += self._index.search(terms(text, self._synonyms), limit)
        return [*dict.fromkeys(self._labels[place] for place in places)][:limit]

    def pointer(self, *keys: str) -> Pointer | None:
        """Return where the guide helps with the first key with which it does.

        It is the page where the section is gone, and nowhere if that is gone too.
        """
        for location in filter(None, map(self._pointers.location, keys)):
            page = location.partition("#")[0]
            place = self._located.get(location, self._located.get(page))
            if place is not None:
                return Pointer(self._sections[place].title, self._address(place))
        return None

    def close(self) -> None:
        """Forget what is searched."""
        self._index.close()

    def _meant(self, wanted: Sequence[str]) -> Sequence[str]:
        """Return what to look for in the place of words that are misspelt."""
        unknown = [term for term in wanted if not self._index.search((term,), 1)]
        meant = filter(None, map(self._spelling.meant, unknown[:_MENDED]))
        return terms(" ".join(meant), self._synonyms)

    def _hit(self, place: int) -> Hit:
        section = self._sections[place]
        return Hit(section.title, section.page, section.gist, self._address(place))

    def _address(self, place: int) -> str:
        return self._base + self._sections[place].location


def _folder(url: str) -> str:
    return url.rpartition("/")[0]
