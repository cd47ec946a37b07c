"""What /about shows."""

from dataclasses import replace
from datetime import UTC, datetime

from bot.ui.about import About, Versions, about
from tests.ui.reading import components, problems
from tests.ui.reading import text as texts

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
AT_NOON = f"<t:{NOON.timestamp():.0f}:R>"
NEW = About(Versions("1.2", "3.14.0", "off", "2.7.1"), NOON)
KNOWN = replace(
    NEW,
    serial=38_000_000,
    seen=NOON,
    names=912_345,
    cached=14_900,
    wheels=1,
    refreshed={"ranks": NOON, "tracker": NOON, "guide": NOON},
    source="https://code.example/ftbot",
    guide="https://guide.example/",
    api="https://ftbot.example/api/v1/projects.json",
)


def test_before_anything_was_fetched() -> None:
    card = about(NEW, 0)
    read = texts(card)
    assert "not followed yet" in read
    assert read.count("with this version") == 2
    assert "the porting guide, as this version describes it" in read
    assert "on 0 servers." in read
    assert "https://" not in str(components(card))


def test_how_old_everything_is() -> None:
    read = texts(about(KNOWN, 1))
    assert f"as of {AT_NOON} (serial 38000000): 912,345 projects by name" in read
    assert "the files of 14,900 at hand" in read
    assert "what 1 wheel declares about the GIL" in read
    assert read.count(f"compared {AT_NOON}") == 3
    assert f"runs since {AT_NOON}, on 1 server." in read


def test_what_runs() -> None:
    assert "ftbot `1.2` · Python 3.14.0 without the GIL · discord.py 2.7.1" in texts(about(NEW, 1))
    with_gil = replace(NEW, versions=replace(NEW.versions, gil="on"))
    assert "Python 3.14.0 with the GIL" in texts(about(with_gil, 1))


def test_links_are_what_a_button_may_carry() -> None:
    card = about(KNOWN, 1)
    assert problems(card) == []
    shown = str(components(card))
    assert all(url in shown for url in (KNOWN.source or "?", KNOWN.guide or "?", KNOWN.api or "?"))
    odd = replace(KNOWN, source="javascript:alert(1)", guide="x" * 600, api=None)
    assert "'url'" not in str(components(about(odd, 1)))
