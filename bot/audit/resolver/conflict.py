"""Why no versions fit together, in words: which requirements disagree, and whose they are."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from functools import reduce
from itertools import combinations
from typing import Final

from packaging.utils import NormalizedName
from packaging.version import Version

from bot.audit.resolver.provider import IMPOSSIBLE, UNREADABLE, Information, Provider, Requirement
from bot.compat.model import Target
from bot.language import listed, phrase, phrase_many, together

_MOST_SENTENCES: Final = 3
_MOST_NAMES: Final = 3


def explain(causes: Collection[Information], provider: Provider, target: Target) -> str:
    """Tell a conflict in one to three sentences. Names and versions in it are foreign text."""
    by_project: defaultdict[str, list[Information]] = defaultdict(list)
    for cause in causes:
        by_project[cause.requirement.name].append(cause)
    here = phrase("{python} on {platform}", python=target.python, platform=target.platform)
    told = [
        _impossible(found, here) if name == IMPOSSIBLE else _disagreement(found, provider, here)
        for name, found in by_project.items()
    ]
    told = list(dict.fromkeys(filter(None, told)))
    if not told:  # each project alone has an answer, but no choice of them goes together
        claims = _join(_claims(causes, provider))
        told = [phrase("No versions fit together: {claims}.", claims=claims)]
    return reduce(together, told[:_MOST_SENTENCES])


def _impossible(causes: Sequence[Information], here: str) -> str:
    """Tell of candidates that require another Python, or have metadata that cannot be read."""
    what = causes[0].requirement.url
    parents = _parents([each for each in causes if each.requirement.url == what])
    if what == UNREADABLE:
        return phrase("The metadata of {projects} cannot be read.", projects=_join(parents))
    return phrase_many(
        "{projects} needs {python}, which is not {here}.",
        "{projects} need {python}, which is not {here}.",
        len(parents),
        projects=_join(parents),
        python=what,
        here=here,
    )


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
        claims = _claims([each for each in causes if each.requirement in some], provider, True)
        claims += [
            phrase(
                "{where} allows {requirement} only",
                where=provider.constrained_at[each],
                requirement=each,
            )
            for each in some
            if each in constraints and each not in required
        ]
        return _sentence(_join(claims), name, some, provider, here)
    return ""


def _sentence(
    claims: str,
    name: NormalizedName,
    some: Sequence[Requirement],
    provider: Provider,
    here: str,
) -> str:
    """Tell claims, and what is wrong with the releases that fit, if there are any."""
    available = provider.available(name)
    fitting = _meet(some, available.all)
    told = {"claims": claims, "name": name}
    if fitting & available.installable and provider.ready_only:
        return phrase(
            "{claims}, but no release of {name} that fits is ready for {here}.", **told, here=here
        )
    if fitting & available.installable:
        return phrase("{claims}, but every release of {name} that fits is yanked.", **told)
    if fitting:
        return phrase(
            "{claims}, but no release of {name} that fits can be installed for {here}.",
            **told,
            here=here,
        )
    if len(some) > 1:
        return phrase("{claims}.", claims=claims)
    if not available.offers:
        return phrase("{claims}, but {name} has no release.", **told)
    return phrase(
        "{claims}, but {name} has no such release (the newest is {newest}).",
        **told,
        newest=available.offers[0].version,
    )


def _meet(requirements: Iterable[Requirement], usable: int) -> int:
    for requirement in requirements:
        usable &= requirement.allowed
    return usable


def _claims(
    causes: Iterable[Information], provider: Provider, beginning: bool = False
) -> list[str]:
    """Say who requires what, a clause for each requirement; `beginning` a sentence or not."""
    by_requirement: defaultdict[Requirement, list[Information]] = defaultdict(list)
    for cause in causes:
        by_requirement[cause.requirement].append(cause)
    claims: list[str] = []
    for requirement, found in by_requirement.items():
        told = {"requirement": requirement}
        if any(each.parent is None for each in found):
            where = provider.asked_at[requirement]
            claims.append(
                phrase("You ask for {requirement} ({where})", **told, where=where)
                if beginning and not claims
                else phrase("you ask for {requirement} ({where})", **told, where=where)
            )
        if parents := _parents(found):
            claims.append(
                phrase_many(
                    "{projects} needs {requirement}",
                    "{projects} need {requirement}",
                    len(parents),
                    projects=_join(parents),
                    **told,
                )
            )
    return claims


def _parents(causes: Iterable[Information]) -> list[str]:
    """Name who requires something: `x 1.0`, or `x 1.0 to 1.4` for several versions."""
    versions: defaultdict[str, list[Version]] = defaultdict(list)
    for _, parent in causes:
        if parent is not None:
            versions[parent.key] += [Version(parent.offer.version)] if parent.offer else []
    return [_span(key, found) for key, found in versions.items()]


def _span(name: str, versions: Sequence[Version]) -> str:
    if not versions:
        return name
    first, last = min(versions), max(versions)
    if first == last:
        return f"{name} {first}"
    return phrase("{name} {first} to {last}", name=name, first=first, last=last)


def _join(texts: Sequence[str]) -> str:
    """Join texts as a sentence does, and not too many of them."""
    if (more := len(texts) - _MOST_NAMES + 1) > 1:
        others = phrase_many("{count} more", "{count} more", more)
        texts = [*texts[: _MOST_NAMES - 1], others]
    return listed(texts or [""])
