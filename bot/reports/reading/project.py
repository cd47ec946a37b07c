"""Which project a report is about, its version, and a wheel of it.

A project's name may be any word, so what counts is where a name stands: in the warning, in a wheel's
name, after `pip install`, before a version, in an import or a path; and in a title or in prose only
if it is no ordinary word. Places that name the culprit weigh more than such that name a bystander.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from bot.reports.model import Fact
from bot.reports.reading.document import Document
from bot.reports.reading.evidence import around
from bot.reports.reading.names import Names
from bot.reports.reading.ordinary import BYSTANDERS, ORDINARY
from bot.reports.reading.warning import warnings, without_warnings

_ENOUGH = 6.0
"""Weight from which a project is taken to be the one that is meant."""
_OF_PYTHON_ITSELF = 22.0
"""The same where the title is about the interpreter: others are then only where it was met."""
_MOST = 40
"""Matches of one pattern that are looked at."""
_LONGEST_NAME = 80

_WHEEL = re.compile(
    r"(?<![\w.-])(?P<name>[A-Za-z0-9][\w.]{0,80})-(?P<version>\d[\w.!+]{0,40})(?:-\d\w{0,20})?"
    r"-(?:[a-z]{2}\d[\w.]{0,40})-[\w.]{1,60}-(?:[\w.]{1,120}|\*[\w.-]{0,60})\.whl"
)
_INSTALL = re.compile(
    r"\b(?:pip3?(?:\.exe)? install|uv (?:pip install|add)|uvx --(?:with|from)[= ]|poetry add|pdm add"
    r"|pipx install|pixi add|(?:conda|mamba) install|--with[= ])\s?(?P<what>[^\n`|;&)]{1,200})"
)
_ARGUMENT = re.compile(
    r"(?P<name>[A-Za-z][\w.-]{0,80})(?:\[[\w,.-]{0,80}\])?(?:(?:==|===|~=|>=|<=|@)(?P<version>\d[\w.!+]{0,40})\S{0,40})?"
)
_WITH_VALUE = frozenset({"-i", "--index-url", "--extra-index-url", "-r", "-c", "--python", "-p", "-n",
                         "--no-binary", "--only-binary", "-f", "--find-links", "-C", "-t"})  # fmt: skip
_PIN = re.compile(r"(?<![\w.-])(?P<name>[A-Za-z][\w.-]{0,80})==(?P<version>\d[\w.!+]{0,40})")
_VERSIONED = re.compile(
    r"(?<![\w./-])(?P<name>[A-Za-z][\w-]{1,60}(?:\.[A-Za-z]\w{1,20})?)(?: [Vv]ersion| release)?(?:: | = | )v?"
    r"(?P<version>\d{1,4}\.\d{1,4}(?:\.\d{1,6})?(?:\.?(?:a|b|rc|dev|post)\.?\d{0,8})*)(?![\w.]*\d)"
)
_LABELLED = re.compile(
    r"\b(?:package |library |project )?version\W{1,4}v?(?P<version>\d{1,4}\.\d{1,4}[\w.]{0,20})",
    re.I,
)
_IMPORT = re.compile(
    r"(?:^|>>> |\"|'|`|; ?|\]: )\s{0,12}(?:import (?P<name>[A-Za-z_]\w{0,60}(?:\.\w{1,40}){0,4})(?=\s|,|$|;|\"|'|`)"
    r"|from (?P<origin>[A-Za-z_]\w{0,60}(?:\.\w{1,40}){0,4}) import\b)",
    re.M,
)
_SITE = re.compile(r"\b(?:site|dist)-packages[/\\](?P<name>[A-Za-z_]\w{0,60})(?=[/\\.])")
_MODULE_FILE = re.compile(
    r"(?P<path>(?:[\w.-]{1,60}/){0,8})(?P<name>\w{1,60})\.(?:cpython-3\d{2}t?d?-[\w-]{2,40}\.(?:so|pyd)|cp3\d{2}t?-win\w{1,12}\.pyd|abi3t?\.so)"
)
_SOURCE = re.compile(
    r"(?<![\w/.\\-])(?P<name>[a-z_][\w-]{1,40})/(?:[\w.-]{1,60}/){0,8}[\w-]{1,60}\.(?:py|pyx|pxd|c|cc|cpp|h|hpp|rs)\b"
)
_LAYOUT = re.compile(r"\bsrc[/\\\\](?P<name>[a-z][\w-]{1,40})[/\\\\]")
_RUNTIME = re.compile(r"\b(?P<name>[a-z]\w{1,40})_version'?\W{1,4}(?P<version>\d[\w.+]{1,40})")
_TRADE = re.compile(r"(?:[a-z]{1,2}|u?int|float|utf|arm|amd|win)-?\d+\w?", re.IGNORECASE)
"""Words with digits that are no names."""
_CHECKOUT = re.compile(r"/(?P<name>[a-z][\w-]{1,40})/(?P=name)/")
_EXTENSIONS = re.compile(r"\bExtension modules: (?P<names>[\w., ]{1,400})\(total")
_BUILDING = re.compile(
    r"\b(?:building '(?P<module>[\w.]{1,100})' extension|Failed building wheel for (?P<failed>[\w.-]{1,80})"
    r"|Building wheel for (?P<name>[\w.-]{1,80})|Could not build wheels for (?P<wheels>[\w.-]{1,80})"
    r"|No matching distribution found for (?P<missing>[\w.-]{1,80})"
    r"|requirement (?P<requirement>[A-Za-z][\w.-]{0,80}))"
)
_SDIST = re.compile(
    r"[/\s](?P<name>[A-Za-z][\w.]{1,60})-(?P<version>\d+\.\d+[\w.]{0,30})(?:\.tar\.gz|/)"
)

_TOKEN = re.compile(
    r"(?<![\w/.@#-])`{0,2}(?P<name>[A-Za-z_][\w-]{0,60}(?:\.[A-Za-z_]\w{0,40}){0,4})(?P<tail>`{0,2}(?:'s\b)?)"
)
_ROLE: Final = (
    # Who does something, and what is done to whom: said of the culprit more than of others.
    re.compile(r"(?<![\w./-])`?(?P<name>[A-Za-z_][\w.-]{1,60})`? (?:is a dependency|only (?:ships?|has|provides?)|ships?\b"
               r"|publishes|crashes|segfaults|hangs|deadlocks|fails\b|cannot\b|prevents|re-?enables|does not|doesn't|prints)"),
    re.compile(r"\b(?:[Ii]nstall(?:ing|s)?|[Cc]ompil(?:e|ing)|[Bb]uild(?:ing)?|wheels? for|that|[Uu]sing|[Dd]epends? on|import(?:ing)?"
               r"|support (?:in|for)|[Rr]unning|wheels? (?:of|from)|called|package|library|project|module|[Uu]pgrad\w{1,4}|works? in) "
               r"`?(?P<name>[A-Za-z_][\w.-]{1,60})`?(?=\s|[,.;:)]|$)"),
    re.compile(r"(?<![\w./-])`?(?P<name>[A-Za-z_][\w.-]{1,60})`?(?:'s|’s)? (?:wheels?|package|library|extension|test suite|tests"
               r"|own test suite|release|modules?|team|maintainers|fails to (?:build|install)|import|is not|may not|with)\b"),
)  # fmt: skip
_INTERPRETER = re.compile(
    r"\b_?Py(?:Object|Type|Eval|ThreadState|GILState|Interp\w{0,16}|Dict|List|Unicode|Long|Bytes|Module_|Code|Frame"
    r"|Gen|Context|Mutex|Mem_|Err|Import|Run|Sys|Weakref|Set|Tuple|Function|Method|Cell|Float|Event|ParkingLot"
    r"|Critical|GC|Thread|Buffer|Capsule|Iter|Slice|Hamt|Async)\w{0,60}|\b_Py_\w{2,60}|\bin cpython\b|\bcpython:"
    r"|\bpython is built\b|\bthe interpreter\b|--with-\w|\bpyconfig\.h|\bftscalingbench|\btest_\w{3,40}\b(?!\.py|::|\[|/)",
    re.IGNORECASE,
)
_OWN_SOURCES = re.compile(
    r"#\d{1,2}\s[^\n]{0,200}?(?:\./|[/ ])?(?:Objects|Python|Modules|Include)/[\w/]{1,60}\.[ch]\b"
)
_TAG = re.compile(r"^\W{0,3}(?:\[[^\]]{1,40}\]|[A-Z]{2,6}:)\W{0,3}")
_ATTRIBUTE = re.compile(
    r" (?:extension|module|directive|code|binding|version|flag|compiler|bug)s?\b"
)
_FATAL = re.compile(r"\bFatal Python error: \w+")
_ACRONYM = 2
"""Shorter names in capitals are abbreviations."""
_PLACE = re.compile(r"`?([A-Za-z_]\w{1,40})\.[A-Za-z_]\w{1,60}(?:\.\w{1,60})?(?:\(\))?`?")

_NATIVE = re.compile(r"_(?:native|core|c|ext|rs|rust|impl|cython|bindings?|speedups?|cffi|lib)$")
_STDLIB: Final = sys.stdlib_module_names | {"lib2to3", "distutils", "imp", "asyncore", "profiling"}


@dataclass(slots=True)
class _Candidate:
    weight: float = 0.0
    evidence: str = ""
    best: float = 0.0
    version: Fact | None = None
    seen: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class About:
    """The project that a report is about, with its version and a wheel, as far as it says so."""

    project: Fact | None = None
    version: Fact | None = None
    wheel: Fact | None = None


@dataclass(frozen=True, slots=True)
class _Mention:
    """A name at a place of a certain kind; places of one kind count once for a project."""

    project: str
    place: str
    weight: float
    evidence: str
    version: str = ""


def about(text: Document, names: Names) -> About:
    """Find the project; None rather than one that is only somewhere near."""
    candidates: dict[str, _Candidate] = {}
    for mention in _mentions(text, names):
        candidate = candidates.setdefault(mention.project, _Candidate())
        if mention.version and candidate.version is None:
            candidate.version = Fact(mention.version, mention.evidence)
        if mention.place in candidate.seen:
            continue
        candidate.seen.add(mention.place)
        candidate.weight += mention.weight
        if mention.weight > candidate.best:
            candidate.best, candidate.evidence = mention.weight, mention.evidence
    wheel = _WHEEL.search(text.whole)
    seen = Fact(wheel[0], around(text.whole, *wheel.span())) if wheel else None
    needed = _OF_PYTHON_ITSELF if _about_the_interpreter(text) else _ENOUGH
    named = [name for name, candidate in candidates.items() if candidate.weight >= needed]
    if not named:
        return About(wheel=seen)
    project = max(named, key=lambda name: candidates[name].weight)
    chosen = candidates[project]
    return About(
        Fact(project, chosen.evidence),
        chosen.version or _labelled(text),
        _own(project, text) or seen,
    )


def project_of(name: str, names: Names) -> str | None:
    """Find the project that a module or a distribution's name belongs to, None if there is none."""
    name = name.strip("-. ")
    top = name.partition(".")[0]
    if not top or len(name) > _LONGEST_NAME:
        return None
    for module in dict.fromkeys((name, top, top.strip("_"))):
        if not module or module in _STDLIB:
            continue
        provided = names.projects_for_import(module)
        if provided:
            return canonicalize_name(provided[0])
        project = canonicalize_name(module)
        if names.is_project(project):
            return project
    return None


