"""What commands, their options and choices are called in other languages, as Discord is told."""

from typing import Final

from discord import Locale, app_commands
from discord.app_commands import TranslationContextLocation as Location
from discord.app_commands import TranslationContextTypes as Context
from discord.app_commands import locale_str

from bot.language import named

_KINDS: Final = {
    Location.command_name: "command",
    Location.command_description: "description",
    Location.group_name: "command",
    Location.group_description: "description",
    Location.parameter_name: "option",
    Location.parameter_description: "description",
    Location.choice_name: "choice",
    Location.other: "other",
}


class Translator(app_commands.Translator):
    """Looks names up in the catalogues. What they lack stays English."""

    async def translate(self, string: locale_str, locale: Locale, context: Context) -> str | None:
        return named(kind(context), string.message, str(locale))


def kind(context: Context) -> str:
    """Return under which context of gettext something is translated."""
    if isinstance(context.data, app_commands.ContextMenu):
        return "menu"
    return _KINDS[context.location]
