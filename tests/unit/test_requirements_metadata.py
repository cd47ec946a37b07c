"""What releases require: read from documents, and kept."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.audit.requirements.model import Requirements
from bot.audit.requirements.rules import choose, read_core_metadata, read_release, telling
from bot.audit.requirements.store import RequirementStore
from bot.db import Database
from bot.errors import IndexUnavailable
from bot.pypi import wire
from bot.pypi.wire import FileAddress, decode_addresses

METADATA = b"""Metadata-Version: 2.4
Name: foo
Version: 1.0
Requires-Python: >=3.9
Provides-Extra: Dot_Ted.Extra
Provides-Extra: b
Requires-Dist: bar>=1
Requires-Dist: baz; extra == "b"
  and os_name == "posix"

Requires-Dist: not-this
"""


@pytest.mark.parametrize("body", [METADATA, METADATA.replace(b"\n", b"\r\n")])
def test_core_metadata(body: bytes) -> None:
    found = read_core_metadata(body)
    assert found.requires[0] == "bar>=1"
    assert " ".join(found.requires[1].split()) == 'baz; extra == "b" and os_name == "posix"'
    assert len(found.requires) == 2
    assert (found.extras, found.requires_python) == (("b", "dot-ted-extra"), ">=3.9")


@pytest.mark.parametrize("body", [b"", b"\n\n", b"\x00\xff" * 50, b"Requires-Dist", b":\n:"])
def test_metadata_that_says_nothing(body: bytes) -> None:
    assert read_core_metadata(body) == Requirements((), ())


@given(st.binary(max_size=300))
def test_no_metadata_breaks_the_reader(noise: bytes) -> None:
    assert isinstance(read_core_metadata(b"Name: foo\n" + noise), Requirements)


def release(kinds: str, **info: object) -> bytes:
    urls = [{"packagetype": kind} for kind in kinds.split()]
    return json.dumps({"info": info, "urls": urls}).encode()


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (release("bdist_wheel", requires_dist=["bar"]), Requirements(("bar",))),
        (
            release("sdist", requires_dist=["bar"], provides_extra=["X"]),
            Requirements(("bar",), ("x",)),
        ),
        (release("bdist_wheel", requires_dist=None), Requirements()),
        (release("sdist bdist_wheel", requires_python=">=3"), Requirements((), None, ">=3")),
        (release("sdist", requires_dist=None), None),
        (release(""), None),
    ],
)
def test_the_document_of_a_release(body: bytes, found: Requirements | None) -> None:
    assert read_release(body) == found


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"info": {"requires_dist": "x"}}', b"\xff", b"[" * 9999]
)
def test_a_document_that_cannot_be_read(body: bytes) -> None:
    with pytest.raises(IndexUnavailable):
        read_release(body)


def page(*files: Mapping[str, object], **meta: str) -> bytes:
    meta = meta or {"api-version": "1.4"}
    return json.dumps({"meta": meta, "name": "foo", "files": files}).encode()


def test_addresses_of_files() -> None:
    files: list[dict[str, object]] = [
        {"filename": "a", "url": "x/a", "core-metadata": {"sha256": "0"}, "yanked": "why"},
        {"filename": "b", "url": "x/b", "core-metadata": False, "dist-info-metadata": True},
        {"filename": "c", "url": "x/c", "dist-info-metadata": True},
    ]
    found = list(decode_addresses(page(*files)))
    assert [(each.filename, each.url, each.metadata_hashes) for each in found] == [
        ("a", "x/a", {"sha256": "0"}),
        ("b", "x/b", None),
        ("c", "x/c", {}),
    ]


def test_addresses_of_a_long_page_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_PIECE", 100)
    files = [{"filename": f"f{number}", "url": "},{"} for number in range(50)]
    names = {each.filename for each in decode_addresses(page(*files))}
    assert names == {f"f{number}" for number in range(50)}


@pytest.mark.parametrize("body", [b"", b"{}", page({"url": 3}), page(**{"api-version": "2.0"})])
def test_a_page_that_cannot_be_read(body: bytes) -> None:
    with pytest.raises(IndexUnavailable):
        list(decode_addresses(body))


def addresses(*names: str) -> list[FileAddress]:
    return [FileAddress(name.lstrip("-"), "", core_metadata=name[0] != "-") for name in names]


WHEELS = (
    "foo-1.0.tar.gz",
    "foo-1.0-cp312-cp312-win_amd64.whl",
    "foo-1.0-cp313-cp313-win_amd64.whl",
    "foo-1.0-cp314-cp314t-win_amd64.whl",
    "-foo-1.0-cp314-cp314t-linux_x86_64.whl",
    "foo-2.0.0-cp313-cp313-win_amd64.whl",
    "foo-3-py3-none-any.whl",
    "foo",
)


def test_files_that_may_be_asked() -> None:
    assert list(telling(addresses(*WHEELS))) == [
        "foo-1.0.tar.gz",
        "foo-1.0-cp312-cp312-win_amd64.whl",
        "foo-1.0-cp314-cp314t-win_amd64.whl",
        "foo-2.0.0-cp313-cp313-win_amd64.whl",
        "foo-3-py3-none-any.whl",
        "foo",
    ]


@pytest.mark.parametrize(
    ("taken", "version", "asked"),
    [
        ("foo-1.0-cp314-cp314t-win_amd64.whl", "1.0", "foo-1.0-cp314-cp314t-win_amd64.whl"),
        ("foo-1.0-cp314-cp314t-linux_x86_64.whl", "1.0", "foo-1.0-cp312-cp312-win_amd64.whl"),
        ("foo-2.0.tar.gz", "2.0", "foo-2.0.0-cp313-cp313-win_amd64.whl"),
        ("foo-4.0.tar.gz", "4.0", None),
        ("foo-odd.tar.gz", "odd", None),
    ],
)
def test_the_file_to_ask(taken: str, version: str, asked: str | None) -> None:
    found = choose(telling(addresses(*WHEELS)), taken, version)
    assert (found.filename if found else None) == asked


async def test_kept_for_ever(tmp_path: Path) -> None:
    full = Requirements(("bar>=1", 'baz; extra == "b"'), ("b",), ">=3.9")
    async with Database.open(tmp_path / "db") as database:
        store = RequirementStore(database)
        assert store.get("foo.whl") is None
        await store.put("foo.whl", full)
        await store.put("empty.whl", Requirements())
    async with Database.open(tmp_path / "db") as database:
        store = RequirementStore(database)
        assert (store.get("foo.whl"), store.get("empty.whl")) == (full, Requirements())
        await store.put("foo.whl", Requirements())
        assert store.get("foo.whl") == Requirements()


async def test_a_damaged_row_counts_as_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Database.open(tmp_path / "db") as database:
        async with database.write() as tx:
            await tx.execute("INSERT INTO core_metadata VALUES ('foo.whl', '[3]', '')")
        assert RequirementStore(database).get("foo.whl") is None
    assert "damaged" in caplog.text
