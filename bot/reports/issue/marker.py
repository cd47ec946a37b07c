"""The hidden mark by which an issue of ours is recognised, wherever and however often it is seen.

It is signed, so that nobody can write the mark of a report that they did not send.
"""

import hashlib
import hmac
import re
from typing import Final

_UID: Final = "[0-9A-Za-z-]{1,64}"
_MARKER: Final = re.compile(
    rf"<!--\s{{0,9}}ftbot:report=({_UID})\s{{1,9}}v1\s{{1,9}}hmac=([0-9a-f]{{16}})\s{{0,9}}-->",
    re.ASCII,
)


def sign(uid: str, key: bytes) -> str:
    """Return the marker of a report, an HTML comment of one line.

    Raises ValueError for a `uid` that is not 1 to 64 ASCII letters, digits and hyphens.
    """
    if not re.fullmatch(_UID, uid):
        raise ValueError(f"{uid!r} cannot stand in a marker")
    return f"<!-- ftbot:report={uid} v1 hmac={_code(uid, key)} -->"


def find(body: str, key: bytes) -> str | None:
    """Return the uid of the report whose marker a text carries, None if it has no true one.

    Of several the last counts: that is where ftbot writes it, after all that members wrote.
    """
    found = None
    for marker in _MARKER.finditer(body):
        if hmac.compare_digest(marker[2], _code(marker[1], key)):
            found = marker[1]
    return found


def _code(uid: str, key: bytes) -> str:
    return hmac.new(key, f"ftbot:report={uid} v1".encode(), hashlib.sha256).hexdigest()[:16]
