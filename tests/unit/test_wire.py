import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.errors import IndexUnavailable
from bot.pypi import wire
from bot.pypi.wire import ListedProject, PageFile, ProjectPage, decode_list, decode_page

META = {"api-version": "1.4", "_last-serial": 123}


def page(**fields: object) -> bytes:
    return json.dumps({"meta": META, "name": "foo", "files": [], **fields}).encode()


def test_a_page_of_every_api_feature() -> None:
    found = decode_page(
        page(
            files=[
                {
                    "filename": "foo-1.0.tar.gz",
                    "url": "foo-1.0.tar.gz",
                    "hashes": {"sha256": "00"},
                    "requires-python": ">=3.9",
                    "size": 1,
                    "upload-time": "2026-11-01T10:00:00.000000Z",
                    "yanked": "broken",
                    "core-metadata": False,
                    "provenance": None,
                }
            ],
            versions=["1.0"],
            **{"project-status": {"status": "archived", "reason": "done"}, "alternate": []},
        )
    )
    assert (found.name, found.meta.api_version, found.meta.last_serial) == ("foo", "1.4", 123)
    assert found.project_status.status == "archived"
    assert found.files == [
        PageFile("foo-1.0.tar.gz", ">=3.9", "broken", "2026-11-01T10:00:00.000000Z")
    ]


def test_a_page_of_the_first_api_version() -> None:
    body = page(meta={"api-version": "1.0"}, files=[{"filename": "a", "url": "", "hashes": {}}])
    found = decode_page(body)
    assert found.files == [PageFile("a", None, False, None)]
    assert (found.project_status.status, found.meta.last_serial) == ("active", None)


@pytest.mark.parametrize(
    ("written", "serial"),
    [(123, 123), ("123", 123), ("0", 0), (None, None), ("", None), ("12a", None), ("9" * 19, None)],
)
def test_serials_of_mirrors_may_be_text(written: object, serial: int | None) -> None:
    meta = {"api-version": "1.4", "_last-serial": written}
    assert decode_page(page(meta=meta)).meta.last_serial == serial
    document = {"meta": meta, "projects": [{"name": "x", "_last-serial": written}]}
    (listed,) = decode_list(json.dumps(document).encode())
    assert listed.last_serial == serial


@pytest.mark.parametrize("yanked", [False, True, "", "a reason", "\N{PILE OF POO}"])
def test_yanked_is_a_flag_or_a_reason(yanked: bool | str) -> None:
    assert decode_page(page(files=[{"filename": "a", "yanked": yanked}])).files[0].yanked == yanked


def test_a_requires_python_of_null_is_none() -> None:
    files = [{"filename": "a", "requires-python": None, "upload-time": None}]
    assert decode_page(page(files=files)).files == [PageFile("a")]


def test_the_list_of_projects() -> None:
    body = {"meta": META, "projects": [{"name": "Foo.Bar", "_last-serial": 7}, {"name": "x"}]}
    found = list(decode_list(json.dumps(body).encode()))
    assert found == [ListedProject(7, name="Foo.Bar"), ListedProject(name="x")]


MALFORMED = {
    "empty": b"",
    "truncated": page()[:-5],
    "HTML": b"<!DOCTYPE html><title>Simple index</title>",
    "null": b"null",
    "a list": b"[]",
    "no files": b'{"meta":{"api-version":"1.0"},"name":"foo"}',
    "no name": b'{"meta":{"api-version":"1.0"},"files":[]}',
    "no meta": b'{"name":"foo","files":[]}',
    "a number as a file": page(files=[1]),
    "a file without a name": page(files=[{"url": "x"}]),
    "a name that is a number": page(files=[{"filename": 1}]),
    "yanked by a number": page(files=[{"filename": "a", "yanked": 1}]),
    "not UTF-8": b'{"meta":{"api-version":"1.0"},"name":"\xff","files":[]}',
    "UTF-16": page().decode().encode("utf-16"),
    "something after it": page() + b"{}",
    "a deep nest": b'{"meta":' + b"[" * 100_000,
    "a deep nest in what is skipped": page()[:-1] + b',"x":' + b"[" * 100_000,
    "a serial that is no number": page(meta={"api-version": "1.0", "_last-serial": [1]}),
    "a huge serial": b'{"meta":{"api-version":"1.0","_last-serial":' + b"9" * 9_999 + b"}}",
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_page_is_one_sentence(case: str) -> None:
    with pytest.raises(IndexUnavailable) as caught:
        decode_page(MALFORMED[case])
    assert caught.value.text.startswith("The index sent a project page that cannot be read")
    assert len(caught.value.text) < 220
    assert "\n" not in caught.value.text
    assert caught.value.hint
    with pytest.raises(IndexUnavailable, match="list of projects"):
        list(decode_list(MALFORMED[case]))


@pytest.mark.parametrize("version", ["2.0", "0.9", "", "10.1", "x" * 9_999, "1x"])
def test_another_api_version_is_refused(version: str) -> None:
    with pytest.raises(IndexUnavailable, match="API version") as caught:
        decode_page(page(meta={"api-version": version}))
    assert "1.x" in caught.value.text
    assert len(caught.value.text) < 220
    assert "FTBOT_PYPI_URL" in caught.value.hint


@pytest.mark.parametrize("version", ["1.0", "1", "1.99"])
def test_minor_versions_are_compatible(version: str) -> None:
    assert decode_page(page(meta={"api-version": version})).files == []


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["meta", "api-version", "name", "files", "filename", "yanked", "projects"])
        | st.text(),
        inner,
    ),
)  # fmt: skip


