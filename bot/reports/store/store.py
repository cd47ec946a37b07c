"""All tables of reports in one place, for those who use them."""

from bot.reports.store.desks import Desks
from bot.reports.store.issues import Issues
from bot.reports.store.members import Members
from bot.reports.store.problems import Problems
from bot.reports.store.reports import Reports
from bot.reports.store.retention import Retention
from bot.reports.store.steps import Steps


class ReportStore(Reports, Steps, Issues, Problems, Desks, Members, Retention):
    """Reports and all that belongs to them. `Transaction`s come from the same database.

    `changed` is called when a card may have to show something else.
    """
