"""What leads a report from state to state, how much is taken in, and how references are read."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from packaging.version import InvalidVersion, Version

from bot.errors import UserError
from bot.language import Template, phrase, phrase_many
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
TAKEN_UP: Final = frozenset({State.FILING, State.FILED, State.LINKED, State.HANDED})
"""What everybody may hear of, and join, if a triager led it there.

What waits is known on its own server alone, or anyone could smear a project with what is made up.
"""

_BY_REPORTER: Final = frozenset({Action.SEND, Action.ANSWER, Action.WITHDRAW})

_STATES: Final = {
    State.DRAFT: phrase("a draft"),
    State.OPEN: phrase("open"),
    State.ASKED: phrase("waiting for an answer"),
    State.FILING: phrase("on its way to GitHub"),
    State.FILED: phrase("filed"),
    State.LINKED: phrase("linked"),
    State.HANDED: phrase("handed over"),
    State.REJECTED: phrase("rejected"),
    State.SECURITY: phrase("a matter of security"),
    State.JOINED: phrase("joined to another one"),
    State.WITHDRAWN: phrase("taken back"),
}
_DONE: Final[Mapping[Action, Template]] = {
    Action.SEND: Template("{who} sent it already, so the report is {state}."),
    Action.JOIN: Template("{who} joined it to another report already, so the report is {state}."),
    Action.FILE: Template("{who} let it be filed already, so the report is {state}."),
    Action.FILED: Template("{who} filed it already, so the report is {state}."),
    Action.NOT_FILED: Template("{who} could not file it, so the report is {state}."),
    Action.LINK: Template("{who} linked it to an issue already, so the report is {state}."),
    Action.HAND_OVER: Template(
        "{who} handed it over to its reporter already, so the report is {state}."
    ),
    Action.ASK: Template("{who} asked its reporter already, so the report is {state}."),
    Action.ANSWER: Template("{who} answered already, so the report is {state}."),
    Action.REJECT: Template("{who} rejected it already, so the report is {state}."),
    Action.SECURITY: Template(
        "{who} marked it as a security matter already, so the report is {state}."
    ),
    Action.REOPEN: Template("{who} reopened it already, so the report is {state}."),
    Action.WITHDRAW: Template("{who} took it back already, so the report is {state}."),
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
        return phrase("The report was sent already."), ""
    if action is Action.ANSWER:
        return phrase("The report can't be answered any more: it was decided on."), ""
    if action in _BY_REPORTER:
        return phrase("The report can't be taken back any more: it was decided on."), ""
    if state is State.DRAFT:
        return phrase("The report was not sent yet."), ""
    if last is None:
        return phrase("That can't be done with a report that is {state}.", state=_STATES[state]), ""
    who = "ftbot" if last.actor == FTBOT else last.actor.name or phrase("Somebody")
    hint = phrase("Reopen it first.") if (state, Action.REOPEN) in TRANSITIONS else ""
    return _DONE[last.action].phrase(who=who, state=_STATES[state]), hint


# Limits

MOST_AN_HOUR: Final = 5
"""So many reports an hour may a member make, drafts included."""
MOST_A_DAY: Final = 20
MOST_A_SERVER: Final = 30
"""So many reports an hour may come from one server."""
MOST_CHANGES: Final = 20
"""So many times an hour may a member change drafts: each time all is read and looked up anew."""

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
"""How long it is kept who made a report: after its end, or its last step if nobody goes on with it.

