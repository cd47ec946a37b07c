"""An answer as JSON, for other programs. Its shape is public: keys may be added, never renamed."""

from datetime import datetime
from typing import Any

from bot.check.model import Answer, Claims
from bot.compat.model import Pick, Support
from bot.errors import ProjectNotFound
from bot.xray.model import Gil


def answer_document(answer: Answer) -> dict[str, Any]:
    """Give an answer as an object of JSON values; times are UTC text that ends in Z."""
    return {
        "project": answer.project,
        "name": answer.name,
        "status": answer.status,
        "latest": {"version": answer.latest.version, "uploaded": answer.latest.uploaded}
        if answer.latest
        else None,
        "as_of": {
            "serial": answer.as_of.serial,
            "fetched": _utc(answer.as_of.fetched),
            "stale": answer.as_of.stale,
        },
        "claims": _claims(answer.claims),
        "support": [_support(support, answer.gil_of(support)) for support in answer.support],
        "unreadable_files": answer.unreadable_files,
    }


def not_found_document(error: ProjectNotFound) -> dict[str, Any]:
    """Give the object that stands in the place of an answer where there is no such project."""
    return {
        "project": error.project,
        "status": "not-found",
        "suggestions": list(error.suggestions),
    }


def _claims(claims: Claims) -> dict[str, Any]:
    tracker = claims.tracker
    return {
        "classifier": claims.classifier,
        "tracker": {
            "since": tracker.since,
            "upstream_issue": tracker.upstream_issue,
            "tested_in_ci": tracker.tested_in_ci,
            "notes": list(tracker.notes),
        }
        if tracker
        else None,
    }


def _support(support: Support, gil: Gil | None) -> dict[str, Any]:
    first = support.first_wheel
    return {
        "python": support.target.python,
        "platform": support.target.platform,
        "verdict": str(support.verdict),
        "installs": _pick(support.installs),
        "newest_wheel": _pick(support.newest_wheel),
        "first_wheel": {"version": first.version, "uploaded": first.uploaded} if first else None,
        "gil": gil_document(gil) if gil else None,
    }


def turned_on(gil: Gil, most: int) -> str:
    """Say in English which modules of a wheel turn the GIL on; name `most` of them."""
    names = list(gil.re_enabling[:most])
    if len(gil.re_enabling) > len(names):
        names.append("…")
    count, total = len(gil.re_enabling), gil.modules
    modules = f"{count} of {total} module{'s' if total > 1 else ''}"
    return f"{modules} turn{'s' if count == 1 else ''} the GIL on: {', '.join(names)}"


def gil_document(gil: Gil) -> dict[str, Any]:
    """Give what a wheel declares as an object of JSON values."""
    document: dict[str, Any] = {
        "verdict": str(gil.verdict),
        "wheel": gil.wheel,
        "modules": gil.modules,
        "re_enabling": list(gil.re_enabling),
    }
    if gil.reason:
        document["reason"] = gil.reason
    return document


def _pick(pick: Pick | None) -> dict[str, Any] | None:
    return {"version": pick.version, "file": pick.file} if pick else None


def _utc(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
