"""The catalogues that ship with ftbot, read for `bot.language`: one gettext file a language."""

import gettext
import io
import logging
import re
from collections.abc import Sequence

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

from bot import data, language
from bot.errors import UserError

log = logging.getLogger(__name__)

_PLACE = re.compile(r"\{(\w*)\}")


def load() -> None:
    """Let `bot.language` know every language that ships. Raises UserError for a damaged file."""
    language.install(
        {
            name.removesuffix(".po"): translations(read(data.read(f"languages/{name}"), name))
            for name in data.listing("languages")
            if name.endswith(".po")
        }
    )


def read(content: bytes, name: str) -> Catalog:
    """Read a catalogue's text. Raises UserError that names the file."""
    try:
        return read_po(io.BytesIO(content), abort_invalid=True)
    except (PoFileError, ValueError) as error:
        raise UserError(f"The catalogue {name} cannot be read: {error}.", "Mend it.") from error


def translations(catalogue: Catalog) -> gettext.GNUTranslations:
    """Return what a catalogue says, without translations that would not fit their values."""
    for message in list(catalogue):
        if message.id and not fits(message):
            log.warning("The translation of %r names other values, and is left out", message.id)
            catalogue.delete(message.id, message.context)
    content = io.BytesIO()
    write_mo(content, catalogue)
    content.seek(0)
    return gettext.GNUTranslations(content)


def fits(message: Message) -> bool:
    """Tell whether each translation names the same values as the English text, if it has any."""
    said, meant = texts(message.string), texts(message.id)
    allowed = {frozenset(places(text)) for text in meant}
    return all(frozenset(places(text)) in allowed for text in said if text)


def places(template: str) -> list[str]:
    """Return the names of the values in a template, sorted."""
    return sorted(_PLACE.findall(template.replace("{{", "").replace("}}", "")))


def texts(text: str | Sequence[str] | None) -> Sequence[str]:
    """Return the forms of a text or a translation: one, or as many as there are plurals."""
    return [text] if isinstance(text, str) else text or ()
