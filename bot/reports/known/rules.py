"""Issue → what it is recognised by."""

from dataclasses import replace
from typing import Final

from packaging.utils import canonicalize_name

from bot.github.model import RemoteIssue
from bot.reports.likeness.model import Known
from bot.reports.likeness.rules import known
from bot.reports.model import Fact, Reading
from bot.reports.reading.rules import Names, read

INTERPRETERS: Final = frozenset({"colesbury/nogil", "pypy/pypy", "python/cpython"})
"""Whatever the index has under these names is something else."""


def recognised(issue: RemoteIssue, names: Names) -> Known:
    """Read an issue, and reduce it to what it is recognised by."""
    reading = read(issue.title, issue.body, names)
    return known(
        f"issue:{issue.repository}#{issue.number}",
        issue.title,
        issue.body,
        at_home(reading, issue.repository, names),
        url=issue.url,
        state=issue.state,
    )


def at_home(reading: Reading, repository: str, names: Names) -> Reading:
    """Take an issue for one on the repository's own project, which few issues care to name.

    If the text names another one, only a popular project is taken for the one that is meant.
    """
    own = project_of(repository, names)
    if own is None or (reading.facts.project and not names.is_popular(own)):
        return reading
    return replace(reading, facts=replace(reading.facts, project=Fact(own, repository)))


def project_of(repository: str, names: Names) -> str | None:
    """Name the project that has the name of a repository (`owner/name`), None if there is none."""
    if repository.lower() in INTERPRETERS:
        return None
    name = canonicalize_name(repository.rpartition("/")[2])
    provided = names.projects_for_import(name)
    if provided:
        return provided[0]
    return str(name) if names.is_project(name) else None
