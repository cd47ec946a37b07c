"""What an extension module declares about the GIL, with the evidence.

- Multi-phase initialisation (PEP 489): the module's PyModuleDef is found by its name and followed
  to its slots; {Py_mod_gil, Py_MOD_GIL_NOT_USED} keeps the GIL off.
- PySlot arrays (PEP 793, PEP 820) of PyModExport functions: the same with other ids.
- Single-phase initialisation: a call of PyUnstable_Module_SetGIL.
- CFFI: the installed package makes the module.

Importing a module that does none of it turns the GIL on. A definition is looked for by the file's
name, since a file may hold several modules, and bytes that look like slots may be anything. That
PyUnstable_Module_SetGIL is imported proves nothing either: Cython imports it into each module.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from bot.xray import code
from bot.xray.elf import MAGIC as ELF_MAGIC
from bot.xray.elf import read_elf
from bot.xray.image import WORD, Image, Word
from bot.xray.macho import FAT_MAGICS, read_macho
from bot.xray.macho import MAGIC as MACHO_MAGIC
from bot.xray.model import Declaration, ModuleVerdict, together
from bot.xray.pe import MAGIC as PE_MAGIC
from bot.xray.pe import read_pe
from bot.xray.source import Source, Unreadable

_DOTTED_NAMES: Final = re.compile(rb"[\w.]+\Z")
_DOTS: Final = re.compile(rb"\A|\.")
_MOST_NAMES: Final = 100_000
"""Places where a module's name may stand in its file."""
_MOST_POINTERS: Final = 1000
"""Pointers to a module's name."""
_MOST_SLOTS: Final = 64
_MOST_NESTED: Final = 5
"""Arrays within arrays; the interpreter follows as many."""

_GIL: Final = frozenset({4, 87})
"""Py_mod_gil: before 3.15, and from 3.15 on."""
_NOT_USED, _USED = 1, 0
_ARRAYS: Final = {92: True, 94: False}
"""Py_slot_subslots leads to PySlots, Py_mod_slots to PyModuleDef_Slots."""
_NAME: Final = 100
"""Py_mod_name."""
_TO_SLOTS: Final = 4 * WORD
"""From a definition's m_name to its m_slots."""
_HIGHEST_ID: Final = 511
"""No slot has a higher id, so what has one is no slot."""

_MULTI_PHASE: Final = "PyModuleDef_Init"
_SINGLE_PHASE: Final = ("PyModule_Create2", "PyModule_Create2TraceRefs")
_SET_GIL: Final = "PyUnstable_Module_SetGIL"
_CFFI: Final = (b"_cffi_backend\0", b"_init_cffi_1_0_external_module\0")
_CYTHON: Final = b"cython_runtime\0"


def declare(source: Source, module: str, tag: str = "") -> Declaration | None:
    """Read what an extension module declares; None if the file is not a Python module.

    `module` is the name under which the file is imported (`h3._cy.cells`), `tag` what its file
    name says of the interpreters that may load it (`cpython-314t-…`, `abi3t`, or nothing).
    Whatever the bytes are, nothing is raised.
    """
    try:
        found = [_Reader(image, module, tag).declaration() for image in _images(source)]
    except Unreadable as error:
        return Declaration(ModuleVerdict.UNKNOWN, f"the file {error}")
    declared = [declaration for declaration in found if declaration]
    return _worst(declared) if declared else None


def _images(source: Source) -> Sequence[Image]:
    magic = source.read(0, min(4, source.size))
    if magic == ELF_MAGIC:
        return [read_elf(source)]
    if magic == MACHO_MAGIC or magic in FAT_MAGICS:
        return read_macho(source)
    if magic[:2] == PE_MAGIC:
        return [read_pe(source)]
    raise Unreadable("is no ELF, PE or Mach-O file")


def _worst(declarations: Sequence[Declaration]) -> Declaration:
    verdict = together(declaration.verdict for declaration in declarations)
    return next(d for d in declarations if d.verdict is verdict)


@dataclass(frozen=True, slots=True)
class _Slots:
    """An array of slots as the file holds it: id and value of each, nested ones included."""

    address: int
    entries: tuple[tuple[int, Word], ...]

    @property
    def gil(self) -> tuple[Word, ...]:
        return tuple(value for identity, value in self.entries if identity in _GIL)

    def __str__(self) -> str:
        ids = ", ".join(str(identity) for identity, _ in self.entries)
        return f"slots {ids or 'none'} at {self.address:#x}"


@dataclass(frozen=True, slots=True)
class _Definition:
    """A PyModuleDef: where its name's pointer lies, and its slots' address, 0 if it has none."""

    address: int
    slots: int


