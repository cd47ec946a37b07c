"""conda's environment.yml: its pip part, and the rest as what does not come from PyPI.

The text is composed to nodes, which keep their lines, and not constructed to objects: all that
counts are lists and texts, and `python=3.10` is none of YAML's numbers.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

import yaml

from bot.audit.manifests import requirements
from bot.audit.manifests.files import File, called, excerpt, malformed
from bot.audit.manifests.pinning import sort_out_pinned
from bot.audit.manifests.requirement import MAX_REQUIREMENTS, is_name
from bot.audit.model import Manifest, Pinned, Problem
from bot.errors import UserError
from bot.language import phrase

_DEEPEST: Final = 12
_LONGEST: Final = 400
"""Characters of a package with its version."""
_NEITHER: Final = phrase("This is neither a package nor a pip part.")
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SPEC: Final = re.compile(
    r"(?:[\w.-]{1,100}(?:/[\w-]{1,50})?::)?(?P<name>[\w.-]{1,100})\s{0,9}(?P<version>[^\[\s].{0,200})?$"
)
_EXACT: Final = re.compile(r"={1,2}\s{0,9}(?P<version>\d[\w.!+-]{0,100})(?:=[\w.*]{1,100})?$")


def read(file: File) -> Manifest:
    """Read an environment. Raises UserError with the line for what is not YAML."""
    root = _compose(file)
    conda: list[yaml.ScalarNode] = []
    pip: list[yaml.ScalarNode] = []
    odd: list[Problem] = []
    for node in _items(_value(root, "dependencies")):
        if isinstance(node, yaml.ScalarNode):
            conda.append(node)
        elif (listed := _value(node, "pip")) is not None:
            texts = (each for each in _items(listed) if isinstance(each, yaml.ScalarNode))
            pip.extend(islice(texts, MAX_REQUIREMENTS + 1 - len(pip)))  # an alias may repeat it
        else:
            odd.append(Problem(_where(file, node), _NEITHER))
    wanted, unread = requirements.collect(replace(file, text=_by_line(pip), data=None))
    pinned, problems = sort_out_pinned(_packages(file, conda), file)
    return Manifest(
        source=file.source,
        format="environment.yml",
        locked=False,
        wanted=wanted,
        pinned=tuple(each for each in pinned if each.name != "python"),
        problems=(*odd, *problems, *unread),
        requires_python=_python(conda),
    )


def _compose(file: File) -> yaml.Node:
    name = called(file.source)
    try:
        depth = 0
        for event in yaml.parse(file.text, Loader=_LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:
                raise UserError(
                    phrase(
                        "{file} nests lists or tables too deeply to be an environment.", file=name
                    )
                )
        root = yaml.compose(file.text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = excerpt(error.problem) if error.problem else phrase("not YAML")
        raise UserError(
            malformed(name, mark.line + 1, mark.column + 1, reason)
            if mark
            else phrase("{file}: {reason}.", file=name, reason=reason),
            phrase("Correct the YAML there."),
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(
            phrase("{file} is not valid YAML: {reason}.", file=name, reason=excerpt(str(error)))
        ) from None
    if root is None or _value(root, "dependencies") is None:
        raise UserError(
            phrase(
                "{file} is YAML, but no environment of conda: it lists no `dependencies`.",
                file=name,
            ),
            phrase("Send environment.yml, a lock file, pyproject.toml or requirements."),
        )
    return root


def _value(node: yaml.Node, key: str) -> yaml.Node | None:
    """Return what a mapping has for a key, None if it has none or is no mapping."""
    pairs: list[tuple[yaml.Node, yaml.Node]] = node.value
    for name, value in pairs if isinstance(node, yaml.MappingNode) else ():
        if isinstance(name, yaml.ScalarNode) and name.value == key:
            return value
    return None


def _items(node: yaml.Node | None) -> Iterator[yaml.Node]:
    """Yield what a list holds; a text alone counts as a list of one."""
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.ScalarNode) and node.value:
        yield node


def _where(file: File, node: yaml.Node) -> str:
    return f"{file.source}:{node.start_mark.line + 1}"


def _by_line(nodes: list[yaml.ScalarNode]) -> str:
    """Write the pip part as a requirements file, each on the line where it stands."""
    lines: list[str] = []
    for node in nodes:
        lines.extend("" for _ in range(node.start_mark.line - len(lines)))
        lines.append(" ".join(node.value.split()))
    return "\n".join(lines)


def _packages(file: File, nodes: list[yaml.ScalarNode]) -> Iterator[Pinned | Problem]:
    for node in nodes:
        where = _where(file, node)
        found = _SPEC.match(node.value.strip()) if len(node.value) < _LONGEST else None
        if found and is_name(found["name"]):
            exact = _EXACT.match(found["version"] or "")
            yield Pinned(found["name"].lower(), exact and exact["version"], where, origin="conda")
        else:
            name = repr(excerpt(node.value))
            yield Problem(where, phrase("{name} is no package of conda.", name=name))


def _python(nodes: list[yaml.ScalarNode]) -> str | None:
    """Return which Python the environment is for, as a specifier."""
    for node in nodes:
        if found := re.fullmatch(
            r"python\s{0,9}(=|[<>!~=]=?)\s{0,9}([\d.,<>=!*]{1,60})", node.value
        ):
            operator, version = found.groups()
            if operator != "=":
                return f"{operator}{version}"
            return f"=={version.rstrip('.*')}.*"
    return None
