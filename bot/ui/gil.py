"""What wheels declare about the GIL, as people read it."""

from collections.abc import Sequence
from typing import Final

from bot.language import phrase, say, say_many, spoken
from bot.ui.text import code
from bot.xray.model import Gil, ModuleVerdict

EMOJI: Final = {
    ModuleVerdict.KEEPS_OFF: "🔓",
    ModuleVerdict.LIKELY_KEEPS_OFF: "🔓",
    ModuleVerdict.RE_ENABLES: "⚠️",
    ModuleVerdict.DELEGATED: "↪️",
    ModuleVerdict.UNKNOWN: "❔",
}
NAMED: Final = 3
"""So many modules are named where one line is all there is room for."""
_LONGEST_NAME: Final = 60

_LIKELY = phrase("likely keeps the GIL off, by its machine code")
_DELEGATED = phrase("another package, such as cffi, decides whether the GIL stays off")
_UNSEEN = phrase("not known whether it keeps the GIL off: the file does not show it")
_UNREAD = phrase("not known whether it keeps the GIL off: the wheel could not be read")


def said(gils: Sequence[Gil], *, most: int = NAMED) -> str:
    """Say what wheels of one verdict, at least one, have in common; name modules, `most` of them.

    Numbers are left out where the wheels differ in them.
    """
    worst = max(gils, key=lambda gil: len(gil.re_enabling))
    alike = len({(gil.modules, len(gil.re_enabling)) for gil in gils}) == 1
    match worst.verdict:
        case ModuleVerdict.RE_ENABLES if alike or worst.modules == 1:
            return turned_on(worst.re_enabling[:most], len(worst.re_enabling), worst.modules)
        case ModuleVerdict.RE_ENABLES:
            names = _listed(worst.re_enabling[:most], len(worst.re_enabling))
            return say("modules of it turn the GIL on: {names}", names=names)
        case ModuleVerdict.KEEPS_OFF if alike:
            return kept_off(worst.modules)
        case ModuleVerdict.KEEPS_OFF:
            return say("keeps the GIL off (all of its modules declare it)")
        case ModuleVerdict.LIKELY_KEEPS_OFF:
            return spoken(_LIKELY)
        case ModuleVerdict.DELEGATED:
            return spoken(_DELEGATED)
    return spoken(_UNREAD if worst.reason else _UNSEEN)


def turned_on(names: Sequence[str], count: int, total: int) -> str:
    """Say that `count` of `total` modules turn the GIL on; `names` are those of some of them."""
    shown = _listed(names, count)
    if total == 1:
        return say("its only module turns the GIL on: {names}", names=shown)
    return say_many(
        "{count} of {total} modules turns the GIL on: {names}",
        "{count} of {total} modules turn the GIL on: {names}",
        count,
        total=total,
        names=shown,
    )


def _listed(names: Sequence[str], count: int) -> str:
    shown = [code(name, _LONGEST_NAME) for name in names]
    return ", ".join([*shown, "…"] if count > len(shown) else shown)


def kept_off(modules: int) -> str:
    """Say that all modules declare that they do not need the GIL."""
    if not modules:
        return say("keeps the GIL off (it has no modules that could turn it on)")
    return say_many(
        "keeps the GIL off (its only module declares it)",
        "keeps the GIL off ({count} of {count} modules declare it)",
        modules,
    )


def awaited() -> str:
    """Say that a wheel is being read."""
    return say("whether it keeps the GIL off is being read, ask again in a moment")


def caveat(*, unknown: bool) -> str:
    """Say what verdicts do not mean, also `unknown` ones if there are any."""
    if unknown:
        return say(
            "A declaration is its author's word, not a proof of thread safety. Which modules an"
            " `import` loads is another question. Not known is neither a pass nor a failure."
        )
    return say(
        "A declaration is its author's word, not a proof of thread safety. Which modules an"
        " `import` loads is another question."
    )
