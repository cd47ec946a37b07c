"""Reports, as values. Times are aware datetimes in UTC; Discord's ids are numbers."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bot.language import phrase

if TYPE_CHECKING:  # it imports this module
    from bot.reports.issue.destination import Address


class Kind(StrEnum):
    """What a report is about."""

    NO_WHEEL = "no_wheel"
    BUILD_FAILURE = "build_failure"
    GIL_REENABLED = "gil_reenabled"
    CRASH = "crash"
    DATA_RACE = "data_race"
    DEADLOCK = "deadlock"
    WRONG_RESULT = "wrong_result"
    PERFORMANCE = "performance"
    SUPPORT_REQUEST = "support_request"
    DOCS = "docs"
    NOT_FREE_THREADING = "not_free_threading"
    NEEDS_INFO = "needs_info"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a text says. `evidence` is the piece of text that says it."""

    value: str
    evidence: str


SYSTEMS: Final = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}
BUILDS: Final = {
    "free-threaded": phrase("free-threaded build"),
    "gil": phrase("build with the GIL"),
}
"""How `Facts.build` is written for people, as `SYSTEMS` is how `Facts.os` is."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a text says about where a problem was seen; None is what it does not say.

    `project` is normalised (PEP 503); `python` is written `3.14t`, or `3.14` for the build with the
    GIL; `build` is `free-threaded` or `gil`; `os` is `linux`, `macos` or `windows`;
    `architecture` is `x86_64` or `aarch64` (`arm64` and `amd64` are written so too);
    `gil_before` and `gil_after` an import are `on` or `off`; `python_gil` is the value of
    PYTHON_GIL or -X gil; `wheel` is a wheel's file name.
    """

    project: Fact | None = None
    version: Fact | None = None
    python: Fact | None = None
    build: Fact | None = None
    os: Fact | None = None
    architecture: Fact | None = None
    installer: Fact | None = None
    gil_before: Fact | None = None
    gil_after: Fact | None = None
    python_gil: Fact | None = None
    wheel: Fact | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """By what two reports of one problem are recognised, whatever words tell of it.

    `modules` are those that a warning names, `frames` the telling functions of a stack, innermost
    first (`file.c:function` or `function`), `race` where threads meet.
    """

    modules: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()
    race: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What rules make of a text.

    `confidence` is from 0 to 1; `also` a second kind that could be defended; `evidence` the pieces
    of text that decided; `excerpt` the telling part of the logs, "" without logs; `gaps` what a
    maintainer would ask for, as short phrases without a full stop.
    """

    kind: Kind
    confidence: float
    facts: Facts = Facts()
    evidence: tuple[str, ...] = ()
    also: Kind | None = None
    signature: Signature = Signature()
    excerpt: str = ""
    gaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Submission:
    """What a member wrote, as it was written: foreign text.

    `story` is what happened; `logs` at most 1 MiB of text, `log_name` their file's name. `message`
    is the address of the Discord message that it was made from.
    """

    project: str = ""
    environment: str = ""
    story: str = ""
    logs: str = ""
    log_name: str | None = None
    message: str | None = None


DECLARED: Final = "gil-"
"""How the codes of hints begin that tell what was read of a wheel."""


@dataclass(frozen=True, slots=True)
class Hint:
    """A likely answer that the index gives.

    `code` is `wheel-now`, `newer-release`, `excluded` …; `text` one plain sentence for the
    reporter; `evidence` lines for maintainers on what it rests on, if it is not the index alone.
    """

    code: str
    text: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Likely:
    """A report or issue that may be about the same problem, with the reasons for it.

    `key` is `report:12` or `issue:owner/name#34`; `score` is from 0 to 1; `url` is None for reports
    that are no issue yet.
    """

    key: str
    title: str
    url: str | None
    score: float
    reasons: tuple[str, ...] = ()
    state: str = "open"


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue on GitHub as last seen.

    `state` is `open`, `closed` or `gone` (deleted, or moved to where ftbot cannot read);
    `reason` is GitHub's `state_reason`.
    """

    repository: str
    number: int
    url: str
    title: str = ""
    state: str = "open"
    reason: str | None = None
    labels: tuple[str, ...] = ()
    updated: datetime | None = None


class State(StrEnum):
    """Where a report stands. `bot.reports.rules` has the table of what leads where."""

    DRAFT = "draft"
    """Its reporter has not sent it yet; only they see it."""
    OPEN = "open"
    """It waits for a triager."""
    ASKED = "asked"
    """It waits for its reporter's answer."""
    FILING = "filing"
    """It is on its way to GitHub."""
    FILED = "filed"
    """It is an issue that ftbot opened."""
    LINKED = "linked"
    """It belongs to an issue that was there."""
    HANDED = "handed"
    """Its reporter has the form of another tracker, filled in."""
    REJECTED = "rejected"
    SECURITY = "security"
    """For triagers' eyes only; nothing of it is shown elsewhere."""
    JOINED = "joined"
    """It is the same as another report of ours."""
    WITHDRAWN = "withdrawn"
    """Its reporter took it back."""


