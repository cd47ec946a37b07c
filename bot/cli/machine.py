"""The target that commands mean if none is given: this machine."""

import re
from typing import Final

from packaging.tags import platform_tags

from bot.compat.targets import PLATFORMS

DEFAULT_PYTHON: Final = "3.14t"
DEFAULT_PLATFORM: Final = "linux-x86_64"
"""What is asked about on a machine that is none of the known platforms."""

_FAMILIES: Final = {"manylinux": "linux", "musllinux": "musl", "macosx": "macos", "win": "windows"}


def this_platform() -> str:
    """Return the platform of this machine, or a common one if it has none of the known names."""
    for tag in platform_tags():
        found = re.fullmatch(r"(manylinux|musllinux|macosx|win)_(?:\d+_\d+_)?(\w+)", tag)
        name = f"{_FAMILIES[found[1]]}-{found[2]}" if found else ""
        if name in PLATFORMS:
            return name
    return DEFAULT_PLATFORM