def _owner_of(module: str, names: Names) -> str | None:
    """Find the project of a module that surely is somebody's, if need be by how such are called."""
    native = _NATIVE.sub("", module.partition(".")[0].strip("_"))
    project = project_of(module, names) or project_of(native, names)
    if project:
        return project
    bare = canonicalize_name(module.partition(".")[0].strip("_"))
    guesses = (f"py-{bare}", f"python-{bare}", f"py{bare}", f"{bare}-py")
    return next((guess for guess in guesses if bare and names.is_project(guess)), None)


def _mentions(text: Document, names: Names) -> Iterator[_Mention]:
    for name, place, weight, evidence, version in _named(text):
        project = (_owner_of if place == "warning" else project_of)(name, names)
        if project:
            yield _Mention(project, place, weight, evidence, version)
    yield from _versioned(text, names)
    yield from _in_title(text, names)
    yield from _in_prose(text, names)


def _named(text: Document) -> Iterator[tuple[str, str, float, str, str]]:
    """Give names from places where only names stand: name, place, weight, evidence, version."""
    whole = text.whole
    for count, warned in enumerate(warnings(whole)):
        if warned.module:
            weight = (8.0 if warned.wished else 40.0) - count
            yield warned.module, "warning", weight, around(whole, warned.start, warned.end), ""
    whole = without_warnings(whole)
    for count, found in enumerate(_some(_WHEEL, whole)):
        try:
            parse_wheel_filename(found[0].replace("-*", "-any"))
        except InvalidWheelFilename:
            continue
        yield (
            found["name"],
            "wheel",
            20.0 - 2 * count,
            around(whole, *found.span()),
            found["version"],
        )
    yield from _installed(whole)
    for count, found in enumerate(_some(_PIN, whole)):
        yield (
            found["name"],
            "pin",
            max(4.0, 14.0 - 3 * count),
            around(whole, *found.span()),
            found["version"],
        )
    for count, found in enumerate(_some(_BUILDING, whole)):
        said = next(filter(None, found.groups()), "")
        yield said, "building", max(4.0, 16.0 - 4 * count), around(whole, *found.span()), ""
    for found in _some(_SDIST, whole):
        yield found["name"], "sdist", 9.0, around(whole, *found.span()), found["version"]
    for found in _some(_RUNTIME, whole):
        yield found["name"], "runtime", 9.0, around(whole, *found.span()), found["version"]
    for count, found in enumerate(_some(_IMPORT, text.body)):
        name = found["name"] or found["origin"]
        if name not in ORDINARY:
            weight = 3.0 if _bystander(name) else max(4.0, 10.0 - count)
            yield name, "import", weight, around(text.body, *found.span()), ""
    for found in _some(_EXTENSIONS, whole):
        modules = found["names"].split(",")
        if len(modules) == 1:
            yield modules[0].strip(), "loaded", 8.0, around(whole, *found.span()), ""
    yield from _paths(whole)


