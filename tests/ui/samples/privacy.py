"""What /privacy shows."""

from bot.reports.model import Forgotten, Stored
from bot.ui import privacy
from tests.ui.samples import Samples

DATA = {"ftbot", "https", "owner", "home", "issues"}

MANY = Stored(
    reports=(1, 2), drafts=(3, 4), following=(5, 6), steps=7, messages=8, watches=9, audits=10,
    awaited=11, languages=12, blocks=13,
)  # fmt: skip
ONE = Stored(
    reports=(1,), drafts=(2,), following=(3,), steps=1, messages=1, watches=1, audits=1,
    awaited=1, languages=1, blocks=1,
)  # fmt: skip
GONE = Forgotten(
    drafts=1, reports=1, steps=1, following=1, messages=1, watches=1, audits=1, awaited=1,
    languages=1, blocks=1,
)  # fmt: skip
ALL_GONE = Forgotten(
    drafts=2, reports=2, steps=2, following=2, messages=2, watches=2, audits=2, awaited=2,
    languages=2, blocks=2, public=("https://github.example/owner/home/issues/1",),
)  # fmt: skip

SAMPLES: Samples = {
    "nothing": lambda: privacy.stored(Stored()),
    "one of each": lambda: privacy.stored(ONE),
    "many": lambda: privacy.stored(MANY),
    "more than are named": lambda: privacy.stored(Stored(tuple(range(1, 50)))),
    "asked": privacy.asked,
    "forgotten": lambda: privacy.forgotten(GONE),
    "many forgotten": lambda: privacy.forgotten(ALL_GONE),
    "nothing forgotten": lambda: privacy.forgotten(Forgotten()),
}
