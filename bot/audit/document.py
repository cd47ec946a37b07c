"""An audit as JSON, for other programs, and as a Markdown table, to be kept and shared.

The shape of the JSON is public: keys may be added, never renamed.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from bot.audit.model import Audit, Best, Class, Package, Problem, ReadySet
from bot.check.document import gil_document, turned_on
from bot.language import phrase, phrase_many
from bot.xray.model import CAVEATS, Gil, ModuleVerdict

_TITLES: Final = {
    Class.BLOCKED: "Blocked",
    Class.UNKNOWN: "Unknown",
    Class.WORKS: "Works",
    Class.READY: "Ready",
}
# All that Markdown, or GitHub's and Discord's, may take for markup within a table's cell.
_MARKUP: Final = re.compile(r"[\\`*_{}\[\]<>#|~@&]|:(?=[/\w])|(?<=www)\.")
_NAMED: Final = 10
"""Versions that a sentence names; the document has all."""
GIL_NAMED: Final = 3
"""And modules."""
_LINK: Final = re.compile(r"https://[^\s<>|\\]{1,500}")
_MOST: Final = 500
"""Characters of a foreign text in a cell."""


def audit_document(audit: Audit) -> dict[str, Any]:
    """Give an audit as an object of JSON values."""
    return {
        "python": audit.target.python,
        "platform": audit.target.platform,
        "source": audit.source,
        "format": audit.format,
        "resolved": audit.resolved,
        "conflict": audit.conflict,
        "stale": audit.stale,
        "summary": {
            **{str(each): audit.count(each) for each in Class},
            "gil_reenabled": len(audit.re_enabling),
        },
        "gil_unread": audit.unread,
        "packages": [_package(package, audit.gil_of(package)) for package in audit.packages],
        "ready_set": _ready_set(audit.ready_set),
        "problems": [_problem(problem) for problem in audit.problems],
    }


def audit_markdown(audit: Audit) -> str:
    """Give an audit as Markdown: the summary, then a table with a row for each package."""
    target = audit.target
    lines = [
        f"# {escape(audit.source)} on {target.python}, {escape(target.platform)}",
        "",
        ", ".join(f"{audit.count(each)} {each}" for each in _TITLES) + ".",
        "",
    ]
    for note in notes(audit):
        lines += [escape(note), ""]
    lines += _declared(audit)
    if audit.packages:
        lines += ["| | package | version | verdict | required by | what would help |"]
        lines += ["|---|---|---|---|---|---|"]
        lines += [_row(package) for package in audit.packages]
        lines += [""]
    if audit.problems:
        lines += ["## Could not be read", ""]
        lines += [f"- {escape(each.where)}: {escape(each.text)}" for each in audit.problems]
        lines += [""]
    return "\n".join(lines)


def notes(audit: Audit) -> Iterable[str]:
    """Give the sentences that are about the whole: conflicts, a set that is ready, old answers."""
    if audit.conflict:
        yield audit.conflict
    if audit.ready_set:
        yield _ready(audit.ready_set, audit.packages)
    if audit.unanswered:
        yield phrase("The index did not answer for {count} of them.", count=audit.unanswered)
    if audit.stale:
        yield phrase("The index did not answer for some: they are as they were known before.")


def gil_notes(audit: Audit) -> Iterable[str]:
    """Give the sentences about what the wheels declare, but which ones turn the GIL on."""
    verdicts = {gil.verdict for gil in audit.gil.values()}
    if verdicts and ModuleVerdict.RE_ENABLES not in verdicts:
        yield phrase_many(
            "The {count} wheel that was read does not turn the GIL on.",
            "None of the {count} wheels that were read turns the GIL on.",
            len(audit.gil),
        )
    if audit.undecided:
        yield phrase_many(
            "{count} wheel does not show whether it keeps the GIL off: neither a pass nor a"
            " failure.",
            "{count} wheels do not show whether they keep the GIL off: neither a pass nor a"
            " failure.",
            audit.undecided,
        )
    if audit.unread:
        yield phrase_many(
            "{count} wheel is not read yet: whether it keeps the GIL off is not known.",
            "{count} wheels are not read yet: whether they keep the GIL off is not known.",
            audit.unread,
        )


def chain(package: Package) -> str:
    """Say who pulls a package in: the chain from a direct dependency down to it."""
    if package.direct:
        return "direct"
    return " → ".join(package.path) or ", ".join(package.required_by)


def help_text(package: Package) -> str:
    """Say what would help, and how many problems are known."""
    count = package.reports
    reports = f"{count} problem{'s' if count > 1 else ''} reported." if count else ""
    return " ".join(filter(None, (package.advice, reports)))


def escape(text: str) -> str:
    """Give a foreign text as plain Markdown on one line, fit for a table's cell."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: _MOST + 1]).split())
    short = line if len(line) <= _MOST else line[: _MOST - 1] + "…"
    return _MARKUP.sub(lambda found: f"\\{found[0]}", short)


