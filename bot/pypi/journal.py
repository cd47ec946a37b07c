"""The journal of a package index: what happened to which project, row by row, over XML-RPC.

PyPI keeps two methods for mirrors that only read. `changelog_since_serial(serial)` gives the rows
after a serial, the first 50,000 of them, and `changelog_last_serial()` the newest row's serial. A
row is `[name, version or nil, seconds since the epoch, action, serial]`; names are as their owners
spell them, and actions are free text.
"""

import asyncio
import re
import time
import xmlrpc.client
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, TypeGuard, TypeVar
from xml.parsers.expat import ExpatError

from bot.errors import IndexUnavailable
from bot.http import MEBIBYTE, Client, FetchError, Response, query, unexpected
from bot.pypi.names import harmless
from bot.pypi.silence import Silence

PAGE: Final = 50_000
"""An answer of so many rows is full: there may be more."""

BODY_LIMIT: Final = 64 * MEBIBYTE
"""A full answer has 14 MB."""

DEADLINE_SECONDS: Final = 60.0
"""Nobody waits for the journal."""

LONGEST_SILENCE: Final = 3_600.0
"""PyPI counts questions by the hour. A longer wait would be a mistake, and must not stop ftbot."""

_LARGEST: Final = 10**10 - 1
"""Of serials and times; PyPI's are below it for some centuries."""
_GONE: Final = frozenset({404, 405, 410})
_NO_SUCH_METHOD: Final = -32601
_NO_LONGER: Final = "no longer supports"
_LIMITED = re.compile(r"reset in ([0-9]{1,6}) seconds")
_USUALLY_MENDS: Final = "This usually mends itself; try again in a few minutes."
_NOT_NEEDED: Final = "With FTBOT_CHANGES=serials ftbot does without the journal."

_PIECE: Final = 131_072
"""Bytes of an answer that are read in one go, which takes about 1 ms."""
_HEAD = re.compile(
    rb"<\?xml version='1\.0'(?: encoding='(?i:utf-8)')?\?>\n"
    rb"<methodResponse>\n<params>\n<param>\n<value><array><data>\n"
)
_TAIL = re.compile(
    rb"</data></array></value>\n</param>\n</params>\n</methodResponse>\s*\Z", re.ASCII
)
_LONGEST_TAIL: Final = 200
_ROW_END: Final = b"</data></array></value>\n"
# An empty version does not match: it is not the same as none.
_ROW = re.compile(
    r"<value><array><data>\n"
    r"<value><string>([^<]*)</string></value>\n"
    r"(?:<value><nil/></value>|<value><string>([^<]+)</string></value>\n)"
    r"<value><int>([0-9]{1,10})</int></value>\n"
    r"<value><string>([^<]*)</string></value>\n"
    r"<value><int>([0-9]{1,10})</int></value>\n"
    r"</data></array></value>\n"
)
_LINES_OF_A_ROW: Final = 6  # and one more if it has a version

# All that xmlrpc.client raises for what is not XML, not XML-RPC, or has impossible values.
_MALFORMED: Final = (
    ExpatError,
    xmlrpc.client.Error,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
)

Answer = TypeVar("Answer")


class JournalRow(NamedTuple):
    """A change of a project. `at` is in seconds since the epoch; no text was ever checked."""

    name: str
    version: str | None
    at: int
    action: str
    serial: int


