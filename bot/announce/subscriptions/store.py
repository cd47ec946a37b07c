"""The tables `subscription`, `watch` and `watcher`."""

import sqlite3
from datetime import datetime

import msgspec

from bot.announce.model import Among, Content, News, Subscription, What
from bot.announce.subscriptions.rules import is_among, is_new_support
from bot.db import Database, Transaction
from bot.language import dumps, loads
from bot.messages import Destination

_CONTENT = msgspec.json.Decoder(Content)


class SubscriptionStore:
    """What channels and people asked for. Users, channels and servers are Discord's numbers.

    A paused destination keeps all it asked for; its reason is one sentence for people, a phrase.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    # News and where they go

    async def interested(self, tx: Transaction, content: Content) -> list[Destination]:
        """Return who is to hear of `content`, paused ones too: channels first, then people."""
        rows = await tx.execute_fetchall(
            "SELECT 'channel' AS kind, channel AS id FROM subscription"
            " WHERE (what = 'all-releases' OR ?)"
            " AND (among = 'everything' OR among = 'top-15000' AND ? OR among = 'top-1000' AND ?)"
            " UNION ALL SELECT 'user', user FROM watch WHERE project = ? ORDER BY kind, id",
            (
                is_new_support(content),
                is_among(content, Among.TOP_15000),
                is_among(content, Among.TOP_1000),
                content.project,
            ),
        )
        return [Destination(row["kind"], row["id"]) for row in rows]

    async def pause(self, destination: Destination, reason: str) -> None:
        """Send nothing more there until it is resumed."""
        stored = dumps(reason)
        async with self._database.write() as tx:
            if destination.kind == "channel":
                await tx.execute(
                    "UPDATE subscription SET paused = ? WHERE channel = ?", (stored, destination.id)
                )
            else:
                await tx.execute(
                    "INSERT INTO watcher (user, paused) VALUES (?, ?)"
                    " ON CONFLICT (user) DO UPDATE SET paused = excluded.paused",
                    (destination.id, stored),
                )

    async def resume(self, destination: Destination) -> None:
        """Send there again."""
        async with self._database.write() as tx:
            if destination.kind == "channel":
                await tx.execute(
                    "UPDATE subscription SET paused = NULL WHERE channel = ?", (destination.id,)
                )
            else:
                await _resume_person(tx, destination.id)

    async def paused(self, destination: Destination) -> str | None:
        """Return why nothing is sent there, None while all is well."""
        rows = await self._database.read(
            "SELECT paused FROM subscription WHERE channel = ? AND ? = 'channel'"
            " UNION ALL SELECT paused FROM watcher WHERE user = ? AND ? = 'user'",
            (destination.id, destination.kind, destination.id, destination.kind),
        )
        return _reason(rows[0]) if rows else None

    async def destinations_paused(self) -> set[str]:
        """Return all paused destinations, as the outbox writes them: `channel:123`."""
        rows = await self._database.read(
            "SELECT 'channel:' || channel AS place FROM subscription WHERE paused IS NOT NULL"
            " UNION ALL SELECT 'user:' || user FROM watcher WHERE paused IS NOT NULL"
        )
        return {row["place"] for row in rows}

    async def newest(self) -> News | None:
        """Return the newest piece of news of a release that can still be had."""
        rows = await self._database.read(
            "SELECT id, revision, content FROM news WHERE topic = 'gain' ORDER BY id DESC LIMIT 20"
        )
        every = (News(row["id"], row["revision"], _CONTENT.decode(row["content"])) for row in rows)
        return next((each for each in every if each.content.withdrawn is None), None)

    # Channels

    async def get(self, channel: int) -> Subscription | None:
        """Return the channel's wish, None if it has none."""
        rows = await self._database.read("SELECT * FROM subscription WHERE channel = ?", (channel,))
        return _subscription(rows[0]) if rows else None

    async def of_guild(self, guild: int) -> list[Subscription]:
        """Return the wishes of a server's channels, oldest first."""
        rows = await self._database.read(
            "SELECT * FROM subscription WHERE guild = ? ORDER BY created, channel", (guild,)
        )
        return [_subscription(row) for row in rows]

    async def put(self, wish: Subscription, now: datetime, *, most: int) -> bool:
        """Note a channel's wish in place of what was there; the time it was first made stays.

        Returns False and notes nothing if the server has `most` other channels already.
        """
        async with self._database.write() as tx:
            rows = await tx.execute_fetchall(
                "SELECT count(*) AS others FROM subscription WHERE guild = ? AND channel <> ?",
                (wish.guild, wish.channel),
            )
            if rows[0]["others"] >= most:
                return False
            await tx.execute(
                "INSERT INTO subscription (channel, guild, what, among, role, created, paused)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel) DO UPDATE SET"
                " guild = excluded.guild, what = excluded.what, among = excluded.among,"
                " role = excluded.role, paused = excluded.paused",
                (
                    wish.channel,
                    wish.guild,
                    wish.what,
                    wish.among,
                    wish.role,
                    now.isoformat(),
                    wish.paused,
                ),
            )
        return True

    async def delete(self, guild: int, channel: int) -> bool:
        """Forget a channel's wish. Returns whether that server's channel had one."""
        async with self._database.write() as tx:
            deleted = await tx.execute(
                "DELETE FROM subscription WHERE channel = ? AND guild = ?", (channel, guild)
            )
        return deleted > 0

    async def pause_guild(self, guild: int, reason: str) -> None:
        """Send nothing more to any channel of a server."""
        async with self._database.write() as tx:
            await tx.execute(
                "UPDATE subscription SET paused = ? WHERE guild = ?", (dumps(reason), guild)
            )

    async def resume_guild(self, guild: int) -> None:
        """Send to all channels of a server again."""
        async with self._database.write() as tx:
            await tx.execute("UPDATE subscription SET paused = NULL WHERE guild = ?", (guild,))

    async def guilds_paused(self, reason: str) -> set[int]:
        """Return the servers with a channel that is paused for just that reason."""
        rows = await self._database.read(
            "SELECT DISTINCT guild, paused FROM subscription WHERE paused IS NOT NULL"
        )
        return {row["guild"] for row in rows if _reason(row) == reason}

    # People

    async def watch(self, user: int, project: str, now: datetime, *, most: int) -> bool:
        """Note that a person watches a project (its normalised name), and resume the person.

        Returns False and notes nothing if the person watches `most` other projects already.
        """
        async with self._database.write() as tx:
            rows = await tx.execute_fetchall(
                "SELECT count(*) AS others FROM watch WHERE user = ? AND project <> ?",
                (user, project),
            )
            if rows[0]["others"] >= most:
                return False
            await tx.execute(
                "INSERT INTO watch (user, project, created) VALUES (?, ?, ?)"
                " ON CONFLICT (user, project) DO NOTHING",
                (user, project, now.isoformat()),
            )
            await _resume_person(tx, user)
        return True

    async def unwatch(self, user: int, project: str) -> bool:
        """Forget that a person watches a project. Returns whether that was so."""
        async with self._database.write() as tx:
            deleted = await tx.execute(
                "DELETE FROM watch WHERE user = ? AND project = ?", (user, project)
            )
        return deleted > 0

    async def watches(self, user: int) -> list[str]:
        """Return the projects that a person watches, by name."""
        rows = await self._database.read(
            "SELECT project FROM watch WHERE user = ? ORDER BY project", (user,)
        )
        return [row["project"] for row in rows]

    async def watched(self) -> set[str]:
        """Return all projects that anybody watches."""
        rows = await self._database.read("SELECT DISTINCT project FROM watch")
        return {row["project"] for row in rows}

    async def stored(self, user: int) -> int:
        """Return how many projects a person watches."""
        return len(await self.watches(user))

    async def forget(self, tx: Transaction, user: int) -> int:
        """Delete all that is kept of a person, and return how many projects that person watched."""
        await tx.execute("DELETE FROM watcher WHERE user = ?", (user,))
        return await tx.execute("DELETE FROM watch WHERE user = ?", (user,))


async def _resume_person(tx: Transaction, user: int) -> None:
    await tx.execute("UPDATE watcher SET paused = NULL WHERE user = ?", (user,))


def _subscription(row: sqlite3.Row) -> Subscription:
    return Subscription(
        channel=row["channel"],
        guild=row["guild"],
        what=What(row["what"]),
        among=Among(row["among"]),
        role=row["role"],
        paused=_reason(row),
    )


def _reason(row: sqlite3.Row) -> str | None:
    """Return why a destination is paused, as something that can be said in any language."""
    return None if row["paused"] is None else loads(row["paused"])
