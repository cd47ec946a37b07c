"""What the cached index knows of a project."""

from dataclasses import dataclass
from datetime import datetime

from packaging.utils import NormalizedName

from bot.compat.model import ProjectFiles, Release


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the index's metadata says of the release `version`: JSON, None if it has none."""

    version: str
    fetched: datetime
    text: str | None


@dataclass(frozen=True, slots=True)
class Project:
    """A project as the index showed it.

    `fetched` (UTC) is when the index last confirmed it; `serial` the state of the index that it
    shows, and `wanted_serial` a later change that it does not show yet, both None if unknown.
    `stale` means that the index could not be asked just now.
    """

    name: NormalizedName
    display_name: str
    status: str
    serial: int | None
    etag: str | None
    fetched: datetime
    files: ProjectFiles
    wanted_serial: int | None = None
    metadata: Metadata | None = None
    stale: bool = False

    @property
    def latest(self) -> Release | None:
        """The newest release; yanked ones, and then pre-releases, only if there is no other."""
        return min(
            self.files.releases,
            key=lambda release: (release.yanked, release.prerelease, release.order),
            default=None,
        )
