"""Messages to reporters, triagers and everybody about reports; forms."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from discord import ui

from bot.language import phrase
from bot.reports.hints.gil import Taken, checked
from bot.reports.hints.rules import hints, targets
from bot.reports.issue.destination import address
from bot.reports.model import (
    FORMER,
    FTBOT,
    Action,
    Actor,
    Desk,
    Draft,
    Hint,
    Issue,
    Kind,
    Likely,
    Problem,
    Problems,
    Reading,
    Report,
    State,
    Step,
    Submission,
    Waiting,
)
from bot.reports.reading.rules import read_submission
from bot.ui import desk, report_form, reports, triage
from bot.ui.platforms import NAMES
from bot.xray.model import Module, ModuleVerdict, WheelReading, together
from tests.ui.answers import answer, support
from tests.ui.samples import Samples

# What python -VV says, and what stands in the reports themselves, is not translated either.
DATA = {"demo", "Ada", "alice", "home", "owner", "import demo", "pip", "logs", "GIL", "Python"}
DATA |= {"ftbot", "numpy", "free-threading build", "Apple silicon", *NAMES.values()}

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADA = Actor(2, "Ada")
ISSUE = Issue("owner/home", 40, "https://github.example/owner/home/issues/40", "demo")


class Names:
    """An index of one project."""

    def is_project(self, name: str) -> bool:
        return name == "demo"

    is_popular = is_project

    def projects_for_import(self, _name: str) -> tuple[str, ...]:
        return ()


STORIES = {
    "nothing": "demo",
    "gil": "On 3.14t, import demo: RuntimeWarning: The global interpreter lock (GIL) has been"
    " enabled to load module 'demo._x', which has not declared that it can run safely without it.",
    "no wheel": "pip install demo on 3.14t: there is no wheel for cp314t, it builds from source.",
    "crash": "import demo on 3.14t (free-threaded) crashes: Segmentation fault (core dumped)",
    "race": "On 3.14t with threads: WARNING: ThreadSanitizer: data race in demo",
    "deadlock": "With free-threaded 3.14t demo hangs in a deadlock with several threads",
    "build": "pip install demo on 3.14t: error: command 'gcc' failed with exit code 1",
    "slow": "demo is slower on 3.14t free-threaded than with the GIL, no scaling with threads",
    "other": "demo on Python 3.12 raises a TypeError",
}


def reading(story: str) -> Reading:
    return read_submission(Submission("demo", "", STORIES[story]), Names())


def report(story: str = "gil", **changes: object) -> Report:
    read = reading(story)
    plain = Report(
        id=12,
        uid="u12",
        state=State.OPEN,
        revision=1,
        title="demo",
        submission=Submission("demo", "3.14t", "demo", "demo", "demo.txt"),
        # What people wrote stays as it is: only what ftbot makes of it is looked at here.
        reading=replace(read, evidence=(), excerpt=""),
        reporter=Actor(1, "alice"),
        credit=True,
        guild=1,
        channel=2,
        created=NOON,
        updated=NOON,
        hints=hints(read, answer(*map(support, targets(read)))),
        likely=LIKELY,
        same=2,
        address=address("demo", read.kind, tracker=None, urls=(), home="owner/home", allowed=()),
    )
    return replace(plain, **changes)  # type: ignore[arg-type] # each sample names real fields


LIKELY = (
    Likely("report:7", "demo", None, 0.8),
    Likely("issue:owner/home#3", "demo", ISSUE.url, 0.7, state="closed"),
)


def declared(verdicts: Sequence[ModuleVerdict], **wheel: bool) -> tuple[Hint, ...]:
    """What is said of a wheel whose modules declare that."""
    modules = tuple(Module("demo._x", "demo/_x.so", verdict, "demo") for verdict in verdicts)
    found = WheelReading("demo-1.0-cp314-cp314t-win_amd64.whl", together(verdicts), modules)
    taken = Taken(found.wheel, "1.0", "windows-amd64", **wheel)
    return (checked(reading("gil"), "demo", taken, found),)


def draft(story: str = "gil", **changes: object) -> Draft:
    whole = report(story, **changes)
    where = whole.address
    assert where is not None
    return Draft(whole, True, where, None)


def previewed(story: str) -> ui.LayoutView:
    return reports.preview(draft(story))


def history() -> tuple[Step, ...]:
    return tuple(
        Step(NOON, actor, action, State.OPEN, State.ASKED, "demo")
        for action, actor in zip(Action, [ADA, FTBOT, Actor(0, FORMER)] * 9, strict=False)
    )


def told() -> Iterator[tuple[str, Report]]:
    yield "filed", report(state=State.FILED, issue=ISSUE)
    yield "linked", report(state=State.LINKED, issue=ISSUE)
    for reason in ("completed", "not_planned", "duplicate"):
        yield "closed", report(issue=replace(ISSUE, state="closed", reason=reason))
    for key in ("joined", "handed", "rejected", "reopened", "gone", "comment"):
        yield key, report(issue=ISSUE, title="")
    yield "closed", report(state=State.SECURITY)


PUBLIC = [State.FILING, State.HANDED, State.FILING, State.FILED, State.LINKED, State.HANDED]
GONE = phrase("The channel no longer exists.")
PROBLEMS = Problems(
    "demo",
    300,
    tuple(
        Problem(number, kind, "demo", version, number, ISSUE.url, state, issue)
        for number, (kind, state, version, issue) in enumerate(
            zip(
                Kind,
                PUBLIC * 2,
                [None, "2.0"] * 6,
                [None, None, None, ISSUE, replace(ISSUE, state="closed"), None] * 2,
                strict=True,
            ),
            1,
        )
    ),
    waiting=tuple(range(1, 13)),
)

SAMPLES: Samples = {
    **{f"card, {story}": partial(triage.card, report(story), site="") for story in STORIES},
    **{
        f"card, {state}": partial(triage.card, report(state=state, issue=ISSUE), site="")
        for state in State
    },
    "card, history": lambda: triage.card(report(steps=history(), likely=()), site=""),
    "card, anonymous": lambda: triage.card(report(reporter=None, into=7), site=""),
    **{
        f"told, {number} {key}": partial(
            triage.outcome, whole, key, ISSUE.url if key == "handed" else "demo"
        )
        for number, (key, whole) in enumerate(told())
    },
    "question": lambda: triage.question(report(), "demo"),
    "question, security": lambda: triage.question(report(state=State.SECURITY), "demo"),
    **{f"preview, {story}": partial(previewed, story) for story in STORIES},
    **{
        f"preview, {number} {verdict}": partial(
            lambda verdicts: reports.preview(draft(hints=declared(verdicts), likely=())),
            [verdict] * number,
        )
        for verdict in ModuleVerdict
        for number in (0, 1, 3)
    },
    "card, one of two": lambda: triage.card(
        report(hints=declared([ModuleVerdict.RE_ENABLES, ModuleVerdict.KEEPS_OFF])), site=""
    ),
    "card, what pip takes now": lambda: triage.card(
        report(hints=declared([ModuleVerdict.KEEPS_OFF], installed=False)), site=""
    ),
    "preview, warned": lambda: reports.preview(draft(credit=False), ()),
    "preview, nobody": lambda: reports.preview(replace(draft(), can_send=False, form=ISSUE.url)),
    "preview, unknown": lambda: reports.preview(replace(draft(likely=()), form=ISSUE.url)),
    "filled in": lambda: reports.filled_in(ISSUE.url),
    "typed": lambda: reports.ready(12),
    "late": reports.late,
    "sent": lambda: reports.sent(report()),
    "sent, but out of reach": lambda: reports.sent(report(), GONE),
    "joined": lambda: reports.joined(report(state=State.JOINED, into=7)),
    "joined an issue": lambda: reports.joined(report(state=State.LINKED, issue=ISSUE)),
    "discarded": reports.discarded,
    "taken back": lambda: reports.withdrawn(report(state=State.WITHDRAWN)),
    "answered": lambda: reports.answered(report()),
    "listing": lambda: reports.listing(PROBLEMS),
    "listing, more": lambda: reports.listing(PROBLEMS, 5),
    "listing, none": lambda: reports.listing(Problems("demo", 0, ())),
    "desk": lambda: desk.ready(Desk(1, 2, 3), public=False),
    "desk, public": lambda: desk.ready(Desk(1, 2, 3), public=True),
    "waiting": lambda: desk.waiting(
        Waiting((report(), report("nothing", id=13, state=State.ASKED)), (14,)), [5], GONE
    ),
    "nothing waits": lambda: desk.waiting(Waiting(), []),
    "blocked": lambda: desk.blocked(5),
    "unblocked": lambda: desk.unblocked(5),
    **{f"form, {action}": partial(make, 12) for action, make in desk.FORMS.items()},
    "form": lambda: report_form.form(report().submission),
    "form, answer": lambda: report_form.answer_form(12),
}
