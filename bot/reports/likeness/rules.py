"""How much two reports look like one problem, by signs of which no single one is enough.

The signs are what a report is about (its project), how it shows (its kind), what programs said
(the module in a warning, frames, where threads race, error messages) and how people tell it (the
subject of the title, rare words). Each gives points, a contradiction takes some; how much a word
tells depends on how rare it is among all that is compared.
"""

import heapq
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final, NamedTuple

from bot.language import phrase
from bot.reports.likeness.model import Known
from bot.reports.likeness.words import (
    LONGEST_TEXT,
    is_message,
    references,
    telling,
    telling_frames,
    weight,
)
from bot.reports.model import Kind, Likely, Reading, Signature

SURE: Final = 0.7
"""From this score on two reports are taken for one problem."""
WORTH_SHOWING: Final = 0.5

# Ways in which one problem shows itself. A data race is a crash in one run and a wrong result in
# the next; a missing wheel is a failed build for those who have a compiler.
_FAMILIES = (
    frozenset({Kind.CRASH, Kind.DATA_RACE, Kind.DEADLOCK, Kind.WRONG_RESULT}),
    frozenset({Kind.NO_WHEEL, Kind.BUILD_FAILURE, Kind.SUPPORT_REQUEST}),
    frozenset({Kind.GIL_REENABLED, Kind.SUPPORT_REQUEST}),
)
_ONE_A_PROJECT = frozenset({Kind.GIL_REENABLED, Kind.NO_WHEEL})
"""Kinds of which a project has one problem: it declares support or not, and so with wheels."""

_HALF = 3.0
"""With so many points it is as likely as not one problem."""
_SIGN = 1.0
"""So many points make a sign that counts."""
_ALONE = 0.6
"""The best score that one sign alone can give."""
_FEW = 50
"""Among fewer reports a word's rarity says little, so it counts as among these."""
_SAME_KIND = phrase("same kind of problem")
_MEETING = " | "  # between the two functions of a race
_LONGEST_TITLE = 300
_SHOWN_WORDS = 4
_LOOKED_AT = 100

_SHINGLE = 3
_SKETCH = 48
_ALIKE = 0.8
_NEARLY_ALL = 0.8
_WORD = re.compile(r"\w+(?:\.\w+)*")
_TAG = re.compile(r"\[[^\]]{0,40}\]:?")
_AFFIX = re.compile(r"^(?:python|py)-|-(?:python|py)$")  # `freetype-py` is known as `freetype`
_PLAIN = re.compile(r"(?<![@\w])[^\W\d_]+")


class _Sign(NamedTuple):
    """Points for, or against, two reports being of one problem, and why in a short phrase."""

    points: float
    reason: str = ""


def known(
    key: str,
    title: str,
    text: str,
    reading: Reading,
    *,
    url: str | None = None,
    state: str = "open",
) -> Known:
    """Reduce a report or an issue to what it is recognised by."""
    facts, title, text = reading.facts, title[:_LONGEST_TITLE], text[:LONGEST_TEXT]
    return Known(
        key=key,
        title=title,
        url=url,
        state=state,
        project=facts.project.value if facts.project else None,
        kind=reading.kind,
        signature=reading.signature,
        words=telling(f"{title}\n{text}\n{reading.excerpt[:LONGEST_TEXT]}"),
        subject=telling(title),
        python=facts.python.value if facts.python else None,
        sketch=_sketch(f"{title}\n{text}"),
        reference=next(iter(references(url or "")), None),
    )


def likely(new: Known, others: Iterable[Known], limit: int = 3) -> tuple[Likely, ...]:
    """Choose those that may be the same problem as `new`, likeliest first.

    Of many only those that a rough estimate puts first are looked at closely: ten thousand others
    take some 40 ms.
    """
    others = [other for other in others if other.key != new.key]
    signature = frozenset((*new.signature.modules, *new.signature.frames))
    pairs = [(other, new.words & other.words) for other in others]
    rarity = _Rarity(Counter(chain.from_iterable(shared for _, shared in pairs)), len(others))
    worth = {word: weight(word) * rarity(word) for word in new.words}

    def promise(pair: tuple[Known, frozenset[str]]) -> float:
        other, shared = pair
        estimate = sum([worth[word] for word in shared]) if shared else 0.0
        if new.project and other.project == new.project:
            estimate += 1
        if signature and not signature.isdisjoint(
            (*other.signature.modules, *other.signature.frames)
        ):
            estimate += 3
        if other.reference in new.words or (new.reference and new.reference in other.words):
            estimate += 1
        if other.sketch == new.sketch:
            estimate += 9
        return estimate

    closest = heapq.nlargest(_LOOKED_AT, pairs, key=promise)
    judged = [_judge(new, other, shared, rarity) for other, shared in closest]
    found = [each for each in judged if each.score >= WORTH_SHOWING]
    return tuple(sorted(found, key=lambda each: each.score, reverse=True)[:limit])


