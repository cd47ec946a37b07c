"""What a reading gives: values, comparable and without I/O."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ModuleVerdict(StrEnum):
    """What a module, or all modules of a wheel, declare about the GIL.

    A declaration is its author's word: it proves nothing about thread safety, and which modules an
    `import` loads is another question.
    """

    KEEPS_OFF = "keeps-off"
    """It declares that it does not need the GIL."""
    LIKELY_KEEPS_OFF = "likely-keeps-off"
    """Its machine code looks as if it did."""
    RE_ENABLES = "re-enables"
    """It does not declare it: importing it turns the GIL on for the whole process."""
    DELEGATED = "delegated"
    """Another package, such as cffi, makes the module and decides."""
    UNKNOWN = "unknown"
    """The file does not show it. Neither a pass nor a failure."""


MEANING: Final = {
    ModuleVerdict.KEEPS_OFF: "declares that it does not need the GIL",
    ModuleVerdict.LIKELY_KEEPS_OFF: "by its machine code, seems to declare it",
    ModuleVerdict.RE_ENABLES: "importing it turns the GIL on for the whole process",
    ModuleVerdict.DELEGATED: "another installed package, such as cffi, decides",
    ModuleVerdict.UNKNOWN: "the file does not show it; import it with -W always to find out",
}
CAVEATS: Final = (
    "A declaration is its author's word, not a proof of thread safety.",
    "Which of the modules an import loads is another question.",
    "Unknown is neither a pass nor a failure.",
)
"""What stands beside verdicts wherever they are shown."""

_WEIGHT: Final = (
    ModuleVerdict.RE_ENABLES,
    ModuleVerdict.UNKNOWN,
    ModuleVerdict.DELEGATED,
    ModuleVerdict.LIKELY_KEEPS_OFF,
)


def together(verdicts: Iterable[ModuleVerdict]) -> ModuleVerdict:
    """Give what several together amount to: the worst one; no module at all keeps the GIL off."""
    present = set(verdicts)
    return next((verdict for verdict in _WEIGHT if verdict in present), ModuleVerdict.KEEPS_OFF)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A verdict about one module; `evidence` is a line that says what it rests on."""

    verdict: ModuleVerdict
    evidence: str


@dataclass(frozen=True, slots=True)
class Module:
    """An extension module (`h3._cy.cells`) in a member of a wheel (`h3/_cy/cells.….so`)."""

    module: str
    member: str
    verdict: ModuleVerdict
    evidence: str

    @property
    def is_damaged(self) -> bool:
        """Whether it is unknown because its file cannot be read, not for what is in there."""
        return self.verdict is ModuleVerdict.UNKNOWN and self.evidence.startswith("the file ")


@dataclass(frozen=True, slots=True)
class WheelReading:
    """A wheel's modules, sorted by member; `not_modules` counts libraries that are none.

    `reason` says why a wheel could not be read as a whole; None if it could.
    """

    wheel: str
    verdict: ModuleVerdict
    modules: tuple[Module, ...] = ()
    not_modules: int = 0
    reason: str | None = None

    @property
    def re_enabling(self) -> tuple[str, ...]:
        """Names of the modules that turn the GIL on."""
        return tuple(m.module for m in self.modules if m.verdict is ModuleVerdict.RE_ENABLES)


@dataclass(frozen=True, slots=True)
class Gil:
    """A wheel's verdict in short. `modules` counts them, `re_enabling` names some of them.

    `reason` says why the wheel could not be read as a whole; None if it could.
    """

    verdict: ModuleVerdict
    wheel: str
    modules: int
    re_enabling: tuple[str, ...] = ()
    reason: str | None = None


def worth_reading(file: str) -> bool:
    """Tell from a file's name whether it may hold modules: a wheel that is not pure Python."""
    return file.endswith(".whl") and not file.endswith("-none-any.whl")


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes that were fetched of a wheel, those it has, and those after which its verdict was sure.

    The last is None unless the wheel turns the GIL on: any other verdict takes all modules.
    """

    fetched: int
    size: int
    known_at: int | None = None
