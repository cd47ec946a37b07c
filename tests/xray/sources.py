"""C sources of small extension modules, in every way of saying something about the GIL.

They need no Python headers: the few structures are laid out as on free-threaded builds. A library
holds several modules, each with an init function of its own, since a reader goes by names; what is
imported counts for the whole file, so that each kind of import is a library of its own.
"""

from typing import Final

_HEAD: Final = """
#include <stdint.h>
typedef struct { uint64_t head[4]; void *init; intptr_t index; void *copy; } Base;
typedef struct { int slot; void *value; } Slot;
typedef struct {
    Base base; const char *name; const char *doc; intptr_t size; void *methods; Slot *slots;
    void *traverse; void *clear; void *free;
} Def;
typedef struct { uint16_t id; uint16_t flags; uint32_t reserved; void *value; } NewSlot;
#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#define IMPORT __declspec(dllimport)
#else
#define EXPORT __attribute__((visibility("default")))
#define IMPORT
#endif
IMPORT void *PyModuleDef_Init(Def *);
IMPORT void *PyModule_Create2(Def *, int);
IMPORT int PyUnstable_Module_SetGIL(void *, void *);
IMPORT void *PyImport_ImportModule(const char *);
static int run(void *module) { return module == 0; }
#define USED ((void *)0)
#define NOT_USED ((void *)1)
#define DEF(id, text, array) static Def id = { .name = text, .slots = array }
#define MULTI(id, text, ...) \\
    static Slot id##_slots[] = { __VA_ARGS__ }; \\
    DEF(id, text, id##_slots); \\
    EXPORT void *PyInit_##id(void) { return PyModuleDef_Init(&id); }
"""

MULTI_PHASE: Final = (
    _HEAD
    + """
MULTI(declared, "declared", {2, run}, {3, (void *)2}, {4, NOT_USED}, {0})
MULTI(dotted, "package.dotted", {4, NOT_USED}, {0})
MULTI(used, "used", {2, run}, {4, USED}, {0})
MULTI(absent, "absent", {2, run}, {3, (void *)2}, {0})
MULTI(empty_value, "empty_value", {2, run}, {4, (void *)7}, {0})
MULTI(pointer_value, "pointer_value", {4, run}, {0})
MULTI(contradicts, "contradicts", {4, USED}, {4, NOT_USED}, {0})
MULTI(not_slots, "not_slots", {4000, run}, {0})
MULTI(otherwise_named, "another name", {2, run}, {4, NOT_USED}, {0})
MULTI(otherwise_absent, "another name still", {2, run}, {0})

// Bytes that look like a declaration, beside a definition that declares nothing.
EXPORT const uint64_t looks_like_slots[] = {4, 1, 0, 0};
MULTI(constants, "constants", {2, run}, {0})

// Seventy slots, and no end.
static Slot endless_slots[70] = { [0 ... 69] = {2, run} };
DEF(endless, "endless", endless_slots);
EXPORT void *PyInit_endless(void) { return PyModuleDef_Init(&endless); }

// Two definitions of the same name that differ.
static Slot second_slots[] = { {2, run}, {0} };
DEF(second, "two", second_slots);
EXPORT void *other_two(void) { return &second; }
MULTI(two, "two", {2, run}, {4, NOT_USED}, {0})

// No slots at all.
DEF(bare, "bare", 0);
EXPORT void *PyInit_bare(void) { return PyModuleDef_Init(&bare); }

// Slots that are filled in while the module is being imported.
#define LATE(id, gil) \\
    static Slot id##_slots[8]; \\
    DEF(id, #id, id##_slots); \\
    EXPORT void *PyInit_##id(void) { \\
        volatile Slot *slots = id##_slots; \\
        slots[0].slot = 2; slots[0].value = run; \\
        gil \\
        return PyModuleDef_Init(&id); \\
    }
LATE(late_declared, slots[1].slot = 4; slots[1].value = NOT_USED;)
LATE(late_used, slots[1].slot = 4; slots[1].value = USED;)
LATE(late_absent, slots[1].slot = 3; slots[1].value = (void *)2;)

// The definition learns only then where they are.
static Slot late_slots[8];
DEF(assigned, "assigned", 0);
EXPORT void *PyInit_assigned(void) {
    volatile Slot *slots = late_slots;
    slots[0].slot = 4; slots[0].value = NOT_USED;
    *(Slot *volatile *)&assigned.slots = late_slots;
    return PyModuleDef_Init(&assigned);
}

// Slots that say one thing in the file, and another while the module is being imported.
#define CHANGED(id, before, after) \\
    static Slot id##_slots[] = { {2, run}, {3, (void *)2}, {4, before}, {0} }; \\
    DEF(id, #id, id##_slots); \\
    EXPORT void *PyInit_##id(void) { \\
        for (volatile Slot *slot = id##_slots; slot->slot; slot++) \\
            if (slot->slot == 4) { slot->value = after; break; } \\
        return PyModuleDef_Init(&id); \\
    }
CHANGED(changed_to_not_used, USED, NOT_USED)
CHANGED(changed_to_used, NOT_USED, USED)

// The same in another function, and slots that are exchanged.
static Slot far_slots[] = { {2, run}, {4, USED}, {0} };
DEF(changed_far, "changed_far", far_slots);
EXPORT int settle(int which) { volatile Slot *s = far_slots; return (s + which)->slot == 4
    ? ((s + which)->value = NOT_USED, 1) : 0; }
EXPORT void *PyInit_changed_far(void) { settle(1); return PyModuleDef_Init(&changed_far); }
static Slot free_slots[] = { {2, run}, {4, NOT_USED}, {0} };
static Slot exchanged_slots[] = { {2, run}, {4, USED}, {0} };
DEF(exchanged, "exchanged", exchanged_slots);
EXPORT void *PyInit_exchanged(void) {
    *(Slot *volatile *)&exchanged.slots = free_slots;
    return PyModuleDef_Init(&exchanged);
}

// An array that looks complete, and gets one more.
static Slot grows_slots[8] = { {2, run} };
DEF(grows, "grows", grows_slots);
EXPORT void *PyInit_grows(void) {
    volatile Slot *slots = grows_slots;
    slots[1].value = NOT_USED; slots[1].slot = 4;
    return PyModuleDef_Init(&grows);
}
"""
)

