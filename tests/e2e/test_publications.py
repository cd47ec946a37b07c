"""Made-up releases: the sandbox's stand-in of the index, as ftbot's own clients see it."""

import json
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from bot.announce.changes.rules import sift
from bot.errors import UserError
from bot.http import Client, Fetched, http_client
from bot.pypi.client import IndexClient, StalePage
from bot.pypi.journal import Journal
from bot.pypi.wire import PageFile, decode_page
from bot.sandbox.index import serve_index
from bot.sandbox.publications import Publications
from bot.sandbox.snapshot import Snapshot, shipped_snapshot

NOW = 1_795_000_000.25


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return shipped_snapshot()


@pytest.fixture
def publications(snapshot: Snapshot) -> Publications:
    return Publications(snapshot, clock=lambda: NOW)


@pytest.fixture
async def http(snapshot: Snapshot, publications: Publications) -> AsyncIterator[Client]:
    async with serve_index(snapshot, publications) as url, http_client(url) as client:
        yield client


async def files(http: Client, name: str) -> list[PageFile]:
    answer = await IndexClient(http).project(name)
    assert isinstance(answer, Fetched)
    return [each for each in decode_page(answer.body).files if each.upload_time]


async def test_the_journal_tells_what_is_published(
    http: Client, publications: Publications
) -> None:
    journal = Journal(http)
    before = await journal.last_serial()
    assert await journal.since(before) == []
    version = publications.publish("grpcio")
    rows = await journal.since(before)
    assert [row.serial for row in rows] == [*range(before + 1, await journal.last_serial() + 1)]
    assert {(row.name, row.version, row.at) for row in rows} == {("grpcio", version, int(NOW))}
    assert rows[0].action == "new release"
    assert await journal.since(rows[-2].serial) == rows[-1:]
    findings = sift(rows, NOW)
    assert findings.certain == {"grpcio"}
    assert findings.since == {"grpcio": int(NOW)}


async def test_pages_show_it_from_that_serial_on(http: Client, publications: Publications) -> None:
    client = IndexClient(http)
    before = await client.project("grpcio")
    assert isinstance(before, Fetched)
    with pytest.raises(StalePage):
        await client.project("grpcio", at_least=publications.serial + 1)
    publications.publish("grpcio")
    after = await client.project("grpcio", etag=before.etag, at_least=publications.serial)
    assert isinstance(after, Fetched)
    assert after.serial == publications.serial
    shown = json.loads(after.body)
    assert shown["meta"]["_last-serial"] == publications.serial
    assert len(set(shown["versions"])) == len(shown["versions"])
    new = await files(http, "grpcio")
    assert len(new) == 4
    assert {each.upload_time for each in new} == {"2026-11-18T11:06:40.250000+00:00"}
    assert await files(http, "numpy") == []


async def test_a_release_is_completed_and_yanked(http: Client, publications: Publications) -> None:
    version = publications.publish("discord-py")
    assert publications.complete("discord-py") == version
    assert len(await files(http, "discord-py")) == 16
    with pytest.raises(UserError, match="has all its wheels"):
        publications.complete("discord-py")
    assert publications.yank("discord-py") == version
    shown = await files(http, "discord-py")
    assert {each.yanked for each in shown} == {"made up"}
    assert all(each.filename.startswith(f"discord_py-{version}-cp31") for each in shown)
    assert publications.rows[-1][3] == "yank release"


def test_each_release_is_newer(publications: Publications) -> None:
    versions = [publications.publish("numpy") for _ in range(3)]
    assert versions == ["2.6.0", "2.7.0", "2.8.0"]
    publications.yank("numpy")
    assert publications.publish("numpy") == "2.9.0"
    serials = [row[-1] for row in publications.rows]
    assert all(after == before + 1 for before, after in pairwise(serials))


@pytest.mark.parametrize("change", ["complete", "yank"])
def test_what_was_not_published_is_not_changed(publications: Publications, change: str) -> None:
    with pytest.raises(UserError, match="Nothing of numpy was published") as raised:
        getattr(publications, change)("numpy")
    assert raised.value.hint == "Publish a release first."
    with pytest.raises(UserError, match="does not know no-such-thing"):
        getattr(publications, change)("no-such-thing")


async def test_other_methods_are_refused(http: Client) -> None:
    response = await http.post(
        "/pypi", content="<methodCall><methodName>search</methodName></methodCall>"
    )
    assert "requested method not found" in response.text
