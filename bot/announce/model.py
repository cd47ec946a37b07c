"""News of free-threaded wheels, and who wants to hear of them, as values."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from bot.xray.model import ModuleVerdict

RESTORED: Final = "It may have been sent before the database was restored."
FORGOTTEN: Final = "The release is so old that ftbot does not know whether it was told of."
"""Why nobody is told of something that is news by what the database knows."""


class Topic(StrEnum):
    """What a message is about. Each is told once about a release."""

    GAIN = "gain"
    """A release with free-threaded wheels."""
    LOSS = "loss"
    """The newest release has none where an older one had."""
    WITHDRAWAL = "withdrawal"
    """A release whose wheels were announced was yanked or removed."""


class Novelty(StrEnum):
    """What is new about a release with free-threaded wheels, the greatest first."""

    FIRST = "first"
    """The project's first ever."""
    PYTHON = "python"
    """The first for another interpreter."""
    PLATFORM = "platform"
    """The first for another platform."""
    NOTHING = "nothing"
    """Just another release, for those who asked for every one."""


class Held(msgspec.Struct, frozen=True, order=True, array_like=True):
    """That a release has a free-threaded wheel for a target; `abi3t` means a stable-ABI one."""

    python: str
    platform: str
    abi3t: bool = False


class Wheel(msgspec.Struct, frozen=True, omit_defaults=True):
    """A wheel of a release, and what it declares once it was read.

    Until then `verdict` is None. Of its `modules` so many are `turning_on` the GIL; `names` are
    those of some of them.
    """

    file: str
    python: str
    platform: str
    verdict: ModuleVerdict | None = None
    modules: int = 0
    turning_on: int = 0
    names: tuple[str, ...] = ()


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a message says. All texts are plain and hostile: whoever shows them escapes them.

    `held` is all that the release has, `new` the part that is news; of a loss, `lost` is what is
    missing since `before`. `uploaded` (UTC text) is when the first of its wheels came.
    """

    project: str
    name: str
    version: str
    topic: Topic
    novelty: Novelty = Novelty.NOTHING
    held: tuple[Held, ...] = ()
    new: tuple[Held, ...] = ()
    lost: tuple[Held, ...] = ()
    before: str | None = None
    uploaded: str | None = None
    prerelease: bool = False
    rank: int | None = None
    wheels: int = 0
    """How many free-threaded wheels it has."""
    withdrawn: str | None = None
    """Why the release cannot be had any more: yanked, removed, quarantined."""
    upstream_issue: str | None = None
    wheel: Wheel | None = None
    """One of a gain, for Linux, to tell what it declares about the GIL."""


@dataclass(frozen=True, slots=True)
class News:
    """A piece of news. `revision` grows with each change of the content."""

    id: int
    revision: int
    content: Content


class What(StrEnum):
    """Which news a channel wants."""

    NEW_SUPPORT = "new-support"
    ALL_RELEASES = "all-releases"


class Among(StrEnum):
    """Of which projects, by downloads."""

    TOP_1000 = "top-1000"
    TOP_15000 = "top-15000"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A channel's wish. `paused` says why nothing is sent, None while all is well."""

    channel: int
    guild: int
    what: What
    among: Among
    role: int | None = None
    paused: str | None = None
