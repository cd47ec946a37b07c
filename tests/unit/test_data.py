import gzip
import lzma
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import data
from bot.errors import UserError
from bot.index.names import MAX_RANKED, shipped_ranking


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
    size = (Path(__file__).resolve().parents[2] / "data" / "names.txt.xz").stat().st_size
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
