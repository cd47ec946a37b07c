"""The words by which a text is recognised: error messages, names out of programs, rare words.

What stands in most reports of this field says nothing: everyday words, the names of symptoms and
tools (the kind of a report says those), and the texts that interpreters print for everybody.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from bot.reports.likeness import common

LONGEST_TEXT: Final = 20_000
"""Characters of a text that are looked at; the telling part of its logs comes besides."""
MOST_WORDS: Final = 200
"""A longer list says less of each word, and costs time in every comparison."""
_LONGEST_WORD = 80
_LONGEST_MESSAGE = 160
_LONGEST_LINE = 1_000

_TOKEN = re.compile(r"(?<![\w.])[A-Za-z_][A-Za-z0-9_]*(?:(?:\.|::|-)[A-Za-z_][A-Za-z0-9_]*)*")
_PIN = re.compile(r"\b([A-Za-z][\w.-]{0,60})==(\d\w{0,20}(?:\.\w{1,20}){0,5})", re.ASCII)
_REFERENCE = re.compile(r"\b([\w.-]{1,40}/[\w.-]{1,80})(?:#|/issues/|/pull/)(\d{1,7})\b", re.ASCII)
_ADDRESS = re.compile(r"https?://\S+")
_MESSAGE = re.compile(
    r"(?:\b[A-Za-z]\w{0,60}(?:Error|Exception)|\b(?:fatal )?(?:python )?error|\bpanicked at)"
    r"(?: [A-Z]{1,4}\d{1,5})?: (.+)",
    re.ASCII | re.IGNORECASE,
)
_GIL_WARNING = re.compile(
    r"The global interpreter lock \(GIL\) has been enabled.{0,600}?-X ?gil=0", re.DOTALL
)
_SANITIZER = re.compile(r"Sanitizer: ([a-z]+(?:-[a-z]+)+)")
_FENCE = re.compile(r"\s{0,3}(?:>\s?)?(?:`{3,}|~{3,})")
# A frame, a thread of a stack, a prompt, or what is indented as code is.
_NO_PROSE = re.compile(
    r'\s*#\d+ |\s*\*?\s*frame #|\s*File "|\s*(?:Current )?[Tt]hread |\s*(?:>>>|\$|\+|±) ?|\t| {4}'
)
_MESSAGE_END = re.compile(r"[.!]?(?:[`\[;]|$)|[.!] ")
_NUMBERS = re.compile(r"\b0x[0-9a-f]+|\d+", re.IGNORECASE)
_CAMEL = re.compile(r"[a-z0-9][A-Z]")


def telling(text: str) -> frozenset[str]:
    """Collect the telling words of a text: messages, then names, then others, the first ones.

    Of code and logs only error messages are taken: programs that reproduce something are alike
    whatever they reproduce, and what else logs tell is in a reading's signature.
    """
    messages, prose = _parted(_GIL_WARNING.sub(" ", text))
    words = sorted(dict.fromkeys(_words(prose)), key=weight, reverse=True)
    return frozenset([*dict.fromkeys(messages), *words][:MOST_WORDS])


def _parted(text: str) -> tuple[list[str], str]:
    """Part a text into error messages and prose, so that no word of it counts twice."""
    messages: list[str] = []
    prose: list[str] = []
    fenced = False
    for line in text.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
            continue
        found = _MESSAGE.search(line[:_LONGEST_LINE])
        message = _message(found[1]) if found else ""
        if message:
            messages.append(message)
        elif found_class := _SANITIZER.search(line[:_LONGEST_LINE]):
            messages.append(found_class[1])
        if not (fenced or message or _NO_PROSE.match(line)):
            prose.append(line)
    return messages, "\n".join(prose)


def is_message(word: str) -> bool:
    """Tell whether a word is an error message."""
    return " " in word


def is_name(word: str) -> bool:
    """Tell a name out of a program, a pin, a reference to an issue or a sanitizer's finding."""
    if word in common.FINDINGS:
        return True
    return " " not in word and (word != word.lower() or any(mark in word for mark in "_.:=#"))


def weight(word: str) -> float:
    """Say how much it tells, by the form of the word, that two texts have it in common."""
    if is_message(word):
        return 2.5
    return 1.5 if is_name(word) else 0.6


def references(text: str) -> Iterator[str]:
    """Give the issues of GitHub that a text names with their repository, as `owner/name#1`."""
    for repository, number in _REFERENCE.findall(text):
        yield f"{repository.lower()}#{number}"


def function_of(frame: str) -> str:
    """Name the function of a frame, which is written `file.c:function` or `function`."""
    return frame.rpartition(":")[2].strip()


def telling_frames(frames: Iterable[str]) -> frozenset[str]:
    """Name the functions of frames that are not on most stacks of CPython."""
    functions = map(function_of, frames)
    return frozenset(each for each in functions if each and not _is_common_function(each))


def _message(text: str) -> str:
    """Make an error message comparable; "" for one that says nothing. Numbers differ by run."""
    text = _MESSAGE_END.split(text[:_LONGEST_MESSAGE], maxsplit=1)[0]
    message = " ".join(_NUMBERS.sub("0", text).lower().split())
    return message if message.count(" ") >= 2 and message not in common.MESSAGES else ""


def _words(text: str) -> Iterator[str]:
    yield from references(text)
    for name, version in _PIN.findall(text):
        yield f"{name.lower()}=={version}"
    for token in _TOKEN.findall(_ADDRESS.sub(" ", text)):
        if len(token) <= _LONGEST_WORD:
            yield from _readings(token)


def _readings(token: str) -> Iterator[str]:
    """Give a token and, if it is a path of names, its parts: `cProfile.run` is about cProfile."""
    pieces = _split(token)
    if len(pieces) > 1:
        if not _is_common_name(token):
            yield token
            for piece in pieces:
                yield from _readings(piece)
    elif "_" in token.strip("_") or token.startswith("_") or _CAMEL.search(token):
        if token.lower() in common.PRODUCTS:
            yield token.lower()
        elif not _is_common_name(token):
            yield token
    else:
        for word in dict.fromkeys((token.lower(), *token.lower().split("-"))):
            if len(word) >= 3 and not {word, word.removesuffix("s")} & common.WORDS:
                yield word


def _split(token: str) -> list[str]:
    return token.replace("::", ".").split(".")


def _is_common_name(name: str) -> bool:
    folded = name.lower()
    return (
        folded in common.NAMES
        or folded.endswith(common.NAME_ENDS)
        or folded.startswith(common.NAME_STARTS)
        or _is_common_function(name)
    )


def _is_common_function(name: str) -> bool:
    return name in common.FUNCTIONS or name.startswith(common.FUNCTION_STARTS)
