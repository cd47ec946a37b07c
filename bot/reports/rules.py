"""What leads a report from state to state, how much is taken in, and how references are read."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from packaging.version import InvalidVersion, Version

from bot.errors import UserError
from bot.reports.model import (
    FTBOT,
    Action,
    Issue,
    Problem,
    Reading,
    State,
    Step,
    Submission,
)

# States

TRANSITIONS: Final[Mapping[tuple[State, Action], State]] = MappingProxyType(
    {
        # Its reporter sends it, or says that it is the same as something known.
        (State.DRAFT, Action.SEND): State.OPEN,
        (State.DRAFT, Action.JOIN): State.JOINED,
        (State.DRAFT, Action.LINK): State.LINKED,
        # Triagers decide.
        **{
            (waiting, action): after
            for waiting in (State.OPEN, State.ASKED)
            for action, after in (
                (Action.FILE, State.FILING),
                (Action.LINK, State.LINKED),
                (Action.JOIN, State.JOINED),
                (Action.HAND_OVER, State.HANDED),
                (Action.ASK, State.ASKED),
                (Action.REJECT, State.REJECTED),
                (Action.SECURITY, State.SECURITY),
                # Its reporter answers, also a second question, or takes it back.
                (Action.ANSWER, State.OPEN),
                (Action.WITHDRAW, State.WITHDRAWN),
            )
        },
        (State.JOINED, Action.WITHDRAW): State.WITHDRAWN,
        # GitHub has it, or will not have it.
        (State.FILING, Action.FILED): State.FILED,
        (State.FILING, Action.NOT_FILED): State.OPEN,
        # The form that its reporter was handed became an issue.
        (State.HANDED, Action.LINK): State.LINKED,
        # What no issue of ours stands for can be decided anew.
        **{
            (decided, Action.REOPEN): State.OPEN
            for decided in (
                State.LINKED,
                State.JOINED,
                State.HANDED,
                State.REJECTED,
                State.SECURITY,
            )
        },
    }
)
"""All that may happen to a report. What is not here is refused."""

WAITING: Final = frozenset({State.OPEN, State.ASKED})
"""A triager has still to decide."""
KNOWN: Final = WAITING | {State.FILING, State.FILED, State.LINKED, State.HANDED}
"""What everybody may hear of, and join."""

_BY_REPORTER: Final = frozenset({Action.SEND, Action.ANSWER, Action.WITHDRAW})

_DONE: Final = {
    Action.SEND: "sent it",
    Action.JOIN: "joined it to another report",
    Action.FILE: "let it be filed",
    Action.FILED: "filed it",
    Action.NOT_FILED: "could not file it",
    Action.LINK: "linked it to an issue",
    Action.HAND_OVER: "handed it over to its reporter",
    Action.ASK: "asked its reporter",
    Action.ANSWER: "answered",
    Action.REJECT: "rejected it",
    Action.SECURITY: "marked it as a security matter",
    Action.REOPEN: "reopened it",
    Action.WITHDRAW: "took it back",
}


class Settled(UserError):
    """What is asked for does not fit the report's state: somebody was quicker, most often.

    `state` is where it stands, `last` what led there, as far as the one who asks may know.
    """

    def __init__(self, state: State, action: Action, last: Step | None = None) -> None:
        self.state = state
        self.action = action
        self.last = None if action in _BY_REPORTER else last
        super().__init__(*_settled(state, action, self.last))


def after(state: State, action: Action, last: Step | None = None) -> State:
    """Return where `action` leads from `state`; raise Settled if it leads nowhere.

    `last` is the report's newest step, for the words of the error.
    """
    try:
        return TRANSITIONS[state, action]
    except KeyError:
        raise Settled(state, action, last) from None


def _settled(state: State, action: Action, last: Step | None) -> tuple[str, str]:
    # A reporter learns nothing of who decided what: the matter may be one of security.
    if action is Action.SEND:
        return "The report was sent already.", ""
    if action in _BY_REPORTER:
        what = "answered" if action is Action.ANSWER else "taken back"
        return f"The report can't be {what} any more: it was decided on.", ""
    if state is State.DRAFT:
        return "The report was not sent yet.", ""
    if last is None:
        return f"That can't be done with a report that is {state}.", ""
    who = "ftbot" if last.actor == FTBOT else last.actor.name or "Somebody"
    hint = "Reopen it first." if (state, Action.REOPEN) in TRANSITIONS else ""
    return f"{who} {_DONE[last.action]} already, so the report is {state}.", hint


# Limits

MOST_AN_HOUR: Final = 5
"""So many reports an hour may a member make, drafts included."""
MOST_A_DAY: Final = 20
MOST_A_SERVER: Final = 30
"""So many reports an hour may come from one server."""

MOST_PROJECT: Final = 300
MOST_ENVIRONMENT: Final = 4_000
MOST_STORY: Final = 8_000
"""Characters of what happened, as it is first told."""
MOST_TOLD: Final = 32_000
"""Characters of what happened, with all answers."""
MOST_ANSWERS: Final = 20
"""So many answers may be in one report."""
MOST_NOTE: Final = 4_000
"""Characters of a question, an answer or a reason."""
MOST_LOGS: Final = 1 << 20
"""Bytes of logs, as UTF-8."""
MOST_NAME: Final = 100

FOLD_WITHIN: Final = timedelta(hours=24)
"""A report is folded into one that is nearly identical if that is younger."""

DRAFTS_KEPT: Final = timedelta(days=7)
REFUSED_KEPT: Final = timedelta(days=90)
"""How long the texts of reports that were rejected or taken back are kept."""
AUTHORS_KEPT: Final = timedelta(days=365)
"""How long after its end it is kept who made a report."""
TRIES_KEPT: Final = timedelta(days=1)
"""How long it is kept that somebody made a report, for the limits."""


def cleaned(text: str) -> str:
    """Return `text` without what no database and no network takes: NUL and lone surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def accepted(submission: Submission) -> Submission:
    """Return what a member wrote, cleaned. UserError if something is too long, or all is empty."""
    clean = Submission(
        project=cleaned(submission.project).strip(),
        environment=cleaned(submission.environment).strip(),
        story=cleaned(submission.story).strip(),
        logs=cleaned(submission.logs),
        log_name=cleaned(submission.log_name)[:MOST_NAME] if submission.log_name else None,
        message=cleaned(submission.message) if submission.message else None,
    )
    for what, text, most in (
        ("name of the project", clean.project, MOST_PROJECT),
        ("text about interpreter and platform", clean.environment, MOST_ENVIRONMENT),
        ("text about what happened", clean.story, MOST_STORY),
    ):
        if len(text) > most:
            raise UserError(
                f"The {what} has {len(text):,} characters; {most:,} are the most.",
                "Shorten it, or attach the long part as a file of logs.",
            )
    if len(clean.logs.encode()) > MOST_LOGS:
        raise UserError(
            "The logs are larger than 1 MiB.", "Attach the part around the first error only."
        )
    if not clean.story and not clean.logs.strip():
        raise UserError("The report says nothing yet.", "Tell what happened, or attach logs.")
    return clean


