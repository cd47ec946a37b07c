import json
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.check.claims import (
    CLASSIFIERS,
    MAX_BODY,
    MAX_CLASSIFIERS,
    MAX_LABEL,
    MAX_LINKS,
    MAX_SUMMARY,
    MAX_URL,
    Link,
    Metadata,
    classifier_claim,
    decode_metadata,
    encode_metadata,
    metadata_facts,
    safe_link,
    tracker_urls,
)
from bot.errors import IndexUnavailable, UserError

BARE, UNSTABLE, BETA, STABLE, RESILIENT = CLASSIFIERS
OTHER = "Programming Language :: Python :: 3.14"


def document(**info: object) -> bytes:
    return json.dumps({"info": info, "last_serial": 1, "urls": []}).encode()


@pytest.mark.parametrize(
    ("classifiers", "claim"),
    [
        ([], None),
        ([OTHER], None),
        ([OTHER, BARE], BARE),
        ([BARE, UNSTABLE], UNSTABLE),
        ([STABLE, BETA, BARE], STABLE),
        ([UNSTABLE, RESILIENT, BETA], RESILIENT),
        ([BETA.lower()], None),
        ([f" {BETA}"], None),
        ([f"{BARE} :: 5 - Perfect"], None),
        ([f"{BARE} :: 3"], None),
    ],
)
def test_the_claim_that_says_the_most(classifiers: list[str], claim: str | None) -> None:
    assert classifier_claim(classifiers) == claim


def test_the_five_are_classifiers_of_the_index() -> None:
    trove = pytest.importorskip("trove_classifiers", reason="the list of classifiers is missing")
    known = {name for name in trove.classifiers if "Free Threading" in name}
    assert set(CLASSIFIERS) == known


def test_endless_classifiers_are_cut_off() -> None:
    endless = (STABLE if number == MAX_CLASSIFIERS else OTHER for number in count())
    assert classifier_claim(endless) is None


def test_reads_what_answers_need() -> None:
    body = document(
        classifiers=[OTHER, BETA],
        home_page="https://numpy.org",
        summary=" Fundamental  package\nfor arrays ",
        project_urls={
            "Source": "https://github.com/numpy/numpy",
            "Changes": "http://numpy.org/news",
            "Evil": "javascript:alert(1)",
            "Nothing": None,
        },
        description="left aside",
    )
    assert metadata_facts(body) == Metadata(
        classifier=BETA,
        summary="Fundamental package for arrays",
        home_page="https://numpy.org",
        links=(
            Link("Source", "https://github.com/numpy/numpy"),
            Link("Changes", "http://numpy.org/news"),
        ),
    )


@pytest.mark.parametrize(
    "info",
    [
        {},
        {"classifiers": None, "home_page": None, "summary": None, "project_urls": None},
        {"classifiers": "x", "home_page": 1, "summary": [], "project_urls": "https://a.org"},
        {"classifiers": [1, None, [BETA]], "project_urls": {"a": 1, "b": ["https://a.org"]}},
        {"classifiers": {BETA: 1}, "project_urls": [["a", "https://a.org"]]},
    ],
)
def test_fields_that_are_null_or_of_a_wrong_type_count_as_not_given(
    info: dict[str, object],
) -> None:
    assert metadata_facts(document(**info)) == Metadata()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b"{}",
        b'{"info": null}',
        b'{"info": []}',
        b'{"message": "Not Found"}',
        document(summary="x")[:-5],
        b'{"info": {"summary": "\xff"}}',
        b'{"info": {"summary": ' + b"[" * 100_000,
    ],
)
def test_what_is_no_document_of_the_api_is_an_error(body: bytes) -> None:
    with pytest.raises(IndexUnavailable, match="malformed"):
        metadata_facts(body)


def test_a_document_that_is_too_large_is_an_error() -> None:
    with pytest.raises(IndexUnavailable, match="too large"):
        metadata_facts(b" " * (MAX_BODY + 1))


