"""The tables of reports, their history, their followers, their issues, and of who decides.

Methods that change something take the transaction that it belongs to; times are aware datetimes.
"""

from bot.reports.model import FORMER
from bot.reports.store.rows import Lookup
from bot.reports.store.store import ReportStore

__all__ = ["FORMER", "Lookup", "ReportStore"]
