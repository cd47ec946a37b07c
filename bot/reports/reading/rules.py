"""Text → Reading, by rules alone: the same text is always read the same way."""

from packaging.utils import canonicalize_name

from bot.reports.model import Fact, Facts, Reading, Submission
from bot.reports.reading.document import Document, document
from bot.reports.reading.gaps import gaps
from bot.reports.reading.interpreter import Build, build, python
from bot.reports.reading.kinds import judge
from bot.reports.reading.names import Names
from bot.reports.reading.project import About, about, project_of
from bot.reports.reading.system import architecture, gil, installer, python_gil, system
from bot.reports.reading.traces import excerpt, signature

__all__ = ["Names", "read", "read_submission"]


def read(title: str, text: str, names: Names) -> Reading:
    """Read a report: what it is about, where it was seen, what recognises it, what is missing.

    `text` is all that was written, logs included. Nothing is ever raised, whatever the text; it
    takes some milliseconds, and up to 0.2 s for a MiB of logs.
    """
    return _read(document(title, text), names)


def read_submission(submission: Submission, names: Names) -> Reading:
    """Read what a member submitted; as `read`.

    The project that they named is believed where there is such a one.
    """
    text = "\n".join(
        part
        for part in (
            submission.environment,
            submission.story,
            f"```\n{submission.logs}\n```" if submission.logs.strip() else "",
        )
        if part
    )
    return _read(document("", text), names, submission.project)


def _read(text: Document, names: Names, named: str = "") -> Reading:
    built = build(text)
    chosen = _chosen(named, names)
    found = about(text, names, chosen.value if chosen else None)
    facts = _facts(text, built, found, chosen)
    judgement = judge(text, built)
    marks = signature(text)
    return Reading(
        kind=judgement.kind,
        confidence=judgement.confidence,
        facts=facts,
        evidence=tuple(dict.fromkeys(filter(None, judgement.evidence))),
        also=judgement.also,
        signature=marks,
        excerpt=excerpt(text, judgement.kind),
        gaps=gaps(text, judgement.kind, facts, built, marks, of_python=found.python_itself),
    )


def _facts(text: Document, built: Build, found: About, chosen: Fact | None) -> Facts:
    before, after = gil(text)
    return Facts(
        project=chosen or found.project,
        version=found.version,
        python=python(text, built),
        build=Fact(built.value, built.evidence) if built.value else None,
        os=system(text),
        architecture=architecture(text),
        installer=installer(text),
        gil_before=before,
        gil_after=after,
        python_gil=python_gil(text),
        wheel=found.wheel,
    )


def _chosen(named: str, names: Names) -> Fact | None:
    """Read the name in the form's own field."""
    name = named.strip()
    if not name:
        return None
    normalised = canonicalize_name(name)
    project = normalised if names.is_project(normalised) else project_of(name, names)
    return Fact(project, " ".join(name.split())[:160]) if project else None
