"""Which project a report is about, its version, and a wheel of it.

A project's name may be any word, so what counts is where a name stands: in the warning, in a
wheel's name, after `pip install`, before a version, in an import or a path; and in a title or in
prose only where it is a popular project's and no ordinary word. Places that name the culprit weigh
more than such that name a bystander.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from packaging.utils import canonicalize_name

from bot.reports.model import Fact
from bot.reports.reading.document import Document
from bot.reports.reading.evidence import around
from bot.reports.reading.names import Names
from bot.reports.reading.ordinary import BYSTANDERS, ORDINARY
from bot.reports.reading.patterns import Passage, exact, pattern

_ENOUGH: Final = 6.0
"""Weight from which a project is taken to be the one that is meant."""
_OF_PYTHON_ITSELF: Final = 22.0
"""The same where the title is about the interpreter: others are then only where it was met."""
_LONGEST_NAME: Final = 80
_ACRONYM: Final = 2
"""Names in capitals that are not longer are abbreviations."""

_MODULE = r"[A-Za-z_]\w{0,60}(?:\.\w{1,40}){0,4}"
_WORD = r"[A-Za-z_][\w.-]{1,60}"
_RELEASE = r"\d{1,4}\.\d{1,4}(?:\.\d{1,6})?(?:\.?(?:a|b|rc|dev|post)\.?\d{0,8}){0,3}"

_WHEEL = exact(
    ".whl",
    r"(?<![\w.-])(?P<name>[A-Za-z0-9][\w.]{0,80})-(?P<version>\d[\w.!+]{0,40})(?:-\d\w{0,20})?"
    r"-[a-z]{2}\d[\w.]{0,40}-[\w.]{1,60}-(?:[\w.]{1,120}|\*[\w.-]{0,60})\.whl",
)
_INSTALL = exact(
    "install|uvx|with| add",
    r"\b(?:pip3?(?:\.exe)? install|uv (?:pip install|add)|uvx --(?:with|from)[= ]|poetry add"
    r"|pdm add|pipx install|pixi add|(?:conda|mamba) install|--with[= ])\s?"
    r"(?P<what>[^\n`|;&)]{1,200})",
)
_ARGUMENT = re.compile(
    r"(?P<name>[A-Za-z][\w.-]{0,80})(?:\[[\w,.-]{0,80}\])?"
    r"(?:(?:===?|~=|>=|<=|@)(?P<version>\d[\w.!+]{0,40})\S{0,40})?"
)
_WITH_VALUE: Final = frozenset(
    {"-i", "--index-url", "--extra-index-url", "-f", "--find-links", "-r", "-c", "-n", "-t", "-C"}
    | {"-p", "--python", "--no-binary", "--only-binary"}
)
"""Options of installers whose value is no project."""
_PIN = exact("==", r"(?<![\w.-])(?P<name>[A-Za-z][\w.-]{0,80})==(?P<version>\d[\w.!+]{0,40})")
_VERSIONED = exact(
    ".",
    r"(?<![\w./-])(?P<name>[A-Za-z][\w-]{1,60}(?:\.[A-Za-z]\w{1,20})?)(?: [Vv]ersion| release)?"
    rf"(?:: | = | )v?(?P<version>{_RELEASE})(?![\w.]{{0,20}}\d)",
)
_RUNTIME = exact(
    "_version", r"\b(?P<name>[a-z]\w{1,40})_version'?\W{1,4}(?P<version>\d[\w.+]{1,40})"
)
_LABELLED = pattern(
    "version",
    r"\b(?<!python )(?:package |library |project )?version\W{1,4}v?"
    r"(?P<version>\d{1,4}\.\d{1,4}[\w.]{0,20})",
)
_IMPORT = exact(
    "import",
    r"(?:^|>>> |\"|'|`|; ?|\]: )\s{0,12}"
    rf"(?:import (?P<name>{_MODULE})(?=\s|,|$|;|\"|'|`)|from (?P<origin>{_MODULE}) import\b)",
)
_EXTENSIONS = exact("extension modules", r"\bExtension modules: (?P<names>[\w., ]{1,400})\(total")
_BUILDING = exact(
    "building|wheel|distribution|requirement",
    r"\bbuilding '(?P<module>[\w.]{1,100})' extension"
    r"|\bFailed building wheel for (?P<failed>[\w.-]{1,80})"
    r"|\bBuilding wheel for (?P<name>[\w.-]{1,80})"
    r"|\bCould not build wheels for (?P<wheels>[\w.-]{1,80})"
    r"|\bNo matching distribution found for (?P<missing>[\w.-]{1,80})"
    r"|\bsatisfies the requirement (?P<requirement>[\w.-]{1,80})",
)
_SDIST = exact(
    ".",
    r"[/\s](?P<name>[A-Za-z][\w.]{1,60})-(?P<version>\d{1,4}\.\d[\w.]{0,30})(?:\.tar\.gz|/)",
)
_SITE = exact("-packages", r"-packages[/\\](?P<name>[A-Za-z_]\w{0,60})(?=[/\\.])")
_MODULE_FILE = exact(
    ".so|.pyd",
    r"(?P<path>(?:[\w.-]{1,60}/){0,8})(?P<name>\w{1,60})\."
    r"(?:cpython-3\d{2}t?d?-[\w-]{2,40}\.(?:so|pyd)|cp3\d{2}t?-win\w{1,12}\.pyd|abi3t?\.so)",
)
_SOURCE = exact(
    "/",
    r"(?<![\w/.\\-])(?P<name>[a-z_][\w-]{1,40})/(?:[\w.-]{1,60}/){0,8}[\w-]{1,60}\."
    r"(?:py|pyx|pxd|c|cc|cpp|h|hpp|rs)\b",
)
_CHECKOUT = exact("/", r"/(?P<name>[a-z][\w-]{1,40})/(?P=name)/")
_LAYOUT = exact("src", r"\bsrc[/\\](?P<name>[a-z][\w-]{1,40})[/\\]")

_TOKEN = re.compile(
    r"(?<![\w/.@#-])`{0,2}(?P<name>[A-Za-z_][\w-]{0,60}(?:\.[A-Za-z_]\w{0,40}){0,4})"
    r"(?P<tail>`{0,2}(?:'s\b)?)"
)
_ROLES: Final = (
    # Who does something, what is done to whom, and whose it is: said of culprits more than others.
    exact(
        "is|only|ship|publish|crash|seg|hang|dead|fail|cannot|prevent|enable|does|prints",
        rf"(?<![\w./-])`?(?P<name>{_WORD})`? (?:is a dependency|only (?:ships?|has|provides?)"
        r"|ships?\b|publishes|crashes|segfaults|hangs|deadlocks|fails\b|cannot\b|prevents"
        r"|re-?enables|does not|doesn't|prints)",
    ),
    pattern(
        "install|compil|build|wheel|that|using|depend|import|support|running|called|package"
        "|library|project|module|upgrad|works",
        r"\b(?:install(?:ing|s)?|compil(?:e|ing)|build(?:ing)?|wheels? (?:for|of|from)|that|using"
        r"|depends? on|import(?:ing)?|support (?:in|for)|running|called|package|library|project"
        rf"|module|upgrad\w{{1,4}}|works? in) `?(?P<name>{_WORD})`?(?=\s|[,.;:)]|$)",
    ),
    exact(
        "wheel|package|library|extension|test|release|module|team|maintainers|fails|import|is|may"
        "|with",
        rf"(?<![\w./-])`?(?P<name>{_WORD})`?(?:'s)? (?:wheels?|package|library|extension|tests"
        r"|(?:own )?test suite|release|modules?|team|maintainers|fails to (?:build|install)"
        r"|import|is not|may not|with)\b",
    ),
)
_PREFIX = re.compile(r"^\W{0,3}(?:\[[^\]]{1,40}\]|[A-Z]{2,6}:)\W{0,3}")
"""`BUG:` or `[Bug]:` before a title."""
_ATTRIBUTE = re.compile(
    r" (?:extension|module|directive|code|binding|version|flag|compiler|bug)s?\b"
)
_TRADE = re.compile(r"(?:[a-z]{1,2}|u?int|float|utf|arm|amd|win)-?\d+\w?", re.IGNORECASE)
"""Words with digits that are no names."""

_INTERPRETER = pattern(
    "py|interpreter|--with|test_",
    r"\b_?Py(?:Object|Type|Eval|ThreadState|GILState|Interp\w{0,16}|Dict|List|Unicode|Long|Bytes"
    r"|Module_|Code|Frame|Gen|Context|Mutex|Mem_|Err|Import|Run|Sys|Weakref|Set|Tuple|Function"
    r"|Method|Cell|Float|Event|ParkingLot|Critical|GC|Thread|Buffer|Capsule|Iter|Slice|Async)"
    r"\w{0,60}|\b_Py_\w{2,60}|\bin cpython\b|\bcpython:|\bpython is built\b|\bthe interpreter\b"
    r"|--with-\w|\bpyconfig\.h|\btest_\w{3,40}\b(?!\.py|::|\[|/)",
)
_FATAL = pattern("fatal", r"\bFatal Python error: \w+")
_INNERMOST = pattern("#0", r"^[^\n]{0,8}#0\s[^\n]{0,200}")
_OWN_SOURCES = re.compile(r"(?:[./ ]|\b)(?:Objects|Python|Modules|Include)/[\w/]{1,60}\.[ch]\b")
_ATTRIBUTE_OF = re.compile(r"`?([A-Za-z_]\w{1,40})\.[A-Za-z_]\w{1,60}")

_NATIVE = re.compile(r"_(?:native|core|c|ext|rs|rust|impl|cython|bindings?|speedups?|cffi|lib)$")
"""What modules are called that are compiled for a project."""
_STDLIB: Final = sys.stdlib_module_names | {"lib2to3", "distutils", "imp", "asyncore", "profiling"}


@dataclass(frozen=True, slots=True)
class About:
    """The project that a report is about, with its version and a wheel, as far as it says so.

    `python_itself` says that the report is about the interpreter.
    """

    project: Fact | None = None
    version: Fact | None = None
    wheel: Fact | None = None
    python_itself: bool = False


@dataclass(frozen=True, slots=True)
class _Mention:
    """A project at a place of a certain kind; places of one kind count once for a project."""

    project: str
    place: str
    weight: float
    evidence: str
    version: str = ""


@dataclass(slots=True)
class _Candidate:
    weight: float = 0.0
    best: float = -1.0
    evidence: str = ""
    version: Fact | None = None
    places: set[str] = field(default_factory=set)

    def add(self, mention: _Mention) -> None:
        if mention.version and self.version is None:
            self.version = Fact(mention.version.rstrip(".-+"), mention.evidence)
        if mention.place in self.places:
            return
        self.places.add(mention.place)
        self.weight += mention.weight
        if mention.weight > self.best:
            self.best, self.evidence = mention.weight, mention.evidence


_Named = tuple[str, str, float, str, str]
"""A name that stands where only names do: name, place, weight, evidence, version."""


def about(text: Document, names: Names, named: str | None = None) -> About:
    """Find the project; None rather than one that is only somewhere near.

    It is `named` (normalised), if that is known from elsewhere.
    """
    candidates: dict[str, _Candidate] = {}
    for mention in _mentions(text, names):
        candidates.setdefault(mention.project, _Candidate()).add(mention)
    if named is not None:
        return _of(named, candidates.get(named, _Candidate()), text)
    python_itself = _about_the_interpreter(text)
    needed = _OF_PYTHON_ITSELF if python_itself else _ENOUGH
    likely = [name for name, candidate in candidates.items() if candidate.weight >= needed]
    if not likely:
        return About(wheel=_wheel(text), python_itself=python_itself)
    project = max(likely, key=lambda name: candidates[name].weight)
    return _of(project, candidates[project], text)


def _of(project: str, found: _Candidate, text: Document) -> About:
    return About(
        Fact(project, found.evidence),
        found.version or _labelled(text),
        _wheel(text, project) or _wheel(text),
    )


def project_of(name: str, names: Names) -> str | None:
    """Find the project that a module or a distribution's name belongs to, None if none does."""
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
    bare = module.partition(".")[0].strip("_")
    project = project_of(module, names) or project_of(_NATIVE.sub("", bare), names)
    if project or not bare:
        return project
    name = canonicalize_name(bare)
    guesses = (f"py-{name}", f"python-{name}", f"py{name}", f"{name}-py")
    return next((guess for guess in guesses if names.is_project(guess)), None)


