"""News as messages."""

from dataclasses import dataclass

from discord import ui
from msgspec.structs import replace

from bot.announce.model import Content, Held, News, Novelty, Topic
from bot.announce.news.rules import CAME_LATER, REMOVED, YANKED
from bot.compat.rules import QUARANTINED
from bot.ui import announce
from bot.ui.platforms import NAMES
from bot.xray.model import ModuleVerdict
from tests.ui.samples import Samples
from tests.ui.test_announce import GAIN, LOSS, WHEEL, everywhere

DATA = {"Demo", "demo", "example", "abi", "musl", *NAMES.values()}

PART = (Held("3.15t", "linux-x86_64", abi3t=True), Held("3.14t", "win32"), *everywhere("3.14t"))
WITHDRAWN = replace(GAIN, topic=Topic.WITHDRAWAL, novelty=Novelty.NOTHING, withdrawn=YANKED)
MANY = tuple(Held(f"3.{minor}t", "linux-x86_64") for minor in range(14, 20))


@dataclass(frozen=True)
class Shown:
    """A message of these pieces of news."""

    contents: tuple[Content, ...]
    personal: bool = False

    def __call__(self) -> ui.LayoutView:
        news = [News(number, 1, content) for number, content in enumerate(self.contents, 1)]
        return announce.message(
            news, role=5, parcel=7, site="https://index.example", personal=self.personal
        )


ALL = (
    *(replace(GAIN, novelty=each, project=f"demo{rank}") for rank, each in enumerate(Novelty)),
    LOSS,
    replace(LOSS, withdrawn=CAME_LATER),
    WITHDRAWN,
    replace(WITHDRAWN, withdrawn=None),
    replace(GAIN, prerelease=True, withdrawn=REMOVED),
    replace(GAIN, wheel=WHEEL),
)
SAMPLES: Samples = {
    **{f"gain {each}": Shown((replace(GAIN, novelty=each),)) for each in Novelty},
    **{
        f"gil, {each}": Shown((replace(GAIN, wheel=replace(WHEEL, verdict=each)),))
        for each in ModuleVerdict
    },
    "gil, one module": Shown((replace(GAIN, wheel=replace(WHEEL, modules=1, turning_on=1)),)),
    "python": Shown((replace(GAIN, novelty=Novelty.PYTHON, held=everywhere("3.14t", "3.15t")),)),
    "part": Shown((replace(GAIN, new=PART, held=PART, prerelease=True, wheels=1),)),
    "loss": Shown((LOSS,)),
    "loss of many": Shown((replace(LOSS, lost=MANY),)),
    "loss of nothing": Shown((replace(LOSS, lost=()),)),
    "came later": Shown((replace(LOSS, withdrawn=CAME_LATER),)),
    **{
        f"withdrawn, {each}": Shown((replace(GAIN, withdrawn=each),))
        for each in (YANKED, REMOVED, QUARANTINED)
    },
    "withdrawal": Shown((WITHDRAWN,)),
    "back again": Shown((replace(WITHDRAWN, withdrawn=None),)),
    "personal": Shown((GAIN,), personal=True),
    "digest": Shown(ALL),
    "personal digest": Shown(ALL, personal=True),
    "too many": Shown(tuple(replace(GAIN, project=f"demo{number}") for number in range(99))),
    "too many for one": Shown(
        tuple(replace(GAIN, project=f"demo{number}") for number in range(99)), personal=True
    ),
    "preview": lambda: announce.preview(News(1, 1, GAIN), "https://index.example"),
    "made up": lambda: announce.preview(None, ""),
}
