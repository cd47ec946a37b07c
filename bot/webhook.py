"""Where GitHub tells what happens to issues: POST /github/webhook.

The signature is looked at before anything else; a request without the right one learns nothing.
GitHub waits ten seconds and never sends again by itself, so a webhook is kept and answered at
once, and dealt with later.
"""

import logging
from collections.abc import Awaitable, Iterable
from typing import Final, Protocol

from aiohttp import web

from bot.errors import UserError
from bot.github.webhooks import verify

log = logging.getLogger(__name__)

PATH: Final = "/github/webhook"
_LONGEST_NAME: Final = 100


class Receiver(Protocol):
    """What keeps webhooks."""

    def receive(self, event: str, delivery: str, body: bytes) -> Awaitable[None]: ...


def routes(secret: str, receiver: Receiver) -> Iterable[web.AbstractRouteDef]:
    """Return the server's route for webhooks that are signed with `secret`.

    The server bounds a request's size (413); others of its answers are 401 without the right
    signature, 415 and 400 for what is signed but no webhook in JSON, 503 while it cannot be kept.
    """

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        signature = request.headers.get("X-Hub-Signature-256")
        if not verify(secret, body, signature):
            if signature:  # without one it is nobody who was told a secret
                log.warning("A webhook with a wrong signature: is FTBOT_GITHUB_WEBHOOK_SECRET it?")
            return web.Response(status=401)
        if request.content_type != "application/json":
            text = "Set the webhook's content type to application/json.\n"
            return web.Response(status=415, text=text)
        event = request.headers.get("X-GitHub-Event", "")
        delivery = request.headers.get("X-GitHub-Delivery", "")
        if not 0 < len(event) <= _LONGEST_NAME or not 0 < len(delivery) <= _LONGEST_NAME:
            text = "X-GitHub-Event or X-GitHub-Delivery is missing.\n"
            return web.Response(status=400, text=text)
        try:
            await receiver.receive(event, delivery, body)
        except UserError as error:  # the database is locked or full: GitHub shows it as failed
            log.warning("A webhook cannot be kept: %s", error)
            return web.Response(status=503)
        return web.Response(status=202)

    return (web.post(PATH, receive),)
