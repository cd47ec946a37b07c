"""The journal: rows that PyPI's software writes, and what else may come in their place."""

import gzip
import re
import xmlrpc.client
from collections.abc import AsyncIterator, Iterable

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.http import FetchError, http_client, query
from bot.pypi import journal as journal_module
from bot.pypi.journal import (
    LONGEST_SILENCE,
    Journal,
    JournalRow,
    JournalUnavailable,
    parse_journal,
    parse_serial,
)
from tests.clients.conftest import Handler, answer, one_after_the_other
from tests.conftest import Replica

# The stand-in of the index gives cause for it.
pytestmark = pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")

ROWS = [
    JournalRow("numpy", None, 1795371139, "create", 38000001),
    JournalRow("numpy", "2.0", 1795371139, "new release", 38000002),
    JournalRow("numpy", "2.0", 1795371140, "add cp314 file numpy-2.0-cp314-cp314t-x.whl", 38000003),
]
LEGAL = st.characters(
    codec="utf-8",
    categories=("L", "M", "N", "P", "S", "Z", "Cf"),
    exclude_characters="\ufffe\uffff",
)
TEXT = st.text(LEGAL | st.sampled_from("\t\n&<>'\""), max_size=20)
NUMBER = st.integers(0, 2**31 - 1)
ROW = st.builds(JournalRow, TEXT, st.none() | TEXT, NUMBER, TEXT, NUMBER)


def written(rows: Iterable[JournalRow], encoding: str | None = None) -> bytes:
    """What PyPI's software answers."""
    value = ([list(row) for row in rows],)
    text = xmlrpc.client.dumps(value, methodresponse=True, allow_none=True, encoding=encoding)
    return text.encode()


def fault(code: int, text: str) -> bytes:
    return xmlrpc.client.dumps(xmlrpc.client.Fault(code, text), methodresponse=True).encode()


def value(xml: str) -> bytes:
    return (
        "<?xml version='1.0'?><methodResponse><params><param><value>"
        f"{xml}</value></param></params></methodResponse>"
    ).encode()


def bomb(declaration: str = "<?xml version='1.0'?>") -> str:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(9))
    body = value("<string>&e8;</string>").decode().partition("?>")[2]
    return f"{declaration}<!DOCTYPE x [{entities}]>{body}"


class TestRows:
    def test_as_pypi_writes_them(self) -> None:
        assert parse_journal(written(ROWS)) == ROWS
        assert parse_journal(written(ROWS, "utf-8")) == ROWS
        assert parse_journal(written([])) == []

    @given(st.lists(ROW, max_size=8))
    @example([JournalRow("", "", 0, "", 0)])
    @example([JournalRow("a&b", "<", 1, "\r\n & ]]>", 2)])
    def test_as_an_xml_parser_reads_them(self, rows: list[JournalRow]) -> None:
        body = written(rows)
        (theirs,), _ = xmlrpc.client.loads(body)
        assert [list(row) for row in parse_journal(body)] == theirs

    @given(st.lists(ROW, max_size=5), st.data())
    def test_the_expression_gives_the_same_or_nothing(
        self, rows: list[JournalRow], data: st.DataObject
    ) -> None:
        """Also where somebody writes XML-RPC in another way."""
        text = written(rows).decode()
        for old, new in (
            ("\n", "\r\n"),
            ("\n", ""),
            ("<int>", "<i4>"),
            ("<value><string>", "<value>"),
            ("'1.0'", '"1.0"'),
            ("</data>", " </data>"),
        ):
            if data.draw(st.booleans()):
                text = text.replace(old, new).replace(
                    old.replace("<", "</"), new.replace("<", "</")
                )
        quick = journal_module._read_as_written(text.encode())
        try:
            (theirs,), _ = xmlrpc.client.loads(text)
        except Exception:  # noqa: BLE001 - the replacements may have broken it
            assert quick is None
        else:
            if quick is not None:
                assert [list(row) for row in quick] == theirs

    def test_many_pieces(self) -> None:
        rows = [JournalRow(f"p{n}", None if n % 3 else "1", n, "create", n) for n in range(3_000)]
        body = written(rows)
        assert len(body) > 3 * journal_module._PIECE
        assert journal_module._read_as_written(body) == rows == parse_journal(body)

    def test_plain_rows_need_no_xml_parser(self) -> None:
        assert journal_module._read_as_written(written(ROWS)) == ROWS

    def test_an_absent_name_or_action_is_an_empty_one(self) -> None:
        row = "<value><array><data>{}</data></array></value>".format(
            "<value><nil/></value><value><nil/></value><value><int>5</int></value>"
            "<value><nil/></value><value><i8>4000000000</i8></value>"
        )
        body = value(f"<array><data>{row}</data></array>")
        assert parse_journal(body) == [JournalRow("", None, 5, "", 4_000_000_000)]


