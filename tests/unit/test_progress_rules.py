"""Counting what is ready, and deriving how it was."""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.compat.model import ProjectFiles, Target
from bot.compat.rules import support
from bot.errors import UserError
from bot.progress.model import Among, Counts, Day, Declared, Judged
from bot.progress.rules import (
    MOST_MISSING,
    READY,
    Tally,
    has_binaries,
    is_complete,
    is_due,
    parse_among,
    percent,
    thinned,
    with_today,
)
from bot.ui import check as check_card
from bot.xray.model import ModuleVerdict
from tests.conftest import SHARED
from tests.unit.progress_pages import (
    LINUX,
    NOW,
    compiled,
    days_ago,
    kinds,
    page,
    release,
)

LINUX_314 = Target("3.14t", "linux-x86_64")
TODAY = NOW.date()
PURE = ("py3-none-any",)
TRANSITIONS = SHARED / "data/popularity/hugovk_transitions.jsonl"


def tallied(
    projects: dict[str, ProjectFiles],
    *targets: Target,
    now: datetime = NOW,
    ranked: int | None = None,
    gil: Mapping[str, ModuleVerdict] | None = None,
) -> Judged:
    """Judge projects, the most downloaded first."""
    chosen = targets or (LINUX_314,)
    total = len(projects) if ranked is None else ranked
    tally = Tally({among: min(among.size, total) for among in Among}, chosen, now, gil)
    for rank, (name, files) in enumerate(projects.items(), 1):
        tally.add(name, rank, support(files, chosen), has_binaries(files))
    return tally.judged()


def counted(judged: Judged, among: Among = Among.TOP_1000) -> Counts:
    return judged.standing.targets[0].counts[among]


def test_ready_means_what_it_means_in_answers() -> None:
    assert READY == check_card._READY


@pytest.mark.parametrize(
    ("releases", "binaries"),
    [
        ([("1.0", PURE)], False),
        ([("1.0", compiled(["313"]))], True),
        ([("1.0", ["py3-none-manylinux_2_17_x86_64"])], True),
        ([("1.0", compiled(["313"])), ("2.0", PURE)], False),  # it became pure
        ([("1.0", PURE), ("2.0", compiled(["313"]))], True),
        ([("1.0", compiled(["313"])), ("2.0", [])], True),  # a release of source alone says nothing
        ([("1.0", []), ("2.0", [])], False),
        ([("1.0", PURE), ("2.0b1", compiled(["313"]))], False),  # not released yet
        ([("2.0b1", compiled(["313"]))], True),  # there is nothing else
        ([("1.0", [*PURE, *compiled(["313"])])], True),
        ([], False),
    ],
)
def test_who_has_binaries(releases: list[tuple[str, list[str]]], binaries: bool) -> None:
    files = page("demo", *(release("demo", version, NOW, *tags) for version, tags in releases))
    assert has_binaries(files) is binaries


def test_yanked_releases_tell_nothing_of_binaries() -> None:
    newest = [replace(file, yanked=True) for file in release("demo", "2.0", NOW, *PURE)]
    assert has_binaries(page("demo", release("demo", "1.0", NOW, *compiled(["313"])), newest))


def world() -> dict[str, ProjectFiles]:
    """Four projects, as different as they are."""
    free = compiled(["313", "314", "314t"])
    return {
        "pure": page("pure", release("pure", "1.0", days_ago(900), *PURE)),
        "free": page(
            "free",
            release("free", "1.0", days_ago(300), *compiled(["313"])),
            release("free", "2.0", days_ago(200), *free),
        ),
        "fresh": page("fresh", release("fresh", "1.0", days_ago(20), *free)),
        "behind": page("behind", release("behind", "1.0", days_ago(300), *compiled(["313"]))),
    }


