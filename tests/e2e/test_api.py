"""What other programs get over HTTP: whole files, single projects and badges."""

import gzip
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from bot.api import routes
from bot.check.model import Answer
from bot.check.public import NotYet
from bot.compat.model import Target
from bot.compat.targets import ALL_TARGETS, PYTHONS
from bot.errors import ProjectNotFound, UserError
from bot.progress.files import replaced_both
from bot.settings import HttpAddress
from bot.web import serving
from tests.ui.answers import answer, support

TABLE = b'{"projects":[' + b'{"project":"numpy"},' * 2000 + b"{}]}\n"
JSON = "application/json"


class Checks:
    """Knows numpy, and not yet grpcio."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Sequence[Target]]] = []
        self.guessed: list[str] = []

    async def answer(self, project: str, targets: Sequence[Target] = ALL_TARGETS) -> Answer:
        self.asked.append((project, targets))
        if project == "grpcio":
            raise NotYet("grpcio was not read from the index yet.", "Try again in a minute.")
        if len(project) > 100 or not project.isascii():
            raise UserError("That is no name of a project.")
        if project not in {"numpy", "ruamel.yaml"}:
            raise ProjectNotFound(project, ("numpy",) if project == "was-there" else ())
        return answer(*(support(target) for target in targets), project=project)

    async def suggestions(self, name: str) -> tuple[str, ...]:
        self.guessed.append(name)
        return ("numpy", "numba")


@dataclass
class Got:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.body)


@dataclass
class Server:
    address: str
    folder: Path
    checks: Checks

    async def get(self, path: str, *, method: str = "GET", **headers: str) -> Got:
        """Ask as a program does; what comes compressed stays so."""
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,  # noqa: TID251 - the test is the other side
            session.request(
                method,
                f"{self.address}{path}",
                headers={
                    "Accept-Encoding": "identity",
                    **{name.replace("_", "-"): value for name, value in headers.items()},
                },
            ) as response,
        ):
            got = Got(response.status, response.headers.copy(), await response.read())
        outside = not response.url.path.startswith("/api/v1/")  # after what `..` leads to
        assert outside or got.headers["Access-Control-Allow-Origin"] == "*"
        return got


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    checks, folder = Checks(), tmp_path / "progress"
    async with serving(
        HttpAddress("127.0.0.1", 0),
        statuses=tuple,
        missing=_nothing,
        registry=CollectorRegistry(),
        routes=routes(checks, folder),
    ) as bound:
        yield Server(f"http://{bound}/api/v1", folder, checks)


async def _nothing() -> Sequence[str]:
    return ()


@pytest.mark.parametrize("name", ["projects.json", "progress.json"])
async def test_files_come_plain_compressed_or_not_at_all(server: Server, name: str) -> None:
    missing = await server.get(f"/{name}")
    assert missing.status == 503
    assert int(missing.headers["Retry-After"]) > 0
    assert "not judged yet" in missing.document["error"]

    replaced_both(server.folder / name, TABLE)
    plain = await server.get(f"/{name}")
    assert (plain.status, plain.body) == (200, TABLE)
    assert plain.headers["Content-Type"].startswith(JSON)
    assert plain.headers["Cache-Control"] == "public, max-age=3600"
    assert plain.headers["Vary"] == "Accept-Encoding"
    assert "Content-Encoding" not in plain.headers

    packed = await server.get(f"/{name}", Accept_Encoding="gzip, br")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Content-Type"].startswith(JSON)
    assert packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed.body) == TABLE
    assert len(packed.body) < len(TABLE) / 50

    for each in (plain, packed):
        encoding = "gzip" if each is packed else "identity"
        again = await server.get(
            f"/{name}", If_None_Match=each.headers["ETag"], Accept_Encoding=encoding
        )
        assert (again.status, again.body) == (304, b"")
    replaced_both(server.folder / name, b"{}")
    changed = await server.get(f"/{name}", If_None_Match=plain.headers["ETag"])
    assert (changed.status, changed.body) == (200, b"{}")


async def test_only_get_and_head(server: Server) -> None:
    replaced_both(server.folder / "projects.json", TABLE)
    head = await server.get("/projects.json", method="HEAD")
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(TABLE)))
    for path in ("/projects.json", "/progress.json", "/projects/x.json", "/badge/x.json"):
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"):
            got = await server.get(path, method=method)
            assert (got.status, got.headers["Content-Type"]) == (405, JSON)
            assert got.headers["Allow"] == "GET, HEAD"
            assert got.document == {"error": "Only GET and HEAD are possible here."}
    assert server.checks.asked == []


@pytest.mark.parametrize(
    "path", ["", "/", "/projects", "/projects/", "/projects/numpy", "/x/%F0%9F%98%80?a=b#c"]
)
async def test_other_addresses_lead_nowhere_in_json(server: Server, path: str) -> None:
    for method in ("GET", "HEAD", "POST", "OPTIONS"):
        got = await server.get(path, method=method)
        assert (got.status, got.headers["Content-Type"]) == (404, JSON)
        said = {"error": "There is nothing at this address."}
        assert got.body == b"" if method == "HEAD" else got.document == said


async def test_a_project_in_the_shape_of_the_command_line(server: Server) -> None:
    got = await server.get("/projects/numpy.json")
    assert got.status == 200
    document = got.document
    assert document["project"] == "numpy"
    assert len(document["support"]) == len(ALL_TARGETS)
    assert document["support"][0].keys() == {
        "python", "platform", "verdict", "installs", "newest_wheel", "first_wheel", "gil",
    }  # fmt: skip
    again = await server.get("/projects/numpy.json", If_None_Match=got.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    packed = await server.get("/projects/numpy.json", Accept_Encoding="gzip")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["ETag"] == got.headers["ETag"]
    assert json.loads(gzip.decompress(packed.body)) == document


async def test_names_with_dots(server: Server) -> None:
    got = await server.get("/projects/ruamel.yaml.json")
    assert got.document["project"] == "ruamel.yaml"


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [
        ("nunpy", 404, '"not-found"'),
        ("grpcio", 503, "not read from the index yet"),
        ("x" * 200, 400, "no name of a project"),
        ("%F0%9F%98%80", 400, "no name of a project"),
    ],
)
async def test_projects_without_an_answer(
    server: Server, name: str, status: int, said: str
) -> None:
    got = await server.get(f"/projects/{name}.json")
    assert got.status == status
    assert said in got.body.decode()


@pytest.mark.parametrize(
    ("name", "meant", "guessed"),
    [("nunpy", ["numpy", "numba"], ["nunpy"]), ("was-there", ["numpy"], [])],
)
async def test_a_misspelt_project_comes_with_those_perhaps_meant(
    server: Server, name: str, meant: list[str], guessed: list[str]
) -> None:
    got = await server.get(f"/projects/{name}.json")
    assert got.document == {"project": name, "status": "not-found", "suggestions": meant}
    assert server.checks.guessed == guessed
    await server.get(f"/badge/{name}.json")
    assert server.checks.guessed == guessed  # a badge has no room for them


async def test_paths_cannot_leave_the_folder(server: Server) -> None:
    for path in ("/projects/..%2Fsecret.json", "/../projects.json.new", "/projects/%2e%2e.json"):
        assert (await server.get(path)).status in (400, 404)


async def test_badges(server: Server) -> None:
    got = await server.get("/badge/numpy.json")
    assert (got.status, got.headers["Content-Type"]) == (200, JSON)
    assert got.document == {
        "schemaVersion": 1,
        "label": "3.14t",
        "message": "wheel",
        "color": "brightgreen",
        "cacheSeconds": 3600,
    }
    assert {target.python for target in server.checks.asked[-1][1]} == {"3.14t"}
    narrow = await server.get("/badge/numpy.json?python=3.13t&platform=windows-arm64")
    assert narrow.document["label"] == "3.13t windows-arm64"
    assert server.checks.asked[-1][1] == [Target("3.13t", "windows-arm64")]


@pytest.mark.parametrize(
    ("path", "label", "message"),
    [
        ("nunpy.json", "3.14t", "not found"),
        ("grpcio.json", "3.14t", "unknown"),
        (f"{'x' * 200}.json", "3.14t", "not found"),
        ("numpy.json?python=2.7", "Python", "unknown: python"),
        ("numpy.json?platform=amiga", "3.14t", "unknown: platform"),
        (f"numpy.json?python={'9' * 2000}", "Python", "unknown: python"),
        ("numpy.json?platform=manylinux_2_39_x86_64", "3.14t", "unknown: platform"),
    ],
)
async def test_badges_of_nothing_are_grey_and_no_failure(
    server: Server, path: str, label: str, message: str
) -> None:
    got = await server.get(f"/badge/{path}")
    assert got.status == 200
    assert (got.document["label"], got.document["message"]) == (label, message)
    assert got.document["color"] == "lightgrey"


async def test_what_may_be_asked_for_is_bounded(server: Server) -> None:
    for python in (*PYTHONS, "3.99t", "x"):
        for platform in ("", "linux-x86_64", "linux_x86_64", "win32"):
            await server.get(f"/badge/numpy.json?python={python}&platform={platform}")
    judged = {target for _, targets in server.checks.asked for target in targets}
    assert judged <= set(ALL_TARGETS)
