import pytest
from discord import app_commands
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import IndexUnavailable, ProjectNotFound, UserError
from bot.ui import errors
from tests.ui.reading import parts, problems, text


def test_failure_says_what_and_how_to_mend_it() -> None:
    shown = errors.failure(IndexUnavailable("The index is down.", "Try again in a minute."))
    assert text(shown) == "**The index is down.**\nTry again in a minute."


def test_unknown_project_has_a_button_for_each_name() -> None:
    shown = errors.failure(ProjectNotFound("nunpy", ("numpy", "numba")))
    assert "no project named nunpy" in text(shown)
    buttons = [(button["label"], button["custom_id"]) for button in parts(shown, 2)]
    assert buttons == [("numpy", "1check:numpy"), ("numba", "1check:numba")]


def test_names_too_long_for_a_button_are_left_out() -> None:
    shown = errors.failure(ProjectNotFound("x", ("y" * 101, "z")))
    assert [button["label"] for button in parts(shown, 2)] == ["z"]


def test_without_any_button_the_hint_says_it() -> None:
    shown = errors.failure(ProjectNotFound("x", ()))
    assert text(shown).endswith("Check the spelling.")


@given(st.text(), st.text(), st.lists(st.text(max_size=200), max_size=30))
def test_no_text_breaks_a_failure(said: str, hint: str, names: list[str]) -> None:
    assert problems(errors.failure(UserError(said * 50, hint * 50))) == []
    assert problems(errors.failure(ProjectNotFound(said * 50, tuple(names)))) == []


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            app_commands.CommandOnCooldown(app_commands.Cooldown(1, 10), 4.2),
            "Try again in 5 seconds.",
        ),
        (app_commands.MissingPermissions(["manage_guild"]), "It needs manage guild."),
        (app_commands.BotMissingPermissions(["embed_links"]), "It needs embed links."),
        (app_commands.NoPrivateMessage(), "This works in servers only."),
        (app_commands.CommandNotFound("old", []), "run it again"),
        (app_commands.CheckFailure("internal"), "You may not do that here."),
        (UserError("Wrong.", "Do right."), "Wrong. Do right."),
    ],
)
def test_what_people_can_mend_is_explained(error: Exception, said: str) -> None:
    explained = errors.explain(error)
    assert explained is not None
    assert said in str(explained)
    assert "internal" not in str(explained)


def test_mistakes_are_not_explained_but_named() -> None:
    assert errors.explain(RuntimeError("secret")) is None
    assert "`1234abcd`" in text(errors.mistake("1234abcd"))


def test_outdated_says_what_to_do() -> None:
    assert "Run `/check` again." in text(errors.outdated())