def test_what_wheels_declare_is_counted_of_those_with_binaries() -> None:
    projects = {
        **{
            f"p{n}": page(f"p{n}", release(f"p{n}", "1.0", NOW, *compiled(["314t"])))
            for n in range(5)
        },
        "pure": page("pure", release("pure", "1.0", NOW, *PURE)),
        "old": page("old", release("old", "1.0", NOW, *compiled(["313"]))),
    }
    files = {
        name: row.installs.file
        for name, found in projects.items()
        if (row := support(found, [LINUX_314])[0]).installs
    }
    verdicts = [*ModuleVerdict][:4]
    gil = {files[f"p{n}"]: verdict for n, verdict in enumerate(verdicts)}
    gil |= {files["pure"]: ModuleVerdict.RE_ENABLES, "other.whl": ModuleVerdict.RE_ENABLES}
    judged = tallied(projects, gil=gil)
    declared = judged.standing.targets[0].declared
    assert set(declared) == set(Among)
    assert declared[Among.TOP_1000] == Declared(read=4, keep_off=2, turn_on=1)
    assert tallied(projects).standing.targets[0].declared[Among.TOP_360] == Declared()


def test_what_wheels_declare_is_counted_among_the_most_downloaded() -> None:
    names = [f"p{n}" for n in range(400)]
    projects = {name: page(name, release(name, "1.0", NOW, *compiled(["314t"]))) for name in names}
    gil = {
        support(found, [LINUX_314])[0].installs.file: ModuleVerdict.KEEPS_OFF  # type: ignore[union-attr] # each has one
        for found in projects.values()
    }
    declared = tallied(projects, gil=gil).standing.targets[0].declared
    assert [declared[among].keep_off for among in Among] == [360, 400, 400]


def test_counts_of_all_and_of_those_with_binaries() -> None:
    judged = tallied(world())
    assert counted(judged) == Counts(projects=4, ready=3, binaries=3, binaries_ready=2)
    assert counted(judged).share == pytest.approx(2 / 3)
    assert counted(judged).share_of_all == pytest.approx(3 / 4)
    (target,) = judged.standing.targets
    assert [(each.project, each.rank) for each in target.missing] == [("behind", 4)]
    assert [(each.project, each.day) for each in target.arrived] == [("fresh", days_ago(20).date())]
    assert Counts(0, 0, 0, 0).share is None
    assert Counts(0, 0, 0, 0).share_of_all is None


def test_only_the_most_downloaded_count_among_few() -> None:
    pages = world()
    many = {f"pure-{number}": pages["pure"] for number in range(360)} | pages
    judged = tallied(many)
    assert counted(judged, Among.TOP_360).projects == 360
    assert counted(judged, Among.TOP_1000).projects == 364
    assert judged.standing.known == {
        Among.TOP_360: 360,
        Among.TOP_1000: 364,
        Among.TOP_15000: 364,
    }


def test_the_past_is_derived_by_week() -> None:
    (series,) = (each for each in tallied(world()).derived if each.among is Among.TOP_1000)
    shares = {each.day: each.counts.binaries_ready for each in series.days}
    first, last = series.days[0], series.days[-1]
    assert first.day - days_ago(200).date() < timedelta(days=7)
    assert first.counts == Counts(projects=4, ready=2, binaries=3, binaries_ready=1)
    assert last.day < TODAY
    assert last.counts == Counts(projects=4, ready=3, binaries=3, binaries_ready=2)
    assert all(each.derived and each.day.isoweekday() == 7 for each in series.days)
    assert all(count == (2 if day >= days_ago(20).date() else 1) for day, count in shares.items())


def test_without_times_there_is_no_past() -> None:
    files = page("demo", release("demo", "1.0", None, *compiled(["314t"])))
    judged = tallied({"demo": files})
    assert counted(judged).binaries_ready == 1
    assert judged.derived == ()
    assert judged.standing.targets[0].arrived == ()


def test_few_without_times_are_left_out_of_the_past_and_many_end_it() -> None:
    dated = page("demo", release("demo", "1.0", days_ago(100), *compiled(["314t"])))
    undated = page("demo", release("demo", "1.0", None, *compiled(["314t"])))
    some = {f"dated-{number}": dated for number in range(19)} | {"undated": undated}
    series = tallied(some).derived[0]
    assert series.days[-1].counts == Counts(19, 19, 19, 19)
    assert tallied(dict.fromkeys("abc", undated) | {"dated": dated}).derived == ()


