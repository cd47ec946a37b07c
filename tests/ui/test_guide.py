import re
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.guide.model import Hit, Pointer
from bot.ui import guide
from tests.e2e.discord_spec import BUTTON
from tests.ui.reading import alive, parts, problems, text

SITE = "https://guide.example/"
LOCKING = Hit("Locking", "Porting", "A lock protects data. It may block.", f"{SITE}porting/#lock")
PAGE = Hit("Locks & <co>", "Locks & <co>", "", f"{SITE}locks/")
_LINK = re.compile(r"\]\(<https?://[^<>\s]*>\)")


def test_the_best_hit_has_its_gist_and_a_button_the_others_links() -> None:
    shown = guide.found([LOCKING, PAGE, LOCKING])
    assert text(shown).splitlines() == [
        "## Locking",
        "-# Porting",
        "A lock protects data. It may block.",
        "**Perhaps also**",
        rf"- [Locks & \<co\>](<{SITE}locks/>)",
        f"- [Locking](<{SITE}porting/#lock>) · Porting",
    ]
    (button,) = parts(shown, BUTTON)
    assert (button["label"], button["url"]) == ("Read on", f"{SITE}porting/#lock")


def test_a_hit_alone_and_without_a_gist() -> None:
    shown = guide.found([PAGE])
    assert text(shown) == r"## Locks & \<co\>"
    assert problems(shown) == []


def test_an_address_that_no_button_can_carry_is_left_out() -> None:
    shown = guide.found([replace(LOCKING, url=SITE + "x" * 600)])
    assert parts(shown, BUTTON) == []
    assert problems(shown) == []


def test_contents() -> None:
    assert text(guide.contents([PAGE])).splitlines() == [
        "## The porting guide",
        rf"- [Locks & \<co\>](<{SITE}locks/>)",
    ]
    shown = text(guide.contents([PAGE], " *zebra* @everyone")).splitlines()
    asked = "\\*zebra\\* @\u200beveryone"
    assert shown[1] == f"Nothing in it fits “{asked}”. These are its chapters:"


def test_whoever_asks_in_another_language_is_told_to_ask_in_english() -> None:
    shown = text(guide.contents([PAGE], "참조 카운팅")).splitlines()
    assert shown[1] == (
        "Nothing in it fits “참조 카운팅”. The guide is in English, so try an English word."
        " These are its chapters:"
    )


def test_a_pointer_is_a_line() -> None:
    assert guide.pointed(None) == ""
    line = guide.pointed(Pointer("Locking", f"{SITE}porting/#lock"))
    assert line == f"-# 📖 In the guide: [Locking](<{SITE}porting/#lock>)"


FOREIGN = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            ["@everyone", "<@1>", "](", "https://x.example", "**", "`", "\n# ", "\u202e", "x" * 99]
        ),
        max_size=12,
    ).map("".join),
)  # fmt: skip
HITS = st.builds(
    Hit,
    FOREIGN,
    FOREIGN,
    FOREIGN,
    st.one_of(st.just(f"{SITE}a/#b"), st.text("ab/#%)> ", max_size=300).map(SITE.__add__), FOREIGN),
)


@given(st.lists(HITS, min_size=1, max_size=40), FOREIGN)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_answer_breaks_discords_limits_or_comes_alive(hits: list[Hit], query: str) -> None:
    for shown in (guide.found(hits[:4]), guide.contents(hits, query)):
        found = [each for each in problems(shown) if each not in alive(text(shown))]
        assert found == []
        assert alive(_LINK.sub("]", text(shown))) == []