HOSTILE = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"<html><body>Be right back", id="a web page"),
    pytest.param(b'{"rows": []}', id="JSON"),
    pytest.param(b"\xff\xfe\x00", id="no text"),
    pytest.param(bomb().encode(), id="entity bomb"),
    pytest.param(bomb("<?xml version='1.0' encoding='utf-16'?>").encode("utf-16"), id="UTF-16"),
    pytest.param(b"<?xml version='1.0' encoding='cp037'?>" + bomb("").encode("cp037"), id="EBCDIC"),
    pytest.param(
        b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'>" + value("<int>1</int>"), id="external"
    ),
    pytest.param(value("<int>1</int>") + b"<!-- -->", id="comment"),
    pytest.param(value("<array><data>" * 20_000), id="deep and unclosed"),
    pytest.param(
        value("<array><data><value>" * 5_000 + "</value></data></array>" * 5_000), id="deep"
    ),
    pytest.param(value("<string>rows</string>"), id="a text"),
    pytest.param(value("<array><data><value>row</value></data></array>"), id="a row that is none"),
    pytest.param(written([JournalRow("n", "1", -5, "create", 7)]), id="negative time"),
    pytest.param(written([JournalRow("n", "1", 5, "create", -7)]), id="negative serial"),
    pytest.param(
        written(ROWS).replace(b"38000003", b"9" * 4_000), id="serial of thousands of digits"
    ),
    pytest.param(written(ROWS).replace(b"38000003", b"9" * 5_000), id="too many for int"),
    pytest.param(
        written(ROWS).replace(b"<int>38000003</int>", b"<double>1e9</double>"), id="float"
    ),
    pytest.param(
        written(ROWS).replace(b"<int>38000003</int>", b"<boolean>1</boolean>"), id="boolean"
    ),
    pytest.param(value("<dateTime.iso8601>x</dateTime.iso8601>"), id="a date that is none"),
    pytest.param(value("<base64>&#10;=</base64>"), id="base64"),
    pytest.param(value("<bigdecimal>x</bigdecimal>"), id="a number that is none"),
    pytest.param(value("<struct><member><name>a</name></member></struct>"), id="half a struct"),
    pytest.param(b"<methodResponse></methodResponse>", id="no value"),
    pytest.param(xmlrpc.client.dumps((1, 2), methodname="x").encode(), id="a question"),
]


@pytest.mark.parametrize("body", HOSTILE)
def test_what_is_no_journal_is_one_sentence(body: bytes) -> None:
    for read in (parse_journal, parse_serial):
        if read is parse_serial and body.startswith(b"<?xml version='1.0'?>\n<methodResponse>"):
            continue
        with pytest.raises(JournalUnavailable, match="cannot be read") as caught:
            read(body)
        assert len(str(caught.value)) < 200
        assert str(caught.value).isprintable()


@given(st.data())
def test_a_truncated_answer_is_never_taken_for_a_whole_one(data: st.DataObject) -> None:
    body = written(ROWS)
    cut = data.draw(st.integers(0, len(body) - 2))  # the last byte is a line's end
    with pytest.raises(JournalUnavailable):
        parse_journal(body[:cut])


@given(st.data())
def test_damage_is_rows_or_one_error(data: st.DataObject) -> None:
    body = bytearray(written(ROWS))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        piece = data.draw(st.binary(max_size=4) | st.sampled_from([b"<", b"</value>", b"<nil/>"]))
        body[at : at + data.draw(st.integers(0, 30))] = piece
    try:
        rows = parse_journal(bytes(body))
    except JournalUnavailable:
        return
    assert all(row.serial >= 0 and row.at >= 0 for row in rows)


@given(st.binary() | st.text().map(str.encode))
def test_anything_else_is_one_error(body: bytes) -> None:
    with pytest.raises(JournalUnavailable):
        parse_journal(body)


@pytest.mark.parametrize(
    ("code", "text", "gone", "retry_after"),
    [
        (-32500, "HTTPTooManyRequests: too many. Limit may reset in 7 seconds.", False, 7.0),
        (-32500, "HTTPTooManyRequests: too many.", False, None),
        (-32500, "Limit may reset in 99999999999999 seconds", False, None),
        (-32601, "server error; requested method not found", True, None),
        (-32500, "RuntimeError: PyPI no longer supports the XMLRPC method.", True, None),
        (-32602, "client error; serial: Input should be a valid integer", False, None),
        (1, "\x07\u202e`@everyone` " * 100, False, None),
    ],
)
def test_faults(code: int, text: str, gone: bool, retry_after: float | None) -> None:
    body = fault(code, text.replace("\x07", "\t"))
    with pytest.raises(JournalUnavailable, match="refused with fault") as caught:
        parse_journal(body)
    assert (caught.value.gone, caught.value.retry_after) == (gone, retry_after)
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


