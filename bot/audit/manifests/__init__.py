"""What a project depends on, read from the files that say so; all of them are hostile.

Readers return what they could read and say what they could not: nothing is dropped in silence,
nothing is fetched, run or looked up, and only `formats` decides who reads.
"""

from bot.audit.manifests.formats import FORMATS, LIMIT, read, recognise

__all__ = ["FORMATS", "LIMIT", "read", "recognise"]
