"""Files that others read while they are written anew: plain, and beside it compressed."""

import gzip
import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

_LEVEL: Final = 6


@contextmanager
def replacing_both(path: Path) -> Iterator[Callable[[bytes], None]]:
    """Write `path` and `path`.gz; they take the places of the old ones if all goes well.

    Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        plain = stack.enter_context(_replacing(path))
        packed = stack.enter_context(_replacing(path.with_name(f"{path.name}.gz")))
        # Without a time, the same content makes the same file.
        archive = stack.enter_context(gzip.GzipFile("", "wb", _LEVEL, packed, mtime=0))

        def write(content: bytes) -> None:
            plain.write(content)
            archive.write(content)

        yield write


def replaced_both(path: Path, content: bytes) -> None:
    """Write both files at once. Raises OSError."""
    with replacing_both(path) as write:
        write(content)


@contextmanager
def _replacing(path: Path) -> Iterator[io.BufferedWriter]:
    new = path.with_name(f"{path.name}.new")
    try:
        with new.open("wb") as file:
            yield file
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
