"""What a release requires, as a value."""

import msgspec


class Requirements(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What core metadata says of a release's requirements.

    `requires` are texts of PEP 508 (Requires-Dist), as foreign as they come. `extras` are the
    normalised names that it provides, None where that was not told. `problem` says in one sentence
    why nothing is known of a release's requirements, "" where they are known.
    """

    requires: tuple[str, ...] = ()
    extras: tuple[str, ...] | None = None
    requires_python: str | None = None
    problem: str = ""
