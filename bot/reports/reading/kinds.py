"""What kind of problem a report is about: signs, each with how much it tells where it stands.

A sign counts once for each place it is found in. What a title says weighs most, for it names the
problem; words in prose may be about what was tried, feared or compared; programs' output says what
happened. The kind is the one with the most weight, and nothing counts without a positive sign of a
free-threaded build.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bot.reports.model import Kind
from bot.reports.reading.document import Document
from bot.reports.reading.evidence import around
from bot.reports.reading.interpreter import Build
from bot.reports.reading.warning import warnings, without_warnings

_ENOUGH = 2.0
"""Weight from which a kind is worth naming."""
_ALSO = 0.5
"""A second kind with this share of the first one's weight could be defended."""
_LITTLE = 60
"""Characters; a text that is shorter and says nothing has to be asked about."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A pattern, and its weight in a title, in prose and in logs; 0 where it says nothing.

    `needles` are in lower case; the pattern is tried where one of them occurs.
    """

    kind: Kind
    needles: tuple[str, ...]
    pattern: re.Pattern[str]
    title: float
    prose: float
    logs: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """The kind with its confidence, a second one, and the text that decided."""

    kind: Kind
    confidence: float
    also: Kind | None = None
    evidence: tuple[str, ...] = ()


def _sign(
    kind: Kind, needles: str, pattern: str, title: float, prose: float, logs: float = 0.0
) -> Sign:
    return Sign(
        kind,
        tuple(needles.split("|")),
        re.compile(pattern, re.IGNORECASE | re.MULTILINE),
        title,
        prose,
        logs,
    )


_NOT = r"(?<!no )(?<!not )(?<!n't )(?<!never )(?<!without )(?<!no longer )(?<!without any )"
_FAILS = r"(?:fail(?:s|ed|ing|ures?)?|errors?|broken|breaks|problems?|issues?|unable|cannot|can't)"
_MAKING = r"(?:build|built|building|compil\w{1,8}|install\w{0,8}|link(?:ing|s)?)"

