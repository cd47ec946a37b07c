"""The HTTP server, asked over loopback as an operator's programs do."""

import asyncio
import io
import json
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry, Counter

from bot.background import JobStatus
from bot.errors import UserError
from bot.logs import MASK, Redaction
from bot.settings import HttpAddress
from bot.web import BODY_LIMIT, serving

LOOPBACK = HttpAddress("127.0.0.1", 0)
JOBS = (
    JobStatus("fill", datetime(2026, 11, 22, 14, 0, tzinfo=UTC), None, 0, running=True),
    JobStatus("names", None, "the index is down", 3, running=False),
)


class State:
    jobs: tuple[JobStatus, ...] = ()
    lacks: tuple[str, ...] = ()

    async def missing(self) -> tuple[str, ...]:
        return self.lacks


def started(
    state: State, registry: CollectorRegistry | None = None, *routes: web.AbstractRouteDef
) -> AbstractAsyncContextManager[HttpAddress]:
    return serving(
        LOOPBACK,
        statuses=lambda: state.jobs,
        missing=state.missing,
        registry=registry or CollectorRegistry(),
        routes=routes,
    )


async def get(address: HttpAddress, path: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,  # noqa: TID251 - the test is the other side
        session.get(f"http://{address}{path}") as response,
    ):
        return response.status, await response.text()


async def test_health_tells_how_each_job_fares() -> None:
    state = State()
    async with started(state) as address:
        assert await get(address, "/healthz") == (200, '{"status": "ok", "jobs": {}}')
        state.jobs = JOBS
        status, text = await get(address, "/healthz")
    assert status == 200
    assert '"fill": {"last_success": "2026-11-22T14:00:00Z", "last_error": null' in text
    assert '"names": {"last_success": null, "last_error": "the index is down"' in text


async def test_health_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    state, secret = State(), "made-up-secret"
    state.jobs = (JobStatus("names", None, f"no answer: {secret}", 1, running=False),)
    monkeypatch.setattr("bot.logs._redact", Redaction([secret]))
    async with started(state) as address:
        _, text = await get(address, "/healthz")
    assert secret not in text
    assert MASK in text


async def test_health_tells_further_facts() -> None:
    facts = {"fill": {"cached": 1, "wanted": 2}}
    async with serving(
        LOOPBACK,
        statuses=tuple,
        missing=State().missing,
        registry=CollectorRegistry(),
        facts=lambda: facts,
    ) as address:
        _, text = await get(address, "/healthz")
    assert json.loads(text) == {"status": "ok", "jobs": {}, **facts}


async def test_not_ready_until_it_is() -> None:
    state = State()
    state.lacks = ("discord", "database")
    async with started(state) as address:
        status, text = await get(address, "/readyz")
        assert status == 503
        assert json.loads(text) == {"ready": False, "missing": ["discord", "database"]}
        state.lacks = ()
        assert await get(address, "/readyz") == (200, '{"ready": true, "missing": []}')


async def test_metrics_hold_the_jobs_and_what_others_count() -> None:
    state, registry = State(), CollectorRegistry()
    state.jobs = JOBS
    Counter("ftbot_things", "Things.", registry=registry).inc(2)
    async with started(state, registry) as address:
        status, text = await get(address, "/metrics")
    assert status == 200
    assert 'ftbot_job_failures{name="names"} 3.0' in text
    assert 'ftbot_job_last_success_timestamp_seconds{name="fill"} 1.7' in text
    assert 'ftbot_job_last_success_timestamp_seconds{name="names"}' not in text
    assert "ftbot_things_total 2.0" in text


async def test_can_start_again_after_it_ended() -> None:
    registry = CollectorRegistry()
    for _ in range(2):
        async with started(State(), registry) as address:
            assert (await get(address, "/healthz"))[0] == 200


async def test_port_in_use_is_one_sentence_that_names_the_setting() -> None:
    async with started(State()) as address:
        with pytest.raises(UserError, match=rf"{address}.*FTBOT_HTTP.*in use") as caught:
            async with serving(address, statuses=tuple, missing=State().missing, patience=0):
                pass
    assert "FTBOT_HTTP" in caught.value.hint


async def test_port_of_a_process_that_leaves_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits = asyncio.Event()
    monkeypatch.setattr("bot.web.log.info", lambda *_: waits.set())
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        address = await first.enter_async_context(started(State()))
        next_one = serving(
            address, statuses=tuple, missing=State().missing, registry=CollectorRegistry()
        )
        waiting = asyncio.create_task(second.enter_async_context(next_one))
        async with asyncio.timeout(5):
            await waits.wait()
            assert not waiting.done()
            await first.aclose()
            assert await waiting == address
        assert (await get(address, "/readyz"))[0] == 200


async def test_address_of_another_machine() -> None:
    with pytest.raises(UserError, match=r"cannot listen on 192\.0\.2\.1:1"):
        async with serving(HttpAddress("192.0.2.1", 1), statuses=tuple, missing=State().missing):
            pass


@pytest.mark.parametrize("path", ["/", "/nothing", "/healthz/../etc/passwd", "/%00"])
async def test_other_paths_are_not_found(path: str) -> None:
    async with started(State()) as address:
        assert (await get(address, path))[0] == 404


async def test_more_routes_can_be_handed_in_and_bodies_are_bounded() -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=str(len(await request.read())))

    async with (
        started(State(), None, web.post("/echo", echo)) as address,
        aiohttp.ClientSession() as session,  # noqa: TID251 - the test is the other side
    ):
        async with session.post(f"http://{address}/echo", data=io.BytesIO(b"x" * 10)) as response:
            assert await response.text() == "10"
        too_much = io.BytesIO(b"x" * (BODY_LIMIT + 1))
        async with session.post(f"http://{address}/echo", data=too_much) as response:
            assert response.status == 413
