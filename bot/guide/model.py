"""The porting guide as values. Titles and texts of a guide that was fetched are foreign."""

from dataclasses import dataclass

import msgspec


class Section(msgspec.Struct, frozen=True, gc=False):
    """A page of the guide, or a part of one below a heading.

    `location` is relative to the guide's address (`faq/#some-heading`, "" for its first page),
    `page` the title of the page that it is on. `gist` is a few plain sentences, `text` what is
    searched; both may be "".
    """

    location: str
    title: str
    page: str
    gist: str = ""
    text: str = ""

    @property
    def is_page(self) -> bool:
        """Whether it is a page's beginning."""
        return "#" not in self.location

    @property
    def is_chapter(self) -> bool:
        """Whether it is a page that is below no other one."""
        return self.is_page and self.location.rstrip("/").count("/") == 0


@dataclass(frozen=True, slots=True)
class Hit:
    """A section as an answer shows it: plain text, `url` leads to it. `page` as in `Section`."""

    title: str
    page: str
    gist: str
    url: str


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where the guide helps with a verdict or a report: a section's title and address."""

    title: str
    url: str
