"""Whose issue a report is: the library's, or the community's.

A library's bug belongs to the tracker that its metadata names, or else to where the tracking
table follows its support of free threading. What concerns no library, or guides and the ecosystem
as a whole, belongs to the community's repository.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from bot.check.model import TrackerClaim
from bot.language import phrase
from bot.reports.model import Kind

_OWNER: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,37}[A-Za-z0-9])?")
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
# First parts of GitHub's own pages, which stand where an owner would.
_PAGES: Final = frozenset(
    {"apps", "collections", "enterprise", "features", "marketplace", "orgs", "search", "settings"}
    | {"site", "sponsors", "stars", "topics", "users"}
)
_GITHUB: Final = ("github.com", "www.github.com")
# Hosts and paths that are surely a forge or a tracker, and so decide though ftbot can't file there.
_TRACKER_HOST: Final = re.compile(
    r"(?:git|gitlab|gitea|forgejo|bugs|bugzilla|issues|tracker|jira|launchpad|sr|todo)\..+"
    r"|(?:.+\.)?(?:codeberg\.org|bitbucket\.org|launchpad\.net|sourceforge\.net|sr\.ht|gitee\.com)"
)
_TRACKER_PATH: Final = re.compile(r"/(?:issues?|bugs?|tickets?|-)(?:/|$)")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a report belongs.

    `repository` is `owner/name` on GitHub, None where no repository there is known to take it;
    `may_file` says that ftbot may open issues in it; `issue` is the address of the project's own
    issue about free threading; `why` is one plain sentence, in which addresses are foreign text.
    """

    repository: str | None
    may_file: bool
    issue: str | None
    why: str


def address(
    project: str | None,
    kind: Kind,
    *,
    tracker: TrackerClaim | None,
    urls: Sequence[str],
    home: str,
    allowed: Sequence[str],
) -> Address:
    """Tell where a report about a project belongs.

    `tracker` and `urls` are what the community's table and the project's metadata say of it (see
    `bot.check.model.Claims`); `home` is the community's repository and `allowed` the others in
    which ftbot may open issues, all as `owner/name` and compared without case, as GitHub does.
    """
    issue = tracker.upstream_issue if tracker else None
    if project is None:
        return Address(home, True, None, phrase("It is about no one project of the index."))
    if kind is Kind.DOCS:
        return Address(home, True, issue, phrase("Guides to free threading are the community's."))
    named = _tracker_of(urls) or issue or next(iter(urls), None)
    if named is None:
        why = phrase("Nothing tells where the issues of {project} are.", project=project)
        return Address(home, True, None, why)
    found = repository(named)
    if found is None:
        why = phrase(
            "{project} has its issues elsewhere: {address}", project=project, address=named
        )
        return Address(None, False, issue, why)
    if named == issue:
        why = phrase("The tracking table names {address}", address=named)
    else:
        why = phrase("The project's metadata names {address}", address=named)
    spelt = {known.lower(): known for known in (*allowed, home)}.get(found.lower())
    return Address(spelt or found, spelt is not None, issue, why)


def repository(url: str) -> str | None:
    """Return `owner/name` of the repository on GitHub that an address is about, None if none."""
    parts = _split(url)
    if parts is None or parts.netloc.lower() not in _GITHUB:
        return None
    owner, _, rest = parts.path.lstrip("/").partition("/")
    name = rest.partition("/")[0].removesuffix(".git")
    if owner.lower() in _PAGES or not _OWNER.fullmatch(owner):
        return None
    return f"{owner}/{name}" if _NAME.fullmatch(name) and name.strip(".") else None


def _tracker_of(urls: Iterable[str]) -> str | None:
    """Return the first address that is a repository on GitHub or surely another tracker."""
    return next((url for url in urls if repository(url) or _is_tracker(url)), None)


def _is_tracker(url: str) -> bool:
    parts = _split(url)
    if parts is None or parts.netloc.lower() in _GITHUB:
        return False
    host = parts.netloc.lower()
    return bool(_TRACKER_HOST.fullmatch(host) or _TRACKER_PATH.search(parts.path.lower()))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") else None
