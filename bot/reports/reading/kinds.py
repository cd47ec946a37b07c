"""What kind of problem a report is about: signs, each with how much it tells where it stands.

A sign counts once for each place it is found in. What a title says weighs most, for it names the
problem; words in prose may be about what was tried, feared or compared; programs' output says what
happened. The kind is the one with the most weight, and nothing counts without a positive sign of a
free-threaded build.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bot.reports.model import Kind
from bot.reports.reading.document import Document
from bot.reports.reading.evidence import around
from bot.reports.reading.interpreter import Build
from bot.reports.reading.patterns import Passage, Pattern, pattern

_ENOUGH: Final = 1.5
"""Weight from which a kind is worth naming."""
_ALSO: Final = 0.5
"""A second kind with this share of the first one's weight could be defended."""
_LITTLE: Final = 60
"""Characters; a text that is shorter and says nothing has to be asked about."""
_WARNED: Final = 7.0
"""Weight of the interpreter's own warning that the GIL is on."""
_WARNED_OF: Final = 3.5
"""Weight of that warning where it names no module: cut short, or spoken of."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A pattern, and its weight for a kind in a title, in prose and in logs; 0 says nothing."""

    kind: Kind
    pattern: Pattern
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


_FAILS = r"(?:fail(?:s|ed|ing|ures?)?|errors?|broken|breaks|problems?|issues?|unable|cannot|can't)"
_MAKING = r"(?:build|built|building|compil\w{1,8}|install\w{0,8}|link(?:ing|s)?)"

_NEGATED = pattern(
    "no |not |n't |never |without ",
    r"(?:\b(?:no|not|never|without|no longer|without any|longer)|n't) "
    r"(?:crash|abort|segfault|dead-?lock|hang|(?:data )?race)\w*",
)
"""What does not happen is no sign."""

