import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.reports.issue.marker import find, sign

KEY = b"key"
UID = "0f8e6d3a-5b1c-4c1e-9c55-2f6f3f0f2a11"
MARKER = sign(UID, KEY)
OTHER = sign("other", KEY)


def test_its_form_is_kept_for_ever() -> None:
    # Issues that were filed long ago must still be recognised.
    assert sign("R-42", b"secret") == "<!-- ftbot:report=R-42 v1 hmac=c65624ac6f26879c -->"


@pytest.mark.parametrize("uid", ["", "a b", "a-->", "é", "x" * 65, "a\n", "../a"])
def test_what_cannot_stand_in_a_comment_is_refused(uid: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in a marker"):
        sign(uid, KEY)


@pytest.mark.parametrize(
    "body",
    [
        MARKER,
        f"text\n\n{MARKER}\n",
        f"text\r\n{MARKER}\r\n\r\nedited by a maintainer",
        f"> quoted {MARKER} in a line",
        MARKER.replace(" ", "\n"),
        MARKER.replace("<!-- ", "<!--").replace(" -->", "-->"),
        f"{OTHER}\n{MARKER}",
        f"{MARKER}\n{OTHER[:-10]}",
        f"{MARKER}\n{sign('forged', b'another key')}",
        f"<!-- {MARKER}",
    ],
)
def test_it_is_found_whatever_surrounds_it(body: str) -> None:
    assert find(body, KEY) == UID


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no marker",
        sign(UID, b"another key"),
        MARKER.replace(UID, "other"),
        MARKER.replace("v1", "v2"),
        MARKER.replace("hmac=", "hmac=0"),
        MARKER.replace("<!--", "&lt;!--"),
        MARKER.replace("<!--", "<! --"),
        MARKER.upper(),
        MARKER.replace("-->", ""),
        MARKER.replace(UID, UID[:-1]),
    ],
)
def test_what_is_not_ours_is_not_found(body: str) -> None:
    assert find(body, KEY) is None


@given(st.text("0123456789abcdefXYZ-", min_size=1, max_size=64), st.binary(), st.text())
def test_what_is_signed_is_found(uid: str, key: bytes, text: str) -> None:
    assert find(f"{text}\n{sign(uid, key)}\n{text}", key) == uid


@given(st.text("0123456789abcdef", min_size=16, max_size=16))
def test_no_guess_is_found(code: str) -> None:
    forged = f"<!-- ftbot:report={UID} v1 hmac={code} -->"
    assert find(forged, KEY) is None or forged == MARKER
