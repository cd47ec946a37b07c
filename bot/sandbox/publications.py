"""Made-up releases, published to the stand-in of the index while it runs, and its journal."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec
from packaging.version import InvalidVersion, Version

from bot.errors import UserError
from bot.language import phrase
from bot.sandbox.snapshot import Snapshot

Row: TypeAlias = tuple[str, str | None, int, str, int]
"""A change as the journal tells it: name, version, UTC seconds, action, serial."""

_PYTHONS = ("cp314-cp314t", "cp315-cp315t")
_AT_FIRST = ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64")
_LATER = (
    "musllinux_1_2_x86_64",
    "musllinux_1_2_aarch64",
    "macosx_11_0_arm64",
    "macosx_10_15_x86_64",
    "win_amd64",
    "win_arm64",
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A made-up file; `uploaded` is UTC text."""

    version: str
    filename: str
    uploaded: str
    yanked: bool | str = False


class Publications:
    """What was published beside a snapshot. Names are normalised; `clock` tells UTC seconds."""

    def __init__(self, snapshot: Snapshot, clock: Callable[[], float] = time.time) -> None:
        self.rows: list[Row] = []
        self._snapshot = snapshot
        self._clock = clock
        self._uploads: dict[str, list[Upload]] = {}

    @property
    def serial(self) -> int:
        """The serial of the newest change, 1 before any."""
        return self.rows[-1][-1] if self.rows else 1

    def serial_of(self, name: str) -> int:
        """Return the serial of a project's newest change."""
        spelled = self._snapshot.projects[name].name
        return next((row[-1] for row in reversed(self.rows) if row[0] == spelled), 1)

    def page(self, name: str) -> bytes:
        """Give the project's page, as `Snapshot.page` does, with what was published."""
        document = self._snapshot.document(name)
        uploads = self._uploads.get(name, [])
        document["versions"] = (
            *document["versions"],
            *dict.fromkeys(each.version for each in uploads),
        )
        document["files"] += map(_entry, uploads)
        document["meta"]["_last-serial"] = self.serial_of(name)
        return msgspec.json.encode(document)

    def publish(self, name: str) -> str:
        """Publish a release that is newer than all others, with free-threaded wheels for Linux.

        Returns its version. Raises UserError for a project that the snapshot doesn't have.
        """
        self._require(name)
        version = self._next_version(name)
        self._note(name, version, "new release")
        self._upload(name, version, _AT_FIRST)
        return version

    def complete(self, name: str) -> str:
        """Publish the wheels for other systems of the release that was published last.

        Returns its version. Raises UserError if there is no release that lacks any.
        """
        version = self._published(name)[-1].version
        held = sum(each.version == version for each in self._published(name))
        if held > len(_PYTHONS) * len(_AT_FIRST):
            raise UserError(
                phrase("{release} has all its wheels.", release=f"{name} {version}"),
                phrase("Publish a release first."),
            )
        self._upload(name, version, _LATER)
        return version

    def yank(self, name: str) -> str:
        """Yank the release that was published last. Returns its version. Raises UserError."""
        uploads = self._published(name)
        version = uploads[-1].version
        self._uploads[name] = [
            replace(each, yanked="made up") if each.version == version else each for each in uploads
        ]
        self._note(name, version, "yank release")
        return version

    def _upload(self, name: str, version: str, platforms: Sequence[str]) -> None:
        stem = f"{name.replace('-', '_')}-{version}"
        uploaded = datetime.fromtimestamp(self._clock(), UTC).isoformat()
        for python in _PYTHONS:
            for platform in platforms:
                filename = f"{stem}-{python}-{platform}.whl"
                upload = Upload(version, filename, uploaded)
                self._uploads.setdefault(name, []).append(upload)
                self._note(name, version, f"add {python.partition('-')[0]} file {filename}")

    def _note(self, name: str, version: str, action: str) -> None:
        spelled = self._snapshot.projects[name].name
        self.rows.append((spelled, version, int(self._clock()), action, self.serial + 1))

    def _require(self, name: str) -> None:
        if name not in self._snapshot.projects:
            raise UserError(
                phrase("The sandbox does not know {project}.", project=name),
                phrase("Choose one of the projects it offers."),
            )

    def _published(self, name: str) -> list[Upload]:
        self._require(name)
        if name not in self._uploads:
            raise UserError(
                phrase("Nothing of {project} was published here.", project=name),
                phrase("Publish a release first."),
            )
        return self._uploads[name]

    def _next_version(self, name: str) -> str:
        newest = max(self._versions(name), default=Version("0"))
        return f"{newest.major}.{newest.minor + 1}.0"

    def _versions(self, name: str) -> Iterator[Version]:
        published = (upload.version for upload in self._uploads.get(name, ()))
        for text in (*self._snapshot.projects[name].versions, *published):
            try:
                yield Version(text)
            except InvalidVersion:
                continue


def _entry(upload: Upload) -> dict[str, Any]:
    """Give a file in the shape of the Simple API."""
    return {
        "filename": upload.filename,
        "url": f"../../files/{upload.filename}",
        "hashes": {},
        "yanked": upload.yanked,
        "upload-time": upload.uploaded,
    }
