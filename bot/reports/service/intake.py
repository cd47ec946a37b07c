"""What reporters do: write, change, send, join, answer, take back."""

import asyncio
import logging
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from bot.db import Transaction
from bot.errors import UserError
from bot.language import phrase
from bot.reports import rules
from bot.reports.likeness.model import Known
from bot.reports.model import (
    Action,
    Actor,
    Draft,
    Issue,
    Likely,
    Reading,
    Report,
    State,
    Submission,
)
from bot.reports.reading.text import title_of
from bot.reports.service.base import Base
from bot.reports.service.lookups import UNKNOWN, signs
from bot.reports.store import Lookup

log = logging.getLogger(__name__)

UNHURRIED: Final = 30.0
"""Seconds to wait for the index and for GitHub while nobody waits."""
AT_A_TIME: Final = 10
"""Reports that are looked up in one round of the job."""

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


class Intake(Base):
    """The reporter's verbs. UserError tells what the reporter can mend."""

    async def draft(
        self, reporter: Actor, guild: int | None, channel: int | None, submission: Submission
    ) -> Draft:
        """Keep what a member wrote, and say what is made of it.

        It is kept before anything else is done with it. Raises UserError if it is too long or
        empty, if the member or the server made too many, or if the server does not take it.
        """
        submission = rules.accepted(submission)
        reporter = Actor(reporter.id, rules.cleaned(reporter.name)[: rules.MOST_NAME])
        now = self._clock()
        async with self._database.write() as tx:
            await self._admit(tx, reporter, guild, now)
            report = await self._store.insert(
                tx,
                uid=secrets.token_hex(16),
                submission=submission,
                reporter=reporter,
                guild=guild,
                channel=channel if guild is not None else None,
                at=now,
            )
        return await self._understand(report, submission)

    async def redraft(self, report: int, reporter: Actor, submission: Submission) -> Draft:
        """Keep what a member wrote in place of the draft, and say what is made of it."""
        submission = rules.accepted(submission)
        await self._own_draft(report, reporter)
        async with self._database.write() as tx:
            await self._must_be_draft(tx, report)
            await self._admit_change(tx, reporter, self._clock())
            await self._store.rewrite(tx, report, submission)
        return await self._understand(report, submission)

    async def draft_of(self, report: int, reporter: Actor) -> Draft:
        """Return a draft as it is."""
        return await self._draft(await self._own_draft(report, reporter))

    async def credit(self, report: int, reporter: Actor, shown: bool) -> Draft:
        """Say whether the reporter's name may stand in the issue."""
        await self._own_draft(report, reporter)
        async with self._database.write() as tx:
            await self._must_be_draft(tx, report)
            await self._store.set_credit(tx, report, shown=shown)
        return await self.draft_of(report, reporter)

    async def discard(self, report: int, reporter: Actor) -> None:
        """Delete a draft."""
        await self._own_draft(report, reporter)
        async with self._database.write() as tx:
            await self._must_be_draft(tx, report)
            await self._store.delete_draft(tx, report)

    async def send(self, report: int, reporter: Actor) -> Report:
        """Let the server's triagers decide on a draft.

        One that says nearly the same as another of the last day that waits joins that one.
        """
        while True:
            mine = await self._own_draft(report, reporter)
            desk = await self._store.desk(mine.guild) if mine.guild is not None else None
            if desk is None:
                raise UserError(
                    phrase("There are no triagers here who could decide on it."),
                    phrase("Send it from your own account, by the form on GitHub."),
                )
            now = self._clock()
            since = now - rules.FOLD_WITHIN
            alike = await self._store.waiting_alike(mine, since)
            twin = await self._lookups.twin(mine, alike)
            async with self._database.write() as tx:
                await self._welcome(tx, reporter, mine.guild)
                if await self._store.numbers_alike(tx, mine, since) != alike.keys():
                    continue  # somebody sent one meanwhile, or decided on one
                if twin is None:
                    await self._store.step(tx, report, Action.SEND, reporter, at=now)
                    await self._posts.card(tx, report, desk.channel)
                else:
                    await self._join(tx, mine, reporter, twin, now)
            return await self._there(report)

    async def join(self, report: int, reporter: Actor, key: str) -> Report:
        """Say that a draft is the same as one of its likely duplicates; needs no triager."""
        mine = await self._own_draft(report, reporter)
        likely = next((each for each in mine.likely if each.key == key), None)
        if likely is None:
            raise UserError(
                phrase("That is not among the likely duplicates."), phrase("Choose one of them.")
            )
        same = rules.likely_key(key)
        now = self._clock()
        async with self._database.write() as tx:
            await self._welcome(tx, reporter, mine.guild)
            if isinstance(same, int):
                await self._join(tx, mine, reporter, same, now)
            else:
                await self._store.step(tx, report, Action.LINK, reporter, key, at=now)
                await self._store.set_issue(tx, report, self._issue(likely, *same))
        return await self._there(report)

    async def withdraw(self, report: int, reporter: Actor) -> Report:
        """Take a report back on which nobody has decided.

        UserError if others joined it: their problem would be taken back with it.
        """
        await self._own(report, reporter)
        async with self._database.write() as tx:
            await self._store.step(tx, report, Action.WITHDRAW, reporter, at=self._clock())
            found = await self._store.get_in(tx, report)
            if found is not None and found.same:
                raise UserError(
                    phrase(
                        "Others have the same problem ({count}), and their reports joined this.",
                        count=found.same,
                    ),
                    phrase("It stays for them; /privacy takes your name off it."),
                )
            await self._store.part(tx, report)
        return await self._there(report)

    async def answer(self, report: int, reporter: Actor, text: str) -> Report:
        """Add to a report what its reporter was asked for, or just more; it is read anew."""
        text = rules.noted(text, "answer")
        while True:
            mine = await self._own(report, reporter)
            submission = rules.answered(mine.submission, text, mine.steps)
            reading, title, known = await asyncio.to_thread(self._read, report, submission)
            async with self._database.write() as tx:
                current = await self._store.get_in(tx, report)
                if current is None or current.submission != mine.submission:
                    continue  # another answer came meanwhile
                await self._welcome(tx, reporter, mine.guild)
                await self._store.step(tx, report, Action.ANSWER, reporter, text, at=self._clock())
                await self._store.rewrite(tx, report, submission)
                await self._store.read_as(tx, report, reading, title, known)
            return await self._there(report)

    async def form(self, report: int, reporter: Actor) -> str:
        """Return the address of GitHub's form with the report filled in."""
        mine = await self._own(report, reporter)
        place = await self._place(mine)
        form = await self._form(mine, place)
        if form is None:
            raise UserError(phrase("ftbot knows no repository on GitHub for it."), place.why)
        return form

    # Looking up

    async def enrich(self, report: int) -> None:
        """Ask about a report what did not answer before, so that its card shows it."""
        before = await self._store.get(report)
        if before is None or before.state not in rules.WAITING:
            return
        found = await self._lookups.look_up(before, patience=UNHURRIED)
        async with self._database.write() as tx:
            after = await self._store.get_in(tx, report)
            if after is not None and after.reading == before.reading:
                await self._keep(tx, after, found)

    async def enrich_all(self) -> None:
        """Ask about reports of the last day that wait and of which not all was asked; a job."""
        reports = await self._store.to_look_up(self._clock() - _DAY, AT_A_TIME)
        async with asyncio.TaskGroup() as tasks:
            for report in reports:
                tasks.create_task(self.enrich(report))

    async def _understand(self, report: int, submission: Submission) -> Draft:
        """Read what a draft says, and ask about it for as long as its reporter waits."""
        reading, title, known = await asyncio.to_thread(self._read, report, submission)
        async with self._database.write() as tx:
            await self._store.read_as(tx, report, reading, title, known)
        draft = await self._there(report)
        found = await self._lookups.look_up(draft, patience=self._patience)
        async with self._database.write() as tx:
            await self._keep(tx, draft, replace(found, complete=False))
        return await self._draft(await self._there(report))

    def _read(self, report: int, submission: Submission) -> tuple[Reading, str, Known]:
        """Return what rules make of a text, its title, and what it is recognised by."""
        reading = self._reader(submission)
        title = title_of(submission, reading)
        return reading, title, signs(report, title, submission, reading)

    async def _keep(self, tx: Transaction, report: Report, found: Lookup) -> None:
        """Keep what was found, without reports that became a secret meanwhile."""
        likely = await self._still_known(found.likely, report.guild)
        await self._store.looked_up(tx, report.id, replace(found, likely=likely))

    # Steps of several verbs

    async def _draft(self, report: Report) -> Draft:
        desk = await self._store.desk(report.guild) if report.guild is not None else None
        place = report.address or UNKNOWN
        return Draft(
            report=replace(report, likely=await self._still_known(report.likely, report.guild)),
            can_send=desk is not None,
            address=place,
            form=await self._form(report, place),
        )

    async def _still_known(
        self, likely: tuple[Likely, ...], guild: int | None
    ) -> tuple[Likely, ...]:
        """Leave out reports of which a server may not know any more."""
        numbers = {each.key: rules.likely_key(each.key) for each in likely}
        known = await self._store.known([n for n in numbers.values() if isinstance(n, int)], guild)
        return tuple(
            each
            for each in likely
            if not isinstance(number := numbers[each.key], int) or number in known
        )

    async def _own_draft(self, report: int, reporter: Actor) -> Report:
        mine = await self._own(report, reporter)
        if mine.state is not State.DRAFT:
            raise rules.Settled(mine.state, Action.SEND)
        return mine

    async def _must_be_draft(self, tx: Transaction, report: int) -> None:
        state = await self._store.state(tx, report)
        if state is not State.DRAFT:
            raise rules.Settled(state or State.WITHDRAWN, Action.SEND)

    async def _admit(
        self, tx: Transaction, reporter: Actor, guild: int | None, now: datetime
    ) -> None:
        """Count a report, unless the member or the server made too many, or may not."""
        await self._welcome(tx, reporter, guild)
        member = self._digest(reporter.id)
        tries = await self._store.tries(tx, member, guild, hour=now - _HOUR, day=now - _DAY)
        if refusal := rules.is_too_much(*tries):
            raise refusal
        await self._store.add_try(tx, member, guild, now)

    async def _admit_change(self, tx: Transaction, reporter: Actor, now: datetime) -> None:
        """Count a change of a draft, unless the member made too many."""
        member = self._digest(reporter.id, "changes")
        hour, *_ = await self._store.tries(tx, member, None, hour=now - _HOUR, day=now - _DAY)
        if refusal := rules.is_changed_too_often(hour):
            raise refusal
        await self._store.add_try(tx, member, None, now)

    async def _welcome(self, tx: Transaction, reporter: Actor, guild: int | None) -> None:
        if guild is not None and await self._store.is_blocked(tx, guild, reporter.id):
            raise UserError(
                phrase("This server takes no reports from you."),
                phrase("Its moderators can tell you more."),
            )

    async def _join(
        self, tx: Transaction, draft: Report, reporter: Actor, other: int, now: datetime
    ) -> None:
        """Join a draft to the report that `other` is, or was joined to."""
        into = await self._store.root(tx, other, draft.guild)
        if into is None:
            raise UserError(phrase("That report can't be joined any more."), phrase("Send yours."))
        await self._store.step(tx, draft.id, Action.JOIN, reporter, f"report:{into}", at=now)
        await self._store.join(tx, draft.id, into, now)

    def _issue(self, likely: Likely, repository: str, number: int) -> Issue:
        plain = rules.issue(repository, number, site=self._site)
        return replace(plain, url=likely.url or plain.url, title=likely.title, state=likely.state)