class JournalUnavailable(IndexUnavailable):
    """The journal did not answer, or not with rows.

    `gone` says that the index has none, or none any more; `retry_after` is for how many seconds
    it asked to be left alone, None if it did not say.
    """

    def __init__(
        self, text: str, hint: str, *, gone: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(text, hint)
        self.gone = gone
        self.retry_after = retry_after


class Journal:
    """Asks for the journal, through a client whose base address is the index's.

    If the index asks to be left alone for some time, further questions fail at once until that
    time is over. Every method raises `JournalUnavailable` when there is no usable answer.
    """

    def __init__(
        self,
        http: Client,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`deadline_seconds` is for an answer; `clock` gives seconds that never go backwards."""
        self._http = http
        self._deadline_seconds = deadline_seconds
        self._silence = Silence(LONGEST_SILENCE, clock)

    async def since(self, serial: int) -> list[JournalRow]:
        """Return the rows after a serial as they came, `PAGE` of them if there may be more."""
        return await self._ask(parse_journal, "changelog_since_serial", serial)

    async def last_serial(self) -> int:
        """Return the serial of the newest row."""
        return await self._ask(parse_serial, "changelog_last_serial")

    async def _ask(self, read: Callable[[bytes], Answer], method: str, *arguments: int) -> Answer:
        if (left := self._silence.left()) > 0:
            raise JournalUnavailable(
                f"The journal asked to be left alone for {left:.0f} more seconds.", _NOT_NEEDED
            )
        try:
            response = await query(
                self._http,
                "/pypi",
                _question(method, arguments),
                content_type="text/xml",
                limit_bytes=BODY_LIMIT,
                deadline_seconds=self._deadline_seconds,
            )
            _require_answer(response)
            return await asyncio.to_thread(read, response.body)
        except JournalUnavailable as error:
            self._silence.heed(error.retry_after)
            raise
        except FetchError as error:
            self._silence.heed(error.retry_after)
            raise JournalUnavailable(error.text, error.hint or _NOT_NEEDED) from error


def parse_journal(body: bytes) -> list[JournalRow]:
    """Read an answer of rows. Takes some 0.15 s for a full one, but in no single step long.

    What PyPI's software writes is read by one expression, seven times faster than by an XML
    parser, which takes over where anything looks different. Raises `JournalUnavailable` for a
    fault and for what is no such answer.
    """
    rows = _read_as_written(body)
    if rows is None:
        value = _parse_xml(body)
        if not isinstance(value, list):
            raise _unreadable("it is not a list")
        rows = [_row(each) for each in value]
    return rows


def parse_serial(body: bytes) -> int:
    """Read an answer of one serial. Raises `JournalUnavailable`, as `parse_journal`."""
    serial = _parse_xml(body)
    if not _is_number(serial):
        raise _unreadable("a serial is a number")
    return serial


def _question(method: str, arguments: tuple[int, ...]) -> bytes:
    # By hand, for xmlrpc.client refuses integers of more than 32 bits.
    values = "".join(f"<param><value><int>{each}</int></value></param>" for each in arguments)
    return (
        "<?xml version='1.0'?>\n<methodCall>"
        f"<methodName>{method}</methodName><params>{values}</params></methodCall>\n"
    ).encode()


def _require_answer(response: Response) -> None:
    if response.status in _GONE:
        raise JournalUnavailable("The index has no journal.", _NOT_NEEDED, gone=True)
    if response.status != 200:
        raise unexpected(response)


def _read_as_written(body: bytes) -> list[JournalRow] | None:
    """Read what xmlrpc.client wrote; None for what it would have written otherwise."""
    head = _HEAD.match(body)
    tail = head and _TAIL.search(body, max(head.end(), len(body) - _LONGEST_TAIL))
    if not head or not tail:
        return None
    rows: list[JournalRow] = []
    new_row = tuple.__new__
    for piece in _pieces(body, head.end(), tail.start()):
        try:
            text = piece.decode()
        except UnicodeDecodeError:
            return None
        found = _ROW.findall(text)
        versions = len([version for _, version, _, _, _ in found if version])
        strange = "&" in text or "\r" in text  # an XML parser would change them
        if strange or text.count("\n") != _LINES_OF_A_ROW * len(found) + versions:
            return None
        rows += [
            # Not by the class, whose own `__new__` would make half of the work again.
            new_row(JournalRow, (name, version or None, int(at), action, int(serial)))
            for name, version, at, action, serial in found
        ]
    return rows


def _pieces(body: bytes, start: int, end: int) -> Iterator[bytes]:
    """Cut the rows into pieces: one search through all would hold the interpreter for long."""
    while start < end:
        cut = body.find(_ROW_END, start + _PIECE, end)
        cut = cut + len(_ROW_END) if cut >= 0 else end
        yield body[start:cut]
        start = cut


def _parse_xml(body: bytes) -> object:
    """Read the value of an XML-RPC answer. Raises `JournalUnavailable`."""
    try:
        text = body.decode()
        if "<!" in text:  # comments and CDATA too, which no XML-RPC library writes
            raise _unreadable("it declares a document type")
        # As text, for then no encoding that the document claims hides such a declaration.
        (value,), _ = xmlrpc.client.loads(text, use_builtin_types=True)
    except xmlrpc.client.Fault as fault:
        raise _refused(fault) from fault
    except _MALFORMED as error:
        raise _unreadable(harmless(str(error))) from error
    return value


def _refused(fault: xmlrpc.client.Fault) -> JournalUnavailable:
    text = str(fault.faultString)
    wait = _LIMITED.search(text)
    return JournalUnavailable(
        f"The journal refused with fault {harmless(str(fault.faultCode))}: “{harmless(text)}”.",
        _NOT_NEEDED,
        gone=fault.faultCode == _NO_SUCH_METHOD or _NO_LONGER in text,
        retry_after=float(wait[1]) if wait else None,
    )


def _row(value: object) -> JournalRow:
    """Check a row. An absent name or action is an empty one: nobody's, and unknown."""
    match value:
        case [
            str() | None as name,
            str() | None as version,
            at,
            str() | None as action,
            serial,
        ] if _is_number(at) and _is_number(serial):
            return JournalRow(name or "", version, at, action or "", serial)
    raise _unreadable("a row is not of the known shape")


def _is_number(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value <= _LARGEST


def _unreadable(reason: str) -> JournalUnavailable:
    return JournalUnavailable(
        f"The index sent a journal that cannot be read ({reason}).", _USUALLY_MENDS
    )
