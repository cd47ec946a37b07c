"""Markdown nearly as GitHub shows it; whatever else foreign text asks for is shown as text.

Of HTML only what GitHub's issues use for folding lives on, and comments are not shown. Images
become links, so that looking at an issue fetches nothing.
"""

import html
import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

_HTML = re.compile(r"<!--.*?-->|</?(?:details|summary)>|<br ?/?>", re.DOTALL)


class _Renderer(RendererHTML):
    def html_block(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:  # noqa: ANN401 - markdown-it's
        return _harmless(tokens[idx].content)

    def html_inline(self, tokens: Sequence[Token], idx: int, *_: Any) -> str:  # noqa: ANN401 - markdown-it's
        return _harmless(tokens[idx].content)

    def link_open(self, tokens: Sequence[Token], idx: int, *rest: Any) -> str:  # noqa: ANN401 - markdown-it's
        tokens[idx].attrSet("rel", "noopener noreferrer nofollow")
        return self.renderToken(tokens, idx, *rest)


_MARKDOWN = MarkdownIt("commonmark", {"html": True}, renderer_cls=_Renderer)
_MARKDOWN.enable(["table", "strikethrough"]).disable("image")


def render(text: str) -> str:
    """Give HTML that holds no script, style, image or attribute of the text's own."""
    rendered: str = _MARKDOWN.render(text)
    return rendered


def _harmless(text: str) -> str:
    """Escape HTML but for the tags of folded parts; drop comments."""
    shown, end = [], 0
    for match in _HTML.finditer(text):
        shown.append(html.escape(text[end : match.start()]))
        shown.append("" if match[0].startswith("<!--") else match[0])
        end = match.end()
    return "".join(shown) + html.escape(text[end:])
