"""Issues as GitHub would show them: what is read is the rendered tree, not the Markdown."""

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from time import perf_counter
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.reports.issue.defang import cell, fence, plain, prose
from bot.reports.issue.marker import find, sign
from bot.reports.issue.rules import (
    MAX_BODY,
    MAX_BUTTON,
    MAX_FORM,
    MAX_TITLE,
    compose,
    form_address,
)
from bot.reports.model import (
    Actor,
    Fact,
    Facts,
    Hint,
    Kind,
    Likely,
    Reading,
    Report,
    Signature,
    State,
    Submission,
)

KEY = b"a key of tests"
UID = "6f1c1f6e-0001-4000-8000-000000000042"
MARKER = sign(UID, KEY)
NOW = datetime(2026, 11, 22, tzinfo=UTC)
HOME = "community/tracker"

# Bare addresses become links, as on GitHub, where the optional library for that is there.
LINKIFY = find_spec("linkify_it") is not None
GITHUB = MarkdownIt("gfm-like", {"breaks": True, "linkify": LINKIFY})

# The forms that GitHub documents as links of its own, in text that a browser would show.
LIVE = {
    "mention": re.compile(r"@[A-Za-z0-9]"),
    "issue": re.compile(r"#[0-9]"),
    "GH-": re.compile(r"\bGH-[0-9]", re.IGNORECASE),
    "commit": re.compile(r"(?<![A-Za-z0-9])[0-9a-f]{7,40}(?![A-Za-z0-9])"),
    "address": re.compile(r"github\.com/", re.IGNORECASE),
}
OURS = re.compile(r"<details><summary>[0-9,]+ lines</summary>\n|</details>\n?")


@dataclass
class Shown:
    """What a reader sees: text outside of code, code, and all else that came alive."""

    text: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    alive: list[str] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)


def shown(markdown: str) -> Shown:
    """Render Markdown as GitHub does and sort what comes out."""
    seen = Shown()
    for token in GITHUB.parse(markdown):
        if token.type in {"fence", "code_block"}:
            seen.code.append(token.content)
            if token.type == "code_block":
                seen.alive.append(f"indented code: {token.content!r}")
        elif token.type == "html_block":
            if token.content.strip() == MARKER:
                seen.blocks.append("marker")
            elif not OURS.fullmatch(token.content):
                seen.alive.append(f"HTML: {token.content!r}")
        elif token.type == "inline":
            _inline(token.children or [], seen)
        elif token.type.endswith("_open"):
            seen.blocks.append(token.tag)
        if token.type == "heading_open" and (token.tag != "h3" or token.markup != "###"):
            seen.alive.append(f"heading {token.tag}")
    return seen


def _inline(children: list[Token], seen: Shown) -> None:
    run = ""
    for token in children:
        if token.type == "text":
            run += token.content
            continue
        seen.text.append(run)
        run = ""
        if token.type == "code_inline":
            seen.code.append(token.content)
        elif token.type == "link_open":
            seen.links.append(str(token.attrs["href"]))
        elif token.type not in {"softbreak", "hardbreak", "link_close"}:
            seen.alive.append(f"{token.type}: {token.content!r}")
    seen.text.append(run)


def problems(markdown: str) -> list[str]:
    """Say all that is alive in it and should not be."""
    seen = shown(markdown)
    found = list(seen.alive)
    for text in seen.text + seen.links:
        found += [f"{name} in {text!r}" for name, form in LIVE.items() if form.search(text)]
    return found


def title_problems(title: str) -> list[str]:
    """A title has no Markdown but code spans."""
    assert title.count("`") % 2 == 0
    rest = re.sub(r"`[^`]+`", "`", title)
    return [f"{name} in {title!r}" for name, form in LIVE.items() if form.search(rest)]


def a_report(
    kind: Kind = Kind.CRASH,
    *,
    title: str = "",
    submission: Submission | None = None,
    **reading: object,
) -> Report:
    base = Reading(kind, 0.9, facts=Facts(project=Fact("made-up", "made-up")))
    return Report(
        id=12,
        uid=UID,
        state=State.OPEN,
        revision=1,
        title=title or "made-up: something broke",
        submission=submission or Submission(story="It broke."),
        reading=replace(base, **reading),  # type: ignore[arg-type]  # the tests name real fields
        reporter=Actor(123456789012345678, "Some Member"),
        credit=False,
        guild=1,
        channel=2,
        created=NOW,
        updated=NOW,
    )


