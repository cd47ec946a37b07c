"""The loopback server of GitHub's API, for tests that have it at hand, and an App's key."""

import importlib.util
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, TypeAlias

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bot.github.auth import App
from tests.conftest import SHARED

PROGRAM = SHARED / "tools/github_loopback.py"
APP_ID = "1204733"

Loopback: TypeAlias = Any
"""The server's module is loaded by path, so it comes without types."""


@cache
def module() -> Loopback:
    """Load the server; skips the test where it is not at hand."""
    if not PROGRAM.exists():
        pytest.skip(f"the loopback server of GitHub is not at {PROGRAM}")
    spec = importlib.util.spec_from_file_location("github_loopback", PROGRAM)
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    sys.modules["github_loopback"] = loaded  # its dataclasses look themselves up there
    spec.loader.exec_module(loaded)
    return loaded


@asynccontextmanager
async def serving(**options: Any) -> AsyncIterator[Loopback]:  # noqa: ANN401 - the server's
    """Run the server; `options` are LoopbackGitHub's."""
    server = module().LoopbackGitHub(**options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@cache
def key() -> rsa.RSAPrivateKey:
    """Make an App's private key: one for all tests, since that takes a while."""
    return rsa.generate_private_key(65537, 2048)


def pem() -> bytes:
    """Give the key as GitHub's settings give it to download."""
    form = PrivateFormat.TraditionalOpenSSL
    return key().private_bytes(Encoding.PEM, form, NoEncryption())


def app() -> App:
    return App(APP_ID, key())