def _mentions(text: Document, names: Names) -> Iterator[_Mention]:
    for count, warned in enumerate(text.warned):
        project = _owner_of(warned.module, names) if warned.module else None
        if project:
            weight = 8.0 if warned.wished else 40.0 - count
            yield _Mention(project, "warning", weight, warned.text[:160])
    for name, place, weight, evidence, version in _named(text):
        project = project_of(name, names)
        if project:
            yield _Mention(project, place, weight, evidence, version)
    yield from _versioned(text.whole, names)
    yield from _in_title(text.title, names)
    yield from _in_prose(text, names)
    for found in _SOURCE.some(text.body):
        project = _meant(found["name"], names)
        if project and names.is_popular(project):
            yield _Mention(project, "source", 9.0, around(text.body.text, *found.span()))


def _named(text: Document) -> Iterator[_Named]:
    whole = text.whole.text
    for count, found in enumerate(_WHEEL.some(text.whole)):
        said = around(whole, *found.span())
        yield found["name"], "wheel", max(4.0, 20.0 - 2 * count), said, found["version"]
    for count, found in enumerate(_INSTALL.some(text.whole)):
        yield from _installed(found["what"], 22.0 - 4 * count, around(whole, *found.span()))
    for count, found in enumerate(_PIN.some(text.whole)):
        said = around(whole, *found.span())
        yield found["name"], "pin", max(4.0, 14.0 - 3 * count), said, found["version"]
    for count, found in enumerate(_BUILDING.some(text.whole)):
        name = next(filter(None, found.groups()), "")
        yield name, "building", max(4.0, 16.0 - 4 * count), around(whole, *found.span()), ""
    for each, place in ((_SDIST, "sdist"), (_RUNTIME, "runtime")):
        for found in each.some(text.whole):
            yield found["name"], place, 9.0, around(whole, *found.span()), found["version"]
    yield from _imported(text.body)
    for found in _EXTENSIONS.some(text.whole):
        if "," not in found["names"]:
            yield found["names"].strip(), "loaded", 8.0, around(whole, *found.span()), ""
    yield from _in_paths(text.whole)


