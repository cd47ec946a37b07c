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
    r"\b(?:would (?:rather|like|prefer|expect)|should (?:get|see|show|print)|wish(?:ed)?"
    r"|rather get|expected to (?:get|see))\b[^.\n]{0,80}(?:\s{0,4}\S{1,80}){0,3}\s{0,4}$",
    re.IGNORECASE,
)
_BUT = re.compile(r"\b(?:but|no|not|never|without|instead|got|I get|we get)\b")
_CLOSE = 200
"""Characters before a warning in which a wish for it stands."""


@dataclass(frozen=True, slots=True)
class Warned:
    """One such warning: its text, and the module, None where it was cut short.

    `wished` says that the reporter would like to see it, but did not.
    """

    text: str
    module: str | None
    wished: bool


def parted(text: str) -> tuple[str, tuple[Warned, ...]]:
    """Part a text from the warnings in it, whose words are nobody's; the first few of them."""
    if "GIL)" not in text:
        return text, ()
    kept: list[str] = []
    found: list[Warned] = []
    at = 0
    for start, end, module in _places(text):
        wish = _WISH.search(text[max(0, start - _CLOSE) : start])
        wished = wish is not None and _BUT.search(wish[0]) is None
        found.append(Warned(" ".join(text[start:end].split()), module, wished))
        kept.append(text[at:start])
        at = end
    return " ".join([*kept, text[at:]]), tuple(found)


def _places(text: str) -> Iterator[tuple[int, int, str | None]]:
    at = 0
    for _ in range(_MOST):
        start = _START.search(text, at)
        if start is None:
            return
        end = _END.search(text, start.end(), start.end() + _LONGEST)
        at = end.end() if end else start.end()
        yield start.start(), at, start["module"]
