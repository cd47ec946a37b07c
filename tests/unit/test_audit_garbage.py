"""Full looks for garbage wait until the last audit is over."""

import gc

from bot.audit.garbage import no_full_looks


def test_full_looks_are_put_off_until_the_last_block_is_left() -> None:
    usual = gc.get_threshold()
    first, second = no_full_looks(), no_full_looks()
    with first:
        assert gc.get_threshold()[:2] == usual[:2]
        assert gc.get_threshold()[2] > 100_000
        second.__enter__()
    assert gc.get_threshold()[2] > 100_000  # the second, which began later, is not over
    second.__exit__(None, None, None)
    assert gc.get_threshold() == usual
