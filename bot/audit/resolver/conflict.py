"""Why no versions fit together, in words: which requirements disagree, and whose they are."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import combinations
from typing import Final

from packaging.utils import NormalizedName
from packaging.version import Version

from bot.audit.resolver.provider import IMPOSSIBLE, UNREADABLE, Information, Provider, Requirement
from bot.compat.model import Target

_MOST_SENTENCES: Final = 3
_MOST_NAMES: Final = 3


def explain(causes: Collection[Information], provider: Provider, target: Target) -> str:
    """Tell a conflict in one to three sentences. Names and versions in it are foreign text."""
    by_project: defaultdict[str, list[Information]] = defaultdict(list)
    for cause in causes:
        by_project[cause.requirement.name].append(cause)
    here = f"{target.python} on {target.platform}"
    told = [
        _impossible(found, here) if name == IMPOSSIBLE else _disagreement(found, provider, here)
        for name, found in by_project.items()
    ]
    told = [f"{each}." for each in dict.fromkeys(filter(None, told))]
    if not told:  # each project alone has an answer, but no choice of them goes together
        told = [f"No versions fit together: {_join(_claims(causes, provider))}."]
    return re.sub(r"(^|\. )you ask", r"\1You ask", " ".join(told[:_MOST_SENTENCES]))


def _impossible(causes: Sequence[Information], here: str) -> str:
    """Tell of candidates that require another Python, or have metadata that cannot be read."""
    what = causes[0].requirement.url
    parents = _parents([each for each in causes if each.requirement.url == what])
    if what == UNREADABLE:
        return f"the metadata of {parents} cannot be read"
    return f"{parents} {_needs(parents)} {what}, which is not {here}"


def _disagreement(causes: Sequence[Information], provider: Provider, here: str) -> str:
    """Tell which requirements of a project cannot be met at once, "" if all can."""
    name = causes[0].requirement.name
    required = dict.fromkeys(each.requirement for each in causes)
    constraints = provider.constraints.get(name, ())
    everything = list(dict.fromkeys((*required, *constraints)))
    usable = provider.usable(name, everything)
    alone = [each for each in everything if _meet([each], usable)]
    for some in (*combinations(alone, 2), *((each,) for each in everything), everything):
        if _meet(some, usable):
            continue
        claims = _claims([each for each in causes if each.requirement in some], provider)
        claims += [
            f"{provider.constrained_at[each]} allows {each} only"
            for each in some
            if each in constraints and each not in required
        ]
        return f"{_join(claims)}{_why(name, some, provider, here)}"
    return ""


def _why(name: NormalizedName, some: Sequence[Requirement], provider: Provider, here: str) -> str:
    """Tell what is wrong with the releases that fit, if there are any."""
    available = provider.available(name)
    fitting = _meet(some, available.all)
    if fitting & available.installable and provider.ready_only:
        return f", but no release of {name} that fits is ready for {here}"
    if fitting & available.installable:
        return f", but every release of {name} that fits is yanked"
    if fitting:
        return f", but no release of {name} that fits can be installed for {here}"
    if len(some) > 1:
        return ""
    newest = available.offers[0].version if available.offers else "none"
    return f", but {name} has no such release (the newest is {newest})"


def _meet(requirements: Iterable[Requirement], usable: int) -> int:
    for requirement in requirements:
        usable &= requirement.allowed
    return usable


def _claims(causes: Iterable[Information], provider: Provider) -> list[str]:
    """Say who requires what, a clause for each requirement."""
    by_requirement: defaultdict[Requirement, list[Information]] = defaultdict(list)
    for cause in causes:
        by_requirement[cause.requirement].append(cause)
    claims = []
    for requirement, found in by_requirement.items():
        if any(each.parent is None for each in found):
            claims.append(f"you ask for {requirement} ({provider.asked_at[requirement]})")
        if parents := _parents(found):
            claims.append(f"{parents} {_needs(parents)} {requirement}")
    return claims


def _parents(causes: Iterable[Information]) -> str:
    """Name who requires something: `x 1.0`, or `x 1.0 to 1.4` for several versions."""
    versions: defaultdict[str, list[Version]] = defaultdict(list)
    for _, parent in causes:
        if parent is not None:
            versions[parent.key] += [Version(parent.offer.version)] if parent.offer else []
    named = []
    for key, found in versions.items():
        span = f" {min(found)}" if found else ""
        if len(set(found)) > 1:
            span += f" to {max(found)}"
        named.append(f"{key}{span}")
    return _join(named)


def _needs(parents: str) -> str:
    return "need" if " and " in parents else "needs"


def _join(texts: Sequence[str]) -> str:
    """Join texts as a sentence does, and not too many of them."""
    if len(texts) > _MOST_NAMES:
        texts = [*texts[: _MOST_NAMES - 1], f"{len(texts) - _MOST_NAMES + 1} more"]
    *most, last = texts or [""]
    return f"{', '.join(most)} and {last}" if most else last
