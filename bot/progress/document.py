"""Progress as JSON, for other programs. Its shape is public: keys may be added, never renamed."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from bot.progress.model import (
    Among,
    Arrival,
    Counts,
    Day,
    Declared,
    Missing,
    OnTarget,
    Series,
    Standing,
)
from bot.progress.rules import thinned, with_today


def document(standing: Standing, among: Among, history: Iterable[Series]) -> dict[str, Any]:
    """Give how things stand among so many projects, on each target, as an object of JSON values."""
    today = standing.as_of.date()
    days = {(each.python, each.platform): each.days for each in history}
    return {
        "among": str(among),
        "as_of": standing.as_of.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "projects": standing.ranked[among],
        "unknown": standing.ranked[among] - standing.known[among],
        "targets": [
            _target(each, among, days.get((each.python, each.platform), ()), today)
            for each in standing.targets
        ],
    }


def _target(target: OnTarget, among: Among, days: tuple[Day, ...], today: date) -> dict[str, Any]:
    counts = target.counts[among]
    return {
        "python": target.python,
        "platform": target.platform,
        **_counts(counts),
        "gil": _declared(target.declared.get(among, Declared())),
        "arrived": [_arrival(each) for each in target.arrived if each.rank <= among.size],
        "missing": [_missing(each) for each in target.missing if each.rank <= among.size],
        "history": [
            {"day": each.day.isoformat(), "derived": each.derived, **_counts(each.counts)}
            for each in with_today(thinned(days, today), counts, today)
        ],
    }


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        "all": {"projects": counts.projects, "ready": counts.ready},
        "with_binaries": {"projects": counts.binaries, "ready": counts.binaries_ready},
    }


def _declared(declared: Declared) -> dict[str, int]:
    return {
        "read": declared.read,
        "keeps_off": declared.keep_off,
        "re_enables": declared.turn_on,
    }


def _arrival(arrival: Arrival) -> dict[str, Any]:
    return {"project": arrival.project, "rank": arrival.rank, "day": arrival.day.isoformat()}


def _missing(missing: Missing) -> dict[str, Any]:
    return {
        "project": missing.project,
        "rank": missing.rank,
        "verdict": str(missing.verdict),
    }
