"""Credentials: what is read from the settings, and what an App signs."""

import subprocess
import sys
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pydantic import SecretStr

from bot.errors import SettingsError
from bot.github.auth import App, Token, credentials
from bot.logs import MASK, Redaction
from bot.settings import Settings
from tests.e2e.github_loopback import APP_ID, app, key, pem

PKCS8 = PrivateFormat.PKCS8


def settings(path: Path) -> Settings:
    return Settings(github_app_id=int(APP_ID), github_app_key_file=path)


def test_none_are_set() -> None:
    assert credentials(Settings()) is None


def test_a_token() -> None:
    found = credentials(Settings(github_token=SecretStr("ghp_secret")))
    assert found == Token("ghp_secret")
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    "text",
    [pem(), key().private_bytes(Encoding.PEM, PKCS8, NoEncryption())],
    ids=["PKCS1", "PKCS8"],
)
def test_an_app_signs_with_its_key(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "app.pem"
    path.write_bytes(text)
    found = credentials(settings(path))
    assert isinstance(found, App)
    assert repr(found) == f"App(id='{APP_ID}')"
    claims = jwt.decode(
        found.jwt(1_795_000_000.9),
        key().public_key(),
        algorithms=["RS256"],
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims == {"iss": APP_ID, "iat": 1_794_999_940, "exp": 1_795_000_480}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "holds no private key"),
        (b"\0" * 70_000, "too large"),
        (pem()[:400], "holds no private key"),
        (
            b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
            "no private key",
        ),
        (
            key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "holds no private key",
        ),
        (key().private_bytes(Encoding.PEM, PKCS8, BestAvailableEncryption(b"x")), "is encrypted"),
        (
            ec.generate_private_key(ec.SECP256R1()).private_bytes(
                Encoding.PEM, PKCS8, NoEncryption()
            ),
            "is no RSA key",
        ),
    ],
    ids=["empty", "large", "cut", "broken", "public", "encrypted", "elliptic"],
)
def test_a_file_that_is_no_key(tmp_path: Path, text: bytes, said: str) -> None:
    path = tmp_path / "app.pem"
    path.write_bytes(text)
    with pytest.raises(SettingsError, match=said) as caught:
        credentials(settings(path))
    assert "FTBOT_GITHUB_APP_KEY_FILE" in caught.value.text
    assert caught.value.hint


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.pem", tmp_path):
        with pytest.raises(SettingsError, match=r"FTBOT_GITHUB_APP_KEY_FILE: .* cannot be read"):
            credentials(settings(path))


def test_what_only_an_app_needs_is_not_loaded_without_one() -> None:
    program = """
import sys
import bot.github.client
from bot.github.auth import credentials
from bot.settings import load
credentials(load({"FTBOT_GITHUB_TOKEN": "ghp_x"}))
print(sorted({"jwt", "cryptography", "gidgethub.apps"} & set(sys.modules)))
"""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


LONG = "ghs_1204733_" + ".".join(("eyJhbGciOiJSUzI1NiJ9", "a" * 300, "b_-" * 100))


@pytest.mark.parametrize(
    "secret",
    [LONG, app().jwt(0), "ghp_" + "a" * 36, "github_pat_" + "A1_" * 27, "gho_" + "b" * 36],
    ids=["installation", "JWT", "classic", "fine-grained", "OAuth"],
)
def test_what_is_made_while_running_does_not_reach_the_log(secret: str) -> None:
    for text in ("authorization: bearer {}", '{{"token": "{}"}}', "token={}&x", "{}"):
        shown = Redaction()(text.format(secret))
        assert shown == text.format(MASK)


@pytest.mark.parametrize(
    "text", ["he laughs_and_cries_without_end", "eyJ.eyJ.x", "ghs_short", "1.2.3", "a" * 100_000]
)
def test_what_is_no_token_stays(text: str) -> None:
    assert Redaction()(text) == text


def test_hostile_text_is_looked_through_in_no_time() -> None:
    for text in ("eyJ" * 400_000, "eyJaaaaaaaa." * 100_000, "ghs_" * 300_000, "-eyJ" * 300_000):
        assert len(Redaction()(text)) <= len(text)