class TestAgainstAServer:
    @pytest.fixture
    async def journal(self, replica: Replica) -> AsyncIterator[Journal]:
        async with http_client(replica.url) as http:
            yield Journal(http)

    async def test_rows_after_a_serial(self, replica: Replica, journal: Journal) -> None:
        last = await journal.last_serial()
        assert last == replica.serial
        assert await journal.since(last) == []
        replica.publish("Pillow.Plus", "pillow_plus-1.0.tar.gz", when=1_795_000_000.5)
        rows = await journal.since(last)
        assert [row.action for row in rows] == [
            "create",
            "add Owner publisher",
            "new release",
            "add source file pillow_plus-1.0.tar.gz",
        ]
        assert rows[-1][:3] == ("Pillow.Plus", "1.0", 1_795_000_000)
        assert replica.requests[-1].rpc == ("changelog_since_serial", (last,))

    async def test_a_broken_connection_is_asked_again(
        self, replica: Replica, replica_module: Replica, journal: Journal
    ) -> None:
        replica.faults.append(replica_module.Fault("^/pypi", drop=True))
        replica.faults.append(replica_module.Fault("^/pypi", truncate=100))
        assert len(await journal.since(replica.serial - 1)) == 1

    async def test_a_limit_is_heeded(self, replica: Replica, replica_module: Replica) -> None:
        moment = [1000.0]
        async with http_client(replica.url) as http:
            journal = Journal(http, clock=lambda: moment[0])
            replica.faults.append(replica_module.rate_limited(7))
            with pytest.raises(JournalUnavailable, match="HTTPTooMany"):
                await journal.last_serial()
            asked = len(replica.requests)
            moment[0] += 6.9
            with pytest.raises(JournalUnavailable, match="left alone"):
                await journal.since(1)
            assert len(replica.requests) == asked
            moment[0] += 0.2
            assert await journal.last_serial() == replica.serial


async def ask(handler: Handler) -> list[JournalRow]:
    transport = httpx.MockTransport(handler)
    async with http_client("https://index.test/base", transport=transport) as http:
        return await Journal(http).since(41)


async def test_the_question() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer(body=gzip.compress(written(ROWS)), headers={"Content-Encoding": "gzip"})

    assert await ask(handler) == ROWS
    (request,) = seen
    assert (request.method, request.url.path) == ("POST", "/base/pypi")
    assert request.headers["Content-Type"] == "text/xml"
    assert xmlrpc.client.loads(request.content) == ((41,), "changelog_since_serial")


@pytest.mark.parametrize("status", [404, 405, 410])
async def test_an_index_without_a_journal(status: int) -> None:
    with pytest.raises(JournalUnavailable) as caught:
        await ask(lambda _: answer(status))
    assert caught.value.gone


@pytest.mark.parametrize("status", [302, 400, 401, 501, 503])
async def test_other_answers_do_not_mean_that_it_is_gone(status: int) -> None:
    with pytest.raises(JournalUnavailable) as caught:
        await ask(lambda _: answer(status, headers={"Location": "https://elsewhere.test/"}))
    assert not caught.value.gone
    assert re.search("status|redirect", str(caught.value))


async def test_a_request_to_wait_is_heeded() -> None:
    moment = [0.0]
    answers = [answer(503, headers={"Retry-After": "100000"}), answer(body=written(ROWS))]
    transport = httpx.MockTransport(one_after_the_other(*answers))
    async with http_client("https://index.test", transport=transport) as http:
        journal = Journal(http, clock=lambda: moment[0])
        for passed in (0.0, LONGEST_SILENCE - 1):
            moment[0] = passed
            with pytest.raises(JournalUnavailable):
                await journal.since(1)
        moment[0] = LONGEST_SILENCE + 1
        assert await journal.since(1) == ROWS


async def test_an_answer_that_is_too_large_is_refused() -> None:
    transport = httpx.MockTransport(lambda _: answer(body=gzip.compress(bytes(2_000))))
    async with http_client("https://index.test", transport=transport) as http:
        with pytest.raises(FetchError, match="more than"):
            await query(http, "/", b"?", content_type="text/plain", limit_bytes=10)
