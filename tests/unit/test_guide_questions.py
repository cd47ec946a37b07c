"""Whether people find what they look for, and what ftbot points to is there."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import data
from bot.audit.model import Class
from bot.compat.model import Verdict
from bot.guide.edition import Edition
from bot.guide.mkdocs import read_index
from bot.guide.model import Section
from bot.guide.rules import Helps
from bot.guide.service import HELPS, SHIPPED, read_sections
from bot.reports.model import Kind
from bot.settings import Settings
from tests.unit.guide_questions import HELD_OUT, LATER, QUESTIONS, Questions
from tests.unit.test_guide_mkdocs import REAL, needs_guide

ROOT = Path(__file__).resolve().parents[2]
URL = Settings.model_fields["guide_url"].default
OWN = read_sections(data.read(SHIPPED))
POINTERS = data.read_json(HELPS, Helps).pointers
GROUPS = {"verdicts": Verdict, "kinds": Kind, "classes": Class}


@pytest.fixture(
    scope="module", params=["shipped", pytest.param("real", marks=needs_guide)], ids=str
)
def sections(request: pytest.FixtureRequest) -> tuple[Section, ...]:
    return OWN if request.param == "shipped" else read_index(REAL.read_bytes())


@pytest.fixture
def guide(sections: tuple[Section, ...]) -> Iterator[Edition]:
    edition = Edition(sections, OWN, data.read_json(HELPS, Helps), URL)
    yield edition
    edition.close()


def missed(guide: Edition, questions: Questions) -> list[str]:
    """The questions that none of the first three hits answers."""
    base = URL.removesuffix("search/search_index.json")
    return [
        question
        for question, answers in questions
        if not {hit.url for hit in guide.search(question, 3)} & {base + each for each in answers}
    ]


@pytest.mark.parametrize(
    ("questions", "most"), [(QUESTIONS, 5), (LATER, 6), (HELD_OUT, 3)], ids=["30", "38", "15"]
)
def test_the_right_section_is_among_the_first_three(
    guide: Edition, questions: Questions, most: int
) -> None:
    assert len(missed(guide, questions)) <= most, missed(guide, questions)


@pytest.mark.parametrize(
    ("questions", "most"), [(QUESTIONS, 2), (LATER, 6), (HELD_OUT, 3)], ids=["30", "38", "15"]
)
def test_it_is_found_with_a_typing_error_too(
    guide: Edition, questions: Questions, most: int
) -> None:
    slipped = tuple((slip(question), answers) for question, answers in questions)
    assert len(missed(guide, slipped)) <= most, missed(guide, slipped)


def slip(question: str) -> str:
    """Swap the two letters in the middle of the longest word."""
    word = max(question.split(), key=len)
    at = len(word) // 2
    return question.replace(word, f"{word[: at - 1]}{word[at]}{word[at - 1]}{word[at + 1 :]}")


def test_there_are_as_many_questions_as_it_says() -> None:
    assert [len(each) for each in (QUESTIONS, LATER, HELD_OUT)] == [30, 38, 15]
    assert len({question for question, _ in (*QUESTIONS, *LATER, *HELD_OUT)}) == 83


def test_every_answer_is_in_the_guide(sections: tuple[Section, ...]) -> None:
    there = {section.location for section in sections}
    assert {each for _, answers in (*QUESTIONS, *LATER, *HELD_OUT) for each in answers} <= there


def test_pointers_are_of_verdicts_kinds_and_classes() -> None:
    assert POINTERS.keys() == GROUPS.keys()
    for group, names in GROUPS.items():
        assert POINTERS[group].keys() <= {str(each) for each in names}
    every = [str(each) for names in GROUPS.values() for each in names]
    assert len(set(every)) == len(every)  # so that a name alone tells which is meant


@pytest.mark.parametrize("key", [key for group in POINTERS.values() for key in group], ids=str)
def test_every_pointer_leads_to_a_section(
    guide: Edition, sections: tuple[Section, ...], key: str
) -> None:
    location = next(group[key] for group in POINTERS.values() if key in group)
    (section,) = [each for each in sections if each.location == location]
    pointer = guide.pointer(key)
    assert pointer
    assert pointer.title == section.title
    assert pointer.url == URL.removesuffix("search/search_index.json") + location


def test_enumeration_members_are_keys_themselves(guide: Edition) -> None:
    assert guide.pointer(Kind.GIL_REENABLED)
    assert guide.pointer(Verdict.SDIST)
    assert guide.pointer(Class.BLOCKED)
    assert guide.pointer(Verdict.WHEEL) is None


def test_what_ships_describes_each_section_in_a_sentence() -> None:
    for section in OWN:
        assert 10 < len(section.gist) <= 160, section.location
        assert section.gist.endswith(".")
        assert section.gist.isprintable()
        assert len(section.text.split()) <= 40


@needs_guide
def test_what_ships_holds_no_prose_of_the_guide() -> None:
    real = {each.location: each.text for each in read_index(REAL.read_bytes())}
    for section in OWN:
        words = section.text.split()
        assert words == sorted(set(words))
        assert section.gist not in real[section.location]
        for start in range(len(spoken := section.gist.split()) - 6):
            assert " ".join(spoken[start : start + 7]) not in real[section.location]


@needs_guide
def test_the_script_makes_what_ships(tmp_path: Path) -> None:
    made, shipped = tmp_path / "made.json", ROOT / "data" / SHIPPED
    arguments = [str(REAL), "--gists", str(shipped), "--output", str(made)]
    script = ROOT / "scripts" / "derive_guide.py"
    told = subprocess.run([sys.executable, script, *arguments], check=True, capture_output=True)
    assert made.read_bytes() == shipped.read_bytes()
    assert told.stdout.count(b"\n") == 1  # no section lacks its sentence
