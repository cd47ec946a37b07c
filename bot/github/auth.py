"""With which credentials ftbot comes to GitHub: none, a token, or a GitHub App.

An App signs a short-lived JWT with its private key, and buys with it tokens of its installations.
Source: GitHub's documentation, "Generating a JSON Web Token (JWT) for a GitHub App".
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from bot.errors import SettingsError
from bot.settings import Settings

if TYPE_CHECKING:  # 8 MB, which only an App needs
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

JWT_SECONDS = 540
"""GitHub takes at most ten minutes."""
JWT_BACKDATED = 60
"""Clocks differ; GitHub's advice."""

_KEY_LIMIT = 65_536
_VARIABLE = "FTBOT_GITHUB_APP_KEY_FILE"
_DOWNLOAD = "Download a private key from the App's settings on GitHub, and name that .pem file."


@dataclass(frozen=True, slots=True)
class Token:
    """A person's token (classic or fine-grained), or any that was made elsewhere."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class App:
    """A GitHub App. `id` may also be its client id."""

    id: str
    key: "RSAPrivateKey" = field(repr=False)

    def jwt(self, now: float) -> str:
        """Sign the App's proof of being itself, at `now` (UTC seconds)."""
        import jwt  # noqa: PLC0415 - see TYPE_CHECKING above

        issued = int(now) - JWT_BACKDATED
        claims = {"iat": issued, "exp": issued + JWT_SECONDS, "iss": self.id}
        return jwt.encode(claims, self.key, algorithm="RS256")


Credentials: TypeAlias = Token | App


def credentials(settings: Settings) -> Credentials | None:
    """Give the credentials that are set, None without any.

    Raises SettingsError if the App's key cannot be used.
    """
    if settings.github_token:
        return Token(settings.github_token.get_secret_value())
    if settings.github_app_id is not None and settings.github_app_key_file is not None:
        return App(str(settings.github_app_id), _read_key(settings.github_app_key_file))
    return None


def _read_key(path: Path) -> "RSAPrivateKey":
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - see above
    from cryptography.hazmat.primitives.asymmetric.rsa import (  # noqa: PLC0415 - see above
        RSAPrivateKey,
    )
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - see above
        load_pem_private_key,
    )

    try:
        with path.open("rb") as file:
            text = file.read(_KEY_LIMIT + 1)
    except OSError as error:
        raise SettingsError(
            f"{_VARIABLE}: {path} cannot be read: {error.strerror or error}.", _DOWNLOAD
        ) from error
    if len(text) > _KEY_LIMIT:
        raise SettingsError(f"{_VARIABLE}: {path} is too large to be a key.", _DOWNLOAD)
    try:
        key = load_pem_private_key(text, password=None)
    except TypeError as error:  # so it says that there is a password
        raise SettingsError(
            f"{_VARIABLE}: the key in {path} is encrypted.", "Name a key without a password."
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SettingsError(
            f"{_VARIABLE}: {path} holds no private key (PEM).", _DOWNLOAD
        ) from error
    if not isinstance(key, RSAPrivateKey):
        raise SettingsError(f"{_VARIABLE}: the key in {path} is no RSA key.", _DOWNLOAD)
    return key