_SIGNS: Final = (
    # The GIL comes back; the interpreter's warning is weighed apart
    Sign(
        Kind.GIL_REENABLED,
        pattern(
            "enabl|warning",
            r"\bre-?enabl\w{0,4} (?:of )?(?:the )?(?:python'?s? )?(?:gil\b|global interpreter)"
            r"|\bre-?enabl\w{0,4} Py_MOD_GIL|\bGIL re-?enabl"
            r"|(?<!with the )\bGIL\)?(?: \w{1,8}){0,2} (?:back )?(?:re-?)?enabled(?! at)"
            r"|(?<!not )\benabl(?:e|es|ed|ing) the (?:GIL\b|global interpreter lock)"
            r"|(?:RuntimeWarning|warning)\S{0,3}(?: \w{1,10}){0,4} (?:the )?GIL\b",
        ),
        title=5,
        prose=2.5,
        logs=2,
    ),
    Sign(
        Kind.GIL_REENABLED,
        pattern(
            "gil",
            r"\b(?:turn|switch|bring|put|get)\w{0,3} (?:the )?(?:\w{1,14} )?GIL (?:back|on\b)"
            r"|\bGIL (?:is|was|stays|remains|comes|gets|goes|turned|switched) (?:still )?"
            r"(?:back|on)\b"
            r"|\bprevents? (?:disabling|turning off) the GIL|\bforces? (?:the )?GIL"
            r"|\b(?:keeps?|kept|holds?) the GIL (?:on|enabled)",
        ),
        title=5,
        prose=2.5,
        logs=0,
    ),
    Sign(
        Kind.GIL_REENABLED,
        pattern(
            "declar|mark|signal",
            r"\b(?:declar|mark|signal)\w{0,5}\b(?: \S{1,20}){0,5} "
            r"(?:free[- ]?thread|no-?gil|gil\b|thread-?safe)"
            r"|\b(?:not|n't) (?:\w{1,10} )?declared? \w",
        ),
        title=4,
        prose=1,
        logs=1,
    ),
    Sign(
        Kind.GIL_REENABLED,
        pattern(
            "mod_gil|gil_used|freethreading_compatible|setgil",
            r"\bPy_mod_gil|\bmod_gil_not_used|\bgil_used\b|\bfreethreading_compatible\b|_SetGIL\b",
        ),
        title=4.5,
        prose=1.5,
        logs=1,
    ),
    Sign(
        Kind.GIL_REENABLED,
        pattern(
            "_is_gil_enabled",
            r"_is_gil_enabled\(\)(?:[^\n]{0,80}\n){0,12}\W{0,4}False\b[^\n]{0,60}\n\W{0,4}True\b",
        ),
        title=0,
        prose=2.5,
        logs=2.5,
    ),
    # There is no wheel
    Sign(Kind.NO_WHEEL, pattern("wheel", r"\bwheels?\b"), title=5, prose=0.5, logs=0),
    Sign(
        Kind.NO_WHEEL,
        pattern(
            "wheel",
            r"\b(?:no|missing|without|lacks?|lacking|needs?|provid\w{1,3}|publish\w{0,3}"
            r"|upload\w{0,3}|ship\w{0,4}|buil[dt]\w{0,3}|releas\w{1,3}|add\w{0,3}|have|wants?|get"
            r"|make|for|prebuilt)"
            r"(?: [^\s.;]{1,24}){0,5} wheels?\b|\bwheels? (?:is|are) (?:not|missing|n't)",
        ),
        title=0.5,
        prose=2,
        logs=0,
    ),
    Sign(
        Kind.NO_WHEEL,
        pattern(
            "distribution|satisfies|wheel|sdist",
            r"no matching distribution|satisfies the requirement|no wheels with a matching"
            r"|\bonly (?:ships?|provides?|has|have|an?|sdist)(?: \S{1,20}){0,4} (?:wheels?|sdist)",
        ),
        title=4,
        prose=3,
        logs=4,
    ),
    Sign(
        Kind.NO_WHEEL,
        pattern(
            "wheel",
            r"\b(?:cp)?3\.?1[3-9]t`?(?: \S{1,12}){0,2} wheels?\b"
            r"|\bfree-?thread(?:ed|ing) (?:\S{1,20} )?wheels?\b",
        ),
        title=1.5,
        prose=1.5,
        logs=0,
    ),
    # It does not build
    Sign(
        Kind.BUILD_FAILURE,
        pattern(
            "build|built|compil|install|link",
            rf"\b{_FAILS}(?: \S{{1,16}}){{0,3}}? {_MAKING}\b"
            rf"|\b{_MAKING}(?: \S{{1,16}}){{0,2}}? {_FAILS}\b"
            r"|\b(?:do(?:es)?n'?t|does not|won't|not) (?:\w{1,10} )?"
            r"(?:build|compile|install|link)\b",
        ),
        title=6.5,
        prose=3,
        logs=1.5,
    ),
    Sign(
        Kind.BUILD_FAILURE,
        pattern(
            "pip",
            r"\bpip (?:\w{1,10} ){0,3}(?:fails?|failed|errors?)"
            r"|\b(?:fails?|failed) (?:\w{1,10} ){0,2}pip\b",
        ),
        title=5,
        prose=2.5,
        logs=0,
    ),
    Sign(
        Kind.BUILD_FAILURE,
        pattern("limited", r"\blimited[- _]api\b|py_limited_api"),
        title=5,
        prose=2,
        logs=3,
    ),
    Sign(
        Kind.BUILD_FAILURE,
        pattern(
            "error|failed|lnk|undefined|unknown type|static assertion",
            r"\.(?:c|cc|cpp|cxx|h|hpp|pyx|pxd|rs)[:(]\d{1,6}[^\n]{0,24}?:? {0,8}(?:fatal )?error\b"
            r"|\berror: (?:unknown type|call to undeclared|implicit decl|subprocess-exited"
            r"|metadata-gen|command |failed to (?:build|compile)|could not compile|linker|expected"
            r"|cannot |legacy-install|use of undecl)"
            r"|\berror\[E\d{4}\]|\bFailed building wheel|\bmetadata-generation-failed|\bLNK\d{4}\b"
            r"|fatal error C\d{4}|^\s{0,8}FAILED: |\bundefined (?:symbol|reference)"
            r"|\bunknown type name|\bCompileError\b|\bhard-errors?\b|static assertion failed",
        ),
        title=5,
        prose=3.5,
        logs=4.5,
    ),
    # It crashes
    Sign(
        Kind.CRASH,
        pattern(
            "seg|sig|crash|abort|core dump|violation|fatal",
            r"\bseg(?:mentation)?[- ]?fault\w{0,3}|\bsegv\b|\bsig(?:segv|abrt|bus|ill)\b"
            r"|\bsegmentation violation|\bcore dump|\baccess violation|\bFatal Python error"
            r"|\bfatal exception|\bcrash(?:es|ed|ing)?\b(?![- ](?:test|report|form|course))"
            r"|\babort(?:s|ed|ing)?\b(?! the)",
        ),
        title=6,
        prose=3,
        logs=4,
    ),
    Sign(
        Kind.CRASH,
        pattern(
            "after|double|corrupt|null|refcount|assert|dereferenc",
            r"\buse[- ]after[- ]free|\bdouble[- ](?:free|decref)|\b(?:memory|heap) corruption"
            r"|\bcorrupted (?:size|double)|\bcorrupts? (?:memory|the heap)"
            r"|\bnull pointer|\bnegative refcount|\bassertion [^\n]{1,80}? failed"
            r"|\bdereferenc\w{1,3}",
        ),
        title=4.5,
        prose=2,
        logs=2,
    ),
    Sign(
        Kind.CRASH,
        pattern(
            "#|!",
            r"^\s{0,8}\#\d{1,3}\s[^\n]{1,300}?(?: at \S{1,200}\.(?:c|cpp|h|cc):\d"
            r"|\(\S{1,80}\.(?:so|dylib)[^)\n]{0,40}\))|\w!\w[^\n]{0,60} Line \d",
        ),
        title=0,
        prose=0,
        logs=1.5,
    ),
    # Threads race
    Sign(
        Kind.DATA_RACE,
        pattern("threadsanitizer:", r"\b(?:WARNING|SUMMARY): ThreadSanitizer: "),
        title=0,
        prose=6,
        logs=7,
    ),
    Sign(
        Kind.DATA_RACE,
        pattern(
            "rac|tsan|t-san|sanitizer",
            r"\bdata[- ]?races?\b|\brace[- ]conditions?\b|\braces?\b(?! report)|\bracy\b|\bracing\b"
            r"|\bt-?san\b|\bthread[- ]?sanitizer\b|\btsan_",
        ),
        title=6,
        prose=2.5,
        logs=0,
    ),
    Sign(
        Kind.DATA_RACE,
        pattern(
            "safe|unsynchroni|unlocked",
            r"\b(?:not|n't|non-?|un)[ -]?(?:be )?(?:thread|free-?thread\w{0,3})[- ]?safe"
            r"|\bthread[- ]unsafe|\bunsynchroni[sz]ed|\bunlocked\b"
            r"|\bthread[- ]safety (?:issue|bug|problem|hazard)",
        ),
        title=2.5,
        prose=1,
        logs=0,
    ),
    # It hangs
    Sign(
        Kind.DEADLOCK,
        pattern("time|timing", r"\btime(?:s|d)? ?outs?\b|\btiming out\b"),
        title=3,
        prose=1,
        logs=0.5,
    ),
    Sign(
        Kind.DEADLOCK,
        pattern(
            "dead|hang|hung|stuck|freez|live|lost|infinite|stall|never",
            r"\bdead-?lock\w{0,3}|\bhangs?\b|\bhung\b|\bhanging\b|\bstuck\b|\bfreez(?:es|ing)\b"
            r"|\blive-?lock\w{0,3}|\blost wake-?up|\binfinite (?:loop|wait|spin)"
            r"|\bstall(?:s|ed|ing)?\b"
            r"|\bnever (?:returns?|finish(?:es)?|terminates?|completes?|exits?|wakes?)",
        ),
        title=6,
        prose=3,
        logs=1.5,
    ),
    # The result is wrong
    Sign(
        Kind.WRONG_RESULT,
        pattern(
            "wrong|incorrect|inconsistent|invalid|corrupt|differ|unexpected|inaccurate|garb"
            "|duplicate|deterministic|los",
            r"\b(?:wrong|incorrect|inconsistent|invalid|corrupt(?:ed)?|different|unexpected"
            r"|inaccurate|garbled|duplicated?|garbage|non-?deterministic)(?: \S{1,14}){0,2}? "
            r"(?:results?|values?|answers?|outputs?|numbers?|sums?|constants?|data|state|counts?"
            r"|totals?)\b"
            r"|\b(?:results?|values?|outputs?|numbers?|sums?) (?:(?:is|are|was|were|may be) )?"
            r"(?:wrong|incorrect|inconsistent|differ)"
            r"|\blost updates?\b|\blos(?:es|t|ing) (?:increments|items|writes)",
        ),
        title=6,
        prose=3,
        logs=1.5,
    ),
    Sign(
        Kind.WRONG_RESULT,
        pattern(
            "incorrect|inconsistent|wrong|corrupt|differ|flaky|intermittent|fail",
            r"\binconsistent\w{0,3}\b|\bincorrect\w{0,2}\b|\bgives? (?:wrong|different)"
            r"|\bresults differ|\bdiffers? (?:from|between|byte)|\bcorrupt(?:s|ed)?\b"
            r"|\bflaky\b|\bintermittent\w{0,2}\b"
            r"|\btests? fail\w{0,5}\b|\bfailing tests?\b|\bfailures? in\b",
        ),
        title=3,
        prose=1.5,
        logs=0,
    ),
    Sign(
        Kind.WRONG_RESULT,
        pattern("error", r"\b(?:Assertion|Runtime|Value|Key|Index|Type|Attribute|System)Error\b"),
        title=2.5,
        prose=1,
        logs=1.5,
    ),
    # It is slow
    Sign(
        Kind.PERFORMANCE,
        pattern(
            "slow|perf|scal|contention|speed|bottleneck|throughput|benchmark|degrad|latency|faster"
            "|memory",
            r"\bslow(?:er|s|ness|down|downs)?\b|\bperformance\b|\bperf\b|\bfaster\b"
            r"|\bscal(?:e|es|ing|ability|ably)\b|\bcontention\b|\bspeed(?:-?ups?)?\b"
            r"|\bbottlenecks?\b|\bthroughput\b|\b(?:micro)?benchmark\w{0,4}\b|\bdegrad\w{1,6}\b"
            r"|\blatency\b|\bmemory (?:usage|growth|bloat|leak)",
        ),
        title=5.5,
        prose=0,
        logs=0,
    ),
    Sign(
        Kind.PERFORMANCE,
        pattern(
            "slow|contention|scal|perf|faster|speed",
            r"\d(?:\.\d{1,4})?[x\xd7] (?:faster|slower|speed)|\bslow(?:er|down|ness)\b"
            r"|\bcontention\b|\bscaling\b"
            r"|\b(?:poor|bad|no|not?|doesn't|does not)(?: \w{1,12}){0,2} "
            r"(?:scal\w{1,6}|speed-?ups?)\b"
            r"|\bperformance (?:drop|regress|degrad|hit|issue|problem|penalty)\w{0,5}",
        ),
        title=1.5,
        prose=3,
        logs=2,
    ),
    Sign(
        Kind.PERFORMANCE,
        pattern(
            "flops|ops/s|ms|elapsed|benchmark|scale",
            r"\bM?FLOPS\b|\bops/s|\b\d+(?:\.\d+)? ?ms\b|\belapsed\b|\bbenchmark\w{0,4}\b"
            r"|\bscales?\b",
        ),
        title=0,
        prose=1,
        logs=1,
    ),
    # It is asked for, or asked about
    Sign(
        Kind.SUPPORT_REQUEST,
        pattern(
            "support|compat|track|roadmap|plan|status|enh|feature|audit|investigat|port|prepar|todo"
            "|to-do|read",
            r"\bsupport(?:s|ed|ing)?\b|\bcompat(?:ib(?:le|ility))?\b|\btrack(?:ing|er)\b"
            r"|\broadmap\b|\bplans?\b|\bstatus\b|\benh\b|\bfeature\b|\baudit\w{0,3}\b"
            r"|\binvestigat\w{1,4}\b|\bporting\b|\bprepar\w{1,6}\b|\bto-?do\b|\bread(?:y|iness)\b",
        ),
        title=4,
        prose=0,
        logs=0,
    ),
    Sign(
        Kind.SUPPORT_REQUEST,
        pattern(
            "?|question|how |is there|blocker|consider|idea",
            r"\?\s*$|\bquestion\b|\bhow (?:can|do|to|should)\b|\bis there\b|\bblockers?\b"
            r"|\bconsider\b|\bidea\b",
        ),
        title=2.5,
        prose=0,
        logs=0,
    ),
    Sign(
        Kind.SUPPORT_REQUEST,
        pattern("question", r"^\W*question\b"),
        title=3,
        prose=0,
        logs=0,
    ),
    Sign(
        Kind.SUPPORT_REQUEST,
        pattern(
            "track|to do|to-do|checklist|[ ]|[x]|anyone|plan|possible|parent issue|in case"
            "|would|set up",
            r"\btracking issue\b|\btracker\b|\bto[- ]do:|\bchecklist\b|^\s{0,6}[-*] \[[ x]\]"
            r"|\bhas anyone\b|\bany plans?\b|\bis it possible\b|\bparent issue\b"
            r"|\bin case (?:there|anyone|someone)\b|\bset up CI\b"
            r"|\bwould (?:it )?be (?:nice|great|good|possible)\b",
        ),
        title=2,
        prose=2,
        logs=0.5,
    ),
    Sign(
        Kind.SUPPORT_REQUEST,
        pattern(
            "import|no module named|not supported by",
            r"\b(?:ImportError|ModuleNotFoundError)\b|\bError importing\b|\bNo module named\b"
            r"|\b(?:cannot|unable to|can't) import\b|\bnot supported by this build\b",
        ),
        title=4.5,
        prose=1.5,
        logs=3.5,
    ),
    # It is about texts
    Sign(
        Kind.DOCS,
        pattern(
            "doc|glossary|guid|tutorial|readme|how|faq|typo|wording|term|explain|definition",
            r"\bdocs?\b|\bdocument(?:s|ed|ing|ation)?\b|\bglossary\b|\bguid(?:es?|ance)\b|\btutorial\b"
            r"|\breadme\b|\bhow-?to\b(?! )|\bfaq\b|\btypos?\b|\bwording\b|\bterminology\b"
            r"|\bthe term\b|\bexplain\b|\bdefinitions?\b",
        ),
        title=7,
        prose=0,
        logs=0,
    ),
    Sign(  # what a title asks for first
        Kind.DOCS,
        pattern(
            "doc|guid|readme|tutorial|faq",
            r"^\W{0,3}docs?\b|^(?:\W{0,3}\w{1,10}: ?)?(?:document|(?:add|improve|update|fix|write)"
            r"(?: \w{1,12}){0,2} (?:docs?|documentation|guid(?:e|ance)|readme|tutorial|faq))\b",
        ),
        title=4,
        prose=0,
        logs=0,
    ),
    Sign(
        Kind.DOCS,
        pattern(
            "doc|guide|faq|glossary",
            r"\b(?:should|must|needs? to|could|has to|be) (?:be )?(?:better )?documented"
            r"|\bdocumentation\b|\bthe guide\b|\bfaq entry\b|\binternaldocs\b|\bdocs? page\b"
            r"|\bDoc(?:/|: )|\bglossary\b|\bdocs\.\w",
        ),
        title=0,
        prose=3,
        logs=0,
    ),
)

