"""Make data/guide_sections.json anew from the porting guide's search index.

python scripts/derive_guide.py search_index.json

Of the guide's text it keeps telling words alone, sorted, for search without a network. What a
section is about stands there in words of our own: write it into the file by hand, the script keeps
it and names the sections that lack it.
"""

import argparse
import math
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bot.errors import UserError  # noqa: E402 - needs the path
from bot.guide.mkdocs import read_index  # noqa: E402 - see above
from bot.guide.model import Section  # noqa: E402 - see above
from bot.guide.rules import STOP  # noqa: E402 - see above
from bot.guide.service import read_sections  # noqa: E402 - see above

MOST_TERMS = 40
_WORD = re.compile(r"[a-z_][a-z0-9_]{1,29}")


def derived(sections: Sequence[Section], gists: Mapping[str, str]) -> list[Section]:
    """Return the sections with telling words in place of their text, and with our gists."""
    words = [Counter(_WORD.findall(each.text.lower())) for each in sections]
    spread = Counter(word for each in words for word in each)

    def weight(item: tuple[str, int]) -> tuple[float, str]:
        word, count = item
        return -(1 + math.log(count)) * math.log(len(sections) / spread[word]), word

    made = []
    for section, each in zip(sections, words, strict=True):
        telling = sorted((item for item in each.items() if item[0] not in STOP), key=weight)
        terms = " ".join(sorted(word for word, _ in telling[:MOST_TERMS]))
        made.append(
            msgspec.structs.replace(section, gist=gists.get(section.location, ""), text=terms)
        )
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("index", type=Path, help="search/search_index.json of the guide's site")
    parser.add_argument("--output", type=Path, default=ROOT / "data" / "guide_sections.json")
    parser.add_argument(
        "--gists", type=Path, help="where the words of our own are taken from (default: the output)"
    )
    options = parser.parse_args()

    try:
        known = read_sections((options.gists or options.output).read_bytes())
        made = derived(
            read_index(options.index.read_bytes()), {each.location: each.gist for each in known}
        )
    except (OSError, UserError) as error:
        sys.exit(str(error))
    lines = b",\n".join(map(msgspec.json.encode, made))
    options.output.write_bytes(b"[\n" + lines + b"\n]\n")
    for section in made:
        if not section.gist:
            sys.stdout.write(f"What is this about? {section.location}\n")
    sys.stdout.write(f"{options.output}: {len(made)} sections\n")


if __name__ == "__main__":
    main()
