"""The image, the compose file and the systemd unit agree with each other and with ftbot."""

import configparser
import json
import re
from pathlib import Path
from typing import Any

import yaml

from bot.errors import UserError
from bot.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICE = COMPOSE["services"]["ftbot"]
HTTP = Settings.model_fields["http"].default


SCRIPT = (ROOT / "deploy/ftbot.sh").read_text("utf-8")


def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # systemd's names have capitals
    parser.read(ROOT / "deploy/ftbot.service", "utf-8")
    return parser


def test_the_data_of_the_image_is_kept_in_the_volume() -> None:
    (folder,) = re.findall(r"FTBOT_DATA_DIR=(\S+)", DOCKERFILE)
    (volume,) = SERVICE["volumes"]
    name, _, inside = volume.partition(":")
    assert (inside, name in COMPOSE["volumes"]) == (folder, True)
    assert f"VOLUME {folder}" in DOCKERFILE


def test_health_is_asked_where_the_image_serves_it() -> None:
    (address,) = re.findall(r"FTBOT_HTTP=(\S+)", DOCKERFILE)
    assert address == f"0.0.0.0:{HTTP.port}"
    (own,) = re.findall(r"HEALTHCHECK [^\[]*(\[[^\]]*\])", DOCKERFILE)
    assert ["CMD", *json.loads(own)] == SERVICE["healthcheck"]["test"]
    assert f"127.0.0.1:{HTTP.port}/healthz" in own
    assert SERVICE["ports"] == [f"127.0.0.1:{HTTP.port}:{HTTP.port}"]


def test_a_container_can_do_no_more_than_it_needs() -> None:
    assert SERVICE["read_only"] is True
    assert SERVICE["cap_drop"] == ["ALL"]
    assert "USER ftbot" in DOCKERFILE


def test_both_wait_for_the_end_and_start_again() -> None:
    assert int(SERVICE["stop_grace_period"].removesuffix("s")) >= 5
    assert SERVICE["restart"] == "unless-stopped"
    service = unit()["Service"]
    assert int(service["TimeoutStopSec"]) >= 5
    assert service["Restart"] == "always"
    assert int(service["RestartPreventExitStatus"]) == UserError.exit_code


def test_the_unit_keeps_its_data_where_it_may_write() -> None:
    service = unit()["Service"]
    assert service["Environment"] == f"FTBOT_DATA_DIR=/var/lib/{service['StateDirectory']}"
    assert service["ExecStart"].endswith("/ftbot run")


def test_commands_beside_the_unit_run_as_it_does() -> None:
    service = unit()["Service"]
    properties = dict(re.findall(r"--property=(\w+)=(\S+)", SCRIPT))
    who_and_where = {"DynamicUser", "User", "StateDirectory", "WorkingDirectory", "UMask"}
    assert properties.keys() == who_and_where | {"EnvironmentFile", "Environment"}
    assert properties.items() <= service.items()
    assert SCRIPT.endswith(f'{service["ExecStart"].removesuffix(" run")} "$@"\n')