def _imported(body: Passage) -> Iterator[_Named]:
    for count, found in enumerate(_IMPORT.some(body)):
        name = found["name"] or found["origin"]
        if name not in ORDINARY:
            weight = 3.0 if _bystander(name) else max(4.0, 10.0 - count)
            yield name, "import", weight, around(body.text, *found.span()), ""


def _installed(arguments: str, weight: float, evidence: str) -> Iterator[_Named]:
    """Read what stands after `pip install`; the first project is the one that is wanted most."""
    skip = False
    for word in arguments.split()[:12]:
        if skip or word.startswith("-"):
            skip = not skip and word in _WITH_VALUE
            continue
        argument = _ARGUMENT.fullmatch(word.strip("'\",.:"))
        if argument is None:
            return
        of = 3.0 if _bystander(argument["name"]) else max(6.0, weight)
        yield argument["name"], "install", of, evidence, argument["version"] or ""
        weight -= 6.0
        if word.endswith((",", ".", ":")):
            return


def _in_paths(whole: Passage) -> Iterator[_Named]:
    for found in _SITE.some(whole):
        weight = 2.0 if _bystander(found["name"]) else 8.0
        yield found["name"], "site", weight, around(whole.text, *found.span()), ""
    for found in _MODULE_FILE.some(whole):
        parts = [part for part in found["path"].split("/") if part]
        name = ".".join([*parts[-3:], found["name"]])
        yield name, "module", 8.0, around(whole.text, *found.span()), ""
    for each, place in ((_CHECKOUT, "checkout"), (_LAYOUT, "layout")):
        for found in each.some(whole):
            if found["name"] not in ORDINARY:
                yield found["name"], place, 7.0, around(whole.text, *found.span()), ""