_SIGNS: Final = (
    # The GIL comes back; the warning itself is weighed apart
    _sign(
        Kind.GIL_REENABLED,
        "enabl",
        r"\bre-?enabl\w{0,4} (?:of )?(?:the )?(?:python'?s? )?(?:gil\b|global interpreter)"
        r"|\bre-?enabl\w{0,4} Py_MOD_GIL"
        r"|\bGIL\)?(?: \w{1,8}){0,2} (?:back )?(?:re-?)?enabled(?! to load)(?! at)|\bGIL re-?enabl"
        r"|(?<!not )\benabl(?:e|es|ed|ing) the (?:GIL\b|global interpreter lock)"
        r"|(?:RuntimeWarning|warning)\S{0,3}(?: \w{1,10}){0,4} (?:the )?GIL\b",
        5, 2.5, 2,
    ),
    _sign(
        Kind.GIL_REENABLED,
        "gil",
        r"\b(?:turn|switch|bring|put|get)\w{0,3} (?:the )?(?:\w{1,14} )?GIL (?:back|on\b)"
        r"|\bGIL (?:is |was |stays |remains |comes |gets |goes |turned |switched )(?:still )?(?:back|on)\b"
        r"|\bprevents? (?:disabling|turning off) the GIL|\bforces? (?:the )?GIL"
        r"|\b(?:keeps?|kept|holds?) the GIL (?:on|enabled)",
        5, 2.5,
    ),
    _sign(
        Kind.GIL_REENABLED,
        "declar|mark|signal",
        r"\b(?:declar|mark|signal)\w{0,5}\b(?: \S{1,20}){0,5} (?:free[- ]?thread|no-?gil|gil\b|thread-?safe)"
        r"|\b(?:not|n't) (?:\w{1,10} )?declared? \w",
        4, 1.0, 1.0,
    ),
    _sign(
        Kind.GIL_REENABLED,
        "mod_gil|gil_used|freethreading_compatible|setgil",
        r"\bPy_MOD_GIL|\bPy_mod_gil|\bmod_gil_not_used|\bgil_used\b|\bfreethreading_compatible\b"
        r"|_SetGIL\b",
        4.5, 1.5, 1.0,
    ),
    _sign(
        Kind.GIL_REENABLED,
        "_is_gil_enabled",
        r"_is_gil_enabled\(\)(?:[^\n]{0,80}\n){0,12}\W{0,4}False\b[^\n]{0,60}\n\W{0,4}True\b",
        0, 2.5, 2.5,
    ),
    # No wheel
    _sign(Kind.NO_WHEEL, "wheel", r"\bwheels?\b", 5, 0.5),
    _sign(
        Kind.NO_WHEEL,
        "wheel",
        r"\b(?:no|missing|without|lacks?|lacking|needs?|provide|provid\w{1,3}|publish\w{0,3}|upload\w{0,3}|ship\w{0,4}"
        r"|build\w{0,3}|built|releas\w{1,3}|add\w{0,3}|have|wants?|get|make|for|prebuilt)"
        r"(?: [^\s.;]{1,24}){0,5} wheels?\b|\bwheels? (?:is|are) (?:not|missing|n't)",
        0.5, 2.0,
    ),
    _sign(
        Kind.NO_WHEEL,
        "matching distribution|satisfies the requirement|no wheels with a matching|only",
        r"no matching distribution|satisfies the requirement|no wheels with a matching"
        r"|\bonly (?:ships?|provides?|has|have|an?|sdist)(?: \S{1,20}){0,4} (?:wheels?|sdist)",
        4, 3, 4,
    ),
    _sign(
        Kind.NO_WHEEL,
        "t wheel|t` wheel|threaded",
        r"\b(?:cp)?3\.?1[3-9]t`?(?: \S{1,12}){0,2} wheels?\b|\bfree-?thread(?:ed|ing) (?:\S{1,20} )?wheels?\b",
        1.5, 1.5,
    ),
    # It does not build
    _sign(
        Kind.BUILD_FAILURE,
        "build|built|compil|install|link",
        rf"\b{_FAILS}(?: \S{{1,16}}){{0,3}}? {_MAKING}\b"
        rf"|\b{_MAKING}(?: \S{{1,16}}){{0,2}}? {_FAILS}\b"
        r"|\b(?:do(?:es)?n'?t|don't|does not|won't|not) (?:\w{1,10} )?(?:build|compile|install|link)\b"
        r"|\b(?:build|compile|compiler|compilation|link|linker|install|installation) (?:error|failure)",
        6.5, 3, 1.5,
    ),
    _sign(
        Kind.BUILD_FAILURE,
        "pip",
        r"\bpip (?:\w{1,10} ){0,3}(?:fails?|failed|errors?)|\b(?:fails?|failed) (?:\w{1,10} ){0,2}pip\b",
        5, 2.5,
    ),
    _sign(
        Kind.BUILD_FAILURE,
        "limited",
        r"\blimited[- _]api\b|py_limited_api|Py_LIMITED_API",
        5, 2.0, 3,
    ),
    _sign(
        Kind.BUILD_FAILURE,
        "error|failed|lnk|cannot open file|undefined|unknown type",
        r"\.(?:c|cc|cpp|cxx|h|hpp|pyx|pxd|rs)[:(]\d{1,6}[^\n]{0,24}?:? {0,8}(?:fatal )?error\b"
        r"|\berror: (?:unknown type|call to undeclared|implicit decl|subprocess-exited|metadata-gen|command "
        r"|failed to (?:build|compile)|could not compile|linker|expected|cannot set|legacy-install|use of undecl)"
        r"|\berror\[E\d{4}\]|\bFailed building wheel|\bmetadata-generation-failed|\bLNK\d{4}\b|fatal error C\d{4}"
        r"|^\s{0,8}FAILED: |\bundefined (?:symbol|reference)|\bunknown type name|\bCompileError\b"
        r"|\bhard-errors?\b|static assertion failed",
        5, 3.5, 4.5,
    ),
    # It crashes
    _sign(
        Kind.CRASH,
        "seg|crash|abort|core dump|violation|fatal python|sigbus",
        rf"\bseg(?:mentation)?[- ]?fault\w{{0,3}}|\bsegv\b|\bsigsegv\b|\bsigabrt\b|\bsigbus\b"
        r"|\bsegmentation violation|\bcore dump|\baccess violation|\bFatal Python error|\bfatal exception"
        rf"|{_NOT}\bcrash(?:es|ed|ing)?\b(?![- ](?:test|report|form|course))"
        rf"|{_NOT}\babort(?:s|ed|ing)?\b(?! the)",
        6, 3, 4,
    ),
    _sign(
        Kind.CRASH,
        "use-after|use after|double-free|double free|corrupt|null pointer|assert|decref",
        r"\buse[- ]after[- ]free|\bdouble[- ](?:free|decref)|\b(?:memory|heap) corruption|\bcorrupted (?:size|double)"
        r"|\bcorrupts? (?:memory|the heap|the chain)|\bnull pointer|\bnegative refcount"
        r"|\bassertion [^\n]{1,80}? failed|\bdereferenc\w{1,3}",
        4.5, 2, 2,
    ),
    _sign(
        Kind.CRASH,
        " at |.so|.dll|.dylib",
        r"^\s{0,8}\#\d{1,3}\s[^\n]{1,300}?(?: at \S{1,200}\.(?:c|cpp|h|cc):\d|\(\S{1,80}\.(?:so|dylib)[^)\n]{0,40}\))"
        r"|\w!\w[^\n]{0,60} Line \d",
        0, 0, 1.5,
    ),
    # Threads race
    _sign(
        Kind.DATA_RACE,
        "threadsanitizer:",
        r"\b(?:WARNING|SUMMARY): ThreadSanitizer: ",
        0, 6, 7,
    ),
    _sign(
        Kind.DATA_RACE,
        "rac|tsan|sanitizer",
        rf"{_NOT}\bdata[- ]?races?\b|{_NOT}\brace[- ]conditions?\b|\braces?\b(?! report)|\bracy\b|\bracing\b"
        r"|\bt-?san\b|\bthread[- ]?sanitizer\b|\btsan_",
        6, 2.5,
    ),
    _sign(
        Kind.DATA_RACE,
        "thread",
        r"\b(?:not|n't|non-?|un)[ -]?(?:be )?(?:thread|free-?thread\w{0,3})[- ]?safe|\bthread[- ]unsafe"
        r"|\bunsynchroni[sz]ed|\bunlocked\b|\bthread[- ]safety (?:issue|bug|problem|hazard)",
        2.5, 1.0,
    ),
    # It hangs
    _sign(
        Kind.DEADLOCK,
        "time out|times out|timeout|timed out",
        r"\btime(?:s|d)? ?outs?\b|\btiming out\b",
        3, 1, 0.5,
    ),
    _sign(
        Kind.DEADLOCK,
        "dead|hang|hung|stuck|freez|livelock|lost|infinite|stall|never|block",
        rf"{_NOT}\bdead-?lock\w{{0,3}}|{_NOT}\bhangs?\b|\bhung\b|\bhanging\b|\bstuck\b|\bfreez(?:es|ing)\b"
        r"|\blive-?lock\w{0,3}|\blost wake-?up|\binfinite (?:loop|wait|spin)|\bstall(?:s|ed|ing)?\b"
        r"|\bnever (?:returns?|finish(?:es)?|terminates?|completes?|exits?|wakes?)",
        6, 3, 1.5,
    ),
    # The result is wrong
    _sign(
        Kind.WRONG_RESULT,
        "wrong|incorrect|inconsistent|invalid|corrupt|different|unexpected|duplicate|garbled|lost",
        r"\b(?:wrong|incorrect|inconsistent|invalid|corrupt(?:ed)?|different|unexpected|inaccurate|garbled|duplicated?"
        r"|garbage|non-?deterministic)"
        r"(?: \S{1,14}){0,2}? (?:results?|values?|answers?|outputs?|numbers?|sums?|constants?|data|state|counts?|totals?)\b"
        r"|\b(?:results?|values?|outputs?|numbers?|sums?) (?:is|are|was|were|differs?|may be)?[ ]?(?:wrong|incorrect|inconsistent|differ)"
        r"|\blost updates?\b|\blos(?:es|t|ing) (?:increments|items|writes)",
        6, 3, 1.5,
    ),
    _sign(
        Kind.WRONG_RESULT,
        "incorrect|inconsistent|wrong|corrupt|differ|flaky|fail",
        r"\binconsistent\w{0,3}\b|\bincorrect\w{0,2}\b|\bgives? (?:wrong|different)|\bresults differ"
        r"|\bcorrupt(?:s|ed)?\b|\bflaky\b|\bintermittent\w{0,2}\b|\btests? fail\w{0,5}\b|\bfailing tests?\b"
        r"|\bfailures? in\b",
        3.0, 1.0,
    ),
    _sign(
        Kind.WRONG_RESULT,
        "error",
        r"\b(?:Assertion|Runtime|Value|Key|Index|Type|Attribute|System)Error\b",
        2.5, 1.0, 1.5,
    ),
    # It is slow
    _sign(
        Kind.PERFORMANCE,
        "slow|perf|scal|contention|speed|bottleneck|throughput|benchmark|degrad|latency|faster|lock|memory",
        r"\bslow(?:er|s|ness|down|downs)?\b|\bperformance\b|\bperf\b|\bscal(?:e|es|ing|ability|ably)\b"
        r"|\bcontention\b|\bspeed-?ups?\b|\bspeed\b|\bbottlenecks?\b|\bthroughput\b|\b(?:micro)?benchmark\w{0,4}\b"
        r"|\bdegrad\w{1,6}\b|\blatency\b|\bfaster\b|\bshouldn't lock\b|\bmemory (?:usage|growth|bloat|leak)",
        5.5, 0,
    ),
    _sign(
        Kind.PERFORMANCE,
        "slow|contention|scal|perf|faster|hit|speed|degrad",
        r"\d(?:\.\d{1,4})?[x×] (?:faster|slower|speed)|\bslow(?:er|down|ness)\b|\bcontention\b"
        r"|\b(?:poor|bad|no|not?|doesn't|does not)(?: \w{1,12}){0,2} (?:scal\w{1,6}|speed-?ups?)\b|\bscaling\b"
        r"|\bperformance (?:drop|regress|degrad|hit|issue|problem|penalty|may take)\w{0,5}",
        1.5, 3, 2,
    ),
    _sign(
        Kind.PERFORMANCE,
        "mflops|ops/s| ms|elapsed|benchmark|real\t",
        r"\bM?FLOPS\b|\bops/s|\b\d+(?:\.\d+)? ?ms\b|\belapsed\b|\bbenchmark\w{0,4}\b|\bscales?\b",
        0, 1.0, 1.0,
    ),
    # It is asked for, or asked about
    _sign(
        Kind.SUPPORT_REQUEST,
        "support|compat|track|roadmap|plan|status|enh|feature|audit|investigat|port|prepar|todo|to-do",
        r"\bsupport(?:s|ed|ing)?\b|\bcompat(?:ib(?:le|ility))?\b|\btrack(?:ing|er)\b|\broadmap\b|\bplans?\b"
        r"|\bstatus\b|\benh\b|\bfeature\b|\baudit\w{0,3}\b|\binvestigat\w{1,4}\b|\bporting\b|\bprepar\w{1,6}\b"
        r"|\bto-?do\b|\bready\b|\breadiness\b",
        4, 0,
    ),
    _sign(
        Kind.SUPPORT_REQUEST,
        "?|question|how |is there|gil|blockers|todo|consider|idea",
        r"\?\s*$|\bquestion\b|^how\b|\bhow (?:can|do|to|should)\b|\bis there\b|\bblockers?\b|\bconsider\b"
        r"|^python 3\.\d+\b|\bidea\b|\bsuggest\w{0,4}\b",
        2.5, 0,
    ),
    _sign(Kind.SUPPORT_REQUEST, "question", r"^\W*question\b", 3, 0),
    _sign(
        Kind.SUPPORT_REQUEST,
        "track|to do|checklist|[ ]|anyone|any plans|possible|parent issue|interest|umbrella|steps|opinion|would be",
        r"\btracking issue\b|\btracker\b|\bto[- ]do:|\bchecklist\b|^\s{0,6}[-*] \[[ x]\]|\bhas anyone\b"
        r"|\bany plans?\b|\bis it possible\b|\bparent issue\b|\bcase there(?: is|'s) interest\b"
        r"|\bworth a look\b|\bwould (?:it )?be (?:nice|great|good|possible)\b|\bset up CI\b"
        r"|\bno module named pip\b",
        2, 2.0, 0.5,
    ),
    _sign(
        Kind.SUPPORT_REQUEST,
        "importerror|modulenotfound|error importing|cannot import|no module named|not supported by this build",
        r"\b(?:ImportError|ModuleNotFoundError)\b|\bError importing\b|\b(?:cannot|unable to|can't) import\b"
        r"|\bNo module named\b|\bnot supported by this build\b",
        4.5, 1.5, 3.5,
    ),
    # It is about texts
    _sign(
        Kind.DOCS,
        "doc|glossary|guide|tutorial|readme|how-to|faq|typo|wording|terminology|term ",
        r"\bdocs?\b|\bdocument(?:s|ed|ing|ation)?\b|\bglossary\b|\bguides?\b|\btutorial\b|\breadme\b"
        r"|\bhow-?to\b(?! )|\bfaq\b|\btypos?\b|\bwording\b|\bterminology\b|\busing the term\b|\bexplain\b|\bdefinition for\b",
        7, 0,
    ),
    _sign(
        Kind.DOCS,
        "document|docs|guide|faq|glossary|doc:|doc/|internaldocs|page",
        r"\b(?:should|must|needs? to|could|has to|be) (?:be )?(?:better )?documented|\bdocumentation\b"
        r"|\bthe guide\b|\bfaq entry\b|\binternaldocs\b|\bdocs? page\b|\bDoc(?:/|: )|\bglossary\b|\bdocs\.\w",
        0, 3,
    ),
)  # fmt: skip

