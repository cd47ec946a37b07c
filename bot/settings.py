"""The settings of ftbot, and the only place that reads the environment.

The field `log_level` is the environment variable `FTBOT_LOG_LEVEL`. A file `.env` in the working
directory may hold settings too; the environment wins. What a setting means stands once, in the
`description` of its field. No message shows a value, since it may be a secret in the wrong place.
"""

import difflib
import ipaddress
import os
import re
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from dotenv.parser import parse_stream
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from bot.errors import SettingsError

PREFIX = "FTBOT_"
HINT = "README.md has a table of all settings."

_DAY = 24 * 3600
_DOTENV_LIMIT = 1 << 20


class HttpAddress(NamedTuple):
    """Where the HTTP server listens; with port 0 the system chooses one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _web_address(text: str) -> str:
    """Accept an http or https address of host, port and path; other parts may hide a secret."""
    wanted = "it should be an address that begins with http:// or https://"
    if re.search(r"[\s\\\x00-\x1f\x7f]", text):
        raise ValueError(wanted)
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError as error:  # a port that is no number, a broken IPv6 address
        raise ValueError(wanted) from error
    if not usable:
        raise ValueError(wanted)
    if "@" in parts.netloc or "?" in text or "#" in text:
        raise ValueError("it should be an address without user name, query and fragment")
    return text.rstrip("/")


def _loopback_address(text: str) -> str:
    host = urlsplit(_web_address(text)).hostname or ""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise ValueError(
            "it should be a loopback address such as http://127.0.0.1:8080/api/v10, "
            "since the token is sent there"
        )
    return text.rstrip("/")


def _http_address(value: object) -> object:
    """Read `host:port`, or nothing: then there is no server."""
    if not isinstance(value, str):
        return value
    if not value:
        return None
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([\w.-]+)):([0-9]{1,5})", value, re.ASCII)
    if not match or int(match[3]) > 65535:
        raise ValueError("it should be host:port such as 127.0.0.1:8421, or empty for no server")
    return HttpAddress(match[1] or match[2], int(match[3]))


def _comma_separated(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _repository(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}", text):
        raise ValueError("it should be a GitHub repository, written owner/name")
    return text


def _switch(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value.lower() not in {"on", "off"}:
        raise ValueError("it should be on or off")
    return value.lower() == "on"


def _lower_case(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _credential(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[\x21-\x7e]+", secret.get_secret_value()):
        raise ValueError("it should be ASCII without blanks and line breaks")
    return secret


def _path(value: object) -> object:
    if value == "" or (isinstance(value, str) and "\0" in value):
        raise ValueError("it should be a path")
    try:
        return Path(value).expanduser() if isinstance(value, str) else value
    except RuntimeError as error:  # ~somebody who does not exist
        raise ValueError("it should be a path") from error


def _reserved(_: object) -> None:
    raise ValueError(
        "it is reserved for a server database, which this version cannot use; "
        f"leave it out, {PREFIX}DATA_DIR says where the SQLite file lives"
    )


Credential = Annotated[SecretStr, AfterValidator(_credential)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
LoopbackAddress = Annotated[str, AfterValidator(_loopback_address)]
Repository = Annotated[str, AfterValidator(_repository)]
FilePath = Annotated[Path, BeforeValidator(_path)]
Switch = Annotated[bool, BeforeValidator(_switch)]
Interval = Annotated[float, Field(gt=0, le=30 * _DAY, allow_inf_nan=False)]
Age = Annotated[float, Field(ge=0, le=30 * _DAY, allow_inf_nan=False)]


class Settings(BaseModel):
    """All that an operator can set. Times are seconds; addresses have no slash at the end."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    discord_token: Credential | None = Field(
        default=None, description="the bot's token; none: sandbox"
    )
    discord_api_url: LoopbackAddress | None = Field(
        default=None, description="another base of Discord's REST API, on this machine only"
    )
    data_dir: FilePath = Field(
        default=Path("var"), description="where the database and caches live"
    )
    backups: int = Field(
        default=7,
        ge=0,
        le=1_000,
        description="how many daily backups to keep in the data directory; 0 makes none",
    )
    database_url: Annotated[None, BeforeValidator(_reserved)] = Field(
        default=None,
        description="reserved for a server database; SQLite in the data directory is used",
    )
    pypi_url: WebAddress = Field(
        default="https://pypi.org",
        description="base of the index: /simple/, /pypi/<name>/json and XML-RPC at /pypi below it",
    )
    index_fresh: Age = Field(
        default=600, description="seconds for which a cached project counts as fresh"
    )
    fill: int = Field(
        default=15_000,
        ge=0,
        le=1_000_000,
        description="how many of the most downloaded projects to keep cached; 0 turns it off",
    )
    changes: Annotated[Literal["auto", "journal", "serials"], BeforeValidator(_lower_case)] = Field(
        default="auto",
        description="how changes of the index are found: the journal, a diff of serials, or the "
        "journal and serials while it fails",
    )
    changes_interval: Interval = Field(
        default=60, description="seconds between looks at the changes"
    )
    announce_settle: Age = Field(
        default=120,
        description="seconds without a new file after which a release counts as complete",
    )
    top_packages_url: WebAddress = Field(
        default="https://hugovk.dev/top-pypi-packages/top-pypi-packages.min.json",
        description="download ranks, in the JSON of hugovk/top-pypi-packages",
    )
    tracker_url: WebAddress = Field(
        default="https://raw.githubusercontent.com/Quansight-Labs/free-threaded-compatibility"
        "/main/docs/tracking.md",
        description="the community's hand-kept tracking table, in Markdown",
    )
    guide_url: WebAddress = Field(
        default="https://py-free-threading.github.io/search/search_index.json",
        description="the porting guide's search index, as MkDocs makes it",
    )
    github_api_url: WebAddress = Field(
        default="https://api.github.com", description="base of GitHub's REST API"
    )
    github_repo: Repository = Field(
        default="Quansight-Labs/free-threaded-compatibility",
        description="repository where reports go by default",
    )
    github_repos: Annotated[tuple[Repository, ...], BeforeValidator(_comma_separated)] = Field(
        default=(), description="further repositories where a triager may file, comma separated"
    )
    github_token: Credential | None = Field(
        default=None, description="GitHub token; without credentials filing is off"
    )
    github_app_id: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="GitHub App, instead of a token"
    )
    github_app_key_file: FilePath | None = Field(
        default=None, description="private key (PEM) of the GitHub App"
    )
    github_webhook_secret: Credential | None = Field(
        default=None, description="secret of the webhook at /github/webhook; none: polling"
    )
    xray: Switch = Field(
        default=True, description="whether wheels are read for what they declare: on, off"
    )
    http: Annotated[HttpAddress | None, BeforeValidator(_http_address)] = Field(
        default=HttpAddress("127.0.0.1", 8421),
        description="address of /healthz, /readyz, /metrics, /github/webhook, /api; "
        "empty turns it off",
    )
    public_url: WebAddress | None = Field(
        default=None, description="base at which others reach /api of that server; none: nowhere"
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(_lower_case)
    ] = Field(default="info", description="the least level that is logged: debug … critical")
    log_format: Annotated[Literal["text", "json"], BeforeValidator(_lower_case)] = Field(
        default="text", description="how the log on standard error is written"
    )

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that must never be seen, for the log's redaction."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return tuple(value.get_secret_value() for value in values if isinstance(value, SecretStr))

    @property
    def github_site(self) -> str:
        """The address of GitHub for people; an enterprise server has its API on the same host."""
        api = urlsplit(self.github_api_url)
        return f"{api.scheme}://{api.netloc.removeprefix('api.')}"

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.github_app_id is None) != (self.github_app_key_file is None):
            raise ValueError(
                f"{PREFIX}GITHUB_APP_ID and {PREFIX}GITHUB_APP_KEY_FILE need each other: set both"
            )
        if self.github_token and self.github_app_id is not None:
            raise ValueError(
                f"{PREFIX}GITHUB_TOKEN and {PREFIX}GITHUB_APP_ID exclude each other: set one"
            )
        if self.github_webhook_secret and self.http is None:
            raise ValueError(
                f"{PREFIX}GITHUB_WEBHOOK_SECRET needs the HTTP server: set {PREFIX}HTTP"
            )
        return self


