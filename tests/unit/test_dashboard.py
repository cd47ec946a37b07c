"""The dashboard and the alerts as files: whole, and of what Prometheus and Grafana take."""

import itertools
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
BOARD: dict[str, Any] = json.loads((DEPLOY / "grafana.json").read_text("utf-8"))
TEXT = json.dumps(BOARD)
PANELS: list[dict[str, Any]] = BOARD["panels"]
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
NAMES = [rule["alert"] for rule in RULES]
DOCUMENT = (DEPLOY / "README.md").read_text("utf-8")


def test_the_data_source_is_chosen_by_who_imports_it() -> None:
    variables = {each["name"]: each for each in BOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    sources = set(re.findall(r'"datasource": \{"type": "(\w+)", "uid": "([^"]*)"\}', TEXT))
    assert sources == {("prometheus", "${datasource}")}
    assert TEXT.count('"datasource":') == TEXT.count('"uid": "${datasource}"')


def test_every_panel_asks_something_and_stands_alone() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
        columns = range(place["x"], place["x"] + place["w"])
        cells = set(itertools.product(columns, range(place["y"], place["y"] + place["h"])))
        assert not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["type"] in {"stat", "timeseries"}  # which every Grafana has
            assert panel["fieldConfig"]["defaults"]["unit"]
            references = [target["refId"] for target in panel["targets"]]
            assert len(set(references)) == len(references) > 0
            assert all('instance=~"$instance"' in target["expr"] for target in panel["targets"])


def test_variables_that_are_used_exist() -> None:
    known = {variable["name"] for variable in BOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", TEXT))
    assert used <= known | {"__rate_interval", "__all"}


def test_every_alert_says_what_to_do() -> None:
    assert len(set(NAMES)) == len(NAMES) > 0
    for rule in RULES:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"].endswith((".", "000."))
        assert rule["annotations"]["action"].endswith(".")


def test_every_alert_is_described_and_tried_both_ways() -> None:
    assert re.findall(r"^\| `(Ftbot\w+)` \|", DOCUMENT, re.MULTILINE) == NAMES
    tests = yaml.safe_load((DEPLOY / "alerts_test.yml").read_text("utf-8"))["tests"]
    tried = [each for test in tests for each in test["alert_rule_test"]]
    assert {each["alertname"] for each in tried if each.get("exp_alerts")} == set(NAMES)
    assert {each["alertname"] for each in tried if not each.get("exp_alerts")} == set(NAMES)


@pytest.mark.parametrize(
    "arguments", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")]
)
def test_prometheus_takes_the_rules(arguments: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool, which comes with Prometheus, is not installed")
    done = subprocess.run(
        [promtool, *arguments], cwd=DEPLOY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
