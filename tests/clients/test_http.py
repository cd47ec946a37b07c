"""Requests: what they carry, what they may cost, and how they fail."""

import asyncio
import gzip
import tracemalloc
import zlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
import stamina
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import SettingsError
from bot.http import (
    MEBIBYTE,
    Fetched,
    FetchError,
    NotModified,
    Response,
    fetch,
    fetch_document,
    http_client,
    parse_retry_after,
    send,
    user_agent,
)
from tests.clients.conftest import Handler, answer, one_after_the_other, raw_server

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOST = "index.test"
GZIP = {"Content-Encoding": "gzip"}


async def get(
    handler: Handler, *, etag: str | None = None, media_type: str | None = None
) -> Response:
    transport = httpx.MockTransport(handler)
    async with http_client(f"https://{HOST}", transport=transport) as client:
        return await fetch(client, "/page", limit_bytes=1000, etag=etag, media_type=media_type)


async def failure(
    *answers: httpx.Response | Exception, media_type: str | None = None
) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await get(one_after_the_other(*answers), media_type=media_type)
    return caught.value


async def test_a_request_names_the_program_and_asks_for_gzip_alone() -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer(body=b"hello", headers={"ETag": '"1"'})

    transport = httpx.MockTransport(handler)
    async with http_client(f"https://{HOST}/base", contact="a@b.test", transport=transport) as http:
        response = await fetch(http, "/page", limit_bytes=5, etag='"0"', media_type="")
    assert (response.status, response.body, response.etag) == (200, b"hello", '"1"')
    (request,) = seen
    assert str(request.url) == f"https://{HOST}/base/page"
    assert request.headers["User-Agent"] == user_agent("a@b.test")
    assert request.headers["Accept-Encoding"] == "gzip"
    assert request.headers["If-None-Match"] == '"0"'


async def test_a_connection_is_kept_after_an_answer_that_nobody_wants() -> None:
    connections = 0
    closed = asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnone\n")
        writer.close()
        await writer.wait_closed()
        closed.set()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with http_client(f"http://127.0.0.1:{port}") as client:
            for _ in range(3):
                assert (await fetch(client, "/gone", limit_bytes=10)).status == 404
        await closed.wait()
    assert connections == 1


async def test_a_body_that_nobody_wants_may_be_broken_or_long() -> None:
    async def serve(head: bytes, writer: asyncio.StreamWriter) -> None:
        length = 1 << 30 if b"/long" in head else 9
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n" % length)
        writer.write(bytes(1 << 20) if b"/long" in head else b"x")

    async with raw_server(serve) as url, http_client(url) as client:
        for path in ("/long", "/broken"):
            answered = await fetch(client, path, limit_bytes=10, deadline_seconds=5)
            assert (answered.status, answered.body) == (404, b"")


def test_a_contact_cannot_break_out_of_the_header() -> None:
    assert user_agent("x\r\nHost: evil (\U0001f600)").endswith(" (+xHost:evil)")
    assert user_agent().startswith("ftbot/")
    assert " " not in user_agent()


@pytest.mark.parametrize("tag", ["", "bare", '"a\r\nb"', '"ü"', '"' + "x" * 300 + '"'])
async def test_an_entity_tag_that_could_not_be_sent_is_none(tag: str) -> None:
    response = Response(httpx.URL(), 200, httpx.Headers([(b"ETag", tag.encode())]))
    assert response.etag is None

    def handler(request: httpx.Request) -> httpx.Response:
        assert "If-None-Match" not in request.headers
        return answer()

    assert (await get(handler, etag=tag)).status == 200


@pytest.mark.parametrize(
    "trouble",
    [
        answer(429),
        answer(500),
        answer(503, headers={"Retry-After": "1"}),
        answer(304),
        answer(body=b"12", headers={"Content-Length": "3"}),
        answer(body=gzip.compress(b"12")[:-1], headers=GZIP),
        answer(body=b"not gzip", headers=GZIP),
        answer(body=gzip.compress(b"12") + b"more", headers=GZIP),
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("late"),
        httpx.ReadTimeout("late"),
        httpx.ReadError("reset"),
        httpx.ProxyError("no"),
        httpx.RemoteProtocolError("gone"),
    ],
    ids=lambda trouble: getattr(trouble, "status_code", type(trouble).__name__),
)
async def test_passing_trouble_is_tried_again(trouble: httpx.Response | Exception) -> None:
    response = await get(one_after_the_other(trouble, answer(body=b"ok")))
    assert response.body == b"ok"


