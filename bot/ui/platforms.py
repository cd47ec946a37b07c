"""Platforms as people call them."""

from collections.abc import Set as AbstractSet

from bot.language import say, say_many
from bot.ui.text import code

# By family: where all of a family agree, its name says it.
_FAMILIES = {
    "Linux": {"linux-x86_64": "Linux x86-64", "linux-aarch64": "Linux ARM64"},
    "musl Linux": {"musl-x86_64": "musl x86-64", "musl-aarch64": "musl ARM64"},
    "macOS": {"macos-arm64": "macOS ARM64", "macos-x86_64": "macOS Intel"},
    "Windows": {"windows-amd64": "Windows x64", "windows-arm64": "Windows ARM64"},
}
NAMES = {name: shown for family in _FAMILIES.values() for name, shown in family.items()}
_MOST_TAGS = 12  # of platforms without a name


def places(platforms: AbstractSet[str], among: AbstractSet[str]) -> str:
    """Name platforms, by family where all that are `among` of a family are in, as Markdown."""
    if platforms == among and len(among) == len(NAMES):
        return say("every platform")
    names: list[str] = []
    for family, members in _FAMILIES.items():
        here = [name for name in members if name in platforms]
        if len(here) > 1 and here == [name for name in members if name in among]:
            names.append(family)
        else:
            names.extend(members[name] for name in here)
    tags = sorted(platforms - NAMES.keys())
    names.extend(code(tag, 60) for tag in tags[:_MOST_TAGS])
    if more := len(tags[_MOST_TAGS:]):
        names.append(say_many("{count} more", "{count} more", more))
    return ", ".join(names)
