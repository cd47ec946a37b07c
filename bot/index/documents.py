"""Documents that refresh themselves: kept in the database, fetched again when they change."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from bot.http import Fetched, NotModified
from bot.index.store import DocumentStore, StoredDocument

Content = TypeVar("Content")


async def refreshed(
    store: DocumentStore,
    name: str,
    fetch: Callable[[str | None], Awaitable[Fetched | NotModified]],
    read: Callable[[bytes], Content],
    write: Callable[[Content], bytes],
) -> Content | None:
    """Fetch a document by its entity tag, if it changed; return what `read` makes of it.

    What `write` makes of that is stored, so a document that cannot be read never replaces one that
    could. Both run in a thread. Raises what `fetch` and `read` raise.
    """
    stored = await store.get(name)
    answer = await fetch(stored.etag if stored else None)
    if isinstance(answer, NotModified):
        return None
    content = await asyncio.to_thread(read, answer.body)
    body = await asyncio.to_thread(write, content)
    await store.put(name, StoredDocument(body, answer.etag, datetime.now(UTC)))
    return content
