"""A snapshot of the package index: the facts about some projects on one day, in one small file.

File names repeat themselves: `numpy-2.5.5-cp314-cp314t-win_amd64.whl` is a beginning that all
files of the release share, and an ending that many releases share. The snapshot keeps each
beginning once per release and each ending once at all. It holds what the index says of a file
except its digest, size and time of upload; what it doesn't hold is told as unknown, never made up.
"""

import lzma
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from bot import data
from bot.errors import UserError

FILE = "snapshot.json.xz"
FORMAT = 1
_OTHER_ENDINGS = re.compile(r"\.(?:tar\.\w+|t?gz|tgz|zip|egg|exe|msi|rpm)$", re.IGNORECASE)


class FileGroup(msgspec.Struct, array_like=True, frozen=True, omit_defaults=True):
    """Files that begin alike and of which the index says the same.

    `endings` are places in `Snapshot.endings`; `yanked` is true or a reason (PEP 592).
    """

    beginning: str
    endings: tuple[int, ...]
    requires_python: str | None = None
    yanked: bool | str = False


class SnapshotProject(msgspec.Struct, frozen=True, omit_defaults=True):
    """A project. `name` is its owners' spelling, `status` is PEP 792's.

    `version`, `classifiers` (only those about free threading) and `urls` are the newest release's
    metadata; `version` is None where that is not known. `made_up` projects exist in no index: they
    show what no real project here does.
    """

    name: str
    groups: tuple[FileGroup, ...]
    versions: tuple[str, ...] = ()
    status: str = "active"
    version: str | None = None
    classifiers: tuple[str, ...] = ()
    urls: dict[str, str] = {}
    made_up: bool = False


class Snapshot(msgspec.Struct, frozen=True):
    """Projects by normalised name. `taken` is the day, YYYY-MM-DD, on which this was true."""

    format: int
    taken: str
    endings: tuple[str, ...]
    projects: dict[str, SnapshotProject]

    def page(self, name: str) -> bytes:
        """Give the project's page in the shape of the Simple API (JSON, PEP 691), without digests.

        A quarantined project shows no files, as on the index. Raises KeyError for unknown names.
        """
        return msgspec.json.encode(self.document(name))

    def document(self, name: str) -> dict[str, Any]:
        """Give what `page` encodes."""
        project = self.projects[name]
        quarantined = project.status == "quarantined"
        return {
            "meta": {"api-version": "1.4"},
            "name": name,
            "project-status": {"status": project.status},
            "versions": () if quarantined else project.versions,
            "files": [] if quarantined else list(self._files(project)),
        }

    def listing(self) -> bytes:
        """List the projects in the shape of the Simple API, without quarantined ones."""
        return msgspec.json.encode(
            {
                "meta": {"api-version": "1.4"},
                "projects": [
                    {"name": project.name}
                    for project in self.projects.values()
                    if project.status != "quarantined"
                ],
            }
        )

    def metadata(self, name: str) -> bytes | None:
        """Give the JSON API's document of the project, None where its metadata is not known."""
        project = self.projects[name]
        if project.version is None or project.status == "quarantined":
            return None
        info = {
            "name": project.name,
            "version": project.version,
            "classifiers": project.classifiers,
            "project_urls": project.urls,
        }
        return msgspec.json.encode({"info": info})

    def _files(self, project: SnapshotProject) -> Iterable[dict[str, Any]]:
        for group in project.groups:
            for place in group.endings:
                filename = group.beginning + self.endings[place]
                yield {
                    "filename": filename,
                    "url": f"../../files/{filename}",
                    "hashes": {},
                    "requires-python": group.requires_python,
                    "yanked": group.yanked,
                }


class SnapshotWriter:
    """Collects projects' files into a `Snapshot`."""

    def __init__(self, taken: str) -> None:
        self._taken = taken
        self._endings: dict[str, int] = {}
        self._projects: dict[str, SnapshotProject] = {}

    def add(
        self,
        name: str,
        files: Iterable[tuple[str, str | None, bool | str]],
        details: SnapshotProject,
    ) -> None:
        """Add a project under its normalised name; `details` gives all but its groups.

        `files` are (file name, Requires-Python, yanked), in the index's order.
        """
        groups: dict[tuple[str, str | None, bool | str], list[int]] = {}
        for filename, requires_python, yanked in files:
            cut = _beginning(filename)
            ending = self._endings.setdefault(filename[cut:], len(self._endings))
            groups.setdefault((filename[:cut], requires_python, yanked), []).append(ending)
        self._projects[name] = msgspec.structs.replace(
            details,
            groups=tuple(
                FileGroup(beginning, tuple(endings), requires_python, yanked)
                for (beginning, requires_python, yanked), endings in groups.items()
            ),
        )

    def snapshot(self) -> Snapshot:
        return Snapshot(FORMAT, self._taken, tuple(self._endings), self._projects)


def shipped_snapshot() -> Snapshot:
    """Read the snapshot that ships. Raises UserError if it is damaged or of another format."""
    snapshot = data.read_json(FILE, Snapshot)
    if snapshot.format != FORMAT:
        raise UserError(
            f"{FILE}, which ships with ftbot, has format {snapshot.format} instead of {FORMAT}.",
            "Install ftbot again.",
        )
    return snapshot


def write_snapshot(snapshot: Snapshot) -> bytes:
    """Encode the snapshot as a file: the same bytes for the same facts."""
    return lzma.compress(msgspec.json.encode(snapshot), preset=9)


def _beginning(filename: str) -> int:
    """How long the part is that a release's files share: for a wheel its name and version."""
    if filename.endswith(".whl"):
        return max(filename.find("-", filename.find("-") + 1), 0)
    other = _OTHER_ENDINGS.search(filename)
    return other.start() if other else len(filename)
