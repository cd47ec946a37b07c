"""When to try again, and how a message is known."""

from hypothesis import given
from hypothesis import strategies as st

from bot.messages import Destination, delay, identity


@given(attempts=st.integers(1, 10_000), jitter=st.floats(0, 1))
def test_the_back_off_is_bounded(attempts: int, jitter: float) -> None:
    assert 1 <= delay(attempts, jitter) <= 300
    assert delay(attempts, jitter) <= delay(attempts + 1, jitter)


def test_a_message_is_known_by_what_it_is() -> None:
    channel, person = Destination("channel", 1), Destination("user", 1)
    known = [
        identity(7, channel, "gain numpy 2.0"),
        identity(8, channel, "gain numpy 2.0"),
        identity(7, person, "gain numpy 2.0"),
        identity(7, channel, "loss numpy 2.0"),
    ]
    assert identity(7, channel, "gain numpy 2.0") == known[0]
    assert len({nonce for nonce, _ in known}) == len(known)
    assert len({marker for _, marker in known}) == len(known)


@given(number=st.integers(1, 2**63 - 1), first=st.text())
def test_nonces_and_markers_fit(number: int, first: str) -> None:
    nonce, marker = identity(number, Destination("channel", number), first)
    assert len(nonce) <= 25
    assert nonce.isascii()
    assert 0 <= marker < 2**32
