"""What /about shows."""

from dataclasses import replace

from bot.ui import about
from bot.ui.about import GUIDE, RANKS, TRACKER, About, Versions
from tests.ui.answers import NOON
from tests.ui.samples import Samples

DATA = {"ftbot", "discord"}

NEW = About(Versions("0.1.0", "3.14.0", "off", "2.7.1"), NOON)
FULL = replace(
    NEW,
    versions=replace(NEW.versions, gil="on"),
    serial=123,
    seen=NOON,
    names=900_000,
    cached=15_000,
    wheels=4_321,
    refreshed={RANKS: NOON, TRACKER: NOON, GUIDE: NOON},
    source="https://source.example/",
    guide="https://guide.example/",
    api="https://api.example/",
)

SAMPLES: Samples = {
    "new": lambda: about.about(NEW, 1),
    "full": lambda: about.about(FULL, 12),
}