def _installed(whole: str) -> Iterator[tuple[str, str, float, str, str]]:
    for place, found in enumerate(_some(_INSTALL, whole)):
        skip = False
        count = 0
        for word in found["what"].split():
            if skip or word.startswith("-"):
                skip = word in _WITH_VALUE
                continue
            argument = _ARGUMENT.fullmatch(word.strip("'\",.:"))
            if argument is None:
                break
            weight = 3.0 if _bystander(argument["name"]) else max(6.0, 22.0 - 6 * count - 4 * place)
            evidence = around(whole, *found.span())
            yield argument["name"], "install", weight, evidence, argument["version"] or ""
            count += 1
            if word.endswith((",", ".", ":")) or count > 5:
                break


def _paths(whole: str) -> Iterator[tuple[str, str, float, str, str]]:
    for found in _some(_SITE, whole):
        weight = 2.0 if _bystander(found["name"].strip("_")) else 8.0
        yield found["name"], "site", weight, around(whole, *found.span()), ""
    for found in _some(_MODULE_FILE, whole):
        parts = [part for part in found["path"].split("/") if part]
        name = ".".join([*parts[-3:], found["name"]]) if parts else found["name"]
        yield name, "module", 8.0, around(whole, *found.span()), ""
    for pattern, place in ((_CHECKOUT, "checkout"), (_LAYOUT, "layout")):
        for found in _some(pattern, whole):
            if found["name"] not in ORDINARY:
                yield found["name"], place, 7.0, around(whole, *found.span()), ""


