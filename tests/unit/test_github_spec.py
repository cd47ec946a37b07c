"""The judge of requests to GitHub is itself judged."""

from typing import Any

import pytest

from tests.e2e.github_spec import GitHubSpec

HEADERS = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
    "User-Agent": "ftbot/1",
    "Content-Type": "application/json",
}
ISSUES = "/repos/o/r/issues"


@pytest.fixture(scope="module")
def spec() -> GitHubSpec:
    return GitHubSpec.load()


def request(method: str, path: str, body: Any = None, **query: str) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return {"method": method, "path": path, "query": query, "headers": HEADERS, "body": body}


@pytest.mark.parametrize(
    "fine",
    [
        request("GET", ISSUES, state="all", since="2026-01-01T00:00:00Z", per_page="100"),
        request("POST", ISSUES, {"title": "t", "body": "b", "labels": ["bug"]}),
        request("GET", f"{ISSUES}/1"),
        request("GET", "/repositories/7/issues/1"),
        request("GET", "/search/issues", q="a repo:o/r"),
        request("POST", f"{ISSUES}/1/labels", {"labels": ["a"]}),
        request(
            "POST",
            "/app/installations/1/access_tokens",
            {"repositories": ["r"], "permissions": {"issues": "write"}},
        ),
    ],
    ids=lambda each: f"{each['method']} {each['path']}",
)
def test_what_is_right_passes(spec: GitHubSpec, fine: dict[str, Any]) -> None:
    assert spec.problems(fine) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (request("GET", "/repos/o/r/isues"), "no such operation"),
        (request("DELETE", f"{ISSUES}/1"), "no such operation"),
        (request("GET", f"{ISSUES}/one"), "issue_number: 'one' is not of type 'integer'"),
        (request("GET", ISSUES), "state is open unless"),
        (request("GET", ISSUES, state="any"), "state: 'any' is not one of"),
        (request("GET", ISSUES, state="all", sorted="up"), "sorted: unknown parameter"),
        (request("GET", ISSUES, state="all", per_page="101"), "per_page: 1 to 100"),
        (request("GET", "/search/issues"), "q is missing"),
        (request("POST", ISSUES), "the body is missing"),
        (request("POST", ISSUES, {"body": "b"}), "'title' is a required property"),
        (request("POST", ISSUES, {"title": "t", "label": ["a"]}), "label: unknown key"),
        (request("POST", ISSUES, {"title": "t", "labels": "a"}), "body.labels: 'a' is not of"),
        (request("POST", ISSUES, {"title": " "}), "a title of no"),
        (
            request(
                "POST", "/app/installations/1/access_tokens", {"permissions": {"issues": "all"}}
            ),
            "is not one of",
        ),
        ({**request("GET", f"{ISSUES}/1"), "headers": {}}, "X-GitHub-Api-Version is missing"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_what_is_wrong_is_found(spec: GitHubSpec, wrong: dict[str, Any], said: str) -> None:
    assert any(said in problem for problem in spec.problems(wrong)), spec.problems(wrong)
