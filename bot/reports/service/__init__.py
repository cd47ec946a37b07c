"""The verbs of reports."""

from bot.reports.service.lookups import Lookups
from bot.reports.service.service import ReportService

__all__ = ["Lookups", "ReportService"]
