"""Which wishes a piece of news fits."""

from bot.announce.model import Among, Content, Novelty, Topic

MOST = {Among.TOP_1000: 1_000, Among.TOP_15000: 15_000}
"""The last rank by downloads that a channel hears of; `Among.EVERYTHING` needs no rank."""


def is_new_support(content: Content) -> bool:
    """Tell whether it changes what can be installed, so that it is more than another release."""
    return content.topic is not Topic.GAIN or content.novelty is not Novelty.NOTHING


def is_among(content: Content, among: Among) -> bool:
    """Tell whether the project is downloaded enough."""
    most = MOST.get(among)
    return most is None or (content.rank is not None and content.rank <= most)