def test_limits_hold() -> None:
    urls = {f"{number}{'l' * 500}": f"https://host.org/{number}" for number in range(100)}
    facts = metadata_facts(document(summary="word " * 10_000, project_urls=urls))
    assert len(facts.summary) <= MAX_SUMMARY
    assert facts.summary.endswith("…")
    assert len(facts.links) == MAX_LINKS
    assert {len(link.label) for link in facts.links} == {MAX_LABEL}


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("https://example.org", "https://example.org"),
        (" https://example.org/a b ", None),
        (" https://example.org/a\n", "https://example.org/a"),
        ("HTTPS://Example.ORG/A", "HTTPS://Example.ORG/A"),
        ("https://example.org/a_(b)", "https://example.org/a_%28b%29"),
        (
            "https://xn--bcher-kva.example.org/?q=1&r=%20#f",
            "https://xn--bcher-kva.example.org/?q=1&r=%20#f",
        ),
        ("https://example.org/" + "a" * MAX_URL, None),
        ("http://example.org", None),
        ("ftp://example.org", None),
        ("https:example.org", None),
        ("https:///example.org", None),
        ("https://", None),
        ("https://-a.org", None),
        ("https://a..org", None),
        ("https://10.0.0.1/", None),
        ("https://2130706433/", None),
        ("https://0x7f.1/", None),
        ("https://[", None),
        ("https://example.org@evil.org/", None),
        ("https://example.org\\@evil.org/", None),
        ("https://example.org/<script>", None),
        ('https://example.org/"', None),
        ("https://example.org/\u202egnp.exe", None),
        ("https://db.internal/", None),
        ("", None),
    ],
)
def test_safe_links(text: str, link: str | None) -> None:
    assert safe_link(text) == link


def test_stored_metadata_is_read_back() -> None:
    metadata = Metadata(BETA, "A summary …", "https://a.org", (Link("Source", "https://b.org"),))
    assert decode_metadata(encode_metadata(metadata)) == metadata
    assert decode_metadata(encode_metadata(Metadata())) == Metadata()


def test_metadata_that_was_stored_without_links_is_read() -> None:
    assert decode_metadata("{}") == Metadata()
    assert tracker_urls(decode_metadata('{"summary": "x"}')) == ()


def test_where_issues_may_be_the_likeliest_first() -> None:
    urls = {
        "Home page": "https://a.org",
        "Documentation": "https://docs.a.org",
        "Funding": "https://github.com/sponsors/a",
        "Source-Code": "https://github.com/a/b",
        "Bug Tracker!": "https://github.com/a/b/issues",
        "ISSUES": "https://bugs.a.org",
        "Issues of others": "https://github.com/c/d/issues",
    }
    assert tracker_urls(metadata_facts(document(project_urls=urls))) == (
        "https://github.com/a/b/issues",
        "https://bugs.a.org",
        "https://github.com/a/b",
        "https://a.org",
    )


@pytest.mark.parametrize("label", ["Homepage", "home-page", "HOME PAGE", "Home_Page"])
def test_the_home_page_of_either_field_counts_once(label: str) -> None:
    facts = metadata_facts(
        document(home_page="https://a.org", project_urls={label: "https://a.org"})
    )
    assert tracker_urls(facts) == ("https://a.org",)


def test_a_home_page_alone_counts() -> None:
    assert tracker_urls(Metadata(home_page="http://a.org")) == ("http://a.org",)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"links": 1}', "\ud800", "[" * 100_000])
def test_damaged_stored_metadata_is_an_error(text: str) -> None:
    with pytest.raises(UserError, match="damaged"):
        decode_metadata(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
KEYS = ("classifiers", "home_page", "summary", "project_urls")


@given(JSON | st.fixed_dictionaries({"info": JSON | st.dictionaries(st.sampled_from(KEYS), JSON)}))
def test_any_json_gives_facts_or_the_error(value: object) -> None:
    try:
        facts = metadata_facts(json.dumps(value).encode())
    except IndexUnavailable:
        return
    assert facts.summary == "" or facts.summary.isprintable()
    assert all(link.label.isprintable() and link.url for link in facts.links)
    assert decode_metadata(encode_metadata(facts)) == facts


@given(st.binary())
def test_any_bytes_give_facts_or_the_error(body: bytes) -> None:
    for candidate in (body, b'{"info": {"summary": ' + body):
        with pytest.raises(IndexUnavailable):
            metadata_facts(candidate)


@given(st.text() | st.text("htps:/.a-[]@%()0#?").map("https://a.org".__add__))
def test_a_link_is_safe_or_none(text: str) -> None:
    link = safe_link(text)
    if link is not None:
        assert link.lower().startswith("https://")
        assert link.isascii()
        assert not set(link) & set(' <>()"`\\|\n')
