"""Triagers decide: the real bot, reports, outbox and courier, on a simulated Discord."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import discord
import pytest
import simcord
from discord import PermissionOverwrite, Permissions

from bot.announce.delivery.store import DeliveryStore
from bot.announce.subscriptions.store import SubscriptionStore
from bot.audit.members import AuditMembers
from bot.audit.store import AuditStore
from bot.audit.watching.store import WatchStore
from bot.client import FtBot, Services
from bot.courier.carrier import Carrier
from bot.courier.reports import ReportCourier
from bot.db import Database, Speakers
from bot.errors import UserError
from bot.reports.filing.store import FilingStore
from bot.reports.issue.destination import Address
from bot.reports.model import (
    Action,
    Actor,
    Desk,
    Fact,
    Facts,
    Issue,
    Kind,
    Likely,
    Reading,
    Report,
    State,
    Submission,
)
from bot.reports.posts.service import Posts
from bot.reports.posts.store import PostStore
from bot.reports.rules import Settled
from bot.reports.service import ReportService
from bot.reports.service.lookups import Lookups
from bot.reports.store import Lookup, ReportStore
from bot.ui import desk as view
from bot.ui.triage import REASONS
from tests.cogs.conftest import Tongues, World
from tests.cogs.fakes import Index, services_on
from tests.cogs.showing import BUTTON, SELECT, parts, texts

HOME = "owner/home"
HERE = Address(HOME, may_file=True, issue=None, why="")
WROTE = Submission(
    project="demo", story="It crashes.", logs="first line\nlast line", log_name="x.log"
)
READ = Reading(Kind.CRASH, 0.9, Facts(project=Fact("demo", "demo")))
LIKELY = (
    Likely("report:1", "demo crashes", None, 0.9, ("same stack",)),
    Likely("issue:owner/home#3", "A crash", "https://github.com/owner/home/issues/3", 0.8),
)


class Told(Lookups):
    """What is known about every report is the same."""

    def __init__(self) -> None:
        pass

    async def look_up(self, report: Report, *, patience: float) -> Lookup:
        del report, patience
        return Lookup(likely=LIKELY, address=HERE)

    async def address(self, report: Report, *, patience: float) -> Address:
        del report, patience
        return HERE

    async def twin(self, *_: object) -> None:
        return None


def read(submission: Submission) -> Reading:
    return replace(READ, excerpt=submission.logs.partition("\n")[2])


@pytest.fixture
def services(index: Index, database: Database) -> Services:
    reports = ReportService(
        database=database,
        store=ReportStore(database),
        posts=PostStore(database),
        filings=FilingStore(database),
        lookups=Told(),
        reader=read,
        home=HOME,
        watches=SubscriptionStore(database),
        news=DeliveryStore(database),
        audits=AuditMembers(AuditStore(database), WatchStore(database)),
        speakers=Speakers(database),
        can_file=True,
        key=b"made up",
    )
    return services_on(database, index, index, reports=reports)


@dataclass(frozen=True, slots=True)
class Office:
    """A server with a triage channel, two triagers, and an administrator who is none."""

    world: World
    database: Database
    store: ReportStore
    channel: simcord.ChannelHandle
    role: simcord.RoleHandle
    ada: simcord.MemberActor
    grace: simcord.MemberActor
    admin: simcord.MemberActor

    async def sent(self) -> Report:
        """Let the member send a report, and its card arrive."""
        member, place = Actor(self.world.member.id, "alice"), self.world.channel.id
        reports = self.world.services.reports
        draft = await reports.draft(member, self.world.env.guild.id, place, WROTE)
        report = await reports.send(draft.report.id, member)
        await self.deliver()
        return report

    async def deliver(self) -> None:
        """Send and edit what waits in the outbox."""
        language = Speakers(self.database).language
        carrier = Carrier(lambda: self.world.env.bot, language=language)
        courier = ReportCourier(carrier, site="https://index.example")
        await Posts(PostStore(self.database), self.store, courier).deliver()
        await self.world.env.settle()

    async def moved(self, channel: int) -> None:
        """Let the server decide in another channel, which nobody has looked at."""
        await self.world.services.reports.setup(self.world.env.guild.id, channel, self.role.id)
        await self.world.env.settle()

    async def now(self, report: Report) -> Report:
        found = await self.store.get(report.id)
        assert found is not None
        return found

    @property
    def card(self) -> discord.Message:
        message = self.channel.last_message
        assert message is not None
        return message

    @property
    def marker(self) -> int | None:
        """The number by which the outbox knows the card."""
        (box,) = self.card.components
        assert isinstance(box, discord.Container)
        return box.id

    def shown(self) -> str:
        return "\n".join(
            part.content
            for part in _walk(self.card.components)
            if isinstance(part, discord.TextDisplay)
        )

    def offered(self) -> list[str]:
        found = (part for part in _walk(self.card.components) if isinstance(part, discord.Button))
        return [part.label or "" for part in found]

    async def fill(
        self, who: simcord.MemberActor, label: str, **values: object
    ) -> simcord.InteractionResult:
        """Press a button of the card, and fill in the form that opens."""
        opened = await who.click(self.card, label=label)
        assert opened.modal is not None
        return await who.submit_modal(opened, values)


def _walk(components: Sequence[Any]) -> list[Any]:
    inside = (_walk(getattr(each, "children", ())) for each in components)
    return [part for each, below in zip(components, inside, strict=True) for part in (each, *below)]


@pytest.fixture
async def office(world: World, database: Database) -> Office:
    guild = world.env.guild
    role = guild.create_role("Triagers")
    staff = guild.create_role("Staff", permissions=Permissions(manage_guild=True))
    assert world.env.bot.user is not None
    hidden = PermissionOverwrite(view_channel=False)
    seeing = PermissionOverwrite(view_channel=True, send_messages=True)
    overwrites: dict[Any, PermissionOverwrite] = {
        guild.default_role: hidden,
        role: seeing,
        staff: seeing,
        world.env.bot.user: seeing,
    }
    channel = guild.create_text_channel("triage", overwrites=overwrites)
    ada, grace, admin = (
        guild.add_member(world.env.create_user(name), roles=[group])
        for name, group in (("ada", role), ("grace", role), ("admin", staff))
    )
    await world.env.settle()
    await world.services.reports.setup(guild.id, channel.id, role.id)
    return Office(world, database, ReportStore(database), channel, role, ada, grace, admin)


# Setting it up


async def test_a_server_is_set_up(office: Office) -> None:
    guild = office.world.env.guild
    role = guild.create_role("Others")
    result = await office.admin.slash(
        office.world.channel, "triage setup", channel=office.world.channel, role=role
    )
    assert result.ephemeral
    assert f"Reports go to <#{office.world.channel.id}>, and <@&{role.id}> decides" in texts(result)
    assert "Everyone can see that channel." in texts(result)
    desk = await office.world.services.reports.desk(guild.id)
    assert desk == Desk(guild.id, office.world.channel.id, role.id)


async def test_a_hidden_channel_needs_no_warning(office: Office) -> None:
    result = await office.admin.slash(
        office.world.channel, "triage setup", channel=office.channel, role=office.role
    )
    assert "Everyone can see" not in texts(result)


async def test_what_waits_is_shown_where_the_desk_moves(office: Office) -> None:
    report = await office.sent()
    await office.admin.slash(
        office.world.channel, "triage setup", channel=office.world.channel, role=office.role
    )
    await office.deliver()
    shown = office.world.channel.last_message
    assert shown is not None
    assert f"1triage-text:{report.id}" in str(shown.components[0].to_dict())


async def test_not_everyone_can_be_a_triager(office: Office) -> None:
    role = office.world.env.guild.default_role
    result = await office.admin.slash(
        office.world.channel, "triage setup", channel=office.channel, role=role
    )
    simcord.assert_error(office.world.env, UserError)
    assert "Not everyone can be a triager." in texts(result)


async def test_setup_takes_manage_server_whatever_the_server_allows(office: Office) -> None:
    guild = office.world.env.guild
    bot = office.world.env.bot
    assert isinstance(bot, FtBot)
    commands = await bot.tree.fetch_commands()
    (number,) = (each.id for each in commands if each.name == "triage")
    guild.set_command_permissions(number, {office.role: True})
    result = await office.ada.slash(
        office.channel, "triage setup", channel=office.channel, role=office.role
    )
    simcord.assert_error(office.world.env, UserError)
    assert "It needs the permission Manage Server." in texts(result)


# Deciding


async def test_a_card_arrives(office: Office) -> None:
    report = await office.sent()
    assert office.shown().startswith(f"## #{report.id} demo crashes")
    assert office.offered()[0] == f"File on {HOME}"


@pytest.mark.parametrize("restarted", [False, True])
async def test_filing(office: Office, *, restarted: bool) -> None:
    report = await office.sent()
    marker = office.marker
    if restarted:
        await office.world.restart()
    result = await office.ada.click(office.card, label=f"File on {HOME}")
    assert "On its way to GitHub" in office.shown()
    assert "**ada** let it be filed" in office.shown()
    assert result.followups == []
    assert office.marker == marker
    found = await office.now(report)
    assert found.state is State.FILING
    assert (found.steps[-1].actor, found.steps[-1].action) == (
        Actor(office.ada.id, "ada"),
        Action.FILE,
    )
    rows = await office.database.read("SELECT report, repository FROM filing")
    assert [tuple(row) for row in rows] == [(report.id, HOME)]
    before = office.shown()
    await office.deliver()
    assert office.shown() == before


async def test_whoever_manages_the_server_decides_too(office: Office) -> None:
    guild = office.world.env.guild
    report = await office.sent()
    await office.world.services.reports.setup(guild.id, office.world.channel.id, office.role.id)
    await office.deliver()
    card = office.world.channel.last_message
    assert card is not None
    await office.admin.click(card, label="Security")
    assert (await office.now(report)).state is State.SECURITY


@pytest.mark.parametrize("label", ["Security", "Ask …", "Block reporter", "Full text"])
async def test_others_may_not(office: Office, label: str) -> None:
    report = await office.sent()
    guild = office.world.env.guild
    await office.world.services.reports.setup(guild.id, office.world.channel.id, office.role.id)
    await office.deliver()
    card = office.world.channel.last_message
    assert card is not None
    result = await office.world.member.click(card, label=label)
    assert result.ephemeral
    assert result.modal is None
    assert "You may not decide on reports here." in texts(result)
    assert await office.now(report) == report
    assert await office.world.services.reports.blocked(guild.id) == []


async def test_two_at_once_get_one_result(office: Office) -> None:
    report = await office.sent()
    reports, guild = office.world.services.reports, office.world.env.guild.id
    tried = await asyncio.gather(
        reports.file(report.id, guild, Actor(1, "Ada")),
        reports.security(report.id, guild, Actor(2, "Grace")),
        reports.reject(report.id, guild, Actor(3, "Barbara"), "No."),
        return_exceptions=True,
    )
    (done,) = (each for each in tried if isinstance(each, Report))
    found = await office.now(report)
    assert found == done
    assert len(found.steps) == 2
    lost = [each for each in tried if isinstance(each, Settled)]
    assert len(lost) == 2
    assert all(each.text.startswith(found.steps[-1].actor.name) for each in lost)


async def test_who_is_too_late_is_told_who_was_first(office: Office) -> None:
    report = await office.sent()
    reports, guild = office.world.services.reports, office.world.env.guild.id
    await reports.reject(report.id, guild, Actor(office.ada.id, "ada"), "No.")
    result = await office.grace.click(office.card, label=f"File on {HOME}")
    assert result.ephemeral
    assert "ada rejected it already" in texts(result)
    assert (await office.now(report)).state is State.REJECTED
    await office.deliver()
    assert "🚫 **Rejected**" in office.shown()


async def test_a_form_that_comes_too_late_is_given_back(office: Office) -> None:
    report = await office.sent()
    opened = await office.grace.click(office.card, label="Ask …")
    await office.ada.click(office.card, label="Security")
    result = await office.grace.submit_modal(opened, {view.TEXT: "Which version?"})
    assert result.ephemeral
    assert "ada marked it as a security matter already" in texts(result)
    assert result.response is not None
    assert b"Which version?" in await result.response.attachments[0].read()
    assert (await office.now(report)).state is State.SECURITY


async def test_rejecting_with_a_reason(office: Office) -> None:
    report = await office.sent()
    await office.fill(office.ada, "Reject …", reason=[REASONS[0]], text="It is about asyncio.")
    found = await office.now(report)
    assert found.state is State.REJECTED
    assert found.steps[-1].note == f"{REASONS[0]}\nIt is about asyncio."
    assert "🚫 **Rejected**" in office.shown()
    assert office.offered()[:2] == ["Reopen", "Block reporter"]
    await office.deliver()
    told = office.world.member.user.dm_channel.last_message
    assert told is not None
    assert "It is about asyncio." in str(told.components[0].to_dict())
    await office.grace.click(office.card, label="Reopen")
    assert (await office.now(report)).state is State.OPEN


async def test_rejecting_takes_a_reason(office: Office) -> None:
    report = await office.sent()
    result = await office.fill(office.ada, "Reject …", reason=[view.OTHER])
    assert "The reason is empty." in texts(result)
    assert (await office.now(report)).state is State.OPEN


async def test_asking_reaches_the_reporter(office: Office) -> None:
    report = await office.sent()
    await office.fill(office.ada, "Ask …", text="Which version?")
    assert "**Waits for its reporter's answer**" in office.shown()
    await office.deliver()
    asked = office.world.member.user.dm_channel.last_message
    assert asked is not None
    shown = str(asked.components[0].to_dict())
    assert "> Which version?" in shown
    assert f"1answer:{report.id}" in shown
    member = Actor(office.world.member.id, "alice")
    await office.world.services.reports.answer(report.id, member, "2.0, from conda")
    await office.deliver()
    assert "> 2.0, from conda" in office.shown()
    assert "**Waits for a triager**" in office.shown()


@pytest.mark.parametrize(
    "reference", ["#3", "owner/home#3", "https://github.com/owner/home/issues/3"]
)
async def test_linking_by_hand(office: Office, reference: str) -> None:
    report = await office.sent()
    await office.fill(office.ada, "Link …", text=reference)
    found = await office.now(report)
    assert found.state is State.LINKED
    assert found.issue == Issue(HOME, 3, "https://github.com/owner/home/issues/3")
    assert "View on GitHub" in office.offered()


async def test_what_is_no_reference_is_said_privately(office: Office) -> None:
    report = await office.sent()
    result = await office.fill(office.ada, "Link …", text="the other one")
    assert result.ephemeral
    assert "That is neither an issue nor a report." in texts(result)
    assert (await office.now(report)).state is State.OPEN


async def test_linking_to_a_likely_issue_by_one_click(office: Office) -> None:
    report = await office.sent()
    await office.ada.select(office.card, ["issue:owner/home#3"])
    found = await office.now(report)
    assert found.issue is not None
    assert (found.state, found.issue.number) == (State.LINKED, 3)


async def test_linking_to_a_likely_report_by_one_click(office: Office) -> None:
    first = await office.sent()
    second = await office.sent()
    await office.ada.select(office.card, [f"report:{first.id}"])
    found = await office.now(second)
    assert (found.state, found.into) == (State.JOINED, first.id)
    assert f"The same as report #{first.id}" in office.shown()


async def test_handing_over(office: Office) -> None:
    report = await office.sent()
    await office.ada.click(office.card, label="Hand over")
    assert (await office.now(report)).state is State.HANDED
    assert "Handed to its reporter" in office.shown()
    await office.deliver()
    told = office.world.member.user.dm_channel.last_message
    assert told is not None
    assert "Open the filled-in form" in str(told.components[0].to_dict())


async def test_all_that_was_written_comes_privately(office: Office) -> None:
    report = await office.sent()
    await office.ada.click(office.card, label="Security")
    assert "It crashes." not in office.shown()
    result = await office.ada.click(office.card, label="Full text")
    assert result.ephemeral
    assert result.response is not None
    files = {each.filename: await each.read() for each in result.response.attachments}
    assert sorted(files) == [f"report-{report.id}-logs.txt", f"report-{report.id}-text.txt"]
    assert b"It crashes." in files[f"report-{report.id}-text.txt"]
    assert files[f"report-{report.id}-logs.txt"] == b"first line\nlast line"


async def test_cards_of_other_servers_are_not_decided_on(office: Office) -> None:
    report = await office.sent()
    async with office.database.write() as tx:
        await tx.execute("UPDATE report SET guild = 1 WHERE id = ?", (report.id,))
    result = await office.ada.click(office.card, label="Security")
    assert f"This server has no report {report.id}." in texts(result)


# Blocking, and what waits


async def test_blocking_the_reporter(office: Office) -> None:
    await office.sent()
    user = office.world.member.id
    result = await office.ada.click(office.card, label="Block reporter")
    assert result.ephemeral
    assert f"<@{user}> can send no more reports here." in texts(result)
    assert await office.world.services.reports.blocked(office.world.env.guild.id) == [user]


async def test_who_is_forgotten_cannot_be_blocked(office: Office) -> None:
    await office.sent()
    card = office.card
    await office.world.services.reports.forget(office.world.member.id)
    result = await office.ada.click(card, label="Block reporter")
    assert "Who made it is not known any more." in texts(result)


async def test_blocking_and_unblocking_by_command(office: Office) -> None:
    member, where = office.world.member.user, office.world.channel
    reports, guild = office.world.services.reports, office.world.env.guild.id
    result = await office.admin.slash(where, "triage block", member=member)
    assert result.ephemeral
    assert await reports.blocked(guild) == [member.id]
    listed = await office.admin.slash(where, "triage list")
    assert f"Blocked: <@{member.id}>." in texts(listed)
    result = await office.admin.slash(where, "triage unblock", member=member)
    assert "can send reports here again" in texts(result)
    assert await reports.blocked(guild) == []
    result = await office.admin.slash(where, "triage unblock", member=member)
    simcord.assert_error(office.world.env, UserError)
    assert "That member is not blocked." in texts(result)


async def test_the_list_of_what_waits_shows_cards(office: Office) -> None:
    where = office.world.channel
    result = await office.admin.slash(where, "triage list")
    assert texts(result) == "**No reports to decide on.**"
    report = await office.sent()
    result = await office.admin.slash(where, "triage list")
    assert result.ephemeral
    assert "**1 report to decide on.**" in texts(result)
    assert f"**#{report.id}** demo crashes" in texts(result)
    assert [each["value"] for each in parts(result, SELECT)[0]["options"]] == [str(report.id)]
    assert result.response is not None
    shown = await office.admin.select(result.response, [str(report.id)])
    assert shown.ephemeral
    assert "What happened" in texts(shown)
    assert f"File on {HOME}" in [each["label"] for each in parts(shown, BUTTON)]


async def test_a_damaged_report_does_not_hide_the_others(office: Office) -> None:
    report, damaged = await office.sent(), await office.sent()
    async with office.database.write() as tx:
        await tx.execute("UPDATE report SET reading = '{}' WHERE id = ?", (damaged.id,))
    result = await office.admin.slash(office.world.channel, "triage list")
    assert f"**#{report.id}** demo crashes" in texts(result)
    assert f"Report #{damaged.id} is damaged and cannot be shown." in texts(result)


async def test_who_asks_hears_that_the_channel_is_gone(office: Office) -> None:
    where, told = office.world.channel, "out of reach: The channel no longer exists. Reports are"
    assert told not in texts(await office.admin.slash(where, "triage list"))
    await office.moved(404)
    assert told in texts(await office.admin.slash(where, "triage list"))


async def test_who_asks_hears_that_ftbot_may_not_write_there(office: Office) -> None:
    guild, bot = office.world.env.guild, office.world.env.bot.user
    assert bot is not None
    hidden: dict[Any, PermissionOverwrite] = {bot: PermissionOverwrite(view_channel=False)}
    await office.moved(guild.create_text_channel("hidden", overwrites=hidden).id)
    told = texts(await office.admin.slash(office.world.channel, "triage list"))
    assert "is out of reach: It needs there: View Channel. Reports are kept" in told


# Languages


async def test_the_card_speaks_its_servers_language_whoever_presses(
    office: Office, tongues: Tongues
) -> None:
    tongues.server("ko")
    tongues.person(office.ada, "de")
    report = await office.sent()
    assert "ko:Waits for a triager" in office.shown()
    assert "ko:Reject …" in office.offered()
    result = await office.fill(
        office.ada, "ko:Reject …", reason=[str(REASONS[0])], text="It is about asyncio."
    )
    assert "ko:Rejected" in texts(result)
    assert f"ko:{REASONS[0]}" in texts(result)
    assert "de:" not in texts(result)
    await office.deliver()
    assert "ko:Rejected" in office.shown()
    assert (await office.now(report)).steps[-1].note == f"{REASONS[0]}\nIt is about asyncio."


async def test_what_one_triager_alone_sees_speaks_the_triagers_language(
    office: Office, tongues: Tongues
) -> None:
    tongues.server("ko")
    tongues.person(office.admin, "de")
    report = await office.sent()
    listed = await office.admin.slash(office.channel, "triage list")
    assert "de:1 report to decide on." in texts(listed)
    assert listed.response is not None
    alone = await office.admin.select(listed.response, [str(report.id)])
    assert alone.ephemeral
    assert "de:Waits for a triager" in texts(alone)
    assert alone.response is not None
    decided = await office.admin.click(alone.response, label="de:Security")
    assert "de:Security: for triagers' eyes only" in texts(decided)
    await office.deliver()
    assert "ko:Security: for triagers' eyes only" in office.shown()


async def test_reporters_hear_in_their_language(office: Office, tongues: Tongues) -> None:
    tongues.server("ko")
    await office.sent()
    member = office.world.member
    await office.world.services.speakers.note(member.id, "de")
    await office.fill(office.ada, "ko:Ask …", text="Which version?")
    await office.deliver()
    (question,) = member.user.dm_channel.history()
    assert "de:A question about your report" in str(question.components[0].to_dict())
    await office.fill(office.ada, "ko:Reject …", reason=[str(REASONS[0])])
    await office.deliver()
    outcome = str(member.user.dm_channel.history()[-1].components[0].to_dict())
    assert "de:It was not taken up." in outcome
    assert f"> de:{REASONS[0]}" in outcome


async def test_refusals_are_in_the_language_of_whom_they_refuse(
    office: Office, tongues: Tongues
) -> None:
    tongues.server("ko")
    tongues.person(office.admin, "de")
    result = await office.admin.slash(office.channel, "triage unblock", member=office.ada.user)
    simcord.assert_error(office.world.env, UserError)
    assert texts(result) == "**de:That member is not blocked.**\nde:The list shows who is."
