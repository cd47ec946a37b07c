"""Messages of every kind, to be shown in every language.

Each module here holds two things about one part of `bot.ui`:

    SAMPLES: Samples   by a name of their own, what renders a message or a form
    DATA: set[str]     words of three letters and more in them that are the same in all languages:
                       names of projects, people, platforms and the like. `code` needs none.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from discord import ui

Samples: TypeAlias = Mapping[str, Callable[[], ui.LayoutView | ui.Modal]]
