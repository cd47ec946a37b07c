"""A package index on loopback with made-up wheels, and pip asked what it would install from it."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

from bot.audit.environment import environment
from bot.audit.requirements.store import RequirementStore
from bot.audit.resolver.service import Resolver
from bot.compat.model import Target
from bot.compat.targets import interpreter, wheel_tags
from bot.db import Database
from bot.http import DOCUMENT_THREADS, http_client
from bot.index.service import CachedIndex
from bot.index.store import ProjectStore
from bot.pypi.client import SIMPLE_JSON, IndexClient

TARGET = Target("3.14t", "linux-x86_64")
PURE = "py3-none-any"


@dataclass(frozen=True)
class Made:
    """A release: its requirements, and the tags of its wheels; `sdist` makes one besides."""

    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    python: str | None = None
    yanked: bool = False
    tags: tuple[str, ...] = (PURE,)
    sdist: bool = False
    described: bool = True
    """The page offers the core metadata of its wheels."""

    def metadata(self, name: str, version: str) -> bytes:
        lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Python: {self.python}"] if self.python else []
        lines += [f"Provides-Extra: {extra}" for extra in self.extras]
        lines += [f"Requires-Dist: {text}" for text in self.requires]
        return "\n".join([*lines, "", "Made up."]).encode()


Projects = Mapping[str, Mapping[str, Made]]


@dataclass
class PackageIndex:
    """The documents of an index, by path, and which of them were asked for."""

    documents: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    busiest: int = 0
    """How many were asked for at once."""
    url: str = ""

    def publish(self, projects: Projects) -> None:
        for name, releases in projects.items():
            files = [
                entry
                for version, made in releases.items()
                for entry in self._files(name, version, made)
            ]
            page = {"meta": {"api-version": "1.4"}, "name": name, "files": files}
            self.documents[f"/simple/{name}/"] = SIMPLE_JSON, json.dumps(page).encode()
            for version, made in releases.items():
                kinds = [*("bdist_wheel" for _ in made.tags), *(["sdist"] if made.sdist else [])]
                told = list(made.requires) if made.tags and made.requires else None
                info = {"name": name, "requires_dist": told, "requires_python": made.python}
                document = {"info": info, "urls": [{"packagetype": kind} for kind in kinds]}
                path = f"/pypi/{name}/{version}/json"
                self.documents[path] = "application/json", json.dumps(document).encode()

    def _files(self, name: str, version: str, made: Made) -> Iterator[dict[str, object]]:
        metadata = made.metadata(name, version)
        stem = f"{name.replace('-', '_')}-{version}"
        bodies = {f"{stem}-{tag}.whl": wheel(stem, tag, metadata) for tag in made.tags}
        if made.sdist:
            bodies[f"{stem}.tar.gz"] = sdist(stem, metadata)
        for filename, body in bodies.items():
            self.documents[f"/files/{filename}"] = "application/octet-stream", body
            entry: dict[str, object] = {
                "filename": filename,
                "url": f"../../files/{filename}",
                "hashes": {"sha256": hashlib.sha256(body).hexdigest()},
                "requires-python": made.python,
                "yanked": made.yanked,
            }
            if made.described and filename.endswith(".whl"):
                self.documents[f"/files/{filename}.metadata"] = "text/plain", metadata
                entry["core-metadata"] = {"sha256": hashlib.sha256(metadata).hexdigest()}
            yield entry


def wheel(stem: str, tag: str, metadata: bytes) -> bytes:
    """An installable wheel with nothing in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{stem}.dist-info/METADATA", metadata)
        archive.writestr(
            f"{stem}.dist-info/WHEEL",
            f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
        )
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    return buffer.getvalue()


BACKEND = """
import pathlib
def prepare_metadata_for_build_wheel(folder, settings=None):
    info = pathlib.Path(folder, {stem!r} + ".dist-info")
    info.mkdir()
    info.joinpath("METADATA").write_bytes({metadata!r})
    return info.name
def build_wheel(*_):
    raise NotImplementedError
"""