class _Rarity:
    """How rare a word is, from 0 (in every report) to 1 (in these two alone)."""

    def __init__(self, counts: Counter[str], others: int) -> None:
        self._counts = counts
        self._most = math.log(max(others + 1, _FEW) / 2)

    def __call__(self, word: str) -> float:
        """Give the rarity of a word that the two have in common."""
        among = math.log((self._counts[word] + 1) / 2)
        return max(0.0, min(1.0, 1 - among / self._most)) ** 2


def related(kind: Kind) -> frozenset[Kind]:
    """Name the kinds as which one problem may be reported: another witness, another kind."""
    return frozenset({kind, Kind.NEEDS_INFO}).union(*(each for each in _FAMILIES if kind in each))


def nearly_identical(a: Known, b: Known) -> bool:
    """Tell whether two texts are one but for numbers, mentions and white space.

    They are on one project, and their signatures do not contradict each other: programs that
    reproduce something are often copies, with another call in them.
    """
    if a.project != b.project or not a.sketch or not b.sketch:
        return False
    smallest = sorted({*a.sketch, *b.sketch})[:_SKETCH]
    common = len({*smallest} & {*a.sketch} & {*b.sketch})
    return common >= _ALIKE * len(smallest) and not _contradict(a.signature, b.signature)


def _contradict(here: Signature, there: Signature) -> bool:
    functions, others = _functions(here), _functions(there)
    return bool(
        (here.modules and there.modules and set(here.modules).isdisjoint(there.modules))
        or (functions and others and functions.isdisjoint(others))
    )


def _functions(signature: Signature) -> frozenset[str]:
    """Name the telling functions of a stack, or those in which threads race."""
    race = signature.race.split(_MEETING) if signature.race else ()
    return telling_frames((*signature.frames, *race))


def _judge(new: Known, other: Known, shared: frozenset[str], rarity: _Rarity) -> Likely:
    if nearly_identical(new, other):
        score = 1.0
        reasons: tuple[str, ...] = (phrase("the same text"),)
    else:
        signs = [sign for sign in _signs(new, other, shared, rarity) if sign.points]
        telling_signs = sum(sign.points >= _SIGN for sign in signs)
        points = sum(sign.points for sign in signs)
        score = 1 / (1 + math.exp(_HALF - points))
        if telling_signs < 2:
            score = min(score, _ALONE)
        reasons = tuple(sign.reason for sign in signs if sign.reason and sign.points > 0)
    return Likely(other.key, other.title, other.url, score, reasons, other.state)


def _signs(new: Known, other: Known, shared: frozenset[str], rarity: _Rarity) -> Iterator[_Sign]:
    """Go through all that speaks for and against it. Nothing counts twice."""
    frames = _functions(new.signature) & _functions(other.signature)
    modules = {*new.signature.modules} & {*other.signature.modules}
    messages = {word for word in shared if is_message(word)}
    left = shared - messages - frames - modules - _names(new, other)
    subject = left & (new.subject | other.subject)
    yield _project(new, other, rarity)
    yield _kind(new, other)
    yield _python(new, other)
    yield _modules(new, other, modules)
    yield _frames(new, other, frames)
    yield _reference(new, other)
    yield _messages(messages, rarity)
    yield _title(new, other)
    yield _subject(new, other, subject, rarity)
    yield _words(new, other, left - subject, rarity)


def _project(new: Known, other: Known, rarity: _Rarity) -> _Sign:
    """Weigh what they are about. That a text names a tool that all use tells little."""
    if new.project == other.project:
        reason = phrase("same project: {project}", project=new.project)
        return _Sign(1.5, reason) if new.project else _Sign(0)
    named = [
        name
        for a, b in ((new, other), (other, new))
        if a.project
        for name in dict.fromkeys((a.project, _AFFIX.sub("", a.project)))
        if name in b.words
    ]
    if named:
        points = sum(map(rarity, named)) / len(named)
        return _Sign(points, phrase("both are about {names}", names=", ".join(named)))
    return _Sign(-2.0 if new.project and other.project else 0)


