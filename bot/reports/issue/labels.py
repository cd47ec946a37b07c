"""Which labels an issue gets: by its kind, and by the names that its repository has for them."""

from functools import cache
from typing import Final

from bot import data
from bot.reports.model import Kind

_ANY: Final = "*"


def labels(repository: str, kind: Kind, available: frozenset[str] | None = None) -> tuple[str, ...]:
    """Return the labels of an issue of this kind, as the repository spells them.

    `available` are the labels that the repository has, compared without case, as GitHub does; None
    if that is not known: then all that are wanted. GitHub silently drops labels that an app may
    not set, so compare what came back. Raises UserError if the shipped table is damaged.
    """
    table = _table()
    entry = table.get(repository.lower()) or table.get(_ANY, {})
    wanted = entry.get(kind.value, entry.get(_ANY, ()))
    if available is None:
        return wanted
    spelt = {label.lower(): label for label in available}
    return tuple(spelt[label.lower()] for label in wanted if label.lower() in spelt)


@cache
def _table() -> dict[str, dict[str, tuple[str, ...]]]:
    table = data.read_json("labels.json", dict[str, dict[str, tuple[str, ...]]])
    return {repository.lower(): entry for repository, entry in table.items()}