_WARNED = 7.0
"""Weight of the interpreter's own warning, in the title or below."""
_WARNED_OF = 3.5
"""Weight of the warning where it names no module: cut short, or spoken of."""

_UNSPECIFIC = re.compile(r"\bcompat\w{0,8}\b|\btracking issue\b|\bstatus of\b", re.IGNORECASE)
_ORDER: Final[Mapping[Kind, int]] = {
    kind: place
    for place, kind in enumerate(
        # What is worse, or says more of the others' cause, goes first where weights are equal.
        (
            Kind.DATA_RACE,
            Kind.CRASH,
            Kind.DEADLOCK,
            Kind.GIL_REENABLED,
            Kind.BUILD_FAILURE,
            Kind.WRONG_RESULT,
            Kind.PERFORMANCE,
            Kind.NO_WHEEL,
            Kind.DOCS,
            Kind.SUPPORT_REQUEST,
        )
    )
}


def judge(text: Document, built: Build) -> Judgement:
    """Tell the kind. What has no positive sign of a free-threaded build is not about it."""
    weights, evidence = _weigh(text)
    if not built.free_threaded:
        return _other(text, built, weights)
    ranked = sorted(weights, key=lambda kind: (-weights[kind], _ORDER[kind]))
    if not ranked or weights[ranked[0]] < _ENOUGH:
        little = len(text.whole.strip()) < _LITTLE
        kind = Kind.NEEDS_INFO if little else Kind.SUPPORT_REQUEST
        return Judgement(kind, 0.3, evidence=(built.evidence,))
    best, *others = ranked
    second = weights[others[0]] if others else 0.0
    also = others[0] if others and second >= max(_ENOUGH, _ALSO * weights[best]) else None
    confidence = round(min(0.99, weights[best] / (weights[best] + second + 1.0)), 2)
    return Judgement(best, confidence, also, (evidence[best], built.evidence))