def _declared(audit: Audit) -> Iterable[str]:
    """List the packages whose wheels turn the GIL on, and say what is not known."""
    if audit.re_enabling:
        yield f"## Installable, but the GIL comes back: {len(audit.re_enabling)}"
        yield ""
        yield "| package | version | what its wheel declares | required by |"
        yield "|---|---|---|---|"
        for package, gil in audit.re_enabling:
            cells = (
                package.project,
                package.version or "",
                turned_on(gil, GIL_NAMED),
                chain(package),
            )
            yield f"| {' | '.join(map(escape, cells))} |"
        yield ""
    for note in gil_notes(audit):
        yield from (escape(note), "")
    if audit.gil:
        yield from (" ".join(CAVEATS[:2]), "")


def _row(package: Package) -> str:
    cells = (
        _TITLES[package.class_],
        escape(package.project),
        escape(package.version or ""),
        str(package.verdict or ""),
        escape(chain(package)),
        " ".join(filter(None, (escape(help_text(package)), _link(package.upstream_issue)))),
    )
    return f"| {' | '.join(cells)} |"


def _link(address: str | None) -> str:
    return f"<{address}>" if address and _LINK.fullmatch(address) else ""


def _package(package: Package, gil: Gil | None) -> dict[str, Any]:
    return {
        "project": package.project,
        "version": package.version,
        "direct": package.direct,
        "required_by": list(package.required_by),
        "path": list(package.path),
        "verdict": str(package.verdict) if package.verdict else None,
        "class": str(package.class_),
        "best": _best(package.best),
        "advice": package.advice,
        "upstream_issue": package.upstream_issue,
        "reports": package.reports,
        "gil": gil_document(gil) if gil else None,
    }


def _best(other: Best | None) -> dict[str, Any] | None:
    if other is None:
        return None
    return {
        "version": other.version,
        "verdict": str(other.verdict),
        "prerelease": other.prerelease,
    }


def _ready_set(ready: ReadySet | None) -> dict[str, Any] | None:
    if ready is None:
        return None
    return {"found": ready.found, "complete": ready.complete, "versions": dict(ready.versions)}


def _problem(problem: Problem) -> dict[str, str]:
    return {"where": problem.where, "text": problem.text}


def _ready(ready: ReadySet, packages: Iterable[Package]) -> str:
    if not ready.complete:
        return phrase("No set of versions in which everything is ready was found within the limit.")
    if not ready.found:
        return phrase("No set of versions that the file admits has everything ready.")
    now = {package.project: package.version for package in packages}
    changed = [f"{name} {version}" for name, version in ready.versions if now.get(name) != version]
    versions = ", ".join(changed[:_NAMED])
    if (more := len(changed) - _NAMED) > 0:
        return phrase_many(
            "Everything is ready with other versions: {versions} and {count} more.",
            "Everything is ready with other versions: {versions} and {count} more.",
            more,
            versions=versions,
        )
    return phrase("Everything is ready with other versions: {versions}.", versions=versions)
