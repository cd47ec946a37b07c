"""GitHub: whether the credentials are good, and what they allow in each repository."""

from collections.abc import Awaitable, Callable
from functools import partial

from bot.doctor.model import Check, Finding, Findings, State
from bot.errors import SettingsError
from bot.github.auth import App, Credentials, credentials
from bot.github.client import GitHub
from bot.github.errors import Forbidden
from bot.http import Client
from bot.settings import Settings

_NAME = "GitHub"


def github_checks(settings: Settings, http: Client) -> tuple[Check, ...]:
    """Return what to ask GitHub for, through its client."""
    repositories = tuple(dict.fromkeys((settings.github_repo, *settings.github_repos)))
    try:
        account = credentials(settings)
    except SettingsError as error:
        return (Check(_NAME, _found(Finding(_NAME, State.FAILED, error.text, error.hint))),)
    if account is None:
        text = "There are no credentials, so filing is off; triage works all the same."
        return (Check(_NAME, _found(Finding(_NAME, State.SKIPPED, text))),)
    github = GitHub(http, account, home=settings.github_repo)
    return (
        Check(_NAME, partial(_account, github, account)),
        *(
            Check(f"{_NAME} {each}", partial(_repository, github, account, each))
            for each in repositories
        ),
    )


def _found(finding: Finding) -> Callable[[], Awaitable[Findings]]:
    async def known() -> Findings:
        return (finding,)

    return known


async def _account(github: GitHub, account: Credentials) -> Findings:
    try:
        login = await github.login()
    except Forbidden as error:
        return (Finding(_NAME, State.FAILED, error.text, error.hint),)
    kind = "the App" if isinstance(account, App) else "the token"
    if login:
        return (Finding(_NAME, State.OK, f"{kind} is accepted, issues are written by {login}"),)
    return (Finding(_NAME, State.OK, f"{kind} is accepted"),)


async def _repository(github: GitHub, account: Credentials, repository: str) -> Findings:
    """Find out if issues can be read and written there."""
    name = f"{_NAME} {repository}"
    try:
        access = await github.access(repository)
    except Forbidden as error:
        return (Finding(name, State.FAILED, error.text, error.hint),)
    if not access.may_read:
        text = f"GitHub shows ftbot no repository {repository}."
        mend = "Check its name in FTBOT_GITHUB_REPO or FTBOT_GITHUB_REPOS, and let ftbot read it."
        return (Finding(name, State.FAILED, text, mend),)
    if not access.has_issues:
        text = f"{repository} takes no issues."
        return (Finding(name, State.FAILED, text, "Turn them on in the repository's settings."),)
    if not access.may_write:
        text = f"ftbot may not write issues in {repository}."
        return (Finding(name, State.FAILED, text, _grant(account, repository)),)
    return (Finding(name, State.OK, "issues can be read and written"),)


def _grant(account: Credentials, repository: str) -> str:
    if isinstance(account, App):
        return f"Install the App on {repository} with the permission Issues: read and write."
    return (
        f"Let the token's owner triage or write in {repository}, and give the token the"
        " permission Issues: read and write there."
    )
