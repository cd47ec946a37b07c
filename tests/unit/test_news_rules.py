"""What counts as news, by tables of cases and by random histories of a project."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.announce.model import Content, Held, News, Novelty, Topic, Wheel
from bot.announce.news.rules import (
    CAME_LATER,
    REMOVED,
    YANKED,
    Fact,
    Findings,
    Page,
    Subject,
    examine,
    novelty,
    read,
    utc_text,
)
from bot.compat.rules import QUARANTINED
from bot.pypi.wire import PageFile
from bot.xray.model import ModuleVerdict
from tests.unit.pages import condensed

FOO = Subject("foo", "Foo", rank=7, upstream_issue="https://example.org/1")
DAY = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
LINUX, WINDOWS, MAC = "manylinux_2_28_x86_64", "win_amd64", "macosx_11_0_arm64"
GIL = "cp314-cp314-win_amd64"


def t314(platform: str = WINDOWS) -> str:
    return f"cp314-cp314t-{platform}"


def t315(platform: str = WINDOWS) -> str:
    return f"cp315-cp315t-{platform}"


@dataclass
class Story:
    """A project whose files come and go, a second after the other, and who looks at its page."""

    files: dict[str, PageFile] = field(default_factory=dict)
    facts: dict[tuple[str, str, bool], Fact] = field(default_factory=dict)
    news: list[News] = field(default_factory=list)
    moment: float = DAY
    since: float | None = None
    requires_python: str | None = None
    timed: bool = True

    def upload(self, version: str, *wheels: str) -> "Story":
        for wheel in wheels:
            self._happen()
            name = f"foo-{version}.tar.gz" if wheel == "sdist" else f"foo-{version}-{wheel}.whl"
            time = utc_text(self.moment) + ".5Z" if self.timed else None
            self.files[name] = PageFile(name, self.requires_python, upload_time=time)
        return self

    def remove(self, *starts: str) -> "Story":
        self._happen()
        self.files = {
            name: file
            for name, file in self.files.items()
            if not name.startswith(tuple(f"foo-{start}" for start in starts))
        }
        return self

    def yank(self, version: str, *, yanked: bool = True) -> "Story":
        self._happen()
        for name, file in self.files.items():
            if name.startswith((f"foo-{version}-", f"foo-{version}.tar")):
                self.files[name] = replace(file, yanked=yanked)
        return self

    def look(
        self, *, ripe: bool = True, status: str = "active", before: "Story | None" = None
    ) -> Findings:
        """Examine the page as the service does, and keep what it finds."""
        since = self.moment + 1 if self.since is None else self.since
        earlier = condensed(*before.files.values()) if before else None
        page = read(condensed(*self.files.values()), status, since, earlier)
        return self.examine(page, ripe=ripe)

    def examine(self, page: Page, *, ripe: bool = True) -> Findings:
        found = examine(page, FOO, self.facts.values(), self.news, ripe=ripe)
        for fact in found.facts:
            self.facts[fact.python, fact.platform, fact.prerelease] = fact
        for edit in found.edits:
            place = self.news.index(edit.before)
            self.news[place] = News(edit.before.id, edit.before.revision + 1, edit.content)
        for piece in found.pieces:
            self.news.append(News(len(self.news), 1, piece.content))
        if not found.looming:
            self.since = None
        return found

    def told(self, topic: Topic, version: str) -> Content:
        (found,) = (
            each.content
            for each in self.news
            if (each.content.topic, each.content.version) == (topic, version)
        )
        return found

    def _happen(self) -> None:
        self.moment += 1
        if self.since is None:
            self.since = self.moment


def contents(found: Findings) -> list[Content]:
    return [piece.content for piece in found.pieces]


def summary(found: Findings) -> list[tuple[str, str, str, str]]:
    """What was told, in short: topic, version, novelty, new or lost targets."""
    return [
        (each.topic, each.version, each.novelty, short(each.new or each.lost))
        for each in contents(found)
    ]


def short(held: Sequence[Held]) -> str:
    return " ".join(f"{each.python}/{each.platform}{'*' * each.abi3t}" for each in held)


@pytest.mark.parametrize(
    ("new", "known", "expected"),
    [
        ([], [], Novelty.NOTHING),
        ([], [("3.14t", "a")], Novelty.NOTHING),
        ([("3.14t", "a")], [], Novelty.FIRST),
        ([("3.14t", "a"), ("3.15t", "a")], [], Novelty.FIRST),
        ([("3.15t", "a")], [("3.14t", "a")], Novelty.PYTHON),
        ([("3.15t", "a"), ("3.14t", "b")], [("3.14t", "a")], Novelty.PYTHON),
        ([("3.14t", "b")], [("3.14t", "a")], Novelty.PLATFORM),
        ([("3.14t", "b")], [("3.14t", "a"), ("3.15t", "b")], Novelty.PLATFORM),
    ],
)
def test_the_greatest_novelty_names_the_news(
    new: list[tuple[str, str]], known: list[tuple[str, str]], expected: Novelty
) -> None:
    assert novelty(new, known) is expected


@pytest.mark.parametrize(
    ("older", "newer", "expected"),
    [
        pytest.param([], ["sdist", GIL], [], id="nothing for free threading"),
        pytest.param(
            ["sdist"], [t314()], [("gain", "2.0", "first", "3.14t/windows-amd64")], id="first ever"
        ),
        pytest.param(
            [t314()],
            [t314(), t315()],
            [("gain", "2.0", "python", "3.15t/windows-amd64")],
            id="another interpreter",
        ),
        pytest.param(
            [t314()],
            [t314(), "cp315-abi3.abi3t-win_amd64"],
            [("gain", "2.0", "python", "3.15t/windows-amd64*")],
            id="another interpreter by the stable ABI",
        ),
        pytest.param(
            [t314()],
            [t314(), t314(LINUX)],
            [("gain", "2.0", "platform", "3.14t/linux-x86_64")],
            id="another platform",
        ),
        pytest.param([t314()], [t314()], [("gain", "2.0", "nothing", "")], id="just a release"),
        pytest.param(
            [],
            ["cp314-abi3.abi3t-win_amd64"],
            [("gain", "2.0", "first", "3.14t/windows-amd64* 3.15t/windows-amd64*")],
            id="one wheel, two interpreters",
        ),
        pytest.param(
            [],
            ["cp315-abi3.abi3t-win_amd64", t315()],
            [("gain", "2.0", "first", "3.15t/windows-amd64")],
            id="a wheel of this very version is preferred",
        ),
        pytest.param([], ["cp315t-abi3t-win_amd64", "cp314-cp314td-win_amd64"], [], id="malformed"),
        pytest.param([], ["py3-none-any", "py3-none-win_amd64"], [], id="no free-threaded ABI"),
        pytest.param([], ["cp314-cp314t-linux_armv7l"], [], id="a platform that is not followed"),
    ],
)
def test_news_of_a_release(
    older: list[str], newer: list[str], expected: list[tuple[str, str, str, str]]
) -> None:
    story = Story().upload("1.0", *older)
    story.since = None  # met for the first time when 2.0 comes
    assert summary(story.upload("2.0", *newer).look()) == expected


def test_the_whole_content() -> None:
    story = Story().upload("1.0", t314())
    story.since = None
    (content,) = contents(story.upload("2.0rc1", "sdist", t314(LINUX), t314(), t315()).look())
    assert content == Content(
        project="foo",
        name="Foo",
        version="2.0rc1",
        topic=Topic.GAIN,
        novelty=Novelty.PYTHON,
        held=(
            Held("3.14t", "linux-x86_64"),
            Held("3.14t", "windows-amd64"),
            Held("3.15t", "windows-amd64"),
        ),
        new=(Held("3.14t", "linux-x86_64"), Held("3.15t", "windows-amd64")),
        uploaded="2026-06-01T00:00:03.5Z",
        prerelease=True,
        rank=7,
        wheels=3,
        upstream_issue="https://example.org/1",
        wheel=Wheel("foo-2.0rc1-cp314-cp314t-manylinux_2_28_x86_64.whl", "3.14t", "linux-x86_64"),
    )


@pytest.mark.parametrize(
    ("older", "wheels", "chosen"),
    [
        ([], [t314(), t314(MAC)], None),
        ([], [GIL, t314("manylinux_2_28_aarch64"), t314()], "3.14t linux-aarch64"),
        ([], [t314("musllinux_1_2_x86_64"), t314(LINUX)], "3.14t linux-x86_64"),
        ([], [t314("musllinux_1_2_x86_64")], "3.14t musl-x86_64"),
        ([], [t315(LINUX), t314(LINUX)], "3.15t linux-x86_64"),
        ([t315(LINUX)], [t315(LINUX), t314(LINUX)], "3.14t linux-x86_64"),
        ([t314(LINUX)], [t314(LINUX), t314("musllinux_1_2_x86_64")], "3.14t musl-x86_64"),
        ([t314(LINUX)], [t314(LINUX), t314()], "3.14t linux-x86_64"),
        ([], ["cp315-abi3.abi3t-" + LINUX, t315(LINUX)], "3.15t linux-x86_64"),
    ],
)
def test_the_wheel_for_linux_is_told_more_of_that_is_new_and_for_the_newest_python(
    older: list[str], wheels: list[str], chosen: str | None
) -> None:
    story = Story().upload("1.0", *older)
    story.look()
    (content,) = contents(story.upload("2.0", *wheels).look())
    wheel = content.wheel
    assert (f"{wheel.python} {wheel.platform}" if wheel else None) == chosen
    assert wheel is None or wheel.file in story.files
    assert wheel is None or "abi3" not in wheel.file


def test_what_a_wheel_declares_stays_until_it_is_gone() -> None:
    story = Story().upload("1.0", t314(LINUX))
    story.look()
    read = replace(
        _told_of(story), verdict=ModuleVerdict.RE_ENABLES, modules=2, turning_on=1, names=("a",)
    )
    story.news[0] = News(0, 2, replace(story.news[0].content, wheel=read))
    story.upload("1.0", t315(LINUX), t314()).look()
    assert _told_of(story) == read
    (piece,) = story.yank("1.0").look().pieces
    assert piece.content.topic is Topic.WITHDRAWAL
    assert piece.content.wheel is None
    story.yank("1.0", yanked=False).look()
    assert _told_of(story) == read
    story.remove("1.0-cp314-cp314t-manylinux").look()
    assert _told_of(story).verdict is None
    assert _told_of(story).python == "3.15t"


def test_old_news_gets_no_wheel_until_another_one_comes() -> None:
    story = Story().upload("1.0", t314(LINUX))
    story.look()
    story.news[0] = News(0, 1, replace(story.news[0].content, wheel=None))
    story.upload("2.0", "sdist")
    assert story.look().edits == ()
    story.upload("1.0", t314()).look()
    assert _told_of(story).platform == "linux-x86_64"


def _told_of(story: Story) -> Wheel:
    wheel = story.told(Topic.GAIN, "1.0").wheel
    assert wheel
    return wheel


def test_what_was_there_before_is_known_without_a_word() -> None:
    story = Story().upload("1.0.1", t314()).upload("1.0", t314()).upload("1.1b1", t315())
    story.since = None
    found = story.upload("1.1", t314()).look()
    assert summary(found) == [("gain", "1.1", "nothing", "")]
    assert {(each.python, each.prerelease, each.version) for each in found.facts} == {
        ("3.14t", False, "1.0"),
        ("3.15t", True, "1.1b1"),
    }


def test_a_final_is_news_even_after_its_pre_release_but_not_the_other_way_round() -> None:
    story = Story()
    assert summary(story.upload("1.0b1", t314()).look())[0][2] == "first"
    assert summary(story.upload("1.0b2", t314()).look())[0][2] == "nothing"
    assert summary(story.upload("1.0", t314()).look())[0][2] == "first"
    assert summary(story.upload("1.1b1", t314()).look())[0][2] == "nothing"
    assert summary(story.upload("1.1", t314()).look())[0][2] == "nothing"


def test_releases_found_together_are_told_in_the_order_in_which_they_came() -> None:
    story = Story().upload("2.0", t314()).upload("1.9.1", t314(), t314(LINUX))
    story.upload("2.1", t314(), t315())
    assert summary(story.look()) == [
        ("gain", "2.0", "first", "3.14t/windows-amd64"),
        ("gain", "1.9.1", "platform", "3.14t/linux-x86_64"),
        ("gain", "2.1", "python", "3.15t/windows-amd64"),
    ]


def test_wheels_that_come_later_change_what_was_told() -> None:
    story = Story().upload("1.0", t314())
    story.look()
    story.upload("1.1", t314())
    assert summary(story.look()) == [("gain", "1.1", "nothing", "")]
    found = story.upload("1.1", t314(LINUX)).look()
    (edit,) = found.edits
    assert not found.pieces
    assert (edit.content.novelty, short(edit.content.new)) == ("platform", "3.14t/linux-x86_64")
    assert (edit.wider, edit.content.wheels) == (True, 2)  # those who want new support are told
    (edit,) = story.upload("1.1", t315()).look().edits
    assert edit.content.novelty is Novelty.PYTHON
    first = edit.content.uploaded
    (edit,) = story.upload("1.1", t315(LINUX)).remove("1.1-cp314-cp314t-win").look().edits
    assert (edit.content.uploaded, edit.wider) == (first, False)
    (edit,) = story.upload("1.1", t314()).remove("1.1-cp315").look().edits
    assert short(edit.content.held) == "3.14t/linux-x86_64 3.14t/windows-amd64"
    assert short(edit.content.new) == "3.14t/linux-x86_64"


def test_a_release_that_requires_another_python_supports_nothing() -> None:
    story = Story(requires_python=">=3.15").upload("1.0", t314(), t315())
    assert summary(story.look()) == [("gain", "1.0", "first", "3.15t/windows-amd64")]


def test_yanked_before_it_was_examined_is_no_news() -> None:
    assert not Story().upload("1.0", t314()).yank("1.0").look().pieces


def test_withdrawn_and_back_again() -> None:
    story = Story()
    story.upload("1.0", t314()).look()
    found = story.yank("1.0").look()
    (piece,) = found.pieces
    (edit,) = found.edits
    assert (piece.content.topic, piece.content.withdrawn) == (Topic.WITHDRAWAL, YANKED)
    assert piece.wanted.topic is Topic.GAIN  # those hear of it who heard of the gain
    assert (edit.content.topic, edit.content.withdrawn) == (Topic.GAIN, YANKED)

    found = story.yank("1.0", yanked=False).look()
    assert not found.pieces
    assert {(each.content.topic, each.content.withdrawn) for each in found.edits} == {
        (Topic.GAIN, None),
        (Topic.WITHDRAWAL, None),
    }

    found = story.remove("1.0").look()
    assert not found.pieces
    assert {each.content.withdrawn for each in found.edits} == {REMOVED}
    assert not story.look().edits


@pytest.mark.parametrize(
    ("page", "reason"), [(Page(REMOVED), REMOVED), (Page(QUARANTINED), QUARANTINED)]
)
def test_a_project_that_is_gone_withdraws_all_its_releases(page: Page, reason: str) -> None:
    story = Story()
    story.upload("1.0", t314()).look()
    story.upload("1.1", t314(), t315()).look()
    found = story.examine(page)
    assert [(each.topic, each.version, each.withdrawn) for each in contents(found)] == [
        (Topic.WITHDRAWAL, "1.0", reason),
        (Topic.WITHDRAWAL, "1.1", reason),
    ]
    assert [each.content.withdrawn for each in found.edits] == [reason, reason]
    assert not story.examine(page).edits
    assert {each.content.withdrawn for each in story.look().edits} == {None}


def test_a_release_whose_only_such_wheels_are_removed_is_withdrawn() -> None:
    story = Story()
    story.upload("1.0", GIL, t314()).look()
    (piece,) = story.remove("1.0-cp314-cp314t").look().pieces
    assert (piece.content.topic, piece.content.withdrawn) == (Topic.WITHDRAWAL, REMOVED)


@pytest.mark.parametrize(
    ("older", "newest", "lost"),
    [
        pytest.param([t314(), t315()], [t315(), GIL], "3.14t/windows-amd64", id="an interpreter"),
        pytest.param(
            [t314(), t315(), t315(LINUX)],
            [t315()],
            "3.14t/windows-amd64 3.15t/linux-x86_64",
            id="an interpreter, and a platform along with it",
        ),
        pytest.param(
            [t314(), t315()],
            ["py315-none-win_amd64", GIL],
            "3.14t/windows-amd64",
            id="an interpreter, and another one needs no such wheel any more",
        ),
        pytest.param([t314(), t314(LINUX)], [t314()], None, id="a platform alone"),
        pytest.param([t314()], [t314()], None, id="nothing"),
        pytest.param([t314()], ["py3-none-any"], None, id="pure now"),
        pytest.param([t314()], ["py3-none-any", GIL], "3.14t/windows-amd64", id="slow fallback"),
        pytest.param([t314()], ["sdist"], "3.14t/windows-amd64", id="source only"),
        pytest.param([GIL], ["sdist"], None, id="never had any"),
    ],
)
def test_losses(older: list[str], newest: list[str], lost: str | None) -> None:
    story = Story().upload("1.0", "sdist", *older)
    story.look()
    story.upload("2.0", *newest)
    found = story.look(ripe=False)
    assert found.looming is bool(lost)
    assert not [each for each in contents(found) if each.topic is Topic.LOSS]
    found = story.look()
    assert not found.looming
    losses = [each for each in contents(found) if each.topic is Topic.LOSS]
    assert [(short(each.lost), each.before) for each in losses] == ([(lost, "1.0")] if lost else [])


@pytest.mark.parametrize(
    ("version", "requires_python"),
    [
        pytest.param("2.0b1", None, id="a pre-release loses nothing"),
        pytest.param("0.9.1", None, id="nor does an older branch"),
        pytest.param("2.0", ">=3.15", id="nor one that is not for that interpreter"),
    ],
)
def test_no_losses(version: str, requires_python: str | None) -> None:
    story = Story().upload("1.0", t314())
    story.look()
    story.requires_python = requires_python
    found = story.upload(version, "sdist", GIL).look()
    assert not found.pieces


def test_a_release_that_is_not_for_an_interpreter_has_not_lost_it() -> None:
    story = Story().upload("1.0", t314())
    story.look()
    story.upload("1.1", "sdist")
    story.requires_python = ">=3.15"
    assert not story.upload("2.0", "sdist", GIL).look().pieces


def test_a_loss_is_measured_against_the_last_final_release() -> None:
    story = Story().upload("1.0", t314()).upload("1.1b1", t314())
    story.look()
    (piece,) = story.upload("1.1", GIL).upload("1.2b1", t314()).look().pieces[:1]
    story.look()
    assert (story.told(Topic.LOSS, "1.1").before, piece.content.version) == ("1.0", "1.2b1")


def test_a_release_is_told_to_have_lost_something_once() -> None:
    story = Story().upload("1.0", t314(), t315())
    story.look()
    story.upload("1.1", t315(), GIL)
    since = story.since
    assert summary(story.look())[-1] == ("loss", "1.1", "nothing", "3.14t/windows-amd64")
    story.remove("1.1-cp315")
    story.since = since  # a change that came while the loss was told
    assert [each[0] for each in summary(story.look())] == ["withdrawal"]


def test_a_platform_that_goes_after_its_interpreter_did_is_no_news() -> None:
    story = Story().upload("1.0", t314(), t315(), t315(LINUX))
    story.look()
    assert len(summary(story.upload("1.1", t315(), t315(LINUX)).look())) == 2
    story.upload("1.2", t314(), t315(), t315(LINUX)).look()
    assert [each[0] for each in summary(story.upload("1.3", t315()).look())] == ["gain"]


def test_a_loss_of_long_ago_is_no_news() -> None:
    story = Story().upload("1.0", t314(), t315()).upload("2.0", "sdist", t315())
    story.since = None
    assert summary(story.upload("1.0.1", t314(), t315()).look()) == [
        ("gain", "1.0.1", "nothing", "")
    ]


def test_a_flip_back_and_forth_is_told_once() -> None:
    story = Story()
    assert summary(story.upload("1.0", t314()).look())[0][2] == "first"
    assert summary(story.upload("1.1", GIL).look())[0][0] == "loss"
    assert summary(story.upload("1.2", t314()).look()) == [("gain", "1.2", "nothing", "")]
    assert not story.upload("1.3", GIL).look().pieces
    assert {each.lost_in for each in story.facts.values()} == {"1.1"}


def test_a_loss_is_put_right_when_its_wheels_come_after_all() -> None:
    story = Story()
    story.upload("1.0", t314(), t314(LINUX), t315(), t315(LINUX)).look()
    story.upload("1.1", GIL).look()
    (piece,) = story.upload("1.1", t314()).look().pieces
    assert short(piece.content.held) == "3.14t/windows-amd64"
    loss = story.told(Topic.LOSS, "1.1")
    assert short(loss.lost) == "3.14t/linux-x86_64 3.15t/linux-x86_64 3.15t/windows-amd64"
    assert loss.withdrawn is None
    story.upload("1.1", t315()).look()
    assert story.told(Topic.LOSS, "1.1").withdrawn == CAME_LATER
    assert not story.look().edits


def test_a_loss_is_put_right_when_its_release_is_yanked() -> None:
    story = Story()
    story.upload("1.0", t314()).look()
    story.upload("1.1", GIL).look()
    assert not story.yank("1.1").look().pieces
    assert story.told(Topic.LOSS, "1.1").withdrawn == YANKED
    story.yank("1.1", yanked=False).look()
    assert story.told(Topic.LOSS, "1.1").withdrawn is None


def test_without_times_the_page_before_tells_what_is_new() -> None:
    story = Story(timed=False).upload("1.0", t314())
    before = Story(timed=False, files=dict(story.files))
    assert not story.look().pieces  # nothing to compare with
    assert not story.look(before=before).pieces
    found = story.upload("1.0", t314(LINUX)).upload("1.1", t314()).look(before=before)
    assert summary(found) == [
        ("gain", "1.0", "platform", "3.14t/linux-x86_64"),
        ("gain", "1.1", "nothing", ""),
    ]


def test_times_sort_as_text() -> None:
    moment = utc_text(DAY + 0.9)
    assert moment == "2026-06-01T00:00:00"
    assert "2026-05-31T23:59:59.999999Z" < moment < "2026-06-01T00:00:00.000001Z"
    assert moment < "2026-06-01T00:00:00Z"


VERSIONS = ("1.0", "1.1", "2.0b1", "2.0", "2.1")
WHEELS = (t314(), t314(LINUX), t315(), "cp315-abi3.abi3t-win_amd64", t315(MAC), GIL, "sdist")
EVENTS = st.one_of(
    st.tuples(st.just("upload"), st.sampled_from(VERSIONS), st.sampled_from(WHEELS)),
    st.tuples(st.just("remove"), st.sampled_from(VERSIONS), st.sampled_from(("-cp314", "", "-"))),
    st.tuples(st.sampled_from(("yank", "unyank")), st.sampled_from(VERSIONS), st.just("")),
    st.tuples(st.just("look"), st.just(""), st.sampled_from(("ripe", ""))),
)


def play(story: Story, event: tuple[str, str, str]) -> Findings | None:
    kind, version, detail = event
    if kind == "upload":
        story.upload(version, detail)
    elif kind == "remove":
        story.remove(version + detail)
    elif kind == "look":
        return story.look(ripe=bool(detail))
    else:
        story.yank(version, yanked=kind == "yank")
    return None


@dataclass
class Listener:
    """Notes what was told, and that none of it was told before."""

    told: set[tuple[Topic, str]] = field(default_factory=set)
    gained: dict[tuple[bool, str, str], str] = field(default_factory=dict)
    lost: set[tuple[str, str]] = field(default_factory=set)

    def hear(self, found: Findings) -> None:
        for each in contents(found):
            assert (each.topic, each.version) not in self.told
            self.told.add((each.topic, each.version))
            if each.topic is Topic.LOSS:
                pairs = {(held.python, held.platform) for held in each.lost}
                assert pairs - self.lost
                self.lost |= pairs
        for each in (*contents(found), *(edit.content for edit in found.edits)):
            assert set(each.new) <= set(each.held)
            for held in each.new if each.topic is Topic.GAIN else ():
                fact = each.prerelease, held.python, held.platform
                assert self.gained.setdefault(fact, each.version) == each.version


@given(st.lists(EVENTS, max_size=40))
def test_random_histories_tell_each_gain_and_each_loss_once(
    events: list[tuple[str, str, str]],
) -> None:
    story, listener = Story(), Listener()
    for event in [*events, ("look", "", "ripe")]:
        found = play(story, event)
        if found:
            listener.hear(found)
            again = story.look(ripe=event[2] == "ripe")
            assert (again.pieces, again.edits, again.facts) == ((), (), ())
    page = read(condensed(*story.files.values()), "active", story.moment)
    for release in page.releases.values():
        facts = {(*pair, release.prerelease) for pair in release.held}
        assert facts <= story.facts.keys()
        assert not facts or (Topic.GAIN, release.version) in listener.told
    for content in (news.content for news in story.news if news.content.topic is Topic.GAIN):
        shown = page.releases.get(content.version)
        held = sorted(shown.held.values()) if shown else []
        assert (content.withdrawn is None) is bool(held)
        assert content.withdrawn or list(content.held) == held


@given(
    st.sets(st.sampled_from(WHEELS), min_size=1).flatmap(
        lambda each: st.permutations(sorted(each))
    ),
    st.lists(st.booleans(), min_size=len(WHEELS), max_size=len(WHEELS)),
    st.sampled_from(([], [t314()], [t314(), t315(LINUX)])),
)
def test_the_order_in_which_wheels_come_does_not_matter(
    wheels: list[str], looks: list[bool], older: list[str]
) -> None:
    def told(order: list[str], looks: list[bool]) -> list[Content]:
        story = Story().upload("1.0", *older)
        story.look()
        for wheel, look in zip(order, looks, strict=False):
            story.upload("1.1", wheel)
            if look:
                story.look(ripe=False)
        story.look(ripe=False)
        return [
            replace(each.content, uploaded=None)
            for each in story.news
            if each.content.version == "1.1"
        ]

    assert told(wheels, looks) == told(sorted(wheels), [False] * len(wheels))