def noted(text: str, what: str) -> str:
    """Return a question, an answer or a reason, cleaned. UserError if it is empty or too long."""
    clean = cleaned(text).strip()
    if not clean:
        raise UserError(f"The {what} is empty.", "Write a sentence.")
    if len(clean) > MOST_NOTE:
        raise UserError(
            f"The {what} has {len(clean):,} characters; {MOST_NOTE:,} are the most.", "Shorten it."
        )
    return clean


def answered(submission: Submission, answer: str, steps: Iterable[Step] = ()) -> Submission:
    """Return what a member wrote with an answer after it. UserError if it gets too long.

    `steps` are the report's, so that there are not too many answers either.
    """
    told = f"{submission.story}\n\n{answer}".strip()
    answers = sum(step.action is Action.ANSWER for step in steps)
    if len(told) > MOST_TOLD or answers >= MOST_ANSWERS:
        raise UserError(
            "There is no room left in this report.", "Make a new one that says it all briefly."
        )
    return replace(submission, story=told)


def is_too_much(hour: int, day: int, server: int) -> UserError | None:
    """Judge how many reports a member made within an hour and a day, and a server in an hour."""
    if hour >= MOST_AN_HOUR:
        return UserError(f"You made {hour} reports within an hour.", "Try again in an hour.")
    if day >= MOST_A_DAY:
        return UserError(f"You made {day} reports within a day.", "Try again tomorrow.")
    if server >= MOST_A_SERVER:
        return UserError(
            f"{server} reports came from this server within an hour.", "Try again in an hour."
        )
    return None