def _versioned(whole: Passage, names: Names) -> Iterator[_Mention]:
    count = 0
    for found in _VERSIONED.some(whole):
        name = found["name"]
        project = _meant(name, names)
        if project is None:
            continue
        weight = 0.0  # any word may stand before a number
        if _is_name(name, project, names):
            weight = 3.0 if _bystander(name) else max(3.0, 10.0 - 3 * count)
            count += 1
        said = around(whole.text, *found.span())
        yield _Mention(project, "versioned", weight, said, found["version"])


def _in_title(title: Passage, names: Names) -> Iterator[_Mention]:
    text = _PREFIX.sub("", title.text)
    rank = 0
    for place, found in enumerate(_TOKEN.finditer(text)):
        name = found["name"]
        project = _meant(name, names)
        if project is None or not _is_name(name, project, names):
            continue
        if _bystander(name) and _ATTRIBUTE.match(text, found.end()):
            continue
        weight = 20.0 - 3 * rank if names.is_popular(project) else 10.0
        # A tool that is not what the title begins with is what something was done with.
        yield _Mention(project, "title", weight / 3 if _bystander(name) and place else weight, text)
        rank += 1


def _in_prose(text: Document, names: Names) -> Iterator[_Mention]:
    for place, role in enumerate(_ROLES):
        for found in role.some(text.story):
            name = found["name"].rstrip(".-")
            project = _meant(name, names)
            if project and _is_name(name, project, names) and not _bystander(name):
                yield _Mention(project, f"role {place}", 5.0, " ".join(found[0].split()))
    seen: set[str] = set()
    for found in _TOKEN.finditer(text.prose.text):
        project = None if found[0] in seen else _meant(found["name"], names)
        seen.add(found[0])
        if project:
            yield from _in_words(found, project, names)


