"""What operators can set, and what they are told when they got it wrong."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import SettingsError
from bot.settings import HttpAddress, Settings, load

NAMES = ["FTBOT_" + field.upper() for field in Settings.model_fields]


def test_nothing_set_gives_the_defaults() -> None:
    settings = load({})
    assert settings == Settings()
    assert settings.discord_token is None
    assert settings.data_dir == Path("var")
    assert settings.http == HttpAddress("127.0.0.1", 8421)
    assert settings.changes_interval == 60
    assert settings.secrets == ()


def test_every_setting_says_what_it_is() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert "\n" not in field.description, name


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("FTBOT_CHANGES_INTERVAL", "0.2", "changes_interval", 0.2),
        ("FTBOT_ANNOUNCE_SETTLE", "0", "announce_settle", 0.0),
        ("FTBOT_INDEX_FRESH", " 3 ", "index_fresh", 3.0),
        ("FTBOT_FILL", "0", "fill", 0),
        ("FTBOT_CHANGES", "Journal", "changes", "journal"),
        ("FTBOT_HTTP", "", "http", None),
        ("FTBOT_HTTP", "0.0.0.0:80", "http", HttpAddress("0.0.0.0", 80)),  # noqa: S104 - only text
        ("FTBOT_HTTP", "[::1]:8421", "http", HttpAddress("::1", 8421)),
        ("FTBOT_HTTP", "localhost:0", "http", HttpAddress("localhost", 0)),
        ("FTBOT_XRAY", "OFF", "xray", False),
        ("FTBOT_GITHUB_REPOS", " a/b , c/d.e,", "github_repos", ("a/b", "c/d.e")),
        ("FTBOT_GITHUB_REPOS", "", "github_repos", ()),
        ("FTBOT_PYPI_URL", "http://127.0.0.1:9/base/", "pypi_url", "http://127.0.0.1:9/base"),
        ("FTBOT_DISCORD_API_URL", "http://[::1]:1/x", "discord_api_url", "http://[::1]:1/x"),
        ("FTBOT_DISCORD_API_URL", "http://localhost:1", "discord_api_url", "http://localhost:1"),
        ("FTBOT_LOG_LEVEL", "DEBUG", "log_level", "debug"),
        ("FTBOT_DATA_DIR", "~/x", "data_dir", Path("~/x").expanduser()),
    ],
)
def test_value(variable: str, text: str, field: str, value: object) -> None:
    assert getattr(load({variable: text}), field) == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        *[
            (variable, text)
            for variable in ("FTBOT_CHANGES_INTERVAL", "FTBOT_ANNOUNCE_SETTLE", "FTBOT_INDEX_FRESH")
            for text in ("soon", "-1", "nan", "inf", "1e300", "", "1,5", "60s")
        ],
        ("FTBOT_CHANGES_INTERVAL", "0"),
        *[("FTBOT_FILL", text) for text in ("-1", "1.5", "all", "", "99999999999")],
        *[
            ("FTBOT_HTTP", text)
            for text in (
                "8421",
                ":8421",
                "127.0.0.2",
                "127.0.0.1:65536",
                "h:-1",
                "::1:80",
                "a b:1",
                "http://127.0.0.1:1",
                "x:¹",
            )
        ],
        *[
            (variable, text)
            for variable in ("FTBOT_PYPI_URL", "FTBOT_GITHUB_API_URL", "FTBOT_GUIDE_URL")
            for text in (
                "",
                "index.example",
                "ftp://index.example",
                "file:///etc/passwd",
                "https://",
                "http://[::1",
                "http://h:99999",
                "http://h:0",
                "http://user:password@h/",
                "http://h/?key=1",
                "http://h/#x",
                "http://h\\@evil.example",
                "http://h/\na",
            )
        ],
        *[
            ("FTBOT_DISCORD_API_URL", text)
            for text in (
                "https://discord.example/api/v10",
                "http://127.0.0.1@evil.example/",
                "http://127.0.0.1.evil.example/",
                "http://localhost.evil.example/",
                "http://10.0.0.1/",
                "http://0.0.0.0/",
                "http://127.0.0.1\\.evil.example/",
            )
        ],
        ("FTBOT_GITHUB_REPO", "owner"),
        ("FTBOT_GITHUB_REPO", "../x"),
        ("FTBOT_GITHUB_REPO", "a/b/c"),
        ("FTBOT_GITHUB_REPOS", "a/b,c"),
        ("FTBOT_GITHUB_APP_ID", "x"),
        ("FTBOT_GITHUB_APP_ID", "0"),
        ("FTBOT_XRAY", "maybe"),
        ("FTBOT_CHANGES", "rss"),
        ("FTBOT_LOG_LEVEL", "loud"),
        ("FTBOT_LOG_FORMAT", "xml"),
        ("FTBOT_DATA_DIR", ""),
        ("FTBOT_DATABASE_URL", "postgresql://h/d"),
        ("FTBOT_DISCORD_TOKEN", "two words"),
        ("FTBOT_DISCORD_TOKEN", "line\nbreak"),
    ],
)
def test_malformed(variable: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({variable: text})
    message = str(caught.value)
    assert message.startswith(f"{variable} cannot be used: it ")
    assert "\n" not in message
    # A value may be a secret in the wrong place, so it is never repeated.
    assert len(text) < 9 or text not in message


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"FTBOT_GITHUB_APP_ID": "1"}, ["GITHUB_APP_KEY_FILE"]),
        ({"FTBOT_GITHUB_APP_KEY_FILE": "k.pem"}, ["GITHUB_APP_ID"]),
        (
            {
                "FTBOT_GITHUB_APP_ID": "1",
                "FTBOT_GITHUB_APP_KEY_FILE": "k.pem",
                "FTBOT_GITHUB_TOKEN": "t",
            },
            ["GITHUB_APP_ID", "GITHUB_TOKEN"],
        ),
        ({"FTBOT_GITHUB_WEBHOOK_SECRET": "s", "FTBOT_HTTP": ""}, ["FTBOT_HTTP"]),
    ],
)
def test_contradiction(environ: dict[str, str], named: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(environ)
    assert all(name in caught.value.text for name in named)


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("FTBOT_LOGLEVEL", "FTBOT_LOG_LEVEL"),
        ("FTBOT_TOKEN", "FTBOT_DISCORD_TOKEN"),
        ("FTBOT_PYPI_ULR", "FTBOT_PYPI_URL"),
        ("FTBOT_log_format", "FTBOT_LOG_FORMAT"),
    ],
)
def test_a_typing_error_leads_to_the_name_that_was_meant(typo: str, meant: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({typo: "secret-value"})
    assert typo in caught.value.text
    assert meant in caught.value.text
    assert "secret-value" not in str(caught.value)


def test_several_problems_are_all_named() -> None:
    with pytest.raises(SettingsError) as caught:
        load({"FTBOT_X": "1", "FTBOT_FILL": "x", "FTBOT_CHANGES": "x", "PATH": "/bin"})
    assert [name in caught.value.text for name in ("FTBOT_X", "FTBOT_FILL", "FTBOT_CHANGES")] == [
        True
    ] * 3


@given(name=st.text(), value=st.text())
def test_any_unknown_name_gives_one_clean_line(name: str, value: str) -> None:
    variable = "FTBOT_?" + name  # no setting has a question mark
    with pytest.raises(SettingsError) as caught:
        load({variable: value})
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@given(variable=st.sampled_from(NAMES), text=st.text())
@example(variable="FTBOT_DATA_DIR", text="~nobody-of-that-name")
def test_any_value_is_read_or_refused(variable: str, text: str) -> None:
    try:
        told: str = load({variable: text}).log_format
    except SettingsError as error:
        told = str(error)
    assert told in {"text", "json"} or variable in told
    assert told.isprintable()


def test_secrets_are_neither_shown_nor_lost() -> None:
    settings = load(
        {
            "FTBOT_DISCORD_TOKEN": "discord-secret",
            "FTBOT_GITHUB_TOKEN": "github-secret",
            "FTBOT_GITHUB_WEBHOOK_SECRET": "webhook-secret",
        }
    )
    assert set(settings.secrets) == {"discord-secret", "github-secret", "webhook-secret"}
    for shown in (repr(settings), str(settings), settings.model_dump_json()):
        assert "-secret" not in shown


@pytest.mark.parametrize("name", ["DISCORD_TOKEN", "GITHUB_TOKEN", "GITHUB_APP_ID"])
def test_a_template_that_was_not_filled_in_sets_nothing(name: str) -> None:
    assert load({f"FTBOT_{name}": " "}) == Settings()


class TestDotenv:
    @pytest.fixture
    def write(self, tmp_path: Path) -> Callable[[bytes], Path]:
        def write(content: bytes) -> Path:
            path = tmp_path / ".env"
            path.write_bytes(content)
            return path

        return write

    def test_is_read_and_the_environment_wins(self, write: Callable[[bytes], Path]) -> None:
        path = write(
            b"\xef\xbb\xbf# comment\nexport FTBOT_FILL=7\nFTBOT_CHANGES='journal' # why\nOTHER=x\n"
            b'FTBOT_DISCORD_TOKEN="a${HOME}b"\n'
        )
        settings = load({"FTBOT_CHANGES": "serials"}, path)
        assert (settings.fill, settings.changes) == (7, "serials")
        assert settings.secrets == ("a${HOME}b",)

    def test_may_be_missing(self, tmp_path: Path) -> None:
        assert load({}, tmp_path / ".env") == Settings()

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"FTBOT_FIL=7\n", "FTBOT_FILL"),
            (b"\nFTBOT_FILL 7\n", "line 2"),
            (b"FTBOT_DISCORD_TOKEN\n", "line 1"),
            (b"FTBOT_CHANGES='x\n", "line 1"),
            (b"FTBOT_FILL=\xff\n", "UTF-8"),
            (b"A=" + b"x" * (1 << 20), "1 MiB"),
        ],
    )
    def test_problem(self, write: Callable[[bytes], Path], content: bytes, told: str) -> None:
        with pytest.raises(SettingsError, match=told):
            load({}, write(content))

    def test_that_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError, match="cannot be read"):
            load({}, tmp_path)  # a directory

    def test_of_the_working_directory(
        self, write: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in NAMES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.chdir(write(b"FTBOT_FILL=3\n").parent)
        assert load().fill == 3
        monkeypatch.setenv("FTBOT_FILL", "4")
        assert load().fill == 4


def test_import_loads_neither_discord_nor_a_client() -> None:
    code = "import sys, bot.settings; print({'discord', 'httpx', 'aiohttp'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("api", "site"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://github.example/api/v3", "https://github.example"),
        ("http://127.0.0.1:8800", "http://127.0.0.1:8800"),
    ],
)
def test_github_for_people(api: str, site: str) -> None:
    assert load({"FTBOT_GITHUB_API_URL": api}).github_site == site
