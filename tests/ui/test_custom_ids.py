import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ui import custom_ids


@given(st.lists(st.text(), max_size=5))
def test_round_trip(fields: list[str]) -> None:
    custom_id = custom_ids.build("kind", *fields)
    if custom_id is not None:
        assert 1 <= len(custom_id) <= custom_ids.LIMIT
        assert custom_ids.template("kind", len(fields)).fullmatch(custom_id)
        assert custom_ids.fields(custom_id) == tuple(fields)


@given(st.lists(st.text("abcz09-_.~", max_size=10), max_size=8))
def test_plain_fields_always_fit(fields: list[str]) -> None:
    assert custom_ids.build("kind", *fields) is not None


@pytest.mark.parametrize("field", ["x" * 95, "é" * 40, "\ud800"])
def test_what_does_not_fit_gives_none(field: str) -> None:
    assert custom_ids.build("check", field) is None


@pytest.mark.parametrize(
    ("custom_id", "claimed"),
    [
        ("1check:numpy", True),
        ("1check:", True),
        ("1check", False),
        ("1check:numpy:3.14t", False),
        ("2check:numpy", False),
        ("1details:numpy", False),
        ("1check:num py", False),
    ],
)
def test_a_template_claims_its_kind_alone(custom_id: str, *, claimed: bool) -> None:
    found = custom_ids.template(custom_ids.CHECK, 1).fullmatch(custom_id)
    assert (found is not None) is claimed