def _in_words(found: re.Match[str], project: str, names: Names) -> Iterator[_Mention]:
    """Weigh a word of prose that may be a project's name."""
    name, tail = found["name"], found["tail"]
    weight = 6.0
    if _bystander(name) or canonicalize_name(name.partition(".")[0]) != project:
        weight = 2.0  # a library's name may stand for more than the project that binds it
    said = around(found.string, *found.span())
    if _is_name(name, project, names):
        yield _Mention(project, "prose", weight, said)
        if tail.endswith("'s"):
            yield _Mention(project, "owner", weight / 2, said)
    if tail.startswith("`"):
        yield _Mention(project, "quoted", weight / 2, said)


def _meant(word: str, names: Names) -> str | None:
    """Find the project that a word of a title or of prose may mean."""
    top = word.partition(".")[0].casefold()
    if top in ORDINARY or top in _STDLIB or word in _STDLIB or len(top) < 2 or top[:2] == "__":
        return None
    if word.isupper() and len(word) <= _ACRONYM:
        return None
    return project_of(word, names)


def _is_name(word: str, project: str, names: Names) -> bool:
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
    title = _FATAL.without(text.title.text)
    if _INTERPRETER.search(Passage(title)):
        return True
    if any(
        found[1] in _STDLIB or found[1].casefold() in _STDLIB
        for found in _ATTRIBUTE_OF.finditer(title)
    ):
        return True
    frame = _INNERMOST.search(text.logs)
    return bool(frame and _OWN_SOURCES.search(frame[0]))


def _labelled(text: Document) -> Fact | None:
    """Find a version that a form asked for."""
    found = _LABELLED.search(text.body)
    if found is None:
        return None
    return Fact(found["version"].rstrip("."), around(text.body.text, *found.span()))


def _wheel(text: Document, project: str | None = None) -> Fact | None:
    """Find the first wheel, of one project or of any."""
    for found in _WHEEL.some(text.whole):
        if project is None or canonicalize_name(found["name"]) == project:
            return Fact(found[0], around(text.whole.text, *found.span()))
    return None