async def test_trouble_that_stays_is_told_after_three_attempts() -> None:
    handler = one_after_the_other(*(answer(503) for _ in range(3)), AssertionError("a fourth"))
    with pytest.raises(FetchError) as caught:
        await get(handler)
    assert caught.value.text == f"{HOST} answered with status 503."
    assert caught.value.hint
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("trouble", "text"),
    [
        (
            httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"),
            f"{HOST} shows a certificate that is not trusted here.",
        ),
        (answer(body=b"x" * 1001), f"{HOST} sent a document of more than 0.000953674 MiB."),
        (
            answer(body=gzip.compress(b"x" * 1001), headers=GZIP),
            f"{HOST} sent a document of more than 0.000953674 MiB.",
        ),
        (
            answer(body=b"x", headers={"Content-Encoding": "gzip, gzip"}),
            f"{HOST} compressed its answer in a way that nobody asked for.",
        ),
        (
            answer(body=b"x", headers={"Content-Encoding": "br"}),
            f"{HOST} compressed its answer in a way that nobody asked for.",
        ),
    ],
)
async def test_lasting_trouble_is_told_at_once(
    trouble: httpx.Response | Exception, text: str
) -> None:
    assert (await failure(trouble)).text == text


@pytest.mark.parametrize("status", [201, 204, 206, 301, 400, 401, 403, 404, 410])
async def test_other_answers_are_the_callers_to_judge_and_their_bodies_are_not_read(
    status: int,
) -> None:
    response = await get(lambda _: answer(status, b"x" * 5000))
    assert (response.status, response.body) == (status, b"")


@pytest.mark.parametrize(
    ("given_type", "shown"),
    [
        ("text/html; charset=utf-8", "text/html"),
        ("", "something else"),
        ("<b>@everyone", "something else"),
        ("application/json", "application/json"),
    ],
)
async def test_another_media_type_is_refused_before_the_body_is_read(
    given_type: str, shown: str
) -> None:
    wanted = "application/vnd.test.v1+json"
    trouble = answer(body=b"x" * 5000, headers={"Content-Type": given_type})
    error = await failure(trouble, media_type=wanted)
    assert error.text == f"{HOST} sent {shown} where {wanted} was asked for."


async def test_the_wanted_media_type_may_carry_parameters_and_capitals() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["Accept"] == "application/json"
        return answer(body=b"{}", headers={"Content-Type": "Application/JSON; charset=utf-8"})

    assert (await get(handler, media_type="application/json")).body == b"{}"


async def test_pauses_follow_retry_after_and_grow_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    stamina.set_testing(False)  # the fixture sets it back
    await get(one_after_the_other(answer(503, headers={"Retry-After": "7"}), answer()))
    assert pauses == [7]
    pauses.clear()
    await failure(answer(503), answer(503), answer(503))
    assert 0.25 <= pauses[0] <= 0.75
    assert 0.5 <= pauses[1] <= 1
    pauses.clear()
    error = await failure(answer(429, headers={"Retry-After": "11"}))
    assert (error.retry_after, pauses) == (11, [])


async def test_a_body_without_end_meets_the_deadline() -> None:
    async def drip(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"1\r\nx\r\n")
            await writer.drain()
            await asyncio.sleep(0.001)

    async with raw_server(drip) as url, http_client(url) as client:
        with pytest.raises(FetchError, match=r"did not answer within 0\.05 seconds"):
            await fetch(client, "/", limit_bytes=MEBIBYTE, deadline_seconds=0.05)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12345678",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"1234")[:-3],
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"",
    ],
    ids=["length", "chunked", "gzip", "head", "another protocol", "nothing"],
)
async def test_a_server_that_breaks_off(head: bytes) -> None:
    requests: list[bytes] = []

    async def serve(request: bytes, writer: asyncio.StreamWriter) -> None:
        requests.append(request)
        writer.write(head)

    async with raw_server(serve) as url, http_client(url) as client:
        with pytest.raises(FetchError, match=r"127\.0\.0\.1:\d+ gave a broken answer\."):
            await fetch(client, "/", limit_bytes=100)
    assert len(requests) == 3


