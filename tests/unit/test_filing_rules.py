"""When the next issue may be made, and what triagers are told."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.reports.filing import rules

NOW = 1_800_000_000.0
REPO = "community/reports"


@pytest.mark.parametrize(
    ("recent", "wait"),
    [
        ([], 0),
        ([NOW - 0.25], 0.75),
        ([NOW - 1], 0),
        ([NOW], 1),
        ([NOW + 5], 0),  # of a clock that was wrong
        ([NOW - 2 * number for number in range(1, 20)], 0),
        ([NOW - 2 * number for number in range(1, 21)], 20),
        ([NOW - 10 * number for number in range(1, 200)], 0),
        ([NOW - 10 * number for number in range(1, 201)], 1600),
        ([NOW - 3601 - number for number in range(300)], 0),
    ],
)
def test_limits(recent: list[float], wait: float) -> None:
    assert rules.next_post(recent, NOW) == pytest.approx(NOW + wait)


@given(st.lists(st.floats(0, 4000), max_size=400))
def test_limits_are_never_exceeded(ages: list[float]) -> None:
    """Posts that come as soon as they may stay within all limits."""
    times = sorted(NOW - age for age in ages)
    earliest = rules.next_post(times, NOW)
    before = [time for time in times if time <= NOW]
    assert earliest >= NOW
    if not before or earliest == NOW:
        assert sum(earliest - time < rules.MINUTE for time in before) < rules.A_MINUTE
        assert sum(earliest - time < rules.HOUR for time in before) < rules.AN_HOUR
    assert rules.next_post(before, earliest + 1e-6) <= earliest + rules.HOUR


def test_as_many_as_possible_go_within_an_hour() -> None:
    now, times = NOW, list[float]()
    while now < NOW + rules.HOUR:
        earliest = rules.next_post(times, now)
        if earliest <= now:
            times.append(now)
        now = max(earliest, now)
    assert len(times) == rules.AN_HOUR
    assert min(after - time for time, after in pairwise(times)) >= rules.PAUSE


def test_labels_are_compared_as_github_does() -> None:
    assert rules.existing(("Bug", "crash", "BUG"), {"bug", "Free-Threading"}) == ("Bug", "BUG")


@pytest.mark.parametrize(
    ("wanted", "given_", "labels", "words"),
    [
        ((), (), {"bug"}, None),
        (("bug",), ("Bug",), {"bug"}, None),
        (("bug", "crash"), ("bug",), {"bug"}, f"{REPO} has no label crash: create it"),
        (("bug",), (), {"bug"}, "GitHub left out the label bug: give ftbot the permission"),
        (("bug", "x"), (), {"bug"}, "GitHub left out the label bug:"),
        (("bug",), (), None, "GitHub left out the label bug:"),
        ([f"l{n}" for n in range(30)], (), set(), "l8, l9 and 20 more"),
    ],
)
def test_missing_labels_are_told(
    wanted: tuple[str, ...], given_: tuple[str, ...], labels: set[str] | None, words: str | None
) -> None:
    told = rules.lacking(REPO, wanted, given_, labels)
    assert (told is None) == (words is None)
    assert (words or "") in (told or "")


@pytest.mark.parametrize(
    "word",
    [
        rules.forbidden(REPO, said="no " * 1000),
        rules.missing(REPO),
        rules.no_issues(REPO),
        rules.invalid(REPO, "body is\ntoo long."),
        rules.unseen(REPO),
        rules.rejected("It is too old. Renew it."),
        rules.NO_CREDENTIALS,
        rules.SILENT,
        rules.LIMITED,
        rules.BUSY,
    ],
)
def test_words_for_triagers_are_short_and_end(word: str) -> None:
    assert len(word) < 450
    assert word.endswith((".", ".)"))
    assert "\n" not in word