def _kind(new: Known, other: Known) -> _Sign:
    if Kind.NEEDS_INFO in (new.kind, other.kind):
        return _Sign(0)
    if new.kind is other.kind is Kind.NOT_FREE_THREADING:  # which says what it is not
        return _Sign(0)
    if new.kind is not other.kind:
        return _Sign(0.5 if other.kind in related(new.kind) else -1.5)
    if new.kind in _ONE_A_PROJECT and new.project and new.project == other.project:
        same = new.kind is not Kind.NO_WHEEL or new.python == other.python
        return _Sign(3.0 if same else 0.5, _SAME_KIND)
    return _Sign(1.0, _SAME_KIND)


def _python(new: Known, other: Known) -> _Sign:
    return _Sign(0.25 if new.python and new.python == other.python else 0)


def _modules(new: Known, other: Known, shared: set[str]) -> _Sign:
    if shared:
        return _Sign(3.0, phrase("same module in the warning: {names}", names=_listed(shared)))
    return _Sign(-2.0) if new.signature.modules and other.signature.modules else _Sign(0)


def _frames(new: Known, other: Known, shared: frozenset[str]) -> _Sign:
    here, there = new.signature, other.signature
    if not shared:
        return _Sign(-1.5 if _functions(here) and _functions(there) else 0)
    if here.race and there.race and shared == _functions(here) == _functions(there):
        return _Sign(4.0, phrase("same place of the race: {names}", names=_listed(shared)))
    return _Sign(min(1.0 + len(shared), 4.0), phrase("same frames: {names}", names=_listed(shared)))


def _reference(new: Known, other: Known) -> _Sign:
    """Weigh that one text names the other, which may also mean that it is another problem."""
    for a, b in ((new, other), (other, new)):
        if b.reference and b.reference in a.words:
            return _Sign(1.2, phrase("one names the other"))
    return _Sign(0)


def _messages(shared: set[str], rarity: _Rarity) -> _Sign:
    points = sum(weight(word) * rarity(word) for word in shared)
    return (
        _Sign(min(points, 3.5), phrase("same message: {words}", words=_listed(shared)))
        if shared
        else _Sign(0)
    )


def _title(new: Known, other: Known) -> _Sign:
    """Weigh that two titles are one: the longer it is, the less by chance."""
    here, there = (_WORD.findall(_TAG.sub("", each.title).casefold()) for each in (new, other))
    if here != there:
        return _Sign(0)
    length = len(set(here) - {new.project} if new.project == other.project else set(here))
    return _Sign(min(max(0.5 * (length - 2), 0.0), 2.5), phrase("same title"))


def _subject(new: Known, other: Known, shared: frozenset[str], rarity: _Rarity) -> _Sign:
    """Weigh that what one title is about stands in the other text, most of all in its title."""
    points = 0.0
    for a, b in ((new, other), (other, new)):
        about = a.subject - {new.project, other.project}
        told = about & shared
        if told:
            covered = sum(map(weight, told)) / sum(map(weight, about))
            worth = sum(weight(word) * rarity(word) for word in told)
            both = told <= b.subject
            value = worth * covered * (1.5 if both else 1.0) * (1.5 if told == about else 1.0)
            points = max(points, min(value, 3.5 if both else 2.25))
    return _Sign(points, phrase("same subject: {words}", words=_listed(shared)) if points else "")


def _words(new: Known, other: Known, shared: frozenset[str], rarity: _Rarity) -> _Sign:
    """Weigh the words in common: the tenth tells less than the first.

    They tell more if they are nearly all that one of the texts has to tell.
    """
    worth = sorted(((weight(word) * rarity(word), word) for word in shared), reverse=True)
    points = sum(value * 0.75**place for place, (value, _) in enumerate(worth))
    whole = min(sum(map(weight, each.words - _names(new, other))) for each in (new, other))
    if points and sum(map(weight, shared)) >= _NEARLY_ALL * whole:
        points *= 1.5
    best = ", ".join(word for _, word in worth[:_SHOWN_WORDS])
    return _Sign(min(points, 3.0), phrase("same words: {words}", words=best) if points else "")


def _names(new: Known, other: Known) -> set[str | None]:
    """Give the words that are told by other signs than by words: projects and references."""
    projects = {each.project for each in (new, other) if each.project}
    short = {_AFFIX.sub("", project) for project in projects}
    return {*projects, *short, new.reference, other.reference}


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words)[:_SHOWN_WORDS])


def _sketch(text: str) -> tuple[int, ...]:
    """Give the smallest hashes of a text's triples of words, by which texts are compared.

    Numbers and mentions do not count (a bottom-k MinHash sketch, Broder 1997).
    """
    words = _PLAIN.findall(text.casefold())
    triples = {
        " ".join(words[place : place + _SHINGLE])
        for place in range(max(len(words) - _SHINGLE, 0) + 1)
    }
    return tuple(sorted(zlib.crc32(triple.encode()) for triple in triples if triple)[:_SKETCH])