def _other(text: Document, built: Build, weights: Mapping[Kind, float]) -> Judgement:
    """Judge what says nothing of free threading."""
    failing = any(
        weights.get(kind, 0.0) >= _ENOUGH
        for kind in _ORDER
        if kind not in {Kind.SUPPORT_REQUEST, Kind.DOCS, Kind.GIL_REENABLED}
    )
    if built.value is None and not failing:
        if _UNSPECIFIC.search(text.whole):
            return Judgement(Kind.SUPPORT_REQUEST, 0.4, Kind.NOT_FREE_THREADING)
        if len(text.whole.strip()) < _LITTLE and not weights:
            return Judgement(Kind.NEEDS_INFO, 0.5, Kind.NOT_FREE_THREADING)
    confidence = 0.9 if built.value else 0.8
    evidence = (built.evidence,) if built.evidence else ()
    return Judgement(Kind.NOT_FREE_THREADING, confidence, evidence=evidence)


def _weigh(text: Document) -> tuple[dict[Kind, float], dict[Kind, str]]:
    """Add up the signs; the evidence of a kind is what weighed most for it."""
    weights: dict[Kind, float] = {}
    evidence: dict[Kind, tuple[float, str]] = {}
    for kind, weight, found in _found(text):
        weights[kind] = weights.get(kind, 0.0) + weight
        if kind not in evidence or evidence[kind][0] < weight:
            evidence[kind] = weight, found
    return weights, {kind: said for kind, (_, said) in evidence.items()}


def _found(text: Document) -> Iterator[tuple[Kind, float, str]]:
    for warned in warnings(text.whole):
        if not warned.wished:
            weight = _WARNED if warned.module else _WARNED_OF
            yield Kind.GIL_REENABLED, weight, around(text.whole, warned.start, warned.end)
            break
    places = [
        (place, place.lower(), name)
        for place, name in (
            (without_warnings(text.title), "title"),
            (without_warnings(text.prose), "prose"),
            (without_warnings(text.logs), "logs"),
        )
    ]
    for sign in _SIGNS:
        for place, lowered, name in places:
            weight = getattr(sign, name)
            if not weight or not any(needle in lowered for needle in sign.needles):
                continue
            match = sign.pattern.search(place)
            if match:
                yield sign.kind, weight, around(place, *match.span())
