"""A made-up language, to see in which one something is said."""

from gettext import NullTranslations


class Tagged(NullTranslations):
    """Everything is said as in English, behind a tag: `ko:Ready.`"""

    def __init__(self, tag: str) -> None:
        super().__init__()
        self._tag = tag

    def gettext(self, message: str) -> str:
        return f"{self._tag}:{message}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)
