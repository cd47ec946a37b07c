"""What concerns audits on Discord: answers, and those who wait for the last blocker to fall."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.app.core import PATIENCE, Core
from bot.app.jobs import DAY, Bell, delivering
from bot.audit.answering import Audits
from bot.audit.manifests import read
from bot.audit.members import AuditMembers
from bot.audit.requirements.store import RequirementStore
from bot.audit.resolver.service import Resolver
from bot.audit.service import AuditService
from bot.audit.store import AuditStore
from bot.audit.watching.outbox import Outbox
from bot.audit.watching.service import Watching
from bot.audit.watching.store import WatchStore
from bot.background import Job

if TYPE_CHECKING:  # see bot.app.running
    from bot.courier.carrier import Carrier
    from bot.reports.store import ReportStore

_LOOK: Final = 60.0
"""Seconds between looks at whether a blocker's page has changed."""


@dataclass(frozen=True, slots=True)
class Auditing:
    """The verbs of audits, what is kept of members for them, and what goes on by itself."""

    service: Audits
    members: AuditMembers
    watching: Watching
    outbox: Outbox

    def jobs(self, bell: Bell) -> Iterable[Job]:
        """Yield the jobs between the index and those who wait."""
        yield Job("audits", self.watching.look, every=_LOOK)
        yield delivering(
            "audit notes", self.outbox.deliver, lambda: self.outbox.waiting.waiting, bell
        )
        yield Job("audit retention", self.watching.tidy, every=DAY)


def audit_service(
    parts: Core, patience: float | None, reports: "ReportStore | None" = None
) -> AuditService:
    """Put together what judges. `patience` is `AuditService`'s."""
    return AuditService(
        parts.index,
        parts.tracker,
        Resolver(parts.index, RequirementStore(parts.database), parts.client),
        suggest=parts.check.suggestions,
        reports=reports.counted if reports else None,
        patience=patience,
    )


def auditing(parts: Core, carrier: "Carrier", bell: Bell, reports: "ReportStore") -> Auditing:
    """Put together what concerns audits on Discord."""
    from bot.courier.audits import AuditCourier  # noqa: PLC0415 - see TYPE_CHECKING above

    audits = AuditStore(parts.database)
    watches = WatchStore(parts.database, lambda: bell.wake("audit notes"))
    judge = audit_service(parts, PATIENCE, reports)
    return Auditing(
        Audits(
            read,
            judge,
            audits,
            watches,
            xray=parts.xray,
            watched=lambda: bell.wake("audits"),
        ),
        AuditMembers(audits, watches),
        Watching(audits, watches, judge),
        Outbox(audits, watches, AuditCourier(carrier)),
    )