def load(environ: Mapping[str, str] | None = None, dotenv: Path | None = None) -> Settings:
    """Read the settings from the environment and `.env`, or only from what is given.

    Raises SettingsError, which names every variable that is unknown or malformed.
    """
    if environ is None:
        environ = os.environ  # noqa: TID251 - this is the one place
        dotenv = dotenv or Path(".env")
    given = {
        name: value.strip()
        for name, value in {**(_read(dotenv) if dotenv else {}), **environ}.items()
        if name.startswith(PREFIX)
    }
    fields = {PREFIX + field.upper(): field for field in Settings.model_fields}
    unknown = given.keys() - fields.keys()
    values = {
        field: given[name]
        for name, field in fields.items()
        # `FTBOT_GITHUB_TOKEN=` in a template that was not filled in means that there is none.
        if name in given and (given[name] or Settings.model_fields[field].default is not None)
    }
    problems = [_unknown(name, fields) for name in sorted(unknown)]
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += map(_malformed, error.errors(include_input=False, include_url=False))
    else:
        if not problems:
            return settings
    raise SettingsError(" ".join(problems), HINT)


def for_children(more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for processes that need no settings, and so no secrets, and `more`."""
    own = os.environ.items()  # noqa: TID251 - this is the one place
    return {**{name: value for name, value in own if not name.startswith(PREFIX)}, **more}


def _read(dotenv: Path) -> dict[str, str]:
    try:
        with dotenv.open(encoding="utf-8-sig") as file:
            text = file.read(_DOTENV_LIMIT + 1)
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise SettingsError(f"{dotenv} is not UTF-8 text.", "Save it as UTF-8.") from error
    except OSError as error:
        raise SettingsError(
            f"{dotenv} cannot be read: {error.strerror}.", "Mend its permissions, or remove it."
        ) from error
    if len(text) > _DOTENV_LIMIT:
        raise SettingsError(f"{dotenv} is larger than 1 MiB.", "Is it a file of settings?")
    values = {}
    for binding in parse_stream(StringIO(text)):
        if binding.error or (binding.key and binding.value is None):
            text, first_line = binding.original
            blank_lines = text[: -len(text.lstrip())].count("\n")
            raise SettingsError(
                f"{dotenv}, line {first_line + blank_lines}: this is no setting.",
                "Write NAME=value, or begin a comment with #.",
            )
        if binding.key and binding.value is not None:
            values[binding.key] = binding.value
    return values


def _unknown(name: str, known: Iterable[str]) -> str:
    bare = {setting.removeprefix(PREFIX): setting for setting in known}
    near = difflib.get_close_matches(name.removeprefix(PREFIX)[:60].upper(), bare, n=2, cutoff=0.5)
    shown = re.sub(r"\W", "?", name[:60], flags=re.ASCII)
    meant = " or ".join(bare[each] for each in near)
    return f"{shown} is unknown: {f'did you mean {meant}?' if near else 'remove it.'}"


def _malformed(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ").replace("Input should", "it should", 1)
    message = message.partition(", unable to parse")[0]
    if not error["loc"]:  # settings that do not agree; the message names them
        return f"{message}."
    return f"{PREFIX}{str(error['loc'][0]).upper()} cannot be used: {message}."