async def test_a_refused_connection() -> None:
    async with raw_server(lambda *_: asyncio.sleep(0)) as url:
        pass
    async with http_client(url) as client:
        with pytest.raises(FetchError, match=r"127\.0\.0\.1:\d+ cannot be reached\."):
            await fetch(client, "/", limit_bytes=100)


async def test_a_gzip_bomb_costs_no_more_than_the_limit() -> None:
    pack = zlib.compressobj(9, wbits=31)
    bomb = b"".join(pack.compress(bytes(MEBIBYTE)) for _ in range(128)) + pack.flush()
    tracemalloc.start()
    try:
        transport = httpx.MockTransport(one_after_the_other(answer(body=bomb, headers=GZIP)))
        async with http_client("https://x.test", transport=transport) as client:
            with pytest.raises(FetchError, match=r"^x\.test sent a document of more than 1 MiB\."):
                await fetch(client, "/", limit_bytes=MEBIBYTE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5 * MEBIBYTE


@pytest.mark.parametrize("size", [0, 1, MEBIBYTE - 1, MEBIBYTE, MEBIBYTE + 1, 3 * MEBIBYTE])
@pytest.mark.parametrize("pattern", [b"x", bytes(range(256))], ids=["same", "varied"])
async def test_a_document_up_to_the_limit_arrives_whole(size: int, pattern: bytes) -> None:
    body = (pattern * size)[:size]
    for headers, sent in (({}, body), (GZIP, gzip.compress(body))):
        transport = httpx.MockTransport(one_after_the_other(answer(body=sent, headers=headers)))
        async with http_client("https://x.test", transport=transport) as client:
            limit = max(size, len(sent))
            assert (await fetch(client, "/", limit_bytes=limit)).body == body


async def test_no_more_requests_at_once_than_connections() -> None:
    running, most, release, two = 0, 0, asyncio.Event(), asyncio.Event()

    async def serve(_: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        if running == 2:
            two.set()
        await release.wait()
        running -= 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")

    async with raw_server(serve) as url, http_client(url, connections=2) as client:
        fetches = [asyncio.create_task(fetch(client, "/", limit_bytes=10)) for _ in range(6)]
        await two.wait()
        release.set()
        assert [(await task).body for task in fetches] == [b"ok"] * 6
    assert most == 2


async def test_a_cancelled_download_gives_its_connection_back() -> None:
    started = asyncio.Event()

    async def serve(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no")
        if b"/second" in request:
            writer.write(b"k")
        else:
            await writer.drain()
            started.set()
            await asyncio.Event().wait()

    async with raw_server(serve) as url, http_client(url, connections=1) as client:
        task = asyncio.create_task(fetch(client, "/first", limit_bytes=10))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await fetch(client, "/second", limit_bytes=10)).body == b"ok"


async def test_credentials_travel_in_a_header_and_are_never_told() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"].startswith("Basic ")
        assert "s3cret" not in str(request.url)
        return answer(500)

    transport = httpx.MockTransport(handler)
    async with http_client("https://me:s3cret@mirror.test/x", transport=transport) as client:
        with pytest.raises(FetchError) as caught:
            await fetch(client, "/page", limit_bytes=10)
    assert str(caught.value).startswith("mirror.test answered with status 500.")


async def test_cookies_are_not_kept() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert "Cookie" not in request.headers
        return answer(headers={"Set-Cookie": "a=b; Path=/"})

    transport = httpx.MockTransport(handler)
    async with http_client("https://x.test", transport=transport) as client:
        for _ in range(2):
            assert (await fetch(client, "/", limit_bytes=10)).status == 200


async def test_a_proxy_is_obeyed_but_not_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    async def serve(head: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(head.split()[1])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    async with raw_server(serve) as proxy, raw_server(serve) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("http_proxy", proxy)
        async with http_client() as client:
            await fetch(client, "http://index.test/outside", limit_bytes=10)
            await fetch(client, f"{server}/inside", limit_bytes=10)
    assert asked == [b"http://index.test/outside", b"/inside"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1080"),
        ("ALL_PROXY", "gopher://127.0.0.1"),
        ("HTTPS_PROXY", "http://[::1"),
        ("SSL_CERT_FILE", "/nowhere/certificates.pem"),
    ],
)
def test_an_unusable_environment_is_a_setting_to_mend(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        http_client()
    assert name in caught.value.hint


@pytest.mark.parametrize("address", ["https://x:port/", "ftp://x.test/", "no address"])
async def test_an_address_that_cannot_be_asked(address: str) -> None:
    async with http_client() as client:
        with pytest.raises(FetchError, match="address"):
            await fetch(client, address, limit_bytes=10)


class TestSend:
    """One request that may change something."""

    async def sent(self, handler: Handler, method: str = "POST", limit: int = 1000) -> Response:
        transport = httpx.MockTransport(handler)
        async with http_client(f"https://{HOST}/base", transport=transport) as client:
            headers = {"X-Wish": "1"}
            return await send(
                client, method, "/page", headers=headers, content=b"{}", limit_bytes=limit
            )

    @pytest.mark.parametrize("status", [200, 201, 301, 403, 404, 422, 429, 500, 503])
    async def test_every_answer_is_given_with_its_body(self, status: int) -> None:
        def handler(request: httpx.Request) -> httpx.Response:
            assert (request.method, request.content) == ("POST", b"{}")
            assert str(request.url) == f"https://{HOST}/base/page"
            assert request.headers["X-Wish"] == "1"
            return answer(status, gzip.compress(b"body"), GZIP)

        response = await self.sent(handler)
        assert (response.status, response.body) == (status, b"body")

    @pytest.mark.parametrize("status", [204, 304])
    async def test_an_answer_without_a_body(self, status: int) -> None:
        response = await self.sent(lambda _: answer(status, headers={"Content-Length": "7"}))
        assert (response.status, response.body) == (status, b"")

    @pytest.mark.parametrize(
        ("trouble", "unsent"),
        [
            (httpx.ConnectError("refused"), True),
            (httpx.ConnectError("CERTIFICATE_VERIFY_FAILED"), True),
            (httpx.ConnectTimeout("late"), True),
            (httpx.PoolTimeout("full"), True),
            (httpx.ProxyError("no"), True),
            (httpx.UnsupportedProtocol("gopher"), True),
            (httpx.ReadTimeout("late"), False),
            (httpx.WriteTimeout("late"), False),
            (httpx.ReadError("reset"), False),
            (httpx.WriteError("reset"), False),
            (httpx.RemoteProtocolError("gone"), False),
            (answer(201, b"12", {"Content-Length": "3"}), False),
            (answer(201, b"x" * 1001), False),
            (answer(201, b"no gzip", GZIP), False),
        ],
        ids=lambda trouble: getattr(trouble, "status_code", type(trouble).__name__),
    )
    async def test_there_is_one_attempt_and_it_is_known_what_it_may_have_done(
        self, trouble: httpx.Response | Exception, *, unsent: bool
    ) -> None:
        with pytest.raises(FetchError) as caught:
            await self.sent(one_after_the_other(trouble, AssertionError("a second")))
        assert caught.value.unsent is unsent

    async def test_a_connection_that_is_cut_after_the_request(self) -> None:
        requests: list[bytes] = []

        async def serve(request: bytes, writer: asyncio.StreamWriter) -> None:
            requests.append(request)
            writer.transport.abort()

        async with raw_server(serve) as url, http_client(url) as client:
            with pytest.raises(FetchError) as caught:
                await send(client, "POST", "/", headers={}, content=b"x", limit_bytes=10)
        assert len(requests) == 1
        assert not caught.value.unsent

    async def test_an_answer_that_does_not_come_meets_the_deadline(self) -> None:
        async def wait(*_: object) -> None:
            await asyncio.Event().wait()

        async with raw_server(wait) as url, http_client(url) as client:
            with pytest.raises(FetchError, match=r"within 0\.05 seconds") as caught:
                await send(client, "POST", "/", headers={}, limit_bytes=10, deadline_seconds=0.05)
        assert not caught.value.unsent


class TestDocument:
    async def document(self, handler: Handler, url: str) -> Fetched | NotModified:
        async with http_client(transport=httpx.MockTransport(handler)) as client:
            return await fetch_document(client, url, etag='"1"')

    async def test_it_is_fetched_wherever_it_moved_to(self) -> None:
        def handler(request: httpx.Request) -> httpx.Response:
            if request.url.host == "old.test":
                return answer(301, headers={"Location": "https://new.test/ranks.json"})
            if request.url.path == "/ranks.json":
                return answer(302, headers={"Location": "ranks2.json"})
            return answer(body=b"[]", headers={"ETag": '"2"'})

        fetched = await self.document(handler, "http://old.test/")
        assert fetched == Fetched(b"[]", '"2"')

    async def test_it_is_not_fetched_again(self) -> None:
        assert await self.document(lambda _: answer(304), "https://x.test/") == NotModified()

    @pytest.mark.parametrize(
        ("location", "text"),
        [
            ("http://new.test/", "x.test redirects to an address that is not encrypted."),
            ("http://x.test/", "x.test redirects to an address that is not encrypted."),
            ("file:///etc/passwd", "x.test redirects to an address that is not encrypted."),
            ("https://x.test/", "x.test answered with a redirect instead of a document."),
            ("", "x.test redirects to nowhere."),
            ("https://x:port/", "x.test gave a broken answer."),
        ],
    )
    async def test_a_redirect_that_is_not_followed(self, location: str, text: str) -> None:
        with pytest.raises(FetchError) as caught:
            await self.document(
                lambda _: answer(302, headers={"Location": location}), "https://x.test/"
            )
        assert caught.value.text == text

    async def test_it_is_gone(self) -> None:
        with pytest.raises(FetchError) as caught:
            await self.document(lambda _: answer(404), "https://x.test/")
        assert caught.value.text == "x.test answered with status 404."


@given(st.integers(0, 999_999_999))
def test_retry_after_in_seconds(seconds: int) -> None:
    assert parse_retry_after(f" {seconds} ", NOW) == seconds


@given(st.timedeltas(timedelta(days=-400), timedelta(days=400)))
def test_retry_after_as_a_date(ahead: timedelta) -> None:
    date = (NOW + ahead).replace(microsecond=0)
    expected = max(0, (date - NOW).total_seconds())
    assert parse_retry_after(format_datetime(date, usegmt=True), NOW) == expected


@given(st.text() | st.text("0123456789-+:, GMTJanuFebSuo"))
@example("-1")
@example("1e9")
@example("9" * 5000)
@example("Sun, 22 Nov 0000 12:00:00 GMT")
@example("Sun, 22 Nov 2026 12:00:00 -0000")
@example("Sun, 22 Nov 2026 12:00:00 +9999999999")
@example("Sun, 99 Nov 99999 99:99:99")
def test_retry_after_may_be_anything(value: str) -> None:
    wait = parse_retry_after(value, NOW)
    assert wait is None or 0 <= wait < 9e11


@given(st.binary(max_size=300), st.data())
def test_damage_in_transit_is_never_taken_for_the_document(
    body: bytes, data: st.DataObject
) -> None:
    packed = bytearray(gzip.compress(body, mtime=0))
    place = data.draw(st.integers(10, len(packed) - 1), label="place")  # after the gzip header
    packed[place] ^= data.draw(st.integers(1, 255), label="flipped bits")
    cut = data.draw(st.integers(0, len(packed)), label="length")

    def handler(_: httpx.Request) -> httpx.Response:
        return answer(body=bytes(packed[:cut]), headers=GZIP)

    with suppress(FetchError):
        # Bits that fill up the last byte of the stream mean nothing, so nothing is lost with them.
        assert asyncio.run(get(handler)).body == body
