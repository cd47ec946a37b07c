"""All verbs of reports in one place, for those who call them."""

from bot.reports.service.intake import Intake
from bot.reports.service.privacy import Privacy
from bot.reports.service.problems import Known
from bot.reports.service.triage import Triage


class ReportService(Intake, Triage, Known, Privacy):
    """Reports: taking them in, deciding on them, telling of them, forgetting.

    `reader` makes of a submission what it says, in a thread; it never raises. `watches` and `news`
    are what members watch and what news were sent to them, `speakers` their languages. `home` is
    the repository where reports go by default; `can_file` says that ftbot has an account on GitHub;
    `key` signs what is recognised later; `github` is asked whether linked issues are there, None
    links any; `site` is the address of GitHub for people, without slash; `patience` is how many
    seconds a reporter waits for the index and for GitHub.
    """
