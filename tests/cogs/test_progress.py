"""/progress on a simulated Discord, with real counts and without drawing."""

from dataclasses import dataclass, field, replace

import pytest
import simcord

from bot.client import FtBot, Services
from bot.errors import ServiceError, UserError
from bot.progress.model import Among, Report
from tests.cogs.conftest import World
from tests.cogs.showing import SELECT, parts, texts
from tests.ui.progress import PNG, report

GALLERY = 12


@dataclass
class Progress:
    """Reports on whatever is asked for; raises `error` if that is set."""

    asked: list[tuple[Among, str, str]] = field(default_factory=list)
    picture: bytes | None = PNG
    error: Exception | None = None

    async def report(self, among: Among, python: str, platform: str) -> Report:
        self.asked.append((among, python, platform))
        if self.error:
            raise self.error
        return report(among=among, python=python, platform=platform, picture=self.picture)


@pytest.fixture
def progress() -> Progress:
    return Progress()


@pytest.fixture
async def simcord_bot(services: Services, progress: Progress) -> FtBot:
    return FtBot(replace(services, progress=progress), shard_count=1)


async def test_the_thousand_most_downloaded_on_linux(world: World, progress: Progress) -> None:
    result = await world.member.slash(world.channel, "progress")
    assert progress.asked == [(Among.TOP_1000, "3.14t", "linux-x86_64")]
    assert "## The 1000 most downloaded projects" in texts(result)
    assert not result.ephemeral
    assert result.response is not None
    assert [file.filename for file in result.response.attachments] == ["progress.png"]
    assert len(parts(result, GALLERY)) == 1


@pytest.mark.parametrize("among", Among)
async def test_other_projects_and_targets(world: World, progress: Progress, among: Among) -> None:
    await world.member.slash(
        world.channel, "progress", among=among, python="3.15t", platform="windows-arm64"
    )
    assert progress.asked == [(among, "3.15t", "windows-arm64")]


async def test_another_platform_and_interpreter_even_after_a_restart(
    world: World, progress: Progress
) -> None:
    result = await world.member.slash(world.channel, "progress", among="top-360")
    assert result.response is not None
    assert len(parts(result, SELECT)) == 2
    bot = FtBot(replace(world.services, progress=progress), shard_count=1)
    await world.env.restart_bot(bot)
    chosen = await world.member.select(result.response, ["macos-arm64"], custom_id=ids(result)[0])
    assert progress.asked[-1] == (Among.TOP_360, "3.14t", "macos-arm64")
    assert "macOS ARM64" in texts(chosen)
    assert chosen.response is not None
    assert chosen.response.id == result.response.id
    assert len(chosen.response.attachments) == 1
    again = await world.member.select(chosen.response, ["3.13t"], custom_id=ids(chosen)[1])
    assert progress.asked[-1] == (Among.TOP_360, "3.13t", "macos-arm64")
    assert "3.13t" in texts(again)


def ids(result: simcord.InteractionResult) -> list[str]:
    return [part["custom_id"] for part in parts(result, SELECT)]


async def test_without_a_picture_there_is_the_text(world: World, progress: Progress) -> None:
    progress.picture = None
    result = await world.member.slash(world.channel, "progress")
    assert "Linux x86-64: **76%" in texts(result)
    assert result.response is not None
    assert result.response.attachments == []


@pytest.mark.parametrize("error", [ServiceError("It took too long."), UserError("No such one.")])
async def test_a_failure_is_one_sentence(
    world: World, progress: Progress, error: UserError
) -> None:
    progress.error = error
    result = await world.member.slash(world.channel, "progress")
    simcord.assert_error(world.env, type(error))
    assert result.ephemeral
    assert error.text.rstrip(".") in texts(result)