class Action(StrEnum):
    """What leads from one state to another."""

    SEND = "send"
    JOIN = "join"
    FILE = "file"
    FILED = "filed"
    NOT_FILED = "not-filed"
    LINK = "link"
    HAND_OVER = "hand-over"
    ASK = "ask"
    ANSWER = "answer"
    REJECT = "reject"
    SECURITY = "security"
    REOPEN = "reopen"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a member of Discord, or ftbot itself (`id` 0). `name` is as shown."""

    id: int
    name: str


FTBOT = Actor(0, "ftbot")
FORMER: Final = phrase("a former member")
"""The name in the history of those who were forgotten."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a report's history. `note` is foreign text: a reason, a question, an answer."""

    at: datetime
    actor: Actor
    action: Action
    before: State
    after: State
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A report with all that is known of it.

    `uid` is what recognises it on GitHub; `revision` grows with every change that its card shows.
    `reporter` is None once the member was forgotten; `credit` says that their name may be public.
    `guild` and `channel` are where it was made, None in direct messages of ftbot. `same` counts
    members who have the same problem, besides the reporter. `into` is the report it joined.
    `address` is where it belongs, None while that could not be found out.
    `problem` is a sentence for triagers on what its filing waits for, or what is amiss with it,
    or that a question reached nobody.
    """

    id: int
    uid: str
    state: State
    revision: int
    title: str
    submission: Submission
    reading: Reading
    reporter: Actor | None
    credit: bool
    guild: int | None
    channel: int | None
    created: datetime
    updated: datetime
    hints: tuple[Hint, ...] = ()
    likely: tuple[Likely, ...] = ()
    same: int = 0
    into: int | None = None
    issue: Issue | None = None
    steps: tuple[Step, ...] = field(default=())
    address: "Address | None" = None
    problem: str | None = None

    @property
    def project(self) -> str | None:
        """The project that it is about, normalised, if that is known."""
        fact = self.reading.facts.project
        return fact.value if fact else None


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a server decides: its channel for cards, and the role that may decide."""

    guild: int
    channel: int
    role: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A server's reports that are to be decided on, the oldest first.

    `damaged` are the numbers of those that cannot be read.
    """

    reports: tuple[Report, ...] = ()
    damaged: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """What a reporter sees before it is sent.

    `can_send` says whether there is somebody to decide on it: a server with a triage channel.
    `address` is where it belongs as far as that is known, `form` the address of GitHub's form with
    all filled in, for the reporter's own account; None where no repository is known.
    """

    report: Report
    can_send: bool
    address: "Address"
    form: str | None


@dataclass(frozen=True, slots=True)
class Problem:
    """What members reported of a project, told to all.

    `count` members have it. `state` is that of the first report of it; `url` the issue's.
    `taken_up` says that a triager decided on it, not its reporter alone.
    """

    report: int
    kind: Kind
    title: str
    version: str | None
    count: int
    url: str | None
    state: State
    issue: Issue | None = None
    taken_up: bool = True


@dataclass(frozen=True, slots=True)
class Problems:
    """The problems of a project (normalised name), those that matter most first.

    `total` counts the reports of them. `waiting` are the numbers of those on which the triagers of
    the server that asks have still to decide.
    """

    project: str
    total: int
    problems: tuple[Problem, ...]
    waiting: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """What is kept of a member, in numbers.

    `reports` and `drafts` are their numbers; `following` those of reports that the member joined.
    `steps` counts lines of history with the member's name, `messages` what ftbot wrote or will
    write to the member, on reports, audits and as news, `watches` the projects that the member
    watches. `audits` are kept, and `awaited` those that are waited for. `languages` is 1 if it is
    noted in which one to write to the member. `blocks` counts the servers that take no reports
    from the member.
    """

    reports: tuple[int, ...] = ()
    drafts: tuple[int, ...] = ()
    following: tuple[int, ...] = ()
    steps: int = 0
    messages: int = 0
    watches: int = 0
    audits: int = 0
    awaited: int = 0
    languages: int = 0
    blocks: int = 0


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was done when a member was forgotten.

    `drafts` were deleted; `reports` stay without their author, `steps` without the name;
    `following`, `messages`, `watches`, `audits`, `awaited` and `languages` were deleted. What
    stays: `blocks` counts the servers that take no reports from the member, until their triagers
    change that; `public` are issues on GitHub that carry the member's name because the member
    wished so.
    """

    drafts: int = 0
    reports: int = 0
    steps: int = 0
    following: int = 0
    messages: int = 0
    watches: int = 0
    audits: int = 0
    awaited: int = 0
    languages: int = 0
    blocks: int = 0
    public: tuple[str, ...] = ()
