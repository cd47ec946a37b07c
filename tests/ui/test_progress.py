"""What /progress shows: with a picture and without, of much and of nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.compat.targets import PLATFORMS
from bot.progress.model import Among, Counts, Declared
from bot.progress.pictures import order
from bot.ui import progress as view
from bot.ui.card import Card
from bot.ui.platforms import NAMES
from tests.ui.progress import PNG, Numbers, report
from tests.ui.reading import problems, text


def selects(card: Card) -> list[dict[str, Any]]:
    (container,) = card.to_components()
    rows = [part for part in container["components"] if part["type"] == 1]
    return [part for row in rows for part in row["components"]]


def chosen(select: dict[str, Any]) -> list[str]:
    return [each["value"] for each in select["options"] if each.get("default")]


def gallery(card: Card) -> list[dict[str, Any]]:
    (container,) = card.to_components()
    return [part for part in container["components"] if part["type"] == 12]


def test_the_share_is_said_first() -> None:
    lines = text(view.answer(report())).splitlines()
    assert lines[0] == "## The 1000 most downloaded projects"
    assert lines[1] == (
        "**76% of those with binaries are ready for 3.14t on Linux x86-64: 190 of 250.**"
    )
    assert lines[2] == "-# A month ago it was 58%, a year ago 16%."


def test_what_wheels_declare_is_said_where_some_were_read() -> None:
    found = report(Numbers(declared=Declared(read=120, keep_off=110, turn_on=7)))
    assert text(view.answer(found)).splitlines()[3] == (
        "-# Of 120 wheels of theirs that were read, 110 declare that they keep the GIL off,"
        " and 7 turn it on."
    )
    assert "GIL" not in text(view.answer(report()))


def test_the_picture_is_described() -> None:
    card = view.answer(report())
    assert card.files == ((view.PICTURE, PNG),)
    ((item,),) = (part["items"] for part in gallery(card))
    assert item["media"]["url"] == f"attachment://{view.PICTURE}"
    assert "Linux x86-64: 3.13t 76%, 3.14t 76%, 3.15t 76%" in item["description"]
    assert all(name in item["description"] for name in NAMES.values())
    assert len(item["description"]) <= 1024


def test_without_a_picture_the_text_tells_it_alone() -> None:
    with_it, without = view.answer(report()), view.answer(report(picture=None))
    assert without.files == ()
    assert gallery(without) == []
    assert text(with_it) == text(without)
    assert "Linux x86-64: **76% · 76% · 76%**" in text(without)
    assert text(without).count("**76% · 76% · 76%**") == len(PLATFORMS)
    assert "With pure Python ones it is 90% on 3.14t and Linux x86-64: 900 of 1000." in text(
        without
    )


def test_who_came_and_who_is_missing() -> None:
    shown = text(view.answer(report()))
    assert "- **came-0** · #5 · <t:" in shown
    assert "- **missing\\_0** · #3 · 🔧 compile" in shown
    assert "-# and 54 more" in shown  # of 60 that are missing


def test_nobody_came() -> None:
    shown = text(view.answer(report(Numbers(arrived=0))))
    assert "Nobody of whom the index tells when." in shown


def test_lists_end_with_the_most_downloaded_that_were_asked_for() -> None:
    numbers = Numbers(arrived=100, missing=100)
    few = report(numbers, among=Among.TOP_360)
    assert [each.rank for each in few.missing] == list(range(3, 361, 10))
    assert [each.rank for each in few.arrived] == list(range(5, 361, 10))
    assert len(report(numbers, among=Among.TOP_15000).missing) == 100


@pytest.mark.parametrize(
    ("numbers", "days", "said"),
    [
        (Numbers(), 500, "What is dotted in the picture was derived afterwards"),
        (Numbers(derived=False), 500, "The history was recorded day by day."),
        (Numbers(), 0, "The history begins today: this index does not tell when"),
        (Numbers(known=500), 0, "The history begins when nine of ten projects were read."),
        (Numbers(known=999), 500, "1 of the projects was not read yet, and is not counted."),
        (Numbers(known=500), 500, "500 of the projects were not read yet, and are not counted."),
    ],
)
def test_notes(numbers: Numbers, days: int, said: str) -> None:
    assert said in text(view.answer(report(numbers, days=days)))


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (Counts(0, 0, 0, 0), "**None of them was read from the index yet.**"),
        (Counts(9, 9, 0, 0), "**None of those that were read has binaries.**"),
    ],
)
def test_nothing_to_tell(counts: Counts, said: str) -> None:
    card = view.answer(report(Numbers(known=0, counts=counts, missing=0, arrived=0)))
    assert said in text(card)
    assert "%" not in text(card)
    assert card.files == ()


def test_selects_show_another_platform_or_interpreter() -> None:
    platforms, pythons = selects(view.answer(report(platform="macos-arm64", python="3.13t")))
    assert platforms["custom_id"] == "1progress:top-1000:3.13t:"
    assert pythons["custom_id"] == "1progress:top-1000::macos-arm64"
    assert [each["value"] for each in platforms["options"]] == list(PLATFORMS)
    assert [each["value"] for each in platforms["options"] if each.get("default")] == [
        "macos-arm64"
    ]
    assert [each["value"] for each in pythons["options"] if each.get("default")] == ["3.13t"]


@given(
    st.integers(0, 20_000),
    st.integers(0, 200),
    st.sampled_from(Among),
    st.sampled_from(PLATFORMS),
    st.integers(0, 1_000),
)
def test_any_report_fits(
    projects: int, listed: int, among: Among, platform: str, days: int
) -> None:
    counts = Counts(projects, projects // 2, projects // 3, projects // 5)
    numbers = Numbers(20_000, projects, counts, listed, listed)
    made = report(numbers, among=among, platform=platform, days=days)
    assert problems(view.answer(made)) == []
    assert json.dumps(order(made), default=str)


def test_the_picture_gets_names_numbers_and_dates_alone() -> None:
    ordered = order(report())
    assert ordered["title"] == "top-1000"
    assert ordered["columns"] == ("3.13t", "3.14t", "3.15t")
    assert ordered["rows"][0] == ("linux-x86_64", [(0.76, "76%")] * 3)
    days, shares, derived = zip(*ordered["lines"][1], strict=True)
    assert list(days) == sorted(days)
    assert all(0 <= share <= 1 for share in shares)
    assert derived[0] is True
    assert derived[-1] is False
    assert ordered["lines"][0] == []
