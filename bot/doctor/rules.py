"""Judgements: the exit code, how far the clock is off, what may be done in a channel."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.doctor.model import Finding, State

MENDABLE, UNANSWERED = 2, 3
"""Exit codes: something is to be mended; or a service that is needed did not answer."""

CLOSE: Final = 10.0
"""Seconds by which a clock may be off without a word: answers take their time on the way."""
FAR: Final = 60.0
"""Seconds from which on GitHub refuses an App, and messages come too late or too early."""

_CLOCK_MEND: Final = "Let the computer set its clock by the network (NTP)."

ADMINISTRATOR: Final = 1 << 3
VIEW_CHANNEL: Final = 1 << 10
MENTION_EVERYONE: Final = 1 << 17
_IN_CHANNELS: Final = {
    "View Channel": VIEW_CHANNEL,
    "Send Messages": 1 << 11,
    "Embed Links": 1 << 14,
    "Read Message History": 1 << 16,
}
_IN_THREADS: Final = {
    "View Channel": VIEW_CHANNEL,
    "Embed Links": 1 << 14,
    "Read Message History": 1 << 16,
    "Send Messages in Threads": 1 << 38,
}
_EVERYTHING: Final = (1 << 64) - 1
"""Discord's bits of permissions, by the names that it shows (its page "Permissions")."""


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 0 if nothing failed; what an operator can mend goes before what did not answer."""
    failed = [each for each in findings if each.state is State.FAILED]
    if any(each.answered for each in failed):
        return MENDABLE
    return UNANSWERED if failed else 0


@dataclass(frozen=True, slots=True)
class Said:
    """What a service said of the time: it was between `earliest` and `latest` (UTC seconds).

    `here` is what this computer's clock said then.
    """

    host: str
    earliest: float
    latest: float
    here: float

    @property
    def ahead(self) -> float:
        """By how many seconds this computer's clock is ahead; negative if it is behind."""
        return self.here - min(max(self.here, self.earliest), self.latest)


def clock(answers: Sequence[Said]) -> Finding:
    """Judge the clock by the service that it agrees with most: one alone may be wrong itself."""
    if not answers:
        text = "No service answered that could tell the time."
        return Finding("clock", State.SKIPPED, text)
    best = min(answers, key=lambda each: abs(each.ahead))
    off = abs(best.ahead)
    if off <= CLOSE:
        return Finding("clock", State.OK, f"agrees with {best.host}")
    direction = "ahead of" if best.ahead > 0 else "behind"
    text = f"This computer's clock is {_duration(off)} {direction} {best.host}."
    return Finding("clock", State.FAILED if off >= FAR else State.WARNING, text, _CLOCK_MEND)


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"


def granted(
    guild: Mapping[str, Any], roles: Iterable[str], channel: Mapping[str, Any], me: str
) -> int:
    """Return what a member may do in a channel, as bits (Discord: "Permission Overwrites").

    `guild` and `channel` are as Discord's API gives them, `roles` the ids of the member's roles.
    """
    everyone = str(guild["id"])
    mine = {everyone, *roles}
    bits = 0
    for role in guild["roles"]:
        if role["id"] in mine:
            bits |= int(role["permissions"])
    if bits & ADMINISTRATOR:
        return _EVERYTHING
    overwrites = {each["id"]: each for each in channel.get("permission_overwrites") or ()}
    for group in ({everyone}, mine - {everyone}, {me}):
        chosen = [overwrites[each] for each in group if each in overwrites]
        for each in chosen:
            bits &= ~int(each["deny"])
        for each in chosen:
            bits |= int(each["allow"])
    return bits if bits & VIEW_CHANNEL else 0


def missing(bits: int, *, thread: bool) -> tuple[str, ...]:
    """Name the permissions that the bot lacks to write there."""
    if not bits & VIEW_CHANNEL:
        return ("View Channel",)
    needed = _IN_THREADS if thread else _IN_CHANNELS
    return tuple(name for name, bit in needed.items() if not bits & bit)
