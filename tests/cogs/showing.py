"""What people see of an answer."""

from typing import Any

import simcord
from simcord.components import walk_components

TEXT, BUTTON, SELECT = 10, 2, 3


def parts(result: simcord.InteractionResult, kind: int) -> list[dict[str, Any]]:
    assert result.response is not None
    return [part for part in walk_components(result.response.components) if part["type"] == kind]


def texts(result: simcord.InteractionResult) -> str:
    """All that a person reads in the response, buttons aside."""
    return "\n".join(part["content"] for part in parts(result, TEXT))
