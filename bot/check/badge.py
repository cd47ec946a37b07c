"""An answer as a badge, in the schema of shields' endpoint badges (shields.io/badges/endpoint)."""

from collections import Counter
from typing import Any, Final

from bot.check.model import Answer
from bot.compat.model import Verdict

LASTS: Final = 3_600
"""Seconds for which a badge may be shown again; shields takes at least 300."""
SOON: Final = 300

_MESSAGES: Final = {
    Verdict.WHEEL: "wheel",
    Verdict.ABI3T: "abi3t wheel",
    Verdict.PLATFORM: "wheel",
    Verdict.PURE: "pure Python",
    Verdict.PURE_FALLBACK: "pure fallback",
    Verdict.OLDER_WHEEL: "older wheel",
    Verdict.UNMARKED: "unmarked wheel",
    Verdict.SDIST: "must be compiled",
    Verdict.NONE: "nothing to install",
    Verdict.EXCLUDED: "not for this Python",
    Verdict.UNAVAILABLE: "withdrawn",
}
_GREEN, _YELLOW, _ORANGE, _GREY = "brightgreen", "yellow", "orange", "lightgrey"
_COLOURS: Final = {
    Verdict.WHEEL: _GREEN,
    Verdict.ABI3T: _GREEN,
    Verdict.PLATFORM: _GREEN,
    Verdict.PURE: _GREEN,
    Verdict.PURE_FALLBACK: _YELLOW,
    Verdict.OLDER_WHEEL: _YELLOW,
    Verdict.UNMARKED: _YELLOW,
    Verdict.SDIST: _ORANGE,
}
_ORDER: Final = {verdict: place for place, verdict in enumerate(Verdict)}  # best first


def badge(answer: Answer, label: str) -> dict[str, Any]:
    """Give an answer's rows as one badge: what all are, or on how many platforms the best is."""
    messages = Counter(_MESSAGES[row.verdict] for row in answer.support)
    best = min((row.verdict for row in answer.support), key=_ORDER.__getitem__)
    message = _MESSAGES[best]
    colour = _COLOURS.get(best, _GREY)
    if len(messages) > 1:
        message = f"{message} on {messages[message]} of {len(answer.support)} platforms"
        greens = sum(_COLOURS.get(row.verdict) == _GREEN for row in answer.support)
        colour = colour if greens in (0, len(answer.support)) else _YELLOW
    return _badge(label, message, colour, LASTS)


def not_found(label: str) -> dict[str, Any]:
    """Give the badge of a project that does not exist."""
    return _badge(label, "not found", _GREY, SOON)


def unknown(label: str) -> dict[str, Any]:
    """Give the badge of a project of which nothing is known yet."""
    return _badge(label, "unknown", _GREY, SOON)


def wrong(label: str, message: str) -> dict[str, Any]:
    """Give the badge for an address that asks for something that does not exist."""
    return {**_badge(label, message, _GREY, SOON), "isError": True}


def _badge(label: str, message: str, colour: str, seconds: int) -> dict[str, Any]:
    return {
        "schemaVersion": 1,
        "label": label,
        "message": message,
        "color": colour,
        "cacheSeconds": seconds,
    }