@pytest.mark.parametrize("time", ["nonsense", "", "9999-99-99T00:00:00Z", "\x00" * 10_000])
def test_malformed_times_are_no_times(time: str) -> None:
    files = release("demo", "1.0", NOW, *compiled(["314t"]))
    judged = tallied({"demo": page("demo", [replace(file, upload_time=time) for file in files])})
    assert counted(judged).binaries_ready == 1
    assert judged.derived == ()


def test_what_is_told_of_the_future_came_today() -> None:
    files = page("demo", release("demo", "1.0", NOW + timedelta(days=400), *compiled(["314t"])))
    assert tallied({"demo": files}).standing.targets[0].arrived[0].day == TODAY


def test_lists_are_bounded_and_counts_are_not() -> None:
    behind = world()["behind"]
    judged = tallied({f"behind-{number}": behind for number in range(100)})
    missing = judged.standing.targets[0].missing
    assert [each.rank for each in missing] == list(range(1, MOST_MISSING + 1))
    assert counted(judged).binaries == 100


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 25))
def test_the_past_only_grows_up_to_today(seed: int, count: int) -> None:
    judged = tallied({f"p{n}": files for n, files in enumerate(kinds(seed, count))})
    today = counted(judged)
    assert 0 <= today.binaries_ready <= today.binaries <= today.projects == count
    assert today.binaries_ready <= today.ready <= today.projects
    assert today.binaries - today.binaries_ready >= len(judged.standing.targets[0].missing)
    for series in judged.derived:
        ready = [each.counts.binaries_ready for each in series.days]
        assert ready == sorted(ready)
        assert ready[-1] <= today.binaries_ready
        assert all(each.day < TODAY for each in series.days)
        assert all(
            later.day - earlier.day == timedelta(days=7) for earlier, later in pairwise(series.days)
        )


def transitions() -> dict[str, list[tuple[date, bool]]]:
    """Which projects had free-threaded wheels, from when on, as was seen day by day."""
    if not TRANSITIONS.exists():
        pytest.skip(f"the recorded history is not at {TRANSITIONS}")
    seen: defaultdict[str, list[tuple[date, bool]]] = defaultdict(list)
    for line in TRANSITIONS.read_text("utf-8").splitlines():
        row = json.loads(line)
        seen[row["package"]].append((date.fromisoformat(row["date"]), row["free_threaded_wheel"]))
    return dict(seen)


def test_two_real_years_are_derived_as_they_were_seen() -> None:
    """Each change that was seen becomes a release; what is derived must give the count again.

    Losses don't show in what is derived, so it may be larger by as many as there were.
    """
    seen = transitions()
    pages, losses = {}, 0
    for name, changes in seen.items():
        releases = [release(name, "0", datetime(2024, 1, 2, tzinfo=UTC), *compiled(["313"]))]
        for number, (day, free) in enumerate(changes, 1):
            noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
            tags = compiled(["313", "313t"] if free else ["313"])
            releases.append(release(name, str(number), noon, *tags))
        pages[name] = page(name, *releases)
        losses += sum(before and not after for (_, before), (_, after) in pairwise(changes))
    gained = sum(any(free for _, free in changes) for changes in seen.values())
    assert gained >= 190
    judged = tallied(pages, Target("3.13t", "linux-x86_64"))
    series = next(each for each in judged.derived if each.among is Among.TOP_15000)
    for each in series.days:
        then = sum(_was(changes, each.day) for changes in seen.values())
        assert abs(each.counts.binaries_ready - then) <= losses, each.day
    at_the_end = sum(_was(changes, TODAY) for changes in seen.values())
    assert series.days[-1].counts.binaries_ready == at_the_end
    # Where nobody ever lost any, it is exact.
    steady = {
        name: files
        for name, files in pages.items()
        if [free for _, free in seen[name]] == sorted(free for _, free in seen[name])
    }
    exact = next(
        each
        for each in tallied(steady, Target("3.13t", "linux-x86_64")).derived
        if each.among is Among.TOP_15000
    )
    for each in exact.days:
        assert each.counts.binaries_ready == sum(_was(seen[name], each.day) for name in steady)


