"""What ships with ftbot: the files of `data/`, read as values.

In a checkout they lie in `data/` beside the package; in a wheel, inside it. Files whose name ends
in `.xz` or `.gz` are kept compressed and come back whole.
"""

import gzip
import lzma
import zlib
from collections.abc import Callable
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePath
from typing import TypeVar

import msgspec

from bot.errors import UserError

_Shape = TypeVar("_Shape")
_DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {".xz": lzma.decompress, ".gz": gzip.decompress}


def read(name: str) -> bytes:
    """Give the content of a shipped file. Raises UserError if it is missing or damaged."""
    try:
        content = (_folder() / name).read_bytes()
        decompress = _DECOMPRESS.get(PurePath(name).suffix)
        return decompress(content) if decompress else content
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise _damaged(name, error) from error


def read_json(name: str, shape: type[_Shape]) -> _Shape:
    """Give a shipped JSON file as a `shape`: a dataclass, a Struct, or say dict[str, int].

    Raises UserError if the file is missing, damaged, or of another shape.
    """
    try:
        return msgspec.json.decode(read(name), type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged(name, error) from error


def listing(folder: str) -> list[str]:
    """Give the names of the shipped files in a folder of `data/`, sorted; none if there is none."""
    inside = _folder() / folder
    return sorted(each.name for each in inside.iterdir()) if inside.is_dir() else []


def names() -> bytes:
    """Give the normalised names of all projects: sorted ASCII lines, each with its newline."""
    return read("names.txt.xz")


def _folder() -> Traversable:
    packaged = files("bot") / "_data"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[1] / "data"


def _damaged(name: str, error: Exception) -> UserError:
    return UserError(
        f"The file {name}, which ships with ftbot, is missing or damaged ({error}).",
        "Install ftbot again.",
    )
