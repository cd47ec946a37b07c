"""The interpreter's warning that a module turned the GIL on: where it stands, whom it names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_START = re.compile(
    r"(?:RuntimeWarning:\s{1,4})?(?:The global interpreter lock \()?GIL\)\s+has\s+been\s+enabled"
    r"(?:\s+to\s+load\s+module)?(?:\s+['\"`](?P<module>[\w.]{1,200})['\"`])?"
)
_END = re.compile(r"-X ?gil=0\.?")
_LONGEST = 700
_MOST = 50
_WISH = re.compile(
    r"\b(?:would (?:rather|like|prefer|expect)|should (?:get|see|show|print|have)|wish(?:ed)?"
    r"|instead of|rather get|expected to (?:get|see))\b[^.\n]{0,80}[:\n ]\s{0,4}\S{0,80}\s{0,4}$",
    re.IGNORECASE,
)
_CLOSE = 200
"""Characters before a warning in which a wish for it stands."""


@dataclass(frozen=True, slots=True)
class Warned:
    """One such warning: where it stands, and the module, None where it was cut short.

    `wished` says that the reporter would like to see it, but did not.
    """

    start: int
    end: int
    module: str | None
    wished: bool


def warnings(text: str) -> Iterator[Warned]:
    """Find the warnings, the first few."""
    at = 0
    for _ in range(_MOST):
        start = _START.search(text, at)
        if start is None:
            return
        end = _END.search(text, start.end(), start.end() + _LONGEST)
        at = end.end() if end else start.end()
        wish = _WISH.search(text[max(0, start.start() - _CLOSE) : start.start()])
        yield Warned(start.start(), at, start["module"], wish is not None)


def without_warnings(text: str) -> str:
    """Take the warnings out, whose words are nobody's."""
    kept: list[str] = []
    at = 0
    for warned in warnings(text):
        kept.append(text[at : warned.start])
        at = warned.end
    return " ".join([*kept, text[at:]])
