"""Make data/snapshot.json.xz, the sandbox's index, anew from pages of the Simple API.

    python scripts/derive_snapshot.py FOLDER --date 2026-11-22 [--metadata report.json]

FOLDER holds one page a project (JSON, PEP 691), `NAME.json` or `NAME.json.gz`. What maintainers
claim is not in those pages; it comes from the report of
`pip install --dry-run --no-deps --ignore-installed --report report.json NAME...`. What wheels
declare about the GIL is in data/xray.json, see derive_xray.py.
"""

import argparse
import datetime as dt
import gzip
import sys
from pathlib import Path
from typing import Any

import msgspec
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bot.sandbox.snapshot import (  # noqa: E402 - needs the path
    FILE,
    SnapshotProject,
    SnapshotWriter,
    write_snapshot,
)

CLAIM = "Programming Language :: Python :: Free Threading"

# Projects that exist nowhere: each shows an answer that no project of the snapshot gives.
MADE_UP: dict[str, tuple[str, tuple[tuple[str, str | None, bool | str], ...]]] = {
    "made-up-archived": (
        "archived",
        (
            ("made_up_archived-2.0-py3-none-any.whl", ">=3.9", False),
            ("made_up_archived-2.0.tar.gz", ">=3.9", False),
        ),
    ),
    "made-up-excluded": (
        "active",
        (
            ("made_up_excluded-1.4-cp312-cp312-manylinux_2_28_x86_64.whl", ">=3.8,<3.13", False),
            ("made_up_excluded-1.4.tar.gz", ">=3.8,<3.13", False),
        ),
    ),
    "made-up-linux-only": (
        "active",
        (
            ("made_up_linux_only-3.1-cp314-cp314-win_amd64.whl", None, False),
            ("made_up_linux_only-3.1-cp314-cp314t-manylinux_2_28_x86_64.whl", None, False),
            ("made_up_linux_only-3.1-cp315-cp315t-manylinux_2_28_x86_64.whl", None, False),
        ),
    ),
    "made-up-quarantined": ("quarantined", ()),
    "made-up-tool": (
        "active",
        tuple(
            (f"made_up_tool-0.9-py3-none-{platform}.whl", ">=3.8", False)
            for platform in (
                "manylinux_2_17_aarch64.manylinux2014_aarch64",
                "manylinux_2_17_x86_64.manylinux2014_x86_64",
                "musllinux_1_2_aarch64",
                "musllinux_1_2_x86_64",
                "macosx_10_12_x86_64",
                "macosx_11_0_arm64",
                "win_amd64",
                "win_arm64",
            )
        ),
    ),
    "made-up-unmarked": (
        "active",
        (
            ("made_up_unmarked-1.1-cp313-none-win_amd64.whl", None, False),
            ("made_up_unmarked-1.1-cp314-none-win_amd64.whl", None, False),
            ("made_up_unmarked-1.1.tar.gz", None, False),
        ),
    ),
    "made-up-yanked": (
        "active",
        (
            ("made_up_yanked-1.0-py3-none-any.whl", None, "Unmaintained"),
            ("made_up_yanked-1.0.tar.gz", None, "Unmaintained"),
        ),
    ),
}


class _File(msgspec.Struct, frozen=True, rename="kebab"):
    filename: str
    requires_python: str | None = None
    yanked: bool | str = False


class _Page(msgspec.Struct, frozen=True):
    name: str
    files: list[_File]
    versions: tuple[str, ...] = ()


class _Metadata(msgspec.Struct, frozen=True):
    name: str
    version: str
    classifier: tuple[str, ...] = ()
    project_url: tuple[str, ...] = ()


class _Installed(msgspec.Struct, frozen=True):
    metadata: _Metadata


class _Report(msgspec.Struct, frozen=True):
    install: list[_Installed]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="pages of the Simple API, one file a project")
    parser.add_argument(
        "--date",
        required=True,
        type=dt.date.fromisoformat,
        help="the day on which the pages were read, YYYY-MM-DD",
    )
    parser.add_argument("--metadata", type=Path, help="pip's report of the projects")
    parser.add_argument("--output", type=Path, default=ROOT / "data" / FILE)
    options = parser.parse_args()

    claims = _claims(options.metadata) if options.metadata else {}
    writer = SnapshotWriter(options.date.isoformat())
    pages = sorted(options.folder.glob("*.json*"))
    for path in pages:
        body = path.read_bytes()
        page = msgspec.json.decode(
            gzip.decompress(body) if path.suffix == ".gz" else body, type=_Page
        )
        name = canonicalize_name(page.name)
        files = ((file.filename, file.requires_python, file.yanked) for file in page.files)
        details = {"name": page.name, **claims.get(name, {})}
        writer.add(name, files, SnapshotProject(groups=(), versions=page.versions, **details))
    for made_up, (status, made_up_files) in MADE_UP.items():
        versions = tuple(dict.fromkeys(file.split("-")[1] for file, _, _ in made_up_files[:1]))
        writer.add(
            made_up,
            made_up_files,
            SnapshotProject(made_up, (), versions, status=status, made_up=True),
        )
    body = write_snapshot(writer.snapshot())
    options.output.write_bytes(body)
    sys.stdout.write(f"{options.output}: {len(pages)} projects, {len(body):,} bytes\n")


def _claims(report: Path) -> dict[str, dict[str, Any]]:
    """Read the newest releases' metadata, by normalised name, as fields of the snapshot."""
    found = {}
    for item in msgspec.json.decode(report.read_bytes(), type=_Report).install:
        metadata = item.metadata
        links = (line.partition(", ") for line in metadata.project_url)
        found[str(canonicalize_name(metadata.name))] = {
            "name": metadata.name,
            "version": metadata.version,
            "classifiers": tuple(line for line in metadata.classifier if line.startswith(CLAIM)),
            "urls": {label: url for label, _, url in links},
        }
    return found


if __name__ == "__main__":
    main()
