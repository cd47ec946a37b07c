"""A short form of scripts/kill_test.py."""

from pathlib import Path

import pytest

from bot import app
from tests.e2e.exactly_once import Experiment

pytestmark = [
    # The loopback server stores things on requests under plain names.
    pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey"),
    pytest.mark.skipif(
        "bot.announce.delivery" not in Path(app.__file__).read_text("utf-8"),
        reason="the jobs are not put together yet",
    ),
]


async def test_each_release_is_announced_once_however_often_the_process_dies(
    tmp_path: Path,
) -> None:
    report = await Experiment(tmp_path, releases=12, kills=6, seed=1, say=print).run()
    assert report.kills == 6
    assert len(report.published) == 12
    assert report.lost == set()
    assert report.repeated == {}
    assert report.unsettled == 0
