"""Answers of /guide."""

from discord import ui

from bot.guide.model import Hit, Pointer
from bot.ui import guide
from bot.ui.card import Card
from tests.ui.samples import Samples

DATA = {"Locking", "Porting", "protects", "data"}

HITS = (
    Hit("Locking", "Porting", "Locking protects data.", "https://guide.example/porting/#locking"),
    Hit("Porting", "Porting", "", ""),
    Hit("Locking data", "Porting", "", ""),
)


def pointed() -> ui.LayoutView:
    return Card(ui.TextDisplay(guide.pointed(Pointer("Locking", ""))), colour=guide.BLUE)


SAMPLES: Samples = {
    "found": lambda: guide.found(HITS),
    "found alone": lambda: guide.found(HITS[:1]),
    "contents": lambda: guide.contents(HITS[1:]),
    "nothing fits": lambda: guide.contents(HITS[1:], "data"),
    "nothing fits in another language": lambda: guide.contents(HITS[1:], "дані"),
    "pointed": pointed,
}
