"""What answers say of the time, collected on the way."""

import email.utils
import time
from collections.abc import Callable, Mapping
from datetime import UTC

from bot.doctor.rules import Said
from bot.http import Client


class Times:
    """The times that services told. `clock` gives UTC seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.said: list[Said] = []
        self._clock = clock

    def heed(self, host: str, headers: Mapping[str, str]) -> None:
        """Note the head of an answer that has come just now.

        Date has whole seconds, and a cache may give one that it received some time ago (RFC 9110,
        6.6.1 and RFC 9111, 5.1): by its Age, if it does not write it anew.
        """
        try:
            date = email.utils.parsedate_to_datetime(headers.get("Date", ""))
        except ValueError:
            return
        moment = date.replace(tzinfo=date.tzinfo or UTC).timestamp()
        age = headers.get("Age", "")
        old = int(age) if age.isdecimal() and len(age) <= 9 else 0
        self.said.append(Said(host, moment, moment + old + 1, self._clock()))

    def listen(self, client: Client) -> Client:
        """Heed every answer that a client gets."""

        async def heed(response: object) -> None:
            # httpx gives its own Response, which only `bot.http` may name.
            url, headers = response.url, response.headers  # type: ignore[attr-defined]
            self.heed(url.host, headers)

        client.event_hooks = {**client.event_hooks, "response": [heed]}
        return client