HOSTILE = [
    "@octocat",
    "@org/team",
    "&#64;octocat",
    "&#x40;octocat",
    "&commat;octocat",
    "&amp;#64;octocat",
    "&amp;amp;amp;amp;amp;amp;amp;commat;octocat",
    "&#35;12",
    "&#x26;#64;octocat",
    "@\u200boctocat",
    "@\u202eoctocat",
    "@\x00octocat",
    "@\ufe0foctocat",
    "\\@octocat",
    "**@octocat**",
    "@**octocat**",
    "[@octocat](https://example.org)",
    "mail@example.org",
    "<mail@example.org>",
    "#12",
    "\\#12",
    "\u2028#12",
    "\x85# 12",
    "(#12)",
    "GH-12",
    "gh-12",
    "owner/repo#12",
    "owner/repo@deadbeef",
    "user@0123456",
    "deadbeef",
    "0123456789abcdef0123456789abcdef01234567",
    "_deadbeef_",
    "fixes #12",
    "Closes: owner/repo#12",
    "resolved https://github.com/owner/repo/issues/12",
    "https://github.com/owner/repo/pull/12#issuecomment-1",
    "https://github.com/owner/repo/commit/deadbeef",
    "https://github.com/owner/repo/compare/a...b",
    "http://www.GitHub.com/owner/repo/issues/12",
    "github.com/owner/repo/issues/12",
    "<https://github.com/owner/repo/issues/12>",
    "[x](https://github.com/owner/repo/issues/12)",
    "[x][1]\n\n[1]: https://github.com/owner/repo/issues/12",
    "[#12]: https://example.org\n[#12]",
    "https://redirect.github.com/owner/repo/issues/12",
    "https://example.org/@octocat",
    "https://example.org/#12",
    "https://example.org/?a=&commat;octocat",
    "https://example.org/`x`",
    "www.example.org/@octocat",
    "![i](https://example.org/i.png)",
    "![i][r]\n\n[r]: https://example.org/i.png",
    '<img src="https://example.org/i.png">',
    "<!-- hidden -->",
    "<!--",
    "-->",
    MARKER,
    sign("another", KEY),
    "&lt;!-- hidden --&gt;",
    "<b>bold</b>",
    "<details><summary>x</summary>",
    "</details>",
    "<script>alert(1)</script>",
    "<?php ?>",
    "<![CDATA[x]]>",
    "<!DOCTYPE x>",
    "# heading",
    "text\n===",
    "text\n---",
    "---",
    "***",
    "> quote",
    "> [!WARNING]",
    "- [ ] #12",
    "* item\n* # heading",
    "1. one\n2) two",
    "- - - x",
    "    indented #12",
    "\tindented @octocat",
    "a | b\n---|---\n@octocat | #12",
    "a\n:-\n@octocat",
    "|",
    "\\|",
    "\\",
    "[^1]\n\n[^1]: #12",
    "~~struck~~",
    "$`x`$",
    ":tada:",
    "<@123456789012345678>",
    "<@!1>",
    "<@&1>",
    "<#1>",
    "<t:1700000000:R>",
    "<t:-99999999999999:F>",
    "<t:9999999999999>",
    "<:name:1>",
    "<a:name:123456789012345678>",
    "</command:1>",
    "<id:customize>",
    "`code`",
    "`",
    "``",
    "`` ` ``",
    "`#12",
    "a`b",
    "```",
    "````",
    "````````````",
    "~~~",
    "~~~~~~~~~~~~",
    "```py\nimport x  # @octocat #12\n```",
    "```suggestion\nx\n```",
    "```mermaid",
    "~~~\n@octocat\n~~~",
    "`````\n```\n@octocat\n`````",
    'Traceback (most recent call last):\n  File "x.py", line 1\n    f()\n    ~^^\nValueError: #12',
    ">>> @octocat",
    "\x1b[31mred\x1b[0m #12",
    "\r\n#12\r# x",
    "\ud800",
    "\u0338>",
    "<\u0338b>",
]

