"""The index's list of all projects, read by a process of its own: `python -m bot.index.listing`.

Standard input is the document, compressed by zlib, standard output the names as `NameTable.lines`.
Reading 900,000 names takes 80 MB, of which a process that goes on would keep a part for good: what
is given back has holes where something else has settled meanwhile.
"""

import sys
import zlib

from bot.errors import IndexUnavailable
from bot.index.names import NameTable
from bot.pypi.wire import decode_list


def read(document: bytes) -> bytes:
    """Return the names of a list as lines. Raises IndexUnavailable if it is none, or has none."""
    lines = NameTable.build(each.name for each in decode_list(document)).lines
    if not lines:
        raise IndexUnavailable(
            "The index lists no project at all, so the names known before stay.",
            "Check FTBOT_PYPI_URL.",
        )
    return lines


def main() -> None:
    """Read one list, or say on standard error why it cannot be read."""
    try:
        lines = read(zlib.decompress(sys.stdin.buffer.read()))
    except IndexUnavailable as error:
        sys.exit(str(error))
    sys.stdout.buffer.write(lines)


if __name__ == "__main__":
    main()
