"""A short form of scripts/file_kill_test.py."""

from pathlib import Path

import pytest

from tests.e2e.filed_once import Experiment


@pytest.mark.slow
async def test_each_report_is_filed_once_however_often_the_process_dies(tmp_path: Path) -> None:
    report = await Experiment(tmp_path, reports=12, kills=8, seed=1, say=print).run()
    assert report.kills == 8
    assert len(report.enqueued) == 12
    assert report.lost == set()
    assert report.repeated == {}
    assert report.wrong == []