atoms = (
    st.sampled_from(HOSTILE)
    | st.text(max_size=8)
    | st.text("`~#@|\\<>&;![]()_*-=:\n 1a", max_size=8)
)
glue = st.sampled_from(["", " ", "\n", "\n\n", "`", "@", "#", "|", "\\", "\u200b", "  ", "&"])
hostile = st.lists(st.tuples(atoms, glue), max_size=12).map(
    lambda pieces: "".join(atom + between for atom, between in pieces)
)


@pytest.mark.parametrize(
    "text",
    [
        "@octocat",
        "\\@octocat",
        "&#64;octocat",
        "see #12",
        "&#35;12",
        "\\#12",
        "a/b#12",
        "gh-12",
        "deadbeef",
        "[x](https://github.com/a/b/issues/1)",
        "[x][1]\n\n[1]: https://github.com/a/b",
        "https://github.com/a/b/issues/1",
        "![i](https://example.org/i.png)",
        "<b>x</b>",
        "<!-- x -->",
        "    x",
        "# x",
        "x\n---",
        "~~x~~",
        "**x**",
    ],
)
def test_the_oracle_sees_what_is_alive(text: str) -> None:
    assert problems(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_is_alive(text: str) -> None:
    for around in ("{}", "a {} b", "{0}{0}", "`{}`", "x\n{}\ny", "- {}", "({}),", "@{}", "`{}"):
        written = around.format(text)
        assert problems(prose(written)) == []
        assert set(shown(prose(written)).blocks) <= {"p", "ul", "ol", "li"}
        assert problems(fence(written)) == []
        assert problems(f"| | |\n|---|---|\n| a | {cell(written)} |\n\nend") == []
        assert problems(f"- {cell(written)}\n\n{cell(written)}") == []
        assert title_problems(plain(written, 200)) == []


@given(hostile)
@settings(max_examples=300, deadline=None)
def test_prose_is_dead(text: str) -> None:
    assert problems(prose(text)) == []
    assert set(shown(prose(text)).blocks) <= {"p", "ul", "ol", "li"}


@given(hostile)
@settings(deadline=None)
def test_a_fence_holds_all_of_it_and_nothing_else(text: str) -> None:
    seen = shown(f"before\n\n{fence(text)}\n\nafter")
    assert seen.alive == []
    assert "".join(seen.text) == "beforeafter"
    assert len(seen.code) == 1
    longest = max(map(len, re.findall("`+|~+", seen.code[0])), default=0)
    assert len(fence(text).split("text")[0]) > longest


@given(hostile)
@settings(deadline=None)
def test_a_cell_is_one_cell(text: str) -> None:
    seen = shown(f"| a | b |\n|---|---|\n| {cell(text)} | last |")
    assert seen.blocks.count("td") == 2
    assert seen.text[-1] == "last"
    assert problems(f"| a | b |\n|---|---|\n| {cell(text)} | last |") == []


@given(hostile, st.integers(1, 200))
@settings(deadline=None)
def test_a_title_is_one_line_within_its_limit(text: str, limit: int) -> None:
    made = plain(text, limit)
    assert len(made) <= limit
    assert made == "" or made.isprintable()
    assert title_problems(made) == []


facts = st.builds(
    Facts,
    *[st.none() | hostile.map(lambda text: Fact(text, text)) for _ in range(11)],
)
readings = st.builds(
    Reading,
    st.sampled_from(Kind),
    st.just(0.5),
    facts,
    st.lists(hostile, max_size=3).map(tuple),
    st.none(),
    st.builds(Signature, st.lists(hostile, max_size=2).map(tuple)),
    hostile,
    st.lists(hostile, max_size=3).map(tuple),
)
submissions = st.builds(
    Submission, hostile, hostile, hostile, hostile, st.none() | hostile, st.none() | hostile
)
likely = st.builds(
    Likely,
    st.sampled_from(["report:3", "issue:other/place#34", "issue:@octocat/x#1"]) | hostile,
    hostile,
    st.none() | hostile,
    st.just(0.5),
    st.just(()),
    st.sampled_from(["open", "closed"]) | hostile,
)


reports = st.builds(
    Report,
    id=st.just(12),
    uid=st.just(UID),
    state=st.just(State.OPEN),
    revision=st.just(1),
    title=hostile,
    submission=submissions,
    reading=readings,
    reporter=st.none() | st.builds(Actor, st.just(7), hostile),
    credit=st.booleans(),
    guild=st.none(),
    channel=st.none(),
    created=st.just(NOW),
    updated=st.just(NOW),
    hints=st.lists(
        st.builds(
            Hint,
            st.sampled_from(["outdated", "gil-re-enables"]),
            hostile,
            st.lists(hostile, max_size=2).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
    likely=st.lists(likely, max_size=3).map(tuple),
    same=st.integers(0, 10**9),
)


@given(reports)
@settings(max_examples=100, deadline=None)
def test_an_issue_is_dead_but_for_its_marker(report: Report) -> None:
    text = compose(report, MARKER, repository=HOME)
    assert problems(text.body) == []
    assert problems(text.form) == []
    assert title_problems(text.title) == []
    assert 0 < len(text.title) <= MAX_TITLE
    assert shown(text.body).blocks.count("marker") == 1
    assert text.body.endswith(f"\n{MARKER}")
    assert find(text.body, KEY) == UID
    assert find(text.form + text.brief, KEY) is None
    assert len(text.body.encode()) < MAX_BODY
    for limit in (MAX_FORM, MAX_BUTTON):
        address = form_address(HOME, text, limit=limit)
        assert len(address) <= limit
        query = parse_qs(urlsplit(address).query, errors="strict")
        assert query.keys() <= {"title", "body"}
        assert problems(query.get("body", [""])[0]) == []


def test_issues_of_the_same_repository_are_linked_and_no_others() -> None:
    alike = (
        Likely("issue:Community/Tracker#7", "Same place", None, 0.9),
        Likely("issue:up/stream#8", "Elsewhere @octocat", None, 0.8, state="closed"),
        Likely("report:9", "Not public", None, 0.7),
        Likely("issue:up/stream#8#9", "No such key", None, 0.7),
    )
    report = replace(a_report(), likely=alike)
    body = compose(report, MARKER, repository=HOME).body
    assert "- #7 Same place\n- `up/stream#8` Elsewhere `@octocat` (closed)\n\n" in body
    assert "Not public" not in body
    assert "#7" not in "".join(shown(compose(report, MARKER).body).text)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("importing it turns the GIL on", "made-up: importing it turns the GIL on"),
        ("made-up 1.0: crash", "made-up 1.0: crash"),
        ("Made_Up crashes", "Made_Up crashes"),
        ("see #12 of @octocat", "made-up: see `#12` of `@octocat`"),
        (" ", "made-up: a problem with free threading"),
        ("x" * 500, f"made-up: {'x' * 190}…"),
    ],
)
def test_the_title_begins_with_the_project(title: str, expected: str) -> None:
    report = replace(a_report(), title=title)
    assert compose(report, MARKER).title == expected


def test_a_reporter_is_named_only_if_they_want_to_be() -> None:
    assert "Some Member" not in compose(a_report(), MARKER).body
    named = compose(replace(a_report(), credit=True), MARKER)
    assert "Reported by Some Member, a member of the Discord server, by way" in named.body
    assert "Some Member" not in named.form
    forgotten = compose(replace(a_report(), credit=True, reporter=None), MARKER).body
    assert "Reported by a member of the Discord server by way" in forgotten


def test_no_discord_id_is_in_an_issue() -> None:
    address = "https://discord.com/channels/1/2/123456789012345678"
    said = Submission(story="<@123456789012345678> says", message=address, logs="<@!1234567>")
    body = compose(a_report(submission=said), MARKER).body
    assert not re.search(r"[0-9]{7,}", body.replace(MARKER, ""))


@pytest.mark.parametrize(
    "address",
    [
        "https://discord.com/channels/123456789012345678/123456789012345678/123456789012345678",
        "https://PTB.discord.com/channels/@me/123456789012345678",
        "http://discordapp.com/users/123456789012345678",
        "https://cdn.discordapp.com/attachments/123456789012345678/123456789012345678/a.log?ex=1",
        "https://media.discordapp.net/avatars/123456789012345678/a.png",
    ],
)
def test_no_link_into_discord_is_in_an_issue(address: str) -> None:
    said = Submission("demo", f"as in {address}", f"See {address}, (or [it]({address})).", address)
    text = compose(a_report(title=address, submission=said), MARKER)
    for part in (text.title, text.body.replace(MARKER, ""), text.form, text.brief):
        assert not re.search(r"[0-9]{15}", part)
    assert prose(f"See {address}.") == "See (a link within Discord)"
    assert prose("https://discord.com/developers") == "<https://discord.com/developers>"


@pytest.mark.parametrize("char", ["x", "`", "~", "|", "é", "😀", "@a ", "\n", "<", "&amp;", "#1\n"])
def test_a_log_too_long_is_cut_with_a_word_and_stays_in_its_fence(char: str) -> None:
    log = f"FIRST\n{char * 300_000}\nLAST"
    started = perf_counter()
    text = compose(a_report(excerpt=log, submission=Submission(logs=log)), MARKER)
    assert perf_counter() - started < 2
    filled = 0 if char in "`~\n" else MAX_BODY * 0.8  # those runs and blanks are shortened
    assert filled < len(text.body.encode()) < MAX_BODY
    (code,) = shown(text.body).code
    assert "ftbot left out" in code
    assert code.startswith("FIRST\n")
    assert code.endswith("LAST\n")
    assert problems(text.body) == []
    assert find(text.body, KEY) == UID


def test_all_parts_at_their_largest_fit() -> None:
    for worst in ("|", "`", "@a ", "😀", "\\", "&#38;"):
        long = worst * 100_000
        report = replace(
            a_report(
                Kind.GIL_REENABLED,
                submission=Submission(long, f"{long}\n", long, long, long),
                facts=Facts(*[Fact(long, long) for _ in range(11)]),
                evidence=(long,) * 30,
                gaps=(long,) * 100,
                excerpt=f"x{long}",
                signature=Signature(modules=(long,)),
            ),
            title=long,
            likely=tuple(Likely(f"issue:a/b#{n}", long, None, 0.5) for n in range(99)),
            hints=(Hint("x", long), *(Hint("gil-re-enables", long, (long,) * 9),) * 9),
            same=10**12,
        )
        text = compose(report, MARKER)
        assert len(text.body.encode()) < MAX_BODY
        assert problems(text.body) == []
        assert find(text.body, KEY) == UID
        for limit in (MAX_FORM, MAX_BUTTON):
            assert len(form_address(HOME, text, limit=limit)) <= limit


def test_what_was_read_of_the_wheel_stands_apart_with_what_it_rests_on() -> None:
    report = replace(
        a_report(Kind.GIL_REENABLED),
        hints=(
            Hint(
                "gil-re-enables",
                "ftbot read the wheel of made-up 1.0: 1 of 2 modules turns the GIL on, m._x.",
                ("made_up-1.0.whl", "m._x: slots end without @Py_mod_gil"),
            ),
            Hint("outdated", "made-up 2.0 is out."),
        ),
    )
    assert (
        "### What the index says\n\n- made-up 2.0 is out.\n\n"
        "### What the wheel declares\n\n"
        "- ftbot read the wheel of made-up 1.0: 1 of 2 modules turns the GIL on, m.\\_x.\n"
        "  - made_up-1.0.whl\n"
        "  - m.\\_x: slots end without `@Py_mod_gil`\n\n"
        "A declaration is its author's word, not a proof of thread safety."
        " Which of the modules an import loads is another question."
    ) in compose(report, MARKER).body


def test_a_form_is_filled_in_without_what_is_ours() -> None:
    said = Submission(story="Import it & wait.\n\n```py\nimport made_up\n```")
    text = compose(a_report(submission=said, gaps=("the version",)), MARKER, repository=HOME)
    address = form_address(HOME, text)
    parts = urlsplit(address)
    assert (parts.scheme, parts.netloc) == ("https", "github.com")
    assert parts.path == "/community/tracker/issues/new"
    query = parse_qs(parts.query, strict_parsing=True)
    assert query == {"title": [text.title], "body": [text.form]}
    assert "ftbot" not in text.form
    assert form_address(HOME, text, "http://127.0.0.1:9/").startswith("http://127.0.0.1:9/comm")


def test_a_long_form_closes_what_is_open() -> None:
    log = "".join(f"ééé {number}\n" for number in range(2_000))
    text = compose(a_report(excerpt=log), MARKER)
    body = parse_qs(urlsplit(form_address(HOME, text)).query)["body"][0]
    assert body.endswith("[…]\n```\n\n</details>")
    assert body.count("<details>") == body.count("</details>") == 1
    assert problems(body) == []


def test_a_form_keeps_what_matters_of_a_long_report() -> None:
    said = Submission(story="It hangs. " * 2_000, logs="x" * 100_000)
    text = compose(a_report(submission=said, gaps=("which version",)), MARKER)
    address = form_address(HOME, text)
    assert len(address) <= MAX_FORM
    body = parse_qs(urlsplit(address).query)["body"][0]
    assert "It hangs. It hangs." in body
    assert "ftbot left out" in body
    assert "- which version" in body


def test_what_was_told_is_not_told_again() -> None:
    said = Submission(story="```\nsome output\n```", environment="3.14t", logs="some output\n")
    text = compose(a_report(submission=said, evidence=("some output", "3.14t", "new")), MARKER)
    assert "### Log" not in text.body
    assert "### Evidence\n\n```text\nnew\n```" in text.body


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ("3.14t | Linux", "| As stated | 3.14t &#124; Linux |"),
        ("3.14t\nLinux", "### Environment\n\n```text\n3.14t\nLinux\n```"),
        (" \n", ""),
    ],
)
def test_the_environment_as_stated(environment: str, expected: str) -> None:
    body = compose(a_report(submission=Submission(environment=environment)), MARKER).body
    assert expected in body
    assert "### Environment" not in body or "###" in expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1. one\n2) two", "1. one\n2. two"),
        ("- one\n* two\n  more", "- one\n- two\n  more"),
        ("then:\n- one\nlast", "then:\n\n- one\n\nlast"),
        ("2.5.5 is out\n3. x", "2.5.5 is out\n\n3. x"),
        ("say `a | b` twice", "say `a | b` twice"),
        ("a_b and __c__", "a_b and \\_\\_c\\_\\_"),
        ("see https://docs.example.org/a_b.", "see <https://docs.example.org/a_b>."),
        ("run ```py\nf()``` now", "run\n\n```python\nf()\n```\n\nnow"),
        ("```suggestion\nf()\n```", "```text\nf()\n```"),
        ("```\nno end", "```text\nno end\n```"),
        (
            "import x\n\ny = x.z()\n\nThat fails.",
            "```text\nimport x\n\ny = x.z()\n```\n\nThat fails.",
        ),
        ("| a | b |\n|---|---|", "```text\n| a | b |\n|---|---|\n```"),
        ("&lt;b&gt; &#64;x", "&lt;b> `@x`"),
        (
            "<@1> in <#2> at <t:0> <:pog:3>",
            "(a member) in (a channel) at 1970-01-01 00:00 UTC :pog:",
        ),
        ("x\u200by\u202ez\x00\u2028w", "xyz\nw"),
    ],
)
def test_prose_stays_what_it_was(written: str, expected: str) -> None:
    assert prose(written) == expected


