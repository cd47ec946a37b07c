"""Interactions as operators see them: an id in the log, seconds to the answer, what came of each.

Seconds count from the moment when Discord's event arrived, so they hold what it waited for the
event loop. The first answer is there when Discord has taken it: that is what people wait for, three
seconds at most. The work has ended when nothing more is to come, an answer that was deferred and
its files included.
"""

import asyncio
import logging
import time
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final, TypeVar

import aiohttp
import discord
from discord import InteractionType
from prometheus_client import Counter, Histogram

from bot import logs
from bot.language import speak

log = logging.getLogger(__name__)

Interaction = discord.Interaction[Any]
Metric = TypeVar("Metric", Counter, Histogram)

UNKNOWN: Final = "unknown"
"""The name of what this version does not know: commands and components of another one."""

# Each bucket is a line for each command, and all of them are written on the event loop.
_TO_AN_ANSWER = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0)
_TO_THE_END = (0.1, 0.5, 1.0, 3.0, 10.0, 60.0)
_LABELS = ("kind", "name")
_KINDS = {
    InteractionType.application_command: "command",
    InteractionType.autocomplete: "autocomplete",
    InteractionType.component: "component",
    InteractionType.modal_submit: "form",
}
_ARRIVED = "arrived"
_CALLBACK = "/callback"
"""The end of the address to which first answers go."""

FIRST_ANSWER = Histogram(
    "ftbot_interaction_first_answer_seconds",
    "From an interaction's arrival until Discord had taken the first answer to it.",
    _LABELS,
    buckets=_TO_AN_ANSWER,
)
WORK = Histogram(
    "ftbot_interaction_seconds",
    "From an interaction's arrival until nothing more was to come.",
    _LABELS,
    buckets=_TO_THE_END,
)
INTERACTIONS = Counter(
    "ftbot_interactions",
    "Interactions by what came of them: answered, refused (the person can mend it), unavailable (a "
    "service was down), mistake (of ftbot's), unanswered (Discord took no answer).",
    (*_LABELS, "outcome"),
)
REQUESTS = Counter(
    "ftbot_discord_requests",
    "Requests to Discord's REST API by the status of the answer; shared limit is a 429 for what "
    "others did too.",
    ("status",),
)


class Outcome(StrEnum):
    """What came of an interaction."""

    ANSWERED = "answered"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"
    MISTAKE = "mistake"
    UNANSWERED = "unanswered"


@dataclass(slots=True)
class Course:
    """How one interaction goes. Times are seconds that never go backwards."""

    interaction: Interaction
    name: str
    arrived: float
    first: float | None = None
    outcome: Outcome | None = None


_current: ContextVar[Course | None] = ContextVar("course", default=None)


def arrived(interaction: Interaction) -> None:
    """Note that an interaction is here, before any task works at it."""
    interaction.extras[_ARRIVED] = time.perf_counter()


def begin(interaction: Interaction, name: str = UNKNOWN) -> None:
    """Begin to answer, in this task: in the member's language, with an id in the log, and measured.

    `name` is what a component or form is called by whoever knows it; commands are named by the
    tree. It is a label of the metrics, so it is never what somebody typed.
    """
    speak(str(interaction.locale))
    logs.interaction.set(reference(interaction))
    since = interaction.extras.get(_ARRIVED)
    course = Course(interaction, name, time.perf_counter() if since is None else since)
    _current.set(course)
    task = asyncio.current_task()
    if task is not None:
        task.add_done_callback(lambda _: _ended(course))


def reference(interaction: Interaction) -> str:
    """Return the id by which an interaction is found in the log.

    It is the end of the interaction's id on Discord, in hexadecimal digits.
    """
    return f"{interaction.id & 0xFFFF_FFFF:08x}"


def came_to(outcome: Outcome) -> None:
    """Note what came of the interaction that is answered in this task; the first note stands."""
    course = _current.get()
    if course is not None and course.outcome is None:
        course.outcome = outcome


def _ended(course: Course) -> None:
    now = time.perf_counter()
    interaction = course.interaction
    taken = course.first is not None or interaction.response.is_done()
    outcome = course.outcome or (Outcome.ANSWERED if taken else Outcome.UNANSWERED)
    kind, name = _KINDS.get(interaction.type, UNKNOWN), _name(course)
    if taken:
        _bound(FIRST_ANSWER, kind, name).observe((course.first or now) - course.arrived)
    _bound(WORK, kind, name).observe(now - course.arrived)
    _bound(INTERACTIONS, kind, name, outcome.value).inc()
    log.debug("%s %s: %s in %.3f s", kind, name, outcome.value, now - course.arrived)


@cache
def _bound(metric: Metric, *labels: str) -> Metric:
    """Return a metric with these labels, which takes longer to find than to count."""
    return metric.labels(*labels)


def _name(course: Course) -> str:
    command = course.interaction.command
    return command.qualified_name if command else course.name


class Connector(aiohttp.TCPConnector):
    """A client's connections to Discord, which tell of its requests.

    aiohttp's tracing would tell of them too, and take a tenth of the time of a whole answer.
    """

    def __init__(self) -> None:
        super().__init__(limit=0)  # discord.py's own

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - as it is there
    ) -> aiohttp.connector.Connection:
        req.response_class = _Heard
        try:
            return await super().connect(req, traces, timeout)
        except (aiohttp.ClientError, OSError):
            _bound(REQUESTS, "failed").inc()
            raise


class _Heard(aiohttp.ClientResponse):
    async def start(self, connection: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        try:
            await super().start(connection)
        except (aiohttp.ClientError, OSError):
            _bound(REQUESTS, "failed").inc()
            raise
        _heard(self)
        return self


def _heard(response: aiohttp.ClientResponse) -> None:
    status, headers = response.status, response.headers
    shared = status == 429 and headers.get("X-RateLimit-Scope") == "shared"
    group = "shared limit" if shared else _STATUSES.get(status) or f"{status // 100}xx"
    _bound(REQUESTS, group).inc()
    course = _current.get()
    if course is None or course.first is not None or status >= 300:
        return
    if response.url.path.endswith(_CALLBACK):
        course.first = time.perf_counter()


# Discord bans addresses from which too many of these come, see "Invalid Request Limit" in its
# documentation. A limit that is shared with others does not count.
_STATUSES = {401: "401", 403: "403", 429: "429"}
