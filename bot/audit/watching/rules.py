"""When an audit counts as ready, and for how long it is kept and waited for."""

from datetime import timedelta
from typing import Final

from bot.audit.model import Audit, Class

KEPT: Final = timedelta(days=30)
"""How long an audit is kept that nobody waits for."""
MOST_KEPT: Final = 20
"""Audits that are kept of a member; older ones go first."""
MOST_WATCHES: Final = 10
"""Audits that a member can wait for."""
LONGEST_WATCH: Final = timedelta(days=365)
"""After this nobody waits any more."""


def in_the_way(audit: Audit) -> tuple[str, ...]:
    """Return the projects that keep an audit from being ready, by name."""
    blocked = {each.project for each in audit.packages if each.class_ is Class.BLOCKED}
    return tuple(sorted(blocked))


def has_fallen(before: Audit, now: Audit) -> bool:
    """Tell whether the last of what was in the way is out of it, for sure.

    Not for sure is what the index gave no answer to, a solution that was found before and is not
    now, and a blocker that cannot be judged any more.
    """
    if now.unanswered or in_the_way(now) or (before.resolved and not now.resolved):
        return False
    unknown = {each.project for each in now.packages if each.class_ is Class.UNKNOWN}
    return unknown.isdisjoint(in_the_way(before))
