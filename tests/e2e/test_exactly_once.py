"""A short form of scripts/kill_test.py."""

from pathlib import Path

import pytest

from tests.e2e.exactly_once import Experiment

# The loopback server stores things on requests under plain names.
pytestmark = pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")


async def test_each_release_is_announced_once_however_often_the_process_dies(
    tmp_path: Path,
) -> None:
    report = await Experiment(tmp_path, releases=12, kills=6, seed=1, say=print).run()
    assert report.kills == 6
    assert len(report.published) == 12
    assert report.lost == set()
    assert report.repeated == {}
    assert report.unsettled == 0