_UNSPECIFIC = pattern(
    "compat|tracking|status", r"\bcompat\w{0,8}\b|\btracking issue\b|\bstatus of\b"
)
_ORDER: Final[Mapping[Kind, int]] = {
    kind: place
    for place, kind in enumerate(
        # Where weights are equal, what says more of the cause goes first.
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
_ANYWHERE: Final = frozenset({Kind.SUPPORT_REQUEST, Kind.DOCS, Kind.GIL_REENABLED})
"""Kinds whose signs need no failure, so that they don't show what a text is not about."""


def judge(text: Document, built: Build) -> Judgement:
    """Tell the kind. What has no positive sign of a free-threaded build is not about it."""
    weights, evidence = _weigh(text)
    if not built.free_threaded:
        return _other(text, built, weights)
    ranked = sorted(weights, key=lambda kind: (-weights[kind], _ORDER[kind]))
    if not ranked or weights[ranked[0]] < _ENOUGH:
        little = len(text.whole.text.strip()) < _LITTLE
        kind = Kind.NEEDS_INFO if little else Kind.SUPPORT_REQUEST
        return Judgement(kind, 0.3, evidence=(built.evidence,))
    best, *others = ranked
    second = weights[others[0]] if others else 0.0
    also = others[0] if others and second >= max(_ENOUGH, _ALSO * weights[best]) else None
    confidence = round(min(0.99, weights[best] / (weights[best] + second + 1.0)), 2)
    return Judgement(best, confidence, also, (evidence[best], built.evidence))


def _other(text: Document, built: Build, weights: Mapping[Kind, float]) -> Judgement:
    """Judge what says nothing of free threading."""
    failing = any(weight >= _ENOUGH for kind, weight in weights.items() if kind not in _ANYWHERE)
    if built.value is None and not failing:
        if _UNSPECIFIC.search(text.whole):
            return Judgement(Kind.SUPPORT_REQUEST, 0.4, Kind.NOT_FREE_THREADING)
        if len(text.whole.text.strip()) < _LITTLE and not weights:
            return Judgement(Kind.NEEDS_INFO, 0.5, Kind.NOT_FREE_THREADING)
    evidence = (built.evidence,) if built.evidence else ()
    return Judgement(Kind.NOT_FREE_THREADING, 0.9 if built.value else 0.8, evidence=evidence)


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
    for warned in text.warned:
        if not warned.wished:
            weight = _WARNED if warned.module else _WARNED_OF
            yield Kind.GIL_REENABLED, weight, warned.text[:160]
            break
    prose, logs = (Passage(_NEGATED.without(place.text)) for place in (text.prose, text.logs))
    for sign in _SIGNS:
        for place, weight in ((text.title, sign.title), (prose, sign.prose), (logs, sign.logs)):
            match = sign.pattern.search(place) if weight else None
            if match:
                yield sign.kind, weight, around(place.text, *match.span())
