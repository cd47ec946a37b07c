"""Core metadata of a file: its address, its hash, and where nothing is fetched from."""

import hashlib

import httpx
import pytest

from bot.errors import IndexUnavailable
from bot.http import http_client
from bot.pypi.client import IndexClient
from bot.pypi.wire import FileAddress
from tests.clients.conftest import answer

BODY = b"Metadata-Version: 2.4\nName: foo\nVersion: 1\n"
HASH = {"sha256": hashlib.sha256(BODY).hexdigest()}
BASE = "https://index.invalid/root/"


async def ask(file: FileAddress, *answers: httpx.Response) -> tuple[bytes | None, list[str]]:
    asked: list[str] = []
    left = list(answers)

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return left.pop(0)

    async with http_client(BASE, transport=httpx.MockTransport(handler)) as http:
        return await IndexClient(http).core_metadata("foo", file), asked


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("https://files.invalid/a/foo-1.whl", "https://files.invalid/a/foo-1.whl.metadata"),
        (
            "https://files.invalid/a/foo-1.whl#sha256=0",
            "https://files.invalid/a/foo-1.whl.metadata",
        ),
        ("../../files/foo-1.whl", "https://index.invalid/root/files/foo-1.whl.metadata"),
        ("foo-1.whl", "https://index.invalid/root/simple/foo/foo-1.whl.metadata"),
        ("/a%2Fb%2B1.whl?key=1", "https://index.invalid/a%2Fb%2B1.whl.metadata?key=1"),
    ],
)
async def test_it_stands_beside_the_file(url: str, asked: str) -> None:
    found = await ask(FileAddress("foo-1.whl", url, HASH), answer(body=BODY))
    assert found == (BODY, [asked])


@pytest.mark.parametrize("told", [True, {}, {"md5": "0"}, {"unheard-of": "0"}, HASH])
async def test_hashes_that_are_known_are_checked(told: bool | dict[str, str]) -> None:
    body, _ = await ask(FileAddress("foo-1.whl", "foo-1.whl", told), answer(body=BODY))
    assert body == BODY


async def test_another_hash_is_refused() -> None:
    with pytest.raises(IndexUnavailable, match="not what the index said"):
        await ask(FileAddress("foo-1.whl", "foo-1.whl", HASH), answer(body=b"Name: evil"))


@pytest.mark.parametrize("told", [False, None])
async def test_nothing_is_asked_where_there_is_none(told: bool | None) -> None:
    assert await ask(FileAddress("foo-1.whl", "foo-1.whl", told)) == (None, [])


def test_the_field_has_two_names() -> None:
    assert FileAddress("a", "a", None, HASH).metadata_hashes == HASH
    assert FileAddress("a", "a", False, HASH).metadata_hashes is None


@pytest.mark.parametrize("status", [404, 410])
async def test_a_file_without_metadata(status: int) -> None:
    body, _ = await ask(FileAddress("foo-1.whl", "foo-1.whl", True), answer(status))
    assert body is None


async def test_redirects_are_followed() -> None:
    moved = answer(302, headers={"Location": "https://elsewhere.invalid/m"})
    body, asked = await ask(FileAddress("foo-1.whl", "foo-1.whl", HASH), moved, answer(body=BODY))
    assert body == BODY
    assert asked[-1] == "https://elsewhere.invalid/m"


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/foo-1.whl",
        "http://index.invalid/foo-1.whl",
        "file:///etc/passwd",
        "ftp://index.invalid/foo-1.whl",
        f"https://{'a' * 64}.invalid/foo-1.whl",
        "https://index.invalid:999999/foo-1.whl",
    ],
)
async def test_nothing_is_fetched_from_just_anywhere(url: str) -> None:
    with pytest.raises(IndexUnavailable):
        await ask(FileAddress("foo-1.whl", url, True))


async def test_a_redirect_away_from_encryption_is_not_followed() -> None:
    moved = answer(301, headers={"Location": "http://elsewhere.invalid/m"})
    with pytest.raises(IndexUnavailable, match="not encrypted"):
        await ask(FileAddress("foo-1.whl", "foo-1.whl", True), moved)


async def test_other_answers_are_failures() -> None:
    with pytest.raises(IndexUnavailable, match="status 403"):
        await ask(FileAddress("foo-1.whl", "foo-1.whl", True), answer(403))
