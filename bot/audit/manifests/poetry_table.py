"""Poetry's own tables of pyproject.toml, from before it took the standard's."""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from bot.audit.manifests.files import excerpt, without_password
from bot.audit.manifests.markers import both
from bot.audit.manifests.pinning import named_table, unreadable
from bot.audit.manifests.poetry_constraint import specifier
from bot.audit.manifests.requirement import is_name, no_name
from bot.audit.model import Problem, Wanted
from bot.language import phrase

Table: TypeAlias = Mapping[str, object]


class _Dependency(msgspec.Struct):
    version: str = "*"
    extras: tuple[str, ...] = ()
    markers: str = ""
    python: str = ""
    platform: str = ""
    optional: bool = False
    git: str = ""
    url: str = ""
    path: str = ""
    file: str = ""


def offered(poetry: Table) -> list[str]:
    """Return the extras and groups that Poetry's tables offer."""
    names = [*named_table(poetry.get("extras")), *named_table(poetry.get("group"))]
    return [*names, "dev"] if "dev-dependencies" in poetry else names


def requires_python(poetry: Table) -> str | None:
    """Return which Python is required."""
    python = named_table(poetry.get("dependencies")).get("python")
    return specifier(python) or None if isinstance(python, str) else None


def read(
    poetry: Table, chosen: frozenset[str], *, all_: bool, main: bool
) -> Iterator[Wanted | Problem]:
    """Yield what is required, of extras and groups what was chosen.

    `main` says whether Poetry's table of dependencies counts: it does not beside the standard's.
    `all_` takes optional dependencies too that no extra names.
    """
    optional: set[str] = {
        canonicalize_name(name)
        for extra, names in named_table(poetry.get("extras")).items()
        if canonicalize_name(extra) in chosen and isinstance(names, list)
        for name in names
        if isinstance(name, str)
    }
    if main:
        table = named_table(poetry.get("dependencies"))
        yield from _read(table, "tool.poetry.dependencies", None if all_ else optional)
    groups = named_table(poetry.get("group"))
    for name, group in groups.items():
        if canonicalize_name(name) in chosen:
            table = named_table(named_table(group).get("dependencies"))
            yield from _read(table, f"tool.poetry.group.{name}.dependencies", None)
    if "dev" in chosen:
        table = named_table(poetry.get("dev-dependencies"))
        yield from _read(table, "tool.poetry.dev-dependencies", None)


def _read(table: Table, key: str, optional: set[str] | None) -> Iterator[Wanted | Problem]:
    for name, value in table.items():
        where = f"{key}.{name}"
        if name.lower() == "python":
            continue
        for one in value if isinstance(value, list) else [value]:
            try:
                stated = msgspec.convert(
                    {"version": one} if isinstance(one, str) else one, _Dependency
                )
            except msgspec.ValidationError as error:
                yield Problem(where, unreadable(name, excerpt(str(error))))
                continue
            project = canonicalize_name(name)
            if not stated.optional or optional is None or project in optional:
                yield _wanted(project, stated, where)


def _wanted(name: str, stated: _Dependency, where: str) -> Wanted | Problem:
    if not is_name(name):
        return Problem(where, no_name(name))
    versions, python = specifier(stated.version), specifier(stated.python)
    if versions is None or python is None:
        odd = stated.version if versions is None else stated.python
        text = phrase(
            "{project} has a constraint that cannot be judged: {constraint}.",
            project=name,
            constraint=repr(excerpt(odd)),
        )
        return Problem(where, text)
    url = f"git+{stated.git}" if stated.git else stated.url or stated.path or stated.file
    return Wanted(
        name=name,
        where=where,
        specifier=versions,
        extras=tuple(sorted(map(canonicalize_name, stated.extras))),
        marker=both(
            stated.markers,
            " and ".join(
                f'python_full_version {each.operator} "{each.version}"'
                for each in SpecifierSet(python)
            ),
            f'sys_platform == "{stated.platform}"' if stated.platform.isalnum() else "",
        ),
        url=without_password(url) if url else None,
    )
