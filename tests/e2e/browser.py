"""What a page of the simulated Discord says to its server, without a browser."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

from bot.http import Client, http_client

PROTOCOL = 3
PATIENCE = 30.0


class Tab:
    """An opened page. Everything that comes back is simcord's own JSON."""

    def __init__(self, client: Client, capability: str) -> None:
        self._client = client
        self._headers = {"X-Simcord-Capability": capability}
        self._sequence = 1
        self.state: dict[str, Any] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, address: str, viewer: str | None = None) -> AsyncIterator[Self]:
        """Open the page that an address of the sandbox shows, as `viewer`."""
        base, _, capability = address.partition("/#")
        async with http_client(base) as client:
            tab = cls(client, capability)
            await tab._begin(None)
            if viewer is not None:
                found = [each for each in tab.state["viewers"] if viewer in str(each)]
                await tab._begin(found[0]["id"])
            yield tab

    async def _begin(self, viewer: str | None) -> None:
        headers = {"X-Simcord-Capability": self._headers["X-Simcord-Capability"]}
        body = {"viewer_id": viewer} if viewer else {}
        response = await self._client.post("/api/pages", json=body, headers=headers)
        response.raise_for_status()
        self.state = response.json()
        self._headers = {**headers, "X-Simcord-Context": self.state["context"]["id"]}

    async def refresh(self) -> None:
        """Ask what the page shows, as it does twice a second."""
        response = await self._client.get("/api/state", headers=self._headers)
        response.raise_for_status()
        self.state = response.json()

    async def shows(self, wanted: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Wait until the messages of the page are as wanted, and give them."""
        async with asyncio.timeout(PATIENCE):
            while not wanted(self.messages):
                await asyncio.sleep(0.02)
                await self.refresh()
        return self.messages

    @property
    def messages(self) -> list[dict[str, Any]]:
        """All messages, oldest first."""
        return [self.state["messages"][identity] for identity in self.state["timeline"]]

    async def run(self, command: str, **options: object) -> dict[str, Any]:
        """Run a slash command; gives the receipt of the action."""
        entry = await self._entry(command)
        return await self._act("run_command", **_leaf(entry), options=options)

    async def complete(self, command: str, focused: str, value: str) -> list[str]:
        """Type into an option of a slash command; gives what is offered."""
        entry = await self._entry(command)
        receipt = await self._act(
            "autocomplete_command", **_leaf(entry), focused=focused, value=value, options={}
        )
        return [choice["name"] for choice in receipt["result"]["choices"]]

    async def _entry(self, command: str) -> dict[str, Any]:
        catalog = (await self._client.get("/api/commands", headers=self._headers)).json()
        entry: dict[str, Any] = next(
            each for each in catalog["entries"] if each["invocation"] == command
        )
        return entry

    async def _act(self, kind: str, **body: object) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            while True:
                receipt = await self._try(kind, body)
                await self.refresh()
                outdated = any(each["code"] == "stale-revision" for each in receipt["diagnostics"])
                if not outdated:  # else something happened on the page just before: once more
                    return receipt

    async def _try(self, kind: str, body: dict[str, object]) -> dict[str, Any]:
        envelope = {
            "protocol_version": PROTOCOL,
            "kind": kind,
            "sequence": self._sequence,
            "request_id": f"request-{self._sequence}",
            "generation": self.state["context"]["generation"],
            "bot_generation": self.state["botGeneration"],
            "published_revision": self.state["publishedRevision"],
            **body,
        }
        response = await self._client.post("/api/action", json=envelope, headers=self._headers)
        response.raise_for_status()
        receipt: dict[str, Any] = response.json()
        self._sequence += not receipt["rejected"]
        return receipt


def _leaf(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "command_id": entry["commandId"],
        "path": entry["path"],
        "schema_fingerprint": entry["schemaFingerprint"],
    }