_SINGLE: Final = (
    _HEAD
    + """
DEF(single, "single", 0);
EXPORT void *PyInit_single(void) {
    void *module = PyModule_Create2(&single, 1013);
    CALL
    return module;
}
"""
)


def single_phase(call: str = "", extra: str = "") -> str:
    """Give a module of single-phase initialisation that makes `call` with its `module`."""
    return _SINGLE.replace("CALL", call) + extra


SET_NOT_USED: Final = "PyUnstable_Module_SetGIL(module, NOT_USED);"
SET_USED: Final = "PyUnstable_Module_SetGIL(module, USED);"
SET_LATER: Final = "PyUnstable_Module_SetGIL(module, *(void *volatile *)&single.doc);"
CYTHON: Final = 'EXPORT const char *marker(void) { return "cython_runtime"; }'

EXPORTS: Final = (
    _HEAD
    + """
#define EXPORTED(id, ...) \\
    static NewSlot id##_slots[] = { __VA_ARGS__ }; \\
    EXPORT NewSlot *PyModExport_##id(void *spec) { return id##_slots; }
EXPORTED(declared, {85, 0, 0, run}, {87, 4, 0, NOT_USED}, {100, 2, 0, "declared"}, {0})
EXPORTED(used, {100, 2, 0, "used"}, {87, 4, 0, USED}, {0})
EXPORTED(absent, {85, 0, 0, run}, {100, 2, 0, "absent"}, {0})
EXPORTED(unnamed, {85, 0, 0, run}, {87, 4, 0, NOT_USED}, {0})
EXPORTED(unnamed_absent, {85, 0, 0, run}, {0})
EXPORTED(no_slots, {900, 0, 0, run}, {0})
static Slot before[] = { {2, run}, {4, NOT_USED}, {0} };
EXPORTED(old, {100, 2, 0, "old"}, {94, 2, 0, before}, {0})
static NewSlot inner[] = { {87, 4, 0, NOT_USED}, {0} };
EXPORTED(nested, {100, 2, 0, "nested"}, {92, 2, 0, inner}, {0})
extern NewSlot loop_slots[];
NewSlot loop_slots[] = { {100, 2, 0, "loop"}, {92, 2, 0, loop_slots}, {0} };
EXPORT NewSlot *PyModExport_loop(void *spec) { return loop_slots; }
static NewSlot late_slots[8];
EXPORT NewSlot *PyModExport_late(void *spec) {
    volatile NewSlot *slots = late_slots;
    slots[0].id = 87; slots[0].value = NOT_USED;
    return late_slots;
}

// Both ways to be imported, which say different things.
EXPORTED(both, {100, 2, 0, "both"}, {87, 4, 0, NOT_USED}, {0})
DEF(both_old, "both", 0);
EXPORT void *PyInit_both(void) { return PyModule_Create2(&both_old, 1013); }
"""
)

CFFI: Final = (
    _HEAD
    + """
EXPORT const char *cffi_marker(void) { return "_init_cffi_1_0_external_module"; }
EXPORT void *PyInit__api(void) { return PyImport_ImportModule("_cffi_backend"); }
"""
)

NO_MODULE: Final = _HEAD + "EXPORT int sqlite3_series_init(void) { return 0; }"