def sdist(stem: str, metadata: bytes) -> bytes:
    """A source distribution that builds its metadata with nothing but itself."""
    members = {
        "pyproject.toml": b'[build-system]\nrequires = []\nbuild-backend = "made"\n'
        b'backend-path = ["."]\n',
        "made.py": BACKEND.format(stem=stem, metadata=metadata).encode(),
        "PKG-INFO": metadata,
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for member, body in members.items():
            info = tarfile.TarInfo(f"{stem}/{member}")
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


def layered(width: int, depth: int) -> Projects:
    """Projects in layers: each requires some of the next one."""
    return {
        f"p{layer}-{place}": {
            version: Made(
                tuple(f"p{layer + 1}-{(place + step) % width}" for step in range(3))
                if layer + 1 < depth
                else ()
            )
            for version in ("1.0", "2.0")
        }
        for layer in range(depth)
        for place in range(width)
    }


@contextmanager
def served(projects: Projects, *, delay: float = 0) -> Iterator[PackageIndex]:
    """Serve an index on 127.0.0.1 that takes its time for each answer."""
    index = PackageIndex()
    busy: set[object] = set()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            path = unquote(self.path)
            index.requests.append(path)
            index.asked.set()
            busy.add(self)
            index.busiest = max(index.busiest, len(busy))
            time.sleep(delay)
            busy.discard(self)
            kind, body = index.documents.get(path, ("text/plain", b""))
            self.send_response(200 if path in index.documents else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            with suppress(ConnectionError):  # whoever asked may have given up
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        index.url = f"http://127.0.0.1:{server.server_port}"
        index.publish(projects)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield index
        finally:
            server.shutdown()
            thread.join()


@asynccontextmanager
async def resolver(index: PackageIndex, folder: Path, **more: object) -> AsyncIterator[Resolver]:
    """A resolver with its own cache over an index."""
    async with Database.open(folder / "ftbot.sqlite3") as database, http_client(index.url) as http:
        client = IndexClient(http)
        cached = CachedIndex(
            client,
            ProjectStore(database),
            DOCUMENT_THREADS,
            fresh=timedelta(hours=1),
            read_metadata=lambda _: "{}",
        )
        yield Resolver(cached, RequirementStore(database), client, **more)  # type: ignore[arg-type]
        await cached.close()


PIP = """
import json, sys
from pip._internal.cli import cmdoptions
from pip._internal.cli.main import main
from pip._vendor.packaging import markers

given = json.loads(sys.stdin.read())
# Pip judges markers for the Python that runs it, and refuses source distributions for others.
markers.default_environment = lambda: dict(given["environment"])
cmdoptions.check_dist_restriction = lambda *_, **__: None
for number, arguments in enumerate(given["sets"]):
    code = main(given["common"] + ["--report", f"{given['folder']}/{number}.json"] + arguments)
"""


def pip_picks(
    index: PackageIndex, sets: Sequence[Sequence[str]], target: Target, folder: Path
) -> list[dict[str, str] | None]:
    """What pip would install for each set of arguments: versions by name, None if nothing."""
    python = interpreter(target.python).version
    common = ["install", "--dry-run", "--quiet", "--quiet", "--quiet", "--ignore-installed"]
    common += ["--isolated", "--no-cache-dir", "--disable-pip-version-check", "--no-input"]
    common += ["--target", str(folder / "x"), "--index-url", f"{index.url}/simple/"]
    common += ["--implementation", "cp", "--python-version", str(python), "--retries", "0"]
    common += ["--abi", f"cp{python.major}{python.minor}t"]
    for platform in dict.fromkeys(tag.platform for tag in wheel_tags(target)):
        common += ["--platform", platform] if platform != "any" else []
    given = {
        "environment": {**environment(target), "extra": ""},
        "common": common,
        "folder": str(folder),
        "sets": sets,
    }
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PIP],
        input=json.dumps(given).encode(),
        capture_output=True,
        check=True,
        timeout=300,
    )
    picks: list[dict[str, str] | None] = []
    for number in range(len(sets)):
        report = folder / f"{number}.json"
        if not report.exists():
            picks.append(None)
            continue
        installs = json.loads(report.read_bytes())["install"]
        picks.append({e["metadata"]["name"]: e["metadata"]["version"] for e in installs})
    return picks
