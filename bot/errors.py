"""The errors that ftbot expects, each with a sentence for the person who can mend it.

    UserError               bad input or a bad set-up; the command line exits with 2
      ProjectNotFound       no such project; carries names that were perhaps meant
      SettingsError         a setting is unknown or malformed
      DatabaseError         the database file cannot be used
      ServiceError          something ftbot needs did not answer; the command line exits with 3
        FetchError          a request without a usable answer (bot.http)
        IndexUnavailable    the package index is down and nothing is cached
          StalePage         a page that is older than what is known (bot.pypi.client)
          JournalUnavailable  the journal does not answer (bot.pypi.journal)

Anything else that is raised is a mistake in ftbot: it is logged with its traceback, and people
see one neutral sentence.
"""

from typing import ClassVar

from bot.language import phrase


class UserError(Exception):
    """A failure that a person can understand: `text` says what is wrong, `hint` how to mend it.

    Both are phrases of one sentence each, without Markdown; who shows them says and escapes them.
    What only operators see may be plain text.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.text} {self.hint}".rstrip()


class ProjectNotFound(UserError):
    """The index has no such project. `suggestions` are names that exist, likeliest first."""

    def __init__(self, project: str, suggestions: tuple[str, ...] = ()) -> None:
        hint = (
            phrase("Did you mean {projects}?", projects=", ".join(suggestions))
            if suggestions
            else phrase("Check the spelling.")
        )
        super().__init__(
            phrase("There is no project named {project} on the index.", project=project), hint
        )
        self.project = project
        self.suggestions = suggestions


class SettingsError(UserError):
    """A setting is unknown, malformed or contradicts another one."""


class DatabaseError(UserError):
    """The database file is read-only, locked, corrupt, or from a newer ftbot."""


class ServiceError(UserError):
    """A service that is needed did not answer."""

    exit_code: ClassVar[int] = 3


class IndexUnavailable(ServiceError):
    """The package index did not answer, or not with something usable."""