Until then its reporter hears of the outcome.
"""
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
    for part, text, most in (
        ("project", clean.project, MOST_PROJECT),
        ("environment", clean.environment, MOST_ENVIRONMENT),
        ("story", clean.story, MOST_STORY),
    ):
        if len(text) > most:
            raise UserError(
                _TOO_LONG[part].phrase(length=f"{len(text):,}", most=f"{most:,}"),
                phrase("Shorten it, or attach the long part as a file of logs."),
            )
    if len(clean.logs.encode()) > MOST_LOGS:
        raise UserError(
            phrase("The logs are larger than 1 MiB."),
            phrase("Attach the part around the first error only."),
        )
    if not clean.story and not clean.logs.strip():
        raise UserError(
            phrase("The report says nothing yet."),
            phrase("Tell what happened, or attach logs."),
        )
    return clean


_TOO_LONG: Final[Mapping[str, Template]] = {
    "project": Template("The name of the project has {length} characters; {most} are the most."),
    "environment": Template(
        "The text about interpreter and platform has {length} characters; {most} are the most."
    ),
    "story": Template("The text about what happened has {length} characters; {most} are the most."),
    "question": Template("The question has {length} characters; {most} are the most."),
    "answer": Template("The answer has {length} characters; {most} are the most."),
    "reason": Template("The reason has {length} characters; {most} are the most."),
}
_EMPTY: Final = {
    "question": phrase("The question is empty."),
    "answer": phrase("The answer is empty."),
    "reason": phrase("The reason is empty."),
}


def noted(text: str, what: str) -> str:
    """Return a `question`, an `answer` or a `reason`, cleaned.

    UserError if it is empty or too long.
    """
    clean = cleaned(text).strip()
    if not clean:
        raise UserError(_EMPTY[what], phrase("Write a sentence."))
    if len(clean) > MOST_NOTE:
        raise UserError(
            _TOO_LONG[what].phrase(length=f"{len(clean):,}", most=f"{MOST_NOTE:,}"),
            phrase("Shorten it."),
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
            phrase("There is no room left in this report."),
            phrase("Make a new one that says it all briefly."),
        )
    return replace(submission, story=told)


def is_too_much(hour: int, day: int, server: int) -> UserError | None:
    """Judge how many reports a member made within an hour and a day, and a server in an hour."""
    if hour >= MOST_AN_HOUR:
        return UserError(
            phrase_many(
                "You made {count} report within an hour.",
                "You made {count} reports within an hour.",
                hour,
            ),
            phrase("Try again in an hour."),
        )
    if day >= MOST_A_DAY:
        return UserError(
            phrase_many(
                "You made {count} report within a day.",
                "You made {count} reports within a day.",
                day,
            ),
            phrase("Try again tomorrow."),
        )
    if server >= MOST_A_SERVER:
        return UserError(
            phrase_many(
                "{count} report came from this server within an hour.",
                "{count} reports came from this server within an hour.",
                server,
            ),
            phrase("Try again in an hour."),
        )
    return None


def is_changed_too_often(hour: int) -> UserError | None:
    """Judge how often a member changed drafts within an hour."""
    if hour < MOST_CHANGES:
        return None
    return UserError(
        phrase_many(
            "You changed reports {count} time within an hour.",
            "You changed reports {count} times within an hour.",
            hour,
        ),
        phrase("Try again in an hour."),
    )


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

_ABOUT: Final = phrase("Link the issue that it is about.")
PULL_REQUEST: Final = phrase("That is a pull request, no issue."), _ABOUT
"""Why what was named cannot be linked, and what to do; `_DISCUSSION` likewise."""
_DISCUSSION: Final = phrase("That is a discussion, no issue."), _ABOUT
_FORMS: Final = phrase("Write an issue's address, owner/name#12, #12 or the number of a report.")


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
        raise UserError(phrase("That is neither an issue nor a report."), _FORMS)
    host, repository, kind, number = match.groups()
    if host.lower() != site.partition("://")[2].lower():
        raise UserError(phrase("Only issues on GitHub can be linked."), _FORMS)
    if kind != "issues":
        raise UserError(*(PULL_REQUEST if kind == "pull" else _DISCUSSION))
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
        raise UserError(
            phrase("There is nothing like that to join."),
            phrase("Open the report's draft again."),
        )
    return (match[2], int(match[3])) if match[2] else int(match[3])


# Problems


def problems(found: Iterable[Problem], version: str | None = None) -> tuple[Problem, ...]:
    """Return each problem once that a triager took up, those that matter most first.

    Reports of one issue are one problem. With `version`, problems of other versions are left out;
    those of an unknown version stay.
    """
    together: dict[object, Problem] = {}
    for each in sorted(found, key=lambda each: not each.taken_up):
        if version is not None and each.version and not _same_version(each.version, version):
            continue
        key = (each.issue.repository.lower(), each.issue.number) if each.issue else each.report
        if first := together.get(key):
            together[key] = replace(first, count=first.count + each.count)
        elif each.taken_up:
            together[key] = each
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
