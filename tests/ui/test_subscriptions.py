from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from bot.announce.model import Among, Subscription, What
from bot.announce.subscriptions.service import Watches
from bot.ui import subscriptions
from tests.ui.reading import problems, text
from tests.ui.test_announce import HOSTILE

NUMBER = st.integers(1, 2**63 - 1)
WISH = st.builds(
    Subscription,
    channel=NUMBER,
    guild=NUMBER,
    what=st.sampled_from(What),
    among=st.sampled_from(Among),
    role=st.none() | NUMBER,
    paused=st.none() | HOSTILE,
)


def test_every_wish_has_its_words() -> None:
    assert list(subscriptions.WISHES) == list(product(What, Among))


@given(st.lists(WISH, max_size=120, unique_by=lambda wish: wish.channel), st.none() | HOSTILE)
def test_any_list_of_wishes_fits(wishes: list[Subscription], name: str | None) -> None:
    view = subscriptions.listing(wishes, lambda _: name)
    # Channels and roles are mentioned so that their names are shown; nobody is notified by that.
    assert set(problems(view)) <= {"<"}


@given(WISH)
def test_any_confirmation_fits(wish: Subscription) -> None:
    for view in (
        subscriptions.subscribed(wish, published=True),
        subscriptions.unsubscribed(wish.channel),
    ):
        assert set(problems(view)) <= {"<"}


@given(HOSTILE, st.none() | HOSTILE, st.lists(HOSTILE, max_size=200))
def test_what_people_watch_fits(project: str, paused: str | None, projects: list[str]) -> None:
    for view in (
        subscriptions.watching(project, paused),
        subscriptions.not_watching(project),
        subscriptions.watch_list(Watches(tuple(projects), paused)),
    ):
        assert problems(view) == []


def test_a_list_too_long_is_counted() -> None:
    names = tuple(f"{'x' * 180}-{number}" for number in range(200))
    shown = text(subscriptions.watch_list(Watches(names)))
    assert shown.startswith("**You watch 200 projects.**")
    assert shown.splitlines()[-1].endswith("more lines")