def emptied(reading: Reading) -> Reading:
    """Return a reading without the pieces of text that it was made from."""
    facts = {
        name: replace(fact, evidence="")
        for name in reading.facts.__slots__
        if (fact := getattr(reading.facts, name)) is not None
    }
    return replace(reading, facts=replace(reading.facts, **facts), evidence=(), excerpt="", gaps=())


# References

_REPOSITORY = r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}"
_NUMBER = r"[1-9][0-9]{0,9}"
_ADDRESS = re.compile(
    rf"https?://(?:www\.)?([^/\s]{{1,100}})/({_REPOSITORY})/(issues|pull|discussions)/({_NUMBER})"
    r"(?:[/?#].*)?",
    re.ASCII,
)
_SHORT = re.compile(rf"({_REPOSITORY})?#({_NUMBER})", re.ASCII)
_REPORT = re.compile(rf"(?:report:)?({_NUMBER})", re.ASCII)
_KEY = re.compile(rf"(report|issue):(?:({_REPOSITORY})#)?({_NUMBER})", re.ASCII)

_FORMS: Final = "Write an issue's address, owner/name#12, #12 or the number of a report."


def reference(text: str, *, home: str, site: str) -> Issue | int:
    """Read what a triager refers to: an issue, or the number of a report of ours.

    `#12` is an issue of the repository `home`, a plain `12` or `report:12` a report; the key of a
    `Likely` will do too. `site` is the address of GitHub for people, without slash. UserError if
    it is anything else.
    """
    clean = text.strip().strip("<>").removeprefix("issue:")[:500]
    if match := _REPORT.fullmatch(clean):
        return int(match[1])
    if match := _SHORT.fullmatch(clean):
        return issue(match[1] or home, int(match[2]), site=site)
    match = _ADDRESS.fullmatch(clean)
    if match is None:
        raise UserError("That is neither an issue nor a report.", _FORMS)
    host, repository, kind, number = match.groups()
    if host.lower() != site.partition("://")[2].lower():
        raise UserError("Only issues on GitHub can be linked.", _FORMS)
    if kind != "issues":
        what = "a pull request" if kind == "pull" else "a discussion"
        raise UserError(f"That is {what}, no issue.", "Link the issue that it is about.")
    return issue(repository, int(number), site=site)


def issue(repository: str, number: int, *, site: str) -> Issue:
    """Return an issue of which nothing else is known yet."""
    return Issue(repository, number, f"{site}/{repository}/issues/{number}")


def likely_key(key: str) -> tuple[str, int] | int:
    """Read the key of a `Likely`: repository and number of an issue, or the number of a report.

    UserError if it is neither.
    """
    match = _KEY.fullmatch(key)
    if match is None or (match[1] == "issue") != bool(match[2]):
        raise UserError("There is nothing like that to join.", "Open the report's draft again.")
    return (match[2], int(match[3])) if match[2] else int(match[3])


# Problems


def problems(found: Iterable[Problem], version: str | None = None) -> tuple[Problem, ...]:
    """Return each problem once, those that matter most first.

    Reports of one issue are one problem. With `version`, problems of other versions are left out;
    those of an unknown version stay.
    """
    together: dict[object, Problem] = {}
    for each in found:
        if version is not None and each.version and not _same_version(each.version, version):
            continue
        key = (each.issue.repository.lower(), each.issue.number) if each.issue else each.report
        first = together.get(key)
        together[key] = replace(first, count=first.count + each.count) if first else each
    return tuple(
        sorted(
            together.values(),
            key=lambda each: (_is_over(each), -each.count, -each.report),
        )
    )


def _is_over(problem: Problem) -> bool:
    return problem.issue is not None and problem.issue.state != "open"


def _same_version(a: str, b: str) -> bool:
    try:
        return Version(a) == Version(b)
    except InvalidVersion:
        return a == b
