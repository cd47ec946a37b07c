"""Which key opens which repository: a token, or tokens of an App's installations."""

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.github import wire
from bot.github.api import ANONYMOUS, Answer, Api, Key
from bot.github.auth import App, Credentials, Token
from bot.github.errors import Forbidden, Missing
from bot.language import phrase

log = logging.getLogger(__name__)

MARGIN: Final = 60.0
"""Seconds before its end from which on a token is not used any more."""
NOT_INSTALLED_SECONDS: Final = 600.0
"""For how long it is believed that the App is not installed somewhere, when only reading."""

_BY_ID = re.compile(r".*/repositories/([0-9]{1,18})/installation")


@dataclass(frozen=True, slots=True)
class Grant:
    """A key to one repository, until `expires` (UTC seconds). `slug` is the App's name."""

    key: Key
    expires: float
    may_write: bool
    slug: str = ""


class Keys:
    """Gives the key for a repository, and buys it if need be.

    An App's token is for one repository and one permission, so that little is lost with it. Where
    the App is not installed, public repositories are read with the key of `home`: any token may
    read them, and it has more of GitHub's patience than no token at all.
    """

    def __init__(
        self, api: Api, credentials: Credentials | None, home: str, clock: Callable[[], float]
    ) -> None:
        self._api = api
        self._credentials = credentials
        self._home = home
        self._clock = clock
        self._grants: dict[str, Grant] = {}
        self._buying = asyncio.Lock()

    async def reading(self, repository: str) -> Key:
        """Give the best key to read with."""
        grant = await self._grant(repository, patient=True)
        if grant is None and self._home and repository.lower() != self._home.lower():
            grant = await self._grant(self._home, patient=True)
        return grant.key if grant else ANONYMOUS

    async def writing(self, repository: str) -> Key:
        """Give a key to write with. Raises `Forbidden` if there is none."""
        if self._credentials is None:
            raise Forbidden(
                phrase("ftbot has no credentials for GitHub."),
                phrase(
                    "Set FTBOT_GITHUB_TOKEN, or FTBOT_GITHUB_APP_ID and FTBOT_GITHUB_APP_KEY_FILE."
                ),
            )
        grant = await self._grant(repository)
        if grant is None:
            raise Forbidden(
                phrase(
                    "The GitHub App of ftbot is not installed in {repository}.",
                    repository=repository,
                ),
                phrase("Install it there with the permission Issues: read and write."),
            )
        if not grant.may_write:
            self.drop(repository)  # it may be granted at any time
            raise Forbidden(
                phrase(
                    "The GitHub App of ftbot may not write issues in {repository}.",
                    repository=repository,
                ),
                phrase("Give it the permission Issues: read and write."),
            )
        return grant.key

    async def may_write(self, repository: str) -> bool:
        """Tell whether the App was granted to write; of a token it cannot be known."""
        grant = await self._grant(repository)
        if grant and not grant.may_write:
            self.drop(repository)
        return grant is not None and grant.may_write

    async def slug(self) -> str:
        """Give the App's name, as it stands in its login."""
        grant = await self._grant(self._home, patient=True) if self._home else None
        named = (each.slug for each in (grant, *self._grants.values()) if each and each.slug)
        return next(named, "")

    def app(self) -> Key:
        """Give the App's own key. Raises `Forbidden` without an App."""
        if not isinstance(self._credentials, App):
            raise Forbidden("Only a GitHub App can ask this.", "Set FTBOT_GITHUB_APP_ID.")
        return Key("app", jwt=self._credentials.jwt(self._clock()))

    def drop(self, repository: str) -> None:
        """Forget the key of a repository, and that of `home`, which may have been used for it."""
        for name in (repository.lower(), self._home.lower()):
            self._grants.pop(name, None)

    async def _grant(self, repository: str, *, patient: bool = False) -> Grant | None:
        """Give what is granted for a repository, None where the App is not installed.

        `patient` says that this may have been true some minutes ago.
        """
        match self._credentials:
            case None:
                return None
            case Token(value):
                return Grant(Key("token", value), float("inf"), may_write=True)
        name = repository.lower()
        async with self._buying:
            kept = self._grants.get(name)
            if kept and kept.expires > self._clock() and (patient or kept.slug):
                return kept if kept.slug else None
            self._grants[name] = grant = await self._buy(repository)
        return grant if grant.slug else None

    async def _buy(self, repository: str) -> Grant:
        owner, _, name = repository.partition("/")
        where = {"owner": owner, "repo": name}
        address = "/repos/{owner}/{repo}/installation"
        try:
            answer = await self._api.call("GET", address, where, key=self.app())
        except Missing:
            log.info("The GitHub App is not installed in %s", repository)
            return Grant(ANONYMOUS, self._clock() + NOT_INSTALLED_SECONDS, may_write=False)
        installation = await answer.read(wire.Installation)
        level = installation.permissions.issues
        wanted = {"issues": level} if level in {"read", "write"} else {"metadata": "read"}
        bought = await self._api.call(
            "POST",
            "/app/installations/{id}/access_tokens",
            {"id": str(installation.id)},
            key=self.app(),
            data={**_only(name, answer), "permissions": wanted},
            harmless=True,
        )
        token = await bought.read(wire.InstallationToken)
        key = Key(f"installation {installation.id}", token.token, renewable=True)
        expires = wire.utc(token.expires_at).timestamp() - MARGIN
        return Grant(key, expires, level == "write", installation.app_slug or "app")


def _only(name: str, answer: Answer) -> dict[str, list[str] | list[int]]:
    """Name the one repository: by its id, if it was renamed and only the redirect knows it."""
    moved = _BY_ID.fullmatch(answer.response.url.path)
    return {"repository_ids": [int(moved[1])]} if moved else {"repositories": [name]}
