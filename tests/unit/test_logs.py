"""What reaches the log: every record, no secret, no forged line."""

import asyncio
import io
import json
import logging
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.logs import (
    MASK,
    JsonFormatter,
    Redaction,
    TextFormatter,
    configure,
    escape,
    interaction,
    printable,
    written,
)

SECRET = "MTk4.Cl2FMQ.'q\"z\\x/y+z="  # noqa: S105 - made up, with all that may be spelt otherwise


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, put back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def record(message: str, *args: object, name: str = "bot.x") -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, __file__, 1, message, args, None)


def lines_of(form: str, secrets: tuple[str, ...] = (SECRET,)) -> tuple[logging.Logger, io.StringIO]:
    stream = io.StringIO()
    configure("info", "json" if form == "json" else "text", secrets, stream=stream)
    return logging.getLogger("bot.test"), stream


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_are_masked_wherever_they_stand(form: str) -> None:
    log, stream = lines_of(form)
    log.warning("in the message %s and %r", SECRET, {"token": SECRET})
    log.warning(SECRET)
    log.warning("too few arguments %s %s", SECRET)  # noqa: PLE1206 - the mistake is the case
    log.warning("wrong type %d", SECRET)
    log.warning("stack", stack_info=True)
    try:
        raise RuntimeError(SECRET) from ValueError(f"https://h/?t={SECRET}")
    except RuntimeError:
        log.exception("failed")
    written = stream.getvalue()
    assert written.count(MASK) >= 7
    assert "Cl2FMQ" not in written
    assert "RuntimeError" in written


@pytest.mark.parametrize(
    "spelling",
    [SECRET, repr(SECRET), json.dumps(SECRET), "MTk4.Cl2FMQ.%27q%22z%5Cx%2Fy%2Bz%3D"],
)
def test_spelling_is_masked(spelling: str) -> None:
    assert "Cl2FMQ" not in Redaction([SECRET])(f"x{spelling}y")


def test_of_two_secrets_the_longer_goes_whole() -> None:
    assert Redaction(["abc", "abcdef"])("abcdef abc") == f"{MASK} {MASK}"


def test_nothing_secret_masks_nothing() -> None:
    assert Redaction(["", ""])("plain text") == "plain text"


def test_the_token_of_an_interaction_is_masked() -> None:
    address = "POST /api/v10/webhooks/123/aW50ZXJhY3Rpb246MTIz-_longer.than20 failed"
    assert Redaction()(address) == f"POST /api/v10/webhooks/123/{MASK} failed"


@given(st.text(), st.text(min_size=1))
def test_no_text_breaks_out_of_its_line(text: str, secret: str) -> None:
    redact = Redaction([secret])
    line = TextFormatter(redact).format(record("%s", text))
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line
    parsed = json.loads(JsonFormatter(redact).format(record("%s", text)))
    assert set(parsed) == {"time", "level", "logger", "message", "interaction", "exc"}
    assert secret in MASK or secret not in parsed["message"].replace(MASK, "\0")


def test_escape_shows_what_was_there() -> None:
    assert escape("a\nb\x1b[31m\u202e\u2028é…") == "a\\nb\\x1b[31m\\u202e\\u2028é…"


@pytest.mark.usefixtures("root")
def test_a_traceback_cannot_pass_for_a_record() -> None:
    log, stream = lines_of("text")
    try:
        raise RuntimeError("x\n2026-01-01 00:00:00Z INFO bot: forged\r\x1b[2K")
    except RuntimeError:
        log.exception("failed")
    first, *rest = stream.getvalue().splitlines()
    assert first.endswith("ERROR bot.test: failed")
    assert rest
    assert all(line.startswith("    ") for line in rest)


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("form", ["text", "json"])
async def test_records_carry_the_interaction_that_is_answered(form: str) -> None:
    log, stream = lines_of(form)

    async def work() -> None:
        log.info("in a task that it started")

    async def answer(name: str) -> None:
        interaction.set(name)
        log.info("at first")
        await asyncio.create_task(work())
        await asyncio.to_thread(log.info, "in a thread")

    await asyncio.gather(answer("0000000a"), answer("0000000b"))
    log.info("outside")
    *inside, outside = stream.getvalue().splitlines()
    for name in ("0000000a", "0000000b"):
        mark = f"bot.test [{name}]: " if form == "text" else f'"interaction": "{name}"'
        assert sum(mark in line for line in inside) == 3
    assert ("bot.test: outside" if form == "text" else '"interaction": null') in outside


@pytest.mark.usefixtures("root")
def test_records_are_counted_by_level() -> None:
    log, _ = lines_of("text")
    before = Counter(written)
    log.debug("not written")
    log.warning("one")
    log.error("two")
    assert written - before == {"warning": 1, "error": 1}


@pytest.mark.usefixtures("root")
def test_a_traceback_can_be_printed_without_secrets() -> None:
    lines_of("text")
    try:
        raise RuntimeError(f"{SECRET}\r\x1b[2K")
    except RuntimeError as error:
        printed = printable(error)
    assert printed.startswith("Traceback")
    assert "Cl2FMQ" not in printed
    assert f"RuntimeError: {MASK}" in printed
    assert "\x1b" not in printed


@pytest.mark.usefixtures("root")
def test_json_is_one_object_a_line_in_utc() -> None:
    log, stream = lines_of("json")
    log.info("one\ntwo")
    try:
        raise KeyError("k")
    except KeyError:
        log.exception("three")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["level"], first["logger"], first["message"]) == ("info", "bot.test", "one\ntwo")
    assert first["exc"] is None
    assert datetime.fromisoformat(first["time"]).utcoffset() == timedelta(0)
    assert second["exc"].endswith("KeyError: 'k'")


def test_colour_is_only_of_the_level() -> None:
    coloured = TextFormatter(Redaction(), colour=True).format(record("m"))
    plain = TextFormatter(Redaction()).format(record("m"))
    assert "\x1b[33mWARNING\x1b[0m" in coloured
    assert plain == coloured.replace("\x1b[33m", "").replace("\x1b[0m", "")


def test_levels(root: logging.Logger) -> None:
    configure("debug", stream=io.StringIO())
    assert root.level == logging.DEBUG
    assert not logging.getLogger("discord.gateway").isEnabledFor(logging.DEBUG)  # writes tokens
    assert logging.getLogger("discord.client").isEnabledFor(logging.INFO)
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)  # a line per request
    configure("error", stream=io.StringIO())
    assert not logging.getLogger("discord").isEnabledFor(logging.WARNING)
    assert len(root.handlers) == 1


@pytest.mark.usefixtures("root")
def test_what_is_meant_so_is_no_news() -> None:
    _, stream = lines_of("text")
    logging.getLogger("discord.client").warning("X is not installed, voice will NOT be supported")
    logging.getLogger("discord.client").warning("something else")
    logging.getLogger("bot.x").warning("voice will NOT be supported")
    assert [line.split(" ")[3] for line in stream.getvalue().splitlines()] == [
        "discord.client:",
        "bot.x:",
    ]
