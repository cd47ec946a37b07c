"""Which message comes next, when to try again, and how a message is known."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import messages
from bot.announce.delivery import rules
from bot.announce.delivery.metrics import age, facts
from bot.announce.delivery.model import Backlog, Waiting
from bot.announce.delivery.rules import Next, plan

NOW = 1_800_000_000.0
MINUTE, HOUR = 60.0, 3_600.0


def waiting(*ages: float, first: int = 1, digest: bool = False) -> list[Waiting]:
    """Return deliveries of news that were found so many seconds ago."""
    return [
        Waiting(id=first + place, found=NOW - old, due=0.0, digest=digest)
        for place, old in enumerate(ages)
    ]


CHANNEL = [
    ("nothing", waiting(), Next()),
    ("one at a time, in order", waiting(30, 20, 10), Next((1,))),
    ("many that are fresh", waiting(*[50 * MINUTE] * 50), Next((1,))),
    ("a few that are late", waiting(*[2 * HOUR] * 5, 10), Next((1,))),
    ("a flood after an outage", waiting(*[2 * HOUR] * 6, 10), Next((1, 2, 3, 4, 5, 6))),
    ("much too old", waiting(49 * HOUR, 50, 49 * HOUR), Next((1, 3))),
    ("too old when it was found", waiting(1, 1, digest=True), Next((1, 2))),
    ("first what is in order", [*waiting(5), *waiting(4, 3, first=2, digest=True)], Next((1,))),
    ("not yet due", [Waiting(1, NOW, due=NOW + 5), Waiting(2, NOW, due=0)], Next((2,))),
    ("put off", [Waiting(1, NOW, due=NOW + 5, attempts=1), Waiting(2, NOW, 0)], Next((), NOW + 5)),
    (
        "what was begun comes first, and as it was",
        [Waiting(1, NOW, 0), Waiting(2, NOW, 0, 1, parcel=2), Waiting(3, NOW, 0, 1, parcel=2)],
        Next((2, 3)),
    ),
    (
        "the clock was ahead when it was put off",
        [Waiting(1, NOW, due=NOW + 24 * HOUR, attempts=3, parcel=1)],
        Next((1,)),
    ),
]


@pytest.mark.parametrize(
    ("deliveries", "expected"),
    [case[1:] for case in CHANNEL],
    ids=[case[0] for case in CHANNEL],
)
def test_the_next_message_of_a_channel(deliveries: Sequence[Waiting], expected: Next) -> None:
    assert plan("channel", deliveries, (), NOW) == expected


PERSON = [
    ("up to three at once", waiting(1, 1, 1), (), Next((1,))),
    ("one more is a digest", waiting(1, 1, 1, 1), (), Next((1, 2, 3, 4))),
    ("the third this hour", waiting(1), (NOW - 5, NOW - 9), Next((1,))),
    ("the fourth waits", waiting(1), (NOW - 5, NOW - 9, NOW - 7), Next((), NOW - 5 + HOUR)),
    ("many wait for the hour's end", waiting(*[9] * 9), (NOW - 60,), Next((), NOW - 60 + HOUR)),
    ("an hour later", waiting(*[HOUR] * 2), (NOW - HOUR,) * 3, Next((1,))),
    ("a time in the future is a clock's mistake", waiting(1), (NOW + 5,) * 9, Next((1,))),
    ("too old", waiting(50 * HOUR, 1), (), Next((1, 2))),
    ("too old, just written to", waiting(50 * HOUR), (NOW - 1,), Next((), NOW - 1 + HOUR)),
]


@pytest.mark.parametrize(
    ("deliveries", "recent", "expected"),
    [case[1:] for case in PERSON],
    ids=[case[0] for case in PERSON],
)
def test_the_next_direct_message(
    deliveries: Sequence[Waiting], recent: Sequence[float], expected: Next
) -> None:
    assert plan("user", deliveries, recent, NOW) == expected


@given(
    ages=st.lists(st.floats(0, 100 * HOUR), max_size=30),
    kind=st.sampled_from(["channel", "user"]),
    digest=st.booleans(),
)
def test_all_that_waits_is_sent_once(ages: list[float], kind: str, digest: bool) -> None:
    left = waiting(*ages, digest=digest)
    now, recent, sent = NOW, list[float](), list[int]()
    for _ in range(3 * len(ages) + 1):
        step = plan(kind, left, recent, now)
        if step.until is not None:
            assert now < step.until <= now + messages.LONGEST_WAIT
            now = step.until
        elif step.ids:
            sent += step.ids
            recent.append(now)
            left = [each for each in left if each.id not in step.ids]
    assert sorted(sent) == [each.id for each in waiting(*ages)]


@given(hours=st.lists(st.integers(0, 8 * 60), min_size=1, max_size=60))
def test_a_person_gets_at_most_three_messages_an_hour(hours: list[int]) -> None:
    """News come at these minutes; a message is sent whenever the rules allow it."""
    sent: list[float] = []
    left: list[Waiting] = []
    for minute in range(12 * 60):
        now = NOW + minute * MINUTE
        for place, when in enumerate(hours):
            if when == minute:
                left.append(Waiting(place, found=now, due=0.0))
        left.sort(key=lambda each: each.id)
        while ids := plan("user", left, sent, now).ids:
            sent.append(now)
            left = [each for each in left if each.id not in ids]
    assert not left
    for time in sent:
        assert len([each for each in sent if time - HOUR < each <= time]) <= rules.DIRECT_AN_HOUR


@given(due=st.floats(0, 4e9), now=st.floats(1, 4e9))
def test_nothing_is_put_off_for_more_than_an_hour(due: float, now: float) -> None:
    """Whatever a clock that was wrong made of `due`."""
    assert messages.is_due(due, now) or messages.is_due(due, now + messages.LONGEST_WAIT)


def test_the_age_of_nothing_and_of_what_comes_from_the_future_is_zero() -> None:
    now = datetime.now(UTC)
    assert age(Backlog(), now) == 0
    assert age(Backlog(1, now + timedelta(hours=1)), now) == 0


def test_facts() -> None:
    now = datetime.now(UTC)
    backlog = Backlog(waiting=3, oldest=now - timedelta(seconds=61.26), paused=4)
    assert facts(backlog, now) == {"waiting": 3, "oldest_seconds": 61.3, "paused": 4}