class _Reader:
    """One module in one image."""

    __slots__ = ("_image", "_module", "_name", "_tag")

    def __init__(self, image: Image, module: str, tag: str) -> None:
        self._image = image
        self._module = module
        self._name = module.rpartition(".")[2]
        self._tag = tag

    def declaration(self) -> Declaration | None:
        exports = self._image.exports
        if not exports or "Py_BytesMain" in exports:
            return None
        init, export = (exports.get(name) for name in _init_names(self._name))
        declared = []
        # Up to 3.14, an interpreter knows nothing of PyModExport; later ones prefer it.
        if export is not None and not self._tag.startswith(("cpython-313", "cpython-314", "cp31")):
            declared.append(self._by_export(export))
        if init is not None and not (declared and self._tag):
            declared.append(self._by_init(init))
        if not declared:
            others = ", ".join(sorted(exports)[:3])
            return _unknown(f"it has no init function of the file's name, but {others}")
        return _worst(declared)

    # PEP 793: PyModExport_<name> returns an array of PySlots.

    def _by_export(self, function: int) -> Declaration:
        named = {array.address: array for array in self._named_arrays()}
        address = code.returned(self._image, function)
        if address is not None:
            array = named.get(address)
            if array is not None or len(named) == 1:
                array = array or next(iter(named.values()))
                return self._by_slots(array, "PySlot array")
            found = self._array(address, new=True)
            return (
                _softened(self._by_slots(found, "PySlot array named by code"))
                if found
                else (
                    _unknown("its PyModExport function returns something that is no PySlot array")
                )
            )
        if len(named) == 1:
            return self._by_slots(next(iter(named.values())), "PySlot array")
        return _unknown("its PyModExport function makes its slots while it is being imported")

    def _named_arrays(self) -> Iterator[_Slots]:
        """Give the PySlot arrays that hold the module's own name."""
        for cell in self._pointers_to_name():
            start = cell - WORD
            if self._slot_id(start, new=True) != _NAME:
                continue
            for _ in range(_MOST_SLOTS):
                identity = self._slot_id(start - 16, new=True)
                if not identity:
                    break
                start -= 16
            array = self._array(start, new=True)
            if array:
                yield array

    # PEP 489 and single-phase initialisation: PyInit_<name>.

    def _by_init(self, function: int) -> Declaration:
        definitions = list(self._definitions())
        declared = [self._by_definition(d, function) for d in definitions if d.slots]
        if declared:
            if len({declaration.verdict for declaration in declared}) > 1:
                return _unknown("several definitions of its name say different things")
            return declared[0]
        if not self._makes_modules() and self._is_cffi():
            return Declaration(
                ModuleVerdict.DELEGATED, "CFFI: the installed cffi package makes the module"
            )
        return self._by_imports(function, definitions)

    def _by_definition(self, definition: _Definition, function: int) -> Declaration:
        array = self._array(definition.slots, new=False)
        what = f"PyModuleDef, its name at {definition.address:#x}"
        if array is None:
            return _unknown(f"{what}, whose slots cannot be read")
        if not array.entries:
            return self._by_code(array.address, what)
        if self._may_change(definition, array, function):
            return _unknown(f"{what}, whose slots are changed while it is being imported")
        return self._by_slots(array, what)

    def _may_change(self, definition: _Definition, array: _Slots, function: int) -> bool:
        """Tell if code may change slots before the interpreter sees them.

        Where the file says that the GIL is used, all code is looked through: some projects say it
        in general and otherwise if they run on a free-threaded build. Of others it is enough what
        the init function has at hand.
        """
        image = self._image
        start, end = array.address, array.address + 2 * WORD * (len(array.entries) + 1)
        if any(start <= address < end for address in code.named_addresses(image, function)):
            return True
        if all(word.value == _NOT_USED for word in array.gil) and array.gil:
            return False
        cell = definition.address + _TO_SLOTS
        return code.may_store(image, start, end) or bool(code.assigned(image, cell))

    def _by_code(self, slots: int, what: str) -> Declaration:
        """Judge slots that are filled in while the module is being imported."""
        runtime = f"{what} has slots that are made while it is being imported"
        end = slots + min(2 * WORD * _MOST_SLOTS, self._image.memory.room(slots))
        stored = code.stores(self._image, slots, end)
        seen: list[int] = []
        for slot in range(slots, end, 2 * WORD):
            identity = _single(stored.get(slot, ()))
            if not identity or not 0 < identity <= _HIGHEST_ID:
                break
            seen.append(identity)
            if identity in _GIL and _single(stored.get(slot + WORD, ())) == _NOT_USED:
                return Declaration(
                    ModuleVerdict.LIKELY_KEEPS_OFF,
                    f"{runtime}; its code stores Py_mod_gil = Py_MOD_GIL_NOT_USED there",
                )
        if seen:
            return _unknown(f"{runtime}; its code stores slots {', '.join(map(str, seen))} there")
        return _unknown(runtime)

    def _by_imports(self, function: int, definitions: list[_Definition]) -> Declaration:
        """Judge a module none of whose definitions has slots in the file."""
        imports = self._image.imports
        single = any(name in imports for name in _SINGLE_PHASE)
        if single and _SET_GIL in imports:
            return self._by_call(imports[_SET_GIL])
        if single and (definitions or _MULTI_PHASE not in imports):
            return Declaration(
                ModuleVerdict.RE_ENABLES,
                "single-phase initialisation without PyUnstable_Module_SetGIL",
            )
        if definitions and _MULTI_PHASE in imports:
            return self._by_late_slots(definitions[0])
        return self._by_named(function)

    def _by_late_slots(self, definition: _Definition) -> Declaration:
        """Judge a multi-phase definition that has no slots in the file, but may get some."""
        what = f"PyModuleDef, its name at {definition.address:#x},"
        assigned = code.assigned(self._image, definition.address + _TO_SLOTS)
        if not assigned:
            return Declaration(
                ModuleVerdict.RE_ENABLES,
                f"multi-phase initialisation without slots ({what[:-1]})",
            )
        known = {address for address in assigned if address and address in self._image.memory}
        if len(known) == 1:
            return self._by_code(known.pop(), what)
        return _unknown(f"{what} has no slots before it is being imported")

    def _by_call(self, cells: Iterable[int]) -> Declaration:
        """Judge the calls of PyUnstable_Module_SetGIL."""
        if next(self._image.memory.find(_CYTHON), None) is not None:
            return _unknown(
                "single-phase initialisation by Cython, which imports PyUnstable_Module_SetGIL"
                " whether the module declares something or not"
            )
        arguments = code.second_arguments(self._image, frozenset(cells))
        if _NOT_USED in arguments and arguments <= {_NOT_USED, None}:
            return Declaration(
                ModuleVerdict.LIKELY_KEEPS_OFF,
                "single-phase initialisation that calls"
                " PyUnstable_Module_SetGIL(…, Py_MOD_GIL_NOT_USED)",
            )
        return _unknown(
            "single-phase initialisation that may call PyUnstable_Module_SetGIL,"
            f" with {_arguments(arguments)}"
        )

    def _by_named(self, function: int) -> Declaration:
        """Judge a definition of another name, if the init function names exactly one."""
        found = {
            definition.slots: definition
            for address in code.named_addresses(self._image, function)
            for definition in self._defined_at(address)
            if definition.slots
        }
        if len(found) == 1:
            return _softened(self._by_definition(next(iter(found.values())), function))
        if _MULTI_PHASE in self._image.imports:
            return _unknown("multi-phase initialisation, but no definition of its name is found")
        return _unknown("nothing shows how the module is made")

    # Where things are.

    def _pointers_to_name(self) -> list[int]:
        pointers = list(islice(self._image.pointers.to(self._names()), _MOST_POINTERS))
        if len(pointers) == _MOST_POINTERS:
            raise Unreadable("points to its name too often")
        return sorted(pointers)

    def _names(self) -> set[int]:
        """Return where the name stands, alone or behind those of its packages.

        Linkers let a string be the end of a longer one, so what stands before does not matter.
        """
        places: set[int] = set()
        memory = self._image.memory
        packages, _, name = self._module.rpartition(".")
        known = f"{packages}.".encode()
        for place in memory.find(name.encode() + b"\0"):
            places.add(place)
            segment = memory.segment(place)
            reach = min(256, place - segment.address) if segment else 0
            before = memory.read(place - reach, reach)
            if before.endswith(b"."):
                names = _DOTTED_NAMES.search(before)
                longer = len(names[0]) if names else 0
                places.update(
                    place - longer + dot.end() for dot in _DOTS.finditer(before[-longer:])
                )
                if before.endswith(known):
                    places.add(place - len(known))
            if len(places) > _MOST_NAMES:
                raise Unreadable("has its name in too many places")
        return places

    def _definitions(self) -> Iterator[_Definition]:
        """Give the definitions that are named like the module."""
        for cell in self._pointers_to_name():
            definition = self._definition(cell)
            if definition:
                yield definition

    def _defined_at(self, address: int) -> Iterator[_Definition]:
        """Give the definition that starts at an address, with the header of either build."""
        for header in (7, 5):  # words; a free-threaded build's objects have two more
            cell = address + header * WORD
            if cell in self._image.memory:
                definition = self._definition(cell)
                if definition and self._image.words(cell, 1)[0].pointer:
                    yield definition
                    return

    def _definition(self, cell: int) -> _Definition | None:
        """Read the PyModuleDef whose m_name is at `cell`, if there is one.

        Before it: ob_type, m_init, m_index, m_copy, all of them zero in the file. From it on:
        m_name, m_doc, m_size, m_methods, m_slots, m_traverse, m_clear, m_free.
        """
        image = self._image
        if cell % WORD or image.memory.room(cell - 4 * WORD) < 12 * WORD:
            return None
        words = image.words(cell - 4 * WORD, 12)
        if any(word.value or word.pointer for word in words[:4]):
            return None
        _, doc, size, *functions = words[4:]
        if size.pointer or not (size.value < 1 << 40 or size.value == (1 << 64) - 1):
            return None
        if any(word.value and not word.pointer for word in (doc, *functions)):
            return None
        slots = functions[1]
        if slots.pointer and slots.value not in image.memory:
            return None
        return _Definition(cell, slots.value if slots.pointer else 0)

    # Arrays of slots.

    def _slot_id(self, address: int, *, new: bool) -> int | None:
        """Return the id of a slot, None if there cannot be one."""
        if address % WORD or self._image.memory.room(address) < 2 * WORD:
            return None
        first = self._image.pointers.word(address)
        if first.pointer:
            return None
        if not new:  # int slot, and padding
            identity = first.value & 0xFFFFFFFF
        else:  # uint16_t sl_id, sl_flags; uint32_t sl_reserved, which is zero
            identity = first.value & 0xFFFF
            if first.value >> 32 or first.value >> 16 & 0xFFFF > 7:
                return None
        return identity if identity <= _HIGHEST_ID else None

    def _array(self, address: int, *, new: bool, nested: int = 0) -> _Slots | None:
        """Read an array of PySlots (`new`) or PyModuleDef_Slots; None if it is none."""
        entries: list[tuple[int, Word]] = []
        for place in range(_MOST_SLOTS):
            slot = address + 2 * WORD * place
            identity = self._slot_id(slot, new=new)
            if identity is None:
                return None
            if not identity:
                return _Slots(address, tuple(entries))
            value = self._image.pointers.word(slot + WORD)
            entries.append((identity, value))
            if identity in _ARRAYS and value.value:
                if nested == _MOST_NESTED or not value.pointer:
                    return None
                inner = self._array(value.value, new=_ARRAYS[identity], nested=nested + 1)
                if inner is None:
                    return None
                entries.extend(inner.entries)
        return None

    def _by_slots(self, array: _Slots, what: str) -> Declaration:
        gil = array.gil
        if not gil:
            return Declaration(
                ModuleVerdict.RE_ENABLES, f"slots end without Py_mod_gil ({what}, {array})"
            )
        if any(word.pointer or word.value not in {_NOT_USED, _USED} for word in gil):
            return _unknown(f"Py_mod_gil has a value that is not known ({what}, {array})")
        if all(word.value == _NOT_USED for word in gil):
            return Declaration(
                ModuleVerdict.KEEPS_OFF,
                f"Py_mod_gil = Py_MOD_GIL_NOT_USED ({what}, {array})",
            )
        if all(word.value == _USED for word in gil):
            return Declaration(
                ModuleVerdict.RE_ENABLES, f"Py_mod_gil = Py_MOD_GIL_USED ({what}, {array})"
            )
        return _unknown(f"Py_mod_gil is there more than once ({what}, {array})")

    def _makes_modules(self) -> bool:
        return any(name in self._image.imports for name in (_MULTI_PHASE, *_SINGLE_PHASE))

    def _is_cffi(self) -> bool:
        memory = self._image.memory
        return all(next(memory.find(text), None) is not None for text in _CFFI)


def _init_names(name: str) -> tuple[str, str]:
    """Return the names of the init functions of a module (PEP 489, PEP 793)."""
    if name.isascii():
        return f"PyInit_{name}", f"PyModExport_{name}"
    encoded = name.encode("punycode").decode().replace("-", "_")
    return f"PyInitU_{encoded}", f"PyModExportU_{encoded}"


def _single(values: Collection[int | None]) -> int | None:
    """Return the value if there is only one."""
    return next(iter(values)) if len(values) == 1 else None


def _unknown(reason: str) -> Declaration:
    return Declaration(ModuleVerdict.UNKNOWN, reason)


def _softened(declaration: Declaration) -> Declaration:
    """Make of a verdict what it may be if code has led to it."""
    match declaration.verdict:
        case ModuleVerdict.KEEPS_OFF:
            return Declaration(ModuleVerdict.LIKELY_KEEPS_OFF, declaration.evidence)
        case ModuleVerdict.RE_ENABLES:
            return _unknown(f"by its code, {declaration.evidence}")
        case _:
            return declaration


def _arguments(arguments: Iterable[int | None]) -> str:
    known = sorted(argument for argument in arguments if argument is not None)
    return f"{', '.join(map(str, known))} as argument" if known else "an argument that is not seen"