def _versioned(text: Document, names: Names) -> Iterator[_Mention]:
    whole = text.whole
    count = 0
    for found in _some(_VERSIONED, whole):
        project = _meant(found["name"], names)
        if project is None:
            continue
        weight = 0.0  # any word may stand before a number
        if _known(found["name"], project, names):
            weight = 3.0 if _bystander(found["name"]) else max(3.0, 10.0 - 3 * count)
            count += 1
        version = found["version"].rstrip(".")
        yield _Mention(project, "versioned", weight, around(whole, *found.span()), version)


def _in_title(text: Document, names: Names) -> Iterator[_Mention]:
    rank = 0
    for place, found in enumerate(_some(_TOKEN, _TAG.sub("", text.title))):
        name = found["name"]
        project = _meant(name, names)
        if project is None or not _known(name, project, names):
            continue
        if _bystander(name) and _ATTRIBUTE.match(text.title, found.end()):
            continue
        weight = 20.0 - 3 * rank if names.is_popular(project) else 10.0
        if _bystander(name) and place:
            weight /= 3
        yield _Mention(project, "title", weight, around(text.title, 0, 0))
        rank += 1


def _in_prose(text: Document, names: Names) -> Iterator[_Mention]:
    prose = without_warnings(text.prose)
    for pattern in _ROLE:
        for found in _some(pattern, f"{text.title}\n{prose}"):
            name = found["name"].rstrip(".-")
            project = _meant(name, names)
            if project and _known(name, project, names) and not _bystander(name):
                yield _Mention(project, pattern.pattern, 5.0, " ".join(found[0].split()))
    for found in _some(_TOKEN, prose):
        name = found["name"]
        quoted = found["tail"].startswith("`")
        project = _meant(name, names)
        if project is None or not (quoted or _known(name, project, names)):
            continue
        weight = 2.0 if _bystander(name) else 6.0
        evidence = around(prose, *found.span())
        if _known(name, project, names):
            yield _Mention(project, "prose", weight, evidence)
        if quoted:
            yield _Mention(project, "quoted", weight / 2, evidence)
        if found["tail"].endswith("'s"):
            yield _Mention(project, "owner", weight / 2, evidence)
    for found in _some(_SOURCE, text.body):
        name = found["name"]
        project = _meant(name, names)
        if project and names.is_popular(project):
            yield _Mention(project, "source", 9.0, around(text.body, *found.span()))


