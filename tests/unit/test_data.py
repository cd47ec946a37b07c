import gzip
import json
import lzma
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from bot import data
from bot.errors import UserError
from bot.index.names import MAX_RANKED, Ranking, shipped_ranking

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Pair:
    left: int
    right: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(data, "_folder", lambda: tmp_path)
    return tmp_path


def test_the_shipped_names_are_sorted_distinct_normalised_lines() -> None:
    lines = data.names()
    assert re.fullmatch(rb"(?:[a-z0-9]+(?:-[a-z0-9]+)*+\n)+", lines)
    names = lines.splitlines()
    assert len(names) > 800_000
    assert names == sorted(set(names))


def test_the_shipped_names_stay_small() -> None:
    size = (ROOT / "data" / "names.txt.xz").stat().st_size
    assert size <= 3_500_000


def test_the_shipped_ranks_are_the_most_downloaded_projects() -> None:
    ranking = shipped_ranking()
    assert len(ranking.names) == len(set(ranking.names)) == MAX_RANKED
    assert {"boto3", "numpy", "requests"} < set(ranking.names[:100])
    assert ranking.as_of.year >= 2026


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pair.json", b'{"left": 1, "right": "r"}'),
        ("pair.json.gz", gzip.compress(b'{"left": 1, "right": "r"}')),
        ("pair.json.xz", lzma.compress(b'{"left": 1, "right": "r"}')),
    ],
)
def test_json_is_read_as_its_shape(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    assert data.read_json(name, Pair) == Pair(1, "r")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pair.json", b""),
        ("pair.json", b'{"left": 1, "right":'),
        ("pair.json", b'{"left": "1", "right": "r"}'),
        ("pair.json", b'{"left": 1}'),
        ("pair.json", b"\xff\xfe"),
        ("pair.json.gz", b"not gzip"),
        ("pair.json.gz", gzip.compress(b'{"left": 1, "right": "r"}')[:-9]),
        ("pair.json.xz", b"not xz"),
        ("pair.json.xz", lzma.compress(b'{"left": 1, "right": "r"}')[:-9]),
    ],
)
def test_a_damaged_file_is_named(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=f"The file {name}, which ships .* damaged") as raised:
        data.read_json(name, Pair)
    assert raised.value.hint


def test_a_missing_file_is_named(folder: Path) -> None:
    with pytest.raises(UserError, match=r"absent\.json"):
        data.read_json("absent.json", Pair)
    assert list(folder.iterdir()) == []


def test_an_installed_wheel_has_the_data_inside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "_data").mkdir()
    (tmp_path / "_data" / "pair.json").write_bytes(b'{"left": 2, "right": "wheel"}')
    monkeypatch.setattr(data, "files", lambda package: {"bot": tmp_path}[package])
    assert data.read_json("pair.json", Pair) == Pair(2, "wheel")


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_names_and_ranks_can_be_made_anew(folder: Path, compress: Callable[[bytes], bytes]) -> None:
    index = {
        "meta": {"api-version": "1.4"},
        "projects": [{"name": "Zope.Event"}, {"name": "numpy"}],
    }
    top = {
        "last_update": "2026-10-01 07:00:00",
        "rows": [
            {"project": "numpy", "download_count": 7},
            {"project": "gone", "download_count": 9},
        ],
    }
    (folder / "index").write_bytes(compress(json.dumps(index).encode()))
    (folder / "top").write_bytes(compress(json.dumps(top).encode()))
    made = derive(folder / "index", folder / "top", "--into", folder)
    assert made.returncode == 0, made.stderr
    assert "2 names" in made.stdout
    assert "2 ranks of 2026-10-01, 1 of them no longer projects" in made.stdout
    assert data.names() == b"numpy\nzope-event\n"
    assert shipped_ranking() == Ranking(date(2026, 10, 1), ("gone", "numpy"))


def test_names_are_not_made_of_something_else(folder: Path) -> None:
    (folder / "index").write_text("numpy\n")
    (folder / "top").write_text("{}")
    made = derive(folder / "index", folder / "top", "--into", folder)
    assert made.returncode == 1
    assert "most downloaded projects cannot be read" in made.stderr
    assert "Traceback" not in made.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["index", "top"]


def derive(*arguments: Path | str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "derive_names.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
