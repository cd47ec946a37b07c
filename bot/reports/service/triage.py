"""What triagers do. Each decision is one transaction, with all that follows from it."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from bot.db import Transaction
from bot.errors import UserError
from bot.github.errors import GitHubError, Invalid, Missing, Removed
from bot.http import NotModified
from bot.language import phrase
from bot.reports import rules
from bot.reports.following.rules import seen
from bot.reports.issue.labels import labels
from bot.reports.issue.marker import sign
from bot.reports.issue.rules import compose
from bot.reports.model import Action, Actor, Desk, Issue, Report, Waiting
from bot.reports.service.base import DECIDING, Base

log = logging.getLogger(__name__)


class Triage(Base):
    """The triagers' verbs, on reports of their server. Raises Settled if another was quicker."""

    async def setup(self, guild: int, channel: int, role: int) -> Desk:
        """Let a server decide in a channel; what waits is shown there."""
        desk = Desk(guild, channel, role)
        waiting = await self._store.waiting(guild)
        async with self._database.write() as tx:
            await self._store.set_desk(tx, desk)
            for report in waiting.reports:
                await self._posts.card(tx, report.id, channel)
        return desk

    async def desk(self, guild: int) -> Desk | None:
        """Return where a server decides, None if it was not set up."""
        return await self._store.desk(guild)

    async def get(self, report: int, guild: int) -> Report:
        """Return a server's report. UserError if it has none of that number."""
        return await self._theirs(report, guild)

    async def waiting(self, guild: int) -> Waiting:
        """Return what is to be decided on, without logs."""
        return await self._store.waiting(guild)

    async def file(self, report: int, guild: int, triager: Actor) -> Report:
        """Let a report become an issue in the repository where it belongs.

        UserError if ftbot may not open issues there.
        """
        while True:
            found = await self._decidable(report, guild, Action.FILE)
            place = await self._place(found)
            if place.repository is None or not place.may_file:
                raise UserError(
                    phrase(
                        "ftbot may not open issues in {repository}.", repository=place.repository
                    )
                    if place.repository
                    else phrase("ftbot may not open issues in that tracker."),
                    phrase("Hand it over instead."),
                )
            if not self._can_file:
                raise UserError(
                    phrase("Filing is off, because ftbot has no account on GitHub."),
                    phrase("Hand the report over, or let ftbot's operator set one up."),
                )
            text = await asyncio.to_thread(
                compose,
                found,
                sign(found.uid, self._key),
                repository=place.repository,
                labels=labels(place.repository, found.reading.kind),
            )
            async with self._database.write() as tx:
                if await self._store.revision(tx, report) != found.revision:
                    continue  # it changed meanwhile: the issue is to say so too
                await self._step(tx, report, Action.FILE, triager)
                await self._filings.enqueue(
                    tx,
                    report=report,
                    uid=found.uid,
                    repository=place.repository,
                    title=text.title,
                    body=text.body,
                    labels=text.labels,
                )
            return await self._there(report)

    async def link(self, report: int, guild: int, triager: Actor, reference: str) -> Report:
        """Let a report belong to an issue or to another report; see `rules.reference`."""
        await self._decidable(report, guild, Action.LINK)
        same = rules.reference(reference, home=self._home, site=self._site)
        if isinstance(same, Issue):
            same = await self._on_github(same)
        async with self._database.write() as tx:
            if isinstance(same, Issue):
                name = f"{same.repository}#{same.number}"
                await self._step(tx, report, Action.LINK, triager, name)
                # One that is followed changes there alone, where all its people hear of it.
                followed = await self._store.issue(tx, same.repository, same.number)
                await self._store.set_issue(tx, report, followed or same)
                await self._posts.tell(tx, report, await self._key_of(tx, report, "linked"))
            else:
                await self._link_to_report(tx, report, guild, triager, same)
        return await self._there(report)

    async def hand_over(self, report: int, guild: int, triager: Actor) -> Report:
        """Give its reporter GitHub's form, filled in, for a tracker where ftbot may not file."""
        found = await self._decidable(report, guild, Action.HAND_OVER)
        place = await self._place(found)
        form = await self._form(found, place)
        if form is None:
            raise UserError(phrase("ftbot knows no repository on GitHub for it."), place.why)
        if found.reporter is None:
            raise UserError(
                phrase("Its reporter was forgotten."), phrase("File it, or link it to an issue.")
            )
        async with self._database.write() as tx:
            await self._step(tx, report, Action.HAND_OVER, triager, place.repository or "")
            key = await self._key_of(tx, report, "handed")
            await self._posts.tell(tx, report, key, form)
        return await self._there(report)

    async def ask(self, report: int, guild: int, triager: Actor, question: str) -> Report:
        """Ask its reporter something."""
        question = rules.noted(question, "question")
        found = await self._decidable(report, guild, Action.ASK)
        if found.reporter is None:
            raise UserError(
                phrase("Its reporter was forgotten."), phrase("Decide on what is there.")
            )
        async with self._database.write() as tx:
            await self._step(tx, report, Action.ASK, triager, question)
            revision = await self._store.revision(tx, report)
            await self._posts.question(tx, report, str(revision), question)
        return await self._there(report)

    async def reject(self, report: int, guild: int, triager: Actor, reason: str) -> Report:
        """Not take a report up, for a reason that its reporter is told."""
        reason = rules.noted(reason, "reason")
        await self._decidable(report, guild, Action.REJECT)
        async with self._database.write() as tx:
            await self._step(tx, report, Action.REJECT, triager, reason)
            key = await self._key_of(tx, report, "rejected")
            await self._posts.tell(tx, report, key, reason)
        return await self._there(report)

    async def security(self, report: int, guild: int, triager: Actor) -> Report:
        """Hide a report from all but the triagers."""
        await self._decidable(report, guild, Action.SECURITY)
        async with self._database.write() as tx:
            await self._step(tx, report, Action.SECURITY, triager)
            await self._store.unlist(tx, report)
        return await self._there(report)

    async def reopen(self, report: int, guild: int, triager: Actor) -> Report:
        """Let a report be decided on anew."""
        await self._decidable(report, guild, Action.REOPEN)
        desk = await self._store.desk(guild)
        async with self._database.write() as tx:
            await self._step(tx, report, Action.REOPEN, triager)
            await self._store.part(tx, report)
            await self._store.drop_issue(tx, report)
            if desk is not None:
                await self._posts.card(tx, report, desk.channel)
        return await self._there(report)

    async def block(self, guild: int, triager: Actor, user: int) -> None:
        """Let a server take no more reports from a member."""
        async with self._database.write() as tx:
            await self._store.block(tx, guild, user, triager.id, self._clock())

    async def unblock(self, guild: int, user: int) -> None:
        """Let a server take a member's reports again. UserError if it does."""
        async with self._database.write() as tx:
            if not await self._store.unblock(tx, guild, user):
                raise UserError(
                    phrase("That member is not blocked."), phrase("The list shows who is.")
                )

    async def blocked(self, guild: int) -> Sequence[int]:
        """Return the members whose reports a server does not take, the latest first."""
        return await self._store.blocked(guild)

    async def _decidable(self, report: int, guild: int, action: Action) -> Report:
        """Return a server's report on which `action` can be taken as far as is known now."""
        found = await self._theirs(report, guild)
        rules.after(found.state, action, found.steps[-1] if found.steps else None)
        return found

    async def _on_github(self, issue: Issue) -> Issue:
        """Return an issue as GitHub has it; as it was named, if GitHub cannot tell now.

        UserError if there is no such issue.
        """
        if self._github is None:
            return issue
        name = f"{issue.repository}#{issue.number}"
        try:
            async with asyncio.timeout(DECIDING):
                found = await self._github.issue(issue.repository, issue.number)
        except (Missing, Removed, Invalid) as error:
            raise UserError(
                phrase("GitHub shows ftbot no issue {issue}.", issue=name),
                phrase("Check its address; private repositories cannot be seen."),
            ) from error
        except (GitHubError, TimeoutError) as error:
            log.warning("%s is linked without a look at it: %s", name, error)
            return issue
        if isinstance(found, NotModified):
            return issue
        if found.is_pull_request:
            raise UserError(*rules.PULL_REQUEST)
        return replace(seen(found), url=found.url or issue.url)

    async def _step(
        self, tx: Transaction, report: int, action: Action, triager: Actor, note: str = ""
    ) -> None:
        triager = Actor(triager.id, rules.cleaned(triager.name)[: rules.MOST_NAME])
        await self._store.step(tx, report, action, triager, note, at=self._clock())

    async def _link_to_report(
        self, tx: Transaction, report: int, guild: int, triager: Actor, other: int
    ) -> None:
        into = await self._store.root(tx, other, guild)
        if into is None:
            raise UserError(
                phrase("There is no report {report} to join.", report=other),
                phrase("Check the number."),
            )
        if into == report:
            raise UserError(
                phrase("Report {report} is this very one, or joined it.", report=other),
                phrase("Name the one that came first."),
            )
        await self._step(tx, report, Action.JOIN, triager, f"report:{into}")
        await self._store.join(tx, report, into, self._clock())
        key = await self._key_of(tx, report, "joined")
        await self._posts.tell(tx, report, key, f"report:{into}")

    async def _key_of(self, tx: Transaction, report: int, outcome: str) -> str:
        """Return the key of an outcome, one that differs if it was reopened before.

        So who was told the first outcome is told the second one too.
        """
        found = await self._store.get_in(tx, report)
        steps = found.steps if found else ()
        again = sum(step.action is Action.REOPEN for step in steps)
        return f"{outcome}:{again}" if again else outcome