def _meant(word: str, names: Names) -> str | None:
    """Find the project that a word of a title or of prose may mean."""
    top = word.partition(".")[0].casefold()
    if (
        top in ORDINARY
        or top in _STDLIB
        or word in _STDLIB
        or len(top) < 2
        or word.startswith("__")
    ):
        return None
    if word.isupper() and len(word) <= _ACRONYM:
        return None
    return project_of(word, names)


def _known(word: str, project: str, names: Names) -> bool:
    """Tell whether a word is rather a name: a popular project's, or one no word is written like."""
    if names.is_popular(project):
        return True
    return any(char.isdigit() for char in word) and not _TRADE.fullmatch(word)


def _bystander(name: str) -> bool:
    """Tell whether it is a tool that reports name beside what they are about."""
    low = canonicalize_name(name.partition(".")[0].strip("_"))
    return low in BYSTANDERS or low.startswith("pytest-")


def _about_the_interpreter(text: Document) -> bool:
    """Tell whether the title, or the innermost frame, is about Python itself."""
    if (
        _INTERPRETER.search(_FATAL.sub("", text.title))
        or "python is built" in text.title.casefold()
    ):
        return True
    if any(
        found[1].casefold() in _STDLIB or found[1] in _STDLIB for found in _some(_PLACE, text.title)
    ):
        return True
    frame = re.search(r"#0\s[^\n]{0,200}", text.logs)
    return bool(frame and _OWN_SOURCES.search(frame[0]))


def _labelled(text: Document) -> Fact | None:
    found = _LABELLED.search(text.body)
    if found is None or re.search(
        r"python\W{0,3}$", text.body[max(0, found.start() - 12) : found.start()], re.I
    ):
        return None
    return Fact(found["version"].rstrip("."), around(text.body, *found.span()))


def _own(project: str, text: Document) -> Fact | None:
    for found in _some(_WHEEL, text.whole):
        if canonicalize_name(found["name"]) == project:
            return Fact(found[0], around(text.whole, *found.span()))
    return None


def _some(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Give the first matches: hostile texts have many."""
    for count, found in enumerate(pattern.finditer(text)):
        if count >= _MOST:
            return
        yield found