@given(st.binary() | documents.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=400)
@example(b'{"meta":{"api-version":"1.0"},"name":"foo","files":[{"filename":"\\ud800"}]}')
def test_bytes_of_any_kind_are_read_or_refused(body: bytes) -> None:
    for decode in (decode_page, lambda body: list(decode_list(body))):
        try:
            found = decode(body)
        except IndexUnavailable as error:
            assert len(str(error)) < 400  # noqa: PT017  # either outcome is right
        else:
            assert isinstance(found, ProjectPage | list)


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_flipped_byte_is_read_or_refused(place: int, byte: int) -> None:
    body = bytearray(page(files=[{"filename": "foo-1.0.zip", "yanked": True}]))
    body[place % len(body)] = byte
    try:
        found = decode_page(bytes(body))
    except IndexUnavailable as error:
        assert error.hint  # noqa: PT017  # either outcome is right
    else:
        assert len(found.files) <= 1


# Long documents, a piece at a time

listed = st.lists(
    st.fixed_dictionaries(
        {"name": st.text(max_size=8) | st.sampled_from(['"},', "a]b", "é{", "\\"])},
        optional={"_last-serial": st.integers(0, 2**40), "new": st.lists(st.integers())},
    )
)


@settings(deadline=None)
@given(listed, st.integers(0, 60), st.booleans(), st.sampled_from([None, 1]))
def test_pieces_hold_what_the_whole_list_does(
    projects: list[dict[str, object]], piece: int, meta_first: bool, indent: int | None
) -> None:
    parts = [("meta", {"api-version": "1.4", "_last-serial": 9}), ("projects", projects)]
    document = json.dumps(dict(parts if meta_first else parts[::-1]), indent=indent).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "_PIECE", piece)
        found = list(decode_list(document))
    expected = [(project["name"], project.get("_last-serial")) for project in projects]
    assert [(project.name, project.last_serial) for project in found][-len(expected) :] == expected
    assert {project.name for project in found} == {project["name"] for project in projects}


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b"<html>]",
        b'{"meta":{"api-version":"2.0"},"projects":[{"name":"a"}]}',
        b'{"meta":{"api-version":"1.0"},"projects":[{"name":"a"},{"name":',
        b'{"meta":{"api-version":"1.0"},"projects":[{"name":7}]}',
        b'{"meta":{"api-version":"1.0"},"projects":[{"name":"\xff"}]}',
    ],
)
def test_what_is_no_list_of_projects_is_refused(document: bytes) -> None:
    with pytest.raises(IndexUnavailable):
        list(decode_list(document))


files = st.lists(
    st.fixed_dictionaries(
        {"filename": st.text(max_size=8) | st.sampled_from(["},{", "a}]b", '"files":[', "\\"])},
        optional={
            "hashes": st.just({"sha256": "0"}),
            "yanked": st.booleans() | st.sampled_from(["}]", "},{", '{"a":[{}]}']),
            "new": st.lists(st.just({"a": 1})),
        },
    )
)


@settings(deadline=None)
@given(files, st.integers(0, 60), st.integers(0, 1), st.sampled_from([None, 1]))
def test_pieces_hold_what_the_whole_page_does(
    entries: list[dict[str, object]], piece: int, turn: int, indent: int | None
) -> None:
    parts = [("meta", META), ("files", entries), ("name", "x"), ("versions", ["1"])]
    document = json.dumps(dict(parts[turn:] + parts[:turn]), indent=indent).encode()
    whole = decode_page(document)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "_PIECE", piece)
        patch.setattr(wire, "_WHOLE", piece)
        assert decode_page(document) == whole