@pytest.mark.parametrize(
    ("inside", "marks"),
    [("x", 3), ("`", 3), ("```", 4), ("a ~~~~~ b", 6), ("`" * 12, 13), ("`" * 999, 121)],
)
def test_a_fence_is_longer_than_what_it_holds(inside: str, marks: int) -> None:
    made = fence(inside)
    assert made.startswith("`" * marks + "text\n")
    assert made.endswith("\n" + "`" * marks)


def test_code_is_left_alone() -> None:
    log = "a @octocat &#64; #12 <b> | * \\ `x`\n\tindented"
    assert fence(log) == f"```text\n{log}\n```"
    assert fence("\x1b[1;31merror\x1b[0m: \x07<@1>\r\nx") == "```text\nerror: (a member)\nx\n```"


def test_a_button_says_the_facts() -> None:
    where = Facts(
        project=Fact("made-up", ""),
        version=Fact("1.2.3", ""),
        python=Fact("3.14t", ""),
        os=Fact("linux", ""),
        architecture=Fact("x86_64", ""),
    )
    text = compose(a_report(facts=where, submission=Submission(story="é" * 4_000)), MARKER)
    address = form_address("some-organisation/some-repository", text, limit=MAX_BUTTON)
    assert len(address) <= MAX_BUTTON
    body = parse_qs(urlsplit(address).query)["body"][0]
    assert "made-up 1.2.3" in body
    assert "Platform: Linux, x86_64" in body
