"""Judgements of the doctor: permissions by Discord's rules, the clock, the exit code."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.doctor.model import Finding, State
from bot.doctor.rules import Said, clock, exit_code, granted, missing

VIEW, SEND, EMBED, HISTORY, IN_THREADS = 1 << 10, 1 << 11, 1 << 14, 1 << 16, 1 << 38
ALL = VIEW | SEND | EMBED | HISTORY
ADMINISTRATOR = 1 << 3
GUILD, HELPERS, BOTS, ME = "1", "20", "21", "99"


def guild(everyone: int, helpers: int = 0, bots: int = 0) -> dict[str, Any]:
    roles = {GUILD: everyone, HELPERS: helpers, BOTS: bots}
    return {
        "id": GUILD,
        "roles": [{"id": each, "permissions": str(bits)} for each, bits in roles.items()],
    }


def channel(*overwrites: tuple[str, int, int]) -> dict[str, Any]:
    """A channel; each overwrite is for whom, what it denies and what it allows."""
    return {
        "permission_overwrites": [
            {"id": whose, "type": 0, "deny": str(deny), "allow": str(allow)}
            for whose, deny, allow in overwrites
        ]
    }


@pytest.mark.parametrize(
    ("server", "place", "lacking"),
    [
        (guild(ALL), channel(), ()),
        (guild(VIEW | SEND), channel(), ("Embed Links", "Read Message History")),
        (guild(VIEW, bots=SEND | EMBED | HISTORY), channel(), ()),
        (guild(VIEW, helpers=ALL), channel((HELPERS, SEND, 0)), ("Send Messages",)),
        (guild(ALL), channel((GUILD, SEND, 0)), ("Send Messages",)),
        (guild(ALL), channel((GUILD, VIEW, 0)), ("View Channel",)),
        (guild(ALL), channel((GUILD, SEND, 0), (BOTS, 0, SEND)), ()),
        (guild(ALL), channel((BOTS, SEND, 0), (HELPERS, 0, SEND)), ()),  # of roles, allow wins
        (guild(ALL), channel((BOTS, 0, SEND), (ME, SEND, 0)), ("Send Messages",)),
        (guild(ALL), channel((BOTS, SEND, 0), (ME, 0, SEND)), ()),
        (guild(ALL), channel(("77", SEND, 0)), ()),  # somebody else's
        (guild(0, bots=ADMINISTRATOR), channel((GUILD, ALL, 0), (ME, ALL, 0)), ()),
    ],
)  # fmt: skip
def test_what_is_missing_in_a_channel(
    server: dict[str, Any], place: dict[str, Any], lacking: tuple[str, ...]
) -> None:
    bits = granted(server, [HELPERS, BOTS], place, ME)
    assert missing(bits, thread=False) == lacking


def test_threads_need_a_permission_of_their_own() -> None:
    bits = granted(guild(ALL), [], channel(), ME)
    assert missing(bits, thread=True) == ("Send Messages in Threads",)
    assert missing(bits | IN_THREADS, thread=True) == ()
    assert missing(bits & ~SEND | IN_THREADS, thread=True) == ()


@given(st.sets(st.sampled_from([VIEW, SEND, EMBED, HISTORY])), st.booleans())
def test_nothing_can_be_done_where_nothing_is_seen(bits: set[int], role: bool) -> None:
    hidden = channel((BOTS if role else GUILD, VIEW, sum(bits - {VIEW})))
    assert missing(granted(guild(ALL), [BOTS], hidden, ME), thread=False) == ("View Channel",)


def said(ahead: float, age: int = 0) -> Said:
    return Said("host", 1_000_000.0 - age, 1_000_001.0, 1_000_000.0 + ahead)


@pytest.mark.parametrize(
    ("answers", "state", "words"),
    [
        ([], State.SKIPPED, "No service answered"),
        ([said(0)], State.OK, "agrees with host"),
        ([said(9)], State.OK, "agrees"),
        ([said(30)], State.WARNING, "29 seconds ahead of host"),
        ([said(-30)], State.WARNING, "30 seconds behind host"),
        ([said(3_600)], State.FAILED, "60.0 minutes ahead of host"),
        ([said(-3_600)], State.FAILED, "60.0 minutes behind host"),
        ([said(-86_400 * 30)], State.FAILED, "30.0 days behind"),
        # A cache may tell when it got the answer; and one service may be wrong.
        ([said(-3_600, age=7_200)], State.OK, "agrees"),
        ([said(3_600), said(1)], State.OK, "agrees"),
    ],
)
def test_the_clock(answers: list[Said], state: State, words: str) -> None:
    finding = clock(answers)
    assert finding.state is state
    assert words in finding.text
    assert bool(finding.mend) == (state in {State.WARNING, State.FAILED})


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([], 0),
        ([(State.OK, True), (State.SKIPPED, True)], 0),
        ([(State.WARNING, True), (State.WARNING, False)], 0),
        ([(State.FAILED, False), (State.OK, True)], 3),
        ([(State.FAILED, False), (State.FAILED, True)], 2),
    ],
)
def test_the_exit_code(findings: list[tuple[State, bool]], code: int) -> None:
    made = [Finding("x", state, "", answered=answered) for state, answered in findings]
    assert exit_code(made) == code
