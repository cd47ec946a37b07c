"""What some wheels of the sandbox's index declare: read once of the real ones, and shipped.

The sandbox has no wheels, so of all others it is not known.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from bot import data
from bot.xray.model import WheelReading
from bot.xray.store import XrayStore

FILE = "xray.json"


class SnapshotReading(msgspec.Struct, frozen=True):
    """A reading of a wheel that has this hash."""

    sha256: str
    reading: WheelReading


async def store_readings(store: XrayStore) -> None:
    """Note what ships as if it had been read here. Raises UserError if it is damaged."""
    for each in data.read_json(FILE, list[SnapshotReading]):
        await store.put(each.reading, each.sha256, whole=True, moment=datetime.now(UTC))


def write_readings(readings: Sequence[SnapshotReading]) -> bytes:
    """Encode readings as a file, a line each: the same bytes for the same facts."""
    return b"[\n" + b",\n".join(map(msgspec.json.encode, readings)) + b"\n]\n"
