"""Answers of /announce and /watch."""

from itertools import product

from bot.announce.model import Among, Subscription, What
from bot.announce.subscriptions.service import ABSENT, Watches
from bot.language import dumps, loads
from bot.ui import subscriptions
from tests.ui.samples import Samples

DATA = {"demo", "general"}

PAUSED = loads(dumps(ABSENT))
WISHES = [
    Subscription(channel, 1, what, among, role=channel if channel % 2 else None)
    for channel, (what, among) in enumerate(product(What, Among), 1)
]
STOPPED = [Subscription(9, 1, What.NEW_SUPPORT, Among.TOP_1000, paused=PAUSED)]
MANY = tuple(f"{'x' * 180}-{number}" for number in range(200))
DATA |= {"x" * 180}

SAMPLES: Samples = {
    "subscribed": lambda: subscriptions.subscribed(WISHES[0], published=True),
    "unsubscribed": lambda: subscriptions.unsubscribed(5),
    "none": lambda: subscriptions.listing([], lambda _: None),
    "wishes": lambda: subscriptions.listing(WISHES, lambda _: "general"),
    "paused": lambda: subscriptions.listing([*WISHES, *STOPPED], lambda _: "general"),
    "gone": lambda: subscriptions.listing(STOPPED, lambda _: None),
    "watching": lambda: subscriptions.watching("demo"),
    "watching, paused": lambda: subscriptions.watching("demo", PAUSED),
    "not watching": lambda: subscriptions.not_watching("demo"),
    "nothing": lambda: subscriptions.watch_list(Watches(())),
    "one": lambda: subscriptions.watch_list(Watches(("demo",))),
    "two, paused": lambda: subscriptions.watch_list(Watches(("demo", "demo2"), PAUSED)),
    "many": lambda: subscriptions.watch_list(Watches(MANY)),
}
