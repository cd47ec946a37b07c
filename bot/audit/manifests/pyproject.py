"""pyproject.toml: what a project requires, with its extras and its dependency groups.

Groups are followed here and not by packaging: it gives a whole group up for one bad requirement,
and doubles what two groups include.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from packaging.utils import canonicalize_name

from bot.audit.manifests import poetry_table, requirements
from bot.audit.manifests.files import File, excerpt, without_password
from bot.audit.manifests.groups import choose
from bot.audit.manifests.pinning import named_table, text_of
from bot.audit.manifests.requirement import MAX_REQUIREMENTS, parse
from bot.audit.model import Manifest, Problem, Wanted
from bot.language import phrase, together

Found: TypeAlias = Iterator[Wanted | Problem]
Lists: TypeAlias = Mapping[str, tuple[str, object]]
"""Lists of requirements by normalised name of an extra or a group, each with its key."""

_INCLUDE: Final = "include-group"


def read(file: File) -> Manifest:
    """Read the requirements of a project, its extras and its groups."""
    project = named_table(file.data.get("project"))
    tool = named_table(file.data.get("tool"))
    poetry = named_table(tool.get("poetry"))
    name = canonicalize_name(text_of(project.get("name")) or text_of(poetry.get("name")) or "")
    extras = _lists(project, "project", "optional-dependencies")
    groups = {
        **_lists(named_table(tool.get("pdm")), "tool.pdm", "dev-dependencies"),
        **_lists(file.data, "", "dependency-groups"),
    }
    uv = named_table(tool.get("uv"))
    if "dev-dependencies" in uv:
        groups.setdefault("dev", ("tool.uv.dev-dependencies", uv["dev-dependencies"]))
    offered = (*extras, *groups, *poetry_table.offered(poetry))
    choice = choose(file, offered)

    found: list[Wanted | Problem] = []
    if "dependencies" in project:
        found += _listed(project["dependencies"], "project.dependencies")
    chosen = sorted(choice.chosen)
    found += _follow(groups, [each for each in chosen if each in groups])
    found = _with_extras(found, name, extras, [each for each in chosen if each in extras])
    found += poetry_table.read(
        poetry, choice.chosen, all_=file.groups is None, main="dependencies" not in project
    )
    found += _dynamic(file, project, tool, choice.chosen)
    if not found and "dependencies" not in project and not offered:
        found.append(Problem(file.source, phrase("It states no dependencies.")))
    sources = _sources(uv)
    wanted = [
        replace(each, url=sources.get(each.name, each.url))
        for each in found
        if isinstance(each, Wanted)
    ]
    problems = [each for each in found if isinstance(each, Problem)]
    if len(wanted) > MAX_REQUIREMENTS:
        problems.append(Problem(file.source, requirements.only_the_first()))
    return Manifest(
        source=file.source,
        format="pyproject.toml",
        locked=False,
        wanted=tuple(wanted[:MAX_REQUIREMENTS]),
        problems=(*choice.problems, *problems),
        requires_python=text_of(project.get("requires-python"))
        or poetry_table.requires_python(poetry),
        groups=choice.offered,
        chosen=tuple(chosen),
    )


def _lists(parent: Mapping[str, object], where: str, key: str) -> Lists:
    path = f"{where}.{key}" if where else key
    return {
        canonicalize_name(name): (f"{path}.{name}", listed)
        for name, listed in named_table(parent.get(key)).items()
    }


def _listed(listed: object, key: str) -> Found:
    """Yield the requirements of a list."""
    if not isinstance(listed, list):
        yield Problem(key, phrase("This is no list of requirements."))
        return
    for index, item in enumerate(listed):
        if isinstance(item, str):
            yield parse(item, f"{key}[{index}]")
        elif not isinstance(item, dict) or _INCLUDE not in item:
            yield Problem(f"{key}[{index}]", phrase("This is no requirement: it is no text."))


def _follow(groups: Lists, chosen: Sequence[str]) -> Found:
    """Yield the requirements of groups and of those that they include, each once."""
    waiting = list(reversed(chosen))
    read: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in read:
            continue
        read.add(name)
        key, listed = groups[name]
        yield from _listed(listed, key)
        for included in _included(listed):
            if included in groups:
                waiting.append(included)
            else:
                text = phrase("There is no group {name} to include.", name=repr(excerpt(included)))
                yield Problem(key, text)
    yield from _circles(groups, read)


def _included(listed: object) -> list[str]:
    return [
        canonicalize_name(item[_INCLUDE])
        for item in (listed if isinstance(listed, list) else ())
        if isinstance(item, dict) and isinstance(item.get(_INCLUDE), str)
    ]


def _circles(groups: Lists, read: set[str]) -> Found:
    """Yield a problem for groups that include themselves, which the standard forbids.

    What is left when groups that include none of the others are taken away goes in circles, or
    includes what does.
    """
    left = {name: set(_included(groups[name][1])) & read for name in read}
    users: dict[str, list[str]] = {}
    for name, included in left.items():
        for each in included:
            users.setdefault(each, []).append(name)
    ends = [name for name, included in left.items() if not included]
    while ends:
        end = ends.pop()
        del left[end]
        for user in users.get(end, ()):
            left[user].discard(end)
            if not left[user]:
                ends.append(user)
    if left:
        name = min(left)
        text = phrase("Groups include each other in a circle; each is read once.")
        yield Problem(groups[name][0], text)


def _with_extras(
    found: Sequence[Wanted | Problem], name: str, extras: Lists, chosen: Sequence[str]
) -> list[Wanted | Problem]:
    """Add the requirements of extras, of those too that the project asks of itself by `name`."""
    kept: list[Wanted | Problem] = []
    read = set(chosen)
    waiting = list(reversed(chosen))
    batch: Sequence[Wanted | Problem] = found
    while True:
        for each in batch:
            if isinstance(each, Problem) or each.name != name or each.url:
                kept.append(each)
                continue
            for extra in each.extras:
                if extra not in extras:
                    text = phrase("There is no extra {name}.", name=repr(excerpt(extra)))
                    kept.append(Problem(each.where, text))
                elif extra not in read:
                    read.add(extra)
                    waiting.append(extra)
        if not waiting:
            return kept
        key, listed = extras[waiting.pop()]
        batch = list(_listed(listed, key))


def _dynamic(
    file: File, project: Mapping[str, object], tool: Mapping[str, object], chosen: frozenset[str]
) -> Found:
    """Yield what setuptools takes from requirements files, or say that it is not known."""
    dynamic = project.get("dynamic")
    fields = dynamic if isinstance(dynamic, list) else []
    setuptools = named_table(named_table(tool.get("setuptools")).get("dynamic"))
    stated: list[object] = []
    if "dependencies" in fields:
        stated.append(setuptools.get("dependencies"))
    if "optional-dependencies" in fields:
        optional = named_table(setuptools.get("optional-dependencies"))
        stated += [table for name, table in optional.items() if canonicalize_name(name) in chosen]
    for table in stated:
        files = named_table(table).get("file")
        names = [files] if isinstance(files, str) else files if isinstance(files, list) else []
        paths = [name for name in names if isinstance(name, str) and name.strip().isprintable()]
        wanted, problems = requirements.collect(
            replace(file, text="\n".join(f"-r '{path}'" for path in paths), data=None)
        )
        yield from wanted
        yield from problems
        if not paths and "poetry" not in tool:
            text = together(
                phrase("What it requires is only known once it is built (`dynamic`)."),
                phrase("Audit its lock file or pip freeze."),
            )
            yield Problem("project.dynamic", text)


def _sources(uv: Mapping[str, object]) -> dict[str, str]:
    """Return the projects that uv takes from elsewhere than an index, with the address."""
    found: dict[str, str] = {}
    for name, source in named_table(uv.get("sources")).items():
        for table in source if isinstance(source, list) else [source]:
            for kind, value in named_table(table).items():
                if kind == "workspace" and value is True:
                    found[canonicalize_name(name)] = "."
                elif kind in {"git", "url", "path"} and isinstance(value, str):
                    prefix = "git+" if kind == "git" else ""
                    found[canonicalize_name(name)] = prefix + without_password(value)
    return found