def _was(changes: list[tuple[date, bool]], day: date) -> bool:
    known = [free for each, free in changes if each <= day]
    return known[-1] if known else False


@pytest.mark.parametrize(
    ("last", "cached", "wanted", "due"),
    [
        ((TODAY - timedelta(days=1), 15_000), 15_000, 15_000, True),
        ((TODAY + timedelta(days=1), 15_000), 15_000, 15_000, True),  # the clock was set back
        ((TODAY, 15_000), 15_000, 15_000, False),
        ((TODAY, 0), 0, 0, False),
        ((TODAY, 0), 4, 15_000, False),
        ((TODAY, 0), 5, 15_000, True),
        ((TODAY, 100), 154, 15_000, False),
        ((TODAY, 100), 155, 15_000, True),
        ((TODAY, 14_000), 14_900, 15_000, False),
        ((TODAY, 14_900), 15_000, 15_000, True),
        ((TODAY, 15_000), 300, 15_000, False),  # the next day's fill begins
    ],
)
def test_when_it_is_due(last: tuple[date, int], cached: int, wanted: int, due: bool) -> None:
    assert is_due(last, TODAY, cached, wanted) is due


def test_complete_means_that_nearly_all_are_known() -> None:
    pages = {f"pure-{number}": world()["pure"] for number in range(9)}
    assert is_complete(tallied(pages, ranked=10).standing, Among.TOP_360)
    assert not is_complete(tallied(pages, ranked=11).standing, Among.TOP_360)
    assert not is_complete(tallied({}, ranked=0).standing, Among.TOP_360)


def test_old_days_are_thinned_to_one_a_week() -> None:
    counts = Counts(1, 1, 1, 1)
    days = [Day(TODAY - timedelta(days=each), counts) for each in range(400, 0, -1)]
    kept = thinned(days, TODAY)
    assert {each.day for each in days[-90:]} <= {each.day for each in kept}
    old = [each.day for each in kept if TODAY - each.day > timedelta(days=90)]
    assert len(old) == len({day.isocalendar()[:2] for day in old})
    assert 43 <= len(old) <= 46
    assert thinned([], TODAY) == ()


def test_a_history_ends_with_today() -> None:
    counts = Counts(1, 1, 1, 1)
    yesterday = Day(TODAY - timedelta(days=1), counts)
    assert with_today([yesterday, Day(TODAY, counts)], Counts(2, 2, 2, 2), TODAY) == (
        yesterday,
        Day(TODAY, Counts(2, 2, 2, 2)),
    )
    assert with_today([yesterday], Counts(0, 0, 0, 0), TODAY) == (yesterday,)


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "–"), (0.0, "0%"), (0.001, "<1%"), (0.29, "29%"), (0.999, "99%"), (1.0, "100%")],  # noqa: RUF001
)
def test_shares_are_rounded_down(share: float | None, text: str) -> None:
    assert percent(share) == text


def test_linux_wheels_are_not_ready_elsewhere() -> None:
    files = page("demo", release("demo", "1.0", NOW, f"cp314-cp314t-{LINUX}"))
    judged = tallied({"demo": files}, LINUX_314, Target("3.14t", "windows-amd64"))
    ready = [each.counts[Among.TOP_360].binaries_ready for each in judged.standing.targets]
    assert ready == [1, 0]


@pytest.mark.parametrize("text", ["", "everything", "top-1", "x" * 9_000, "{value}\n"])
def test_other_choices_of_projects_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="is not something this option takes") as caught:
        parse_among(text)
    assert len(str(caught.value)) < 200
    assert caught.value.hint == "Choose one of top-360, top-1000, top-15000."
