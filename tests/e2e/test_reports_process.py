"""The way of a report through `ftbot run`: from a member's form to a closed issue, and back."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.loopback import sent, shown
from tests.e2e.reports_world import (
    ADA,
    BEN,
    CLEO,
    DAN,
    EPHEMERAL,
    GRACE,
    HOME,
    Message,
    Person,
    World,
    button,
    holds,
    labels_of,
    place,
    world,
)

# The loopback server stores things on requests under plain names.
pytestmark = pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")

PLATFORM = "Python 3.14.0 free-threading build, Linux x86_64"
FILE = f"File on {HOME}"
SEND = "Send to the triagers"
POST = f"/repos/{HOME}/issues"


def gil(module: str) -> str:
    return (
        "RuntimeWarning: The global interpreter lock (GIL) has been enabled to load module "
        f"'{module}', which has not declared that it can run safely without the GIL. To override "
        "this behavior and keep the GIL disabled (at your own risk), run with PYTHON_GIL=0 or "
        "-Xgil=0."
    )


def crash(function: str) -> str:
    return (
        "Fatal Python error: Segmentation fault\n\n"
        "Current thread 0x00007f8a (most recent call first):\n"
        f'  File "{function}.py", line 4 in {function}\n'
    )


@pytest.fixture
async def around(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path) as everything:
        publish(everything, "fastlib")
        yield everything


def publish(around: World, project: str, **urls: str) -> None:
    """Put a project on the index."""
    around.index.info[project] = {"project_urls": urls or None}
    around.index.publish(project, f"{project}-1.2-cp314-cp314t-manylinux_2_28_x86_64.whl")


async def send(around: World, who: Person, story: str = "") -> Message:
    """Report a crash, send it, and give its card."""
    preview = await around.report(
        who,
        project="fastlib",
        environment=PLATFORM,
        logs=crash(f"run_{who.name}"),
        story=story or f"fastlib 1.2 crashes for {who.name}, in a way of its own.",
    )
    answer = await around.press(who, preview, SEND)
    found = re.search(r"Sent, as report (\d+)", shown(answer))
    assert found, shown(answer)
    return await around.card(f"## #{found[1]} fastlib 1.2 crashes")


def posts(around: World) -> int:
    """Count the tries to make an issue."""
    return sum((each["method"], each["path"]) == ("POST", POST) for each in around.github.requests)


async def test_from_the_form_to_closed(around: World) -> None:
    async with around.bot():
        await around.setup()
        await a_report_becomes_an_issue(around)
        await the_issue_is_followed(around)
        await who_has_the_same_joins(around)
        await its_reporter_is_forgotten(around)
    assert len(around.issues()) == 1
    assert b"ben" not in (around.folder / "ftbot.sqlite3").read_bytes().lower()


async def a_report_becomes_an_issue(around: World) -> None:
    preview = await around.report(
        BEN,
        project="fastlib",
        environment=PLATFORM,
        story="Importing fastlib 1.2 turns the GIL on. @everyone",
        file=("warning.log", gil("fastlib._core").encode()),
    )
    assert preview["flags"] & EPHEMERAL
    assert holds(preview, "Importing it turns the GIL on", "fastlib 1.2", "Linux x86\\_64")

    assert holds(await around.press(BEN, preview, SEND), "Sent, as report 1")
    card = await around.card("fastlib", "Waits for a triager", "fastlib._core")
    assert around.issues() == []

    assert holds(await around.press(CLEO, card, FILE), "You may not decide on reports here.")
    both = [await around.click(who, card, FILE) for who in (ADA, GRACE)]
    (late,) = [m for m in await asyncio.gather(*map(around.answer, both)) if m is not card]
    assert holds(late, "let it be filed already")
    await around.card("## #1 ", "Filed", f"{HOME}\\#1", "is **open**")
    await around.told("It is an issue on GitHub now", f"{HOME}\\#1")

    (issue,) = around.issues()
    assert posts(around) == 1
    assert re.search(r"<!-- ftbot:report=\w+ v1 hmac=\w{16} -->\s*$", issue["body"])
    assert {label["name"] for label in issue["labels"]} == {"free-threading", "bug"}
    assert "GIL on. `@everyone`" in issue["body"]
    assert not {"ben", str(BEN.number)} & set(re.findall(r"\w+", issue["body"].lower()))


async def the_issue_is_followed(around: World) -> None:
    repository = around.github.repo(HOME)
    repository.comment(1, "stranger", "Me too!")
    repository.comment(1, "mel", "Which wheel?")
    await around.told("A maintainer commented", "Which wheel?")
    repository.close(1, "not_planned")
    await around.told("Its issue was closed", "It is not planned.")
    await around.card("## #1 ", "is **closed** as not planned")
    around.later()
    repository.reopen(1)
    await around.told("Its issue was reopened")
    await around.card("## #1 ", "is **open**")
    assert not any(holds(each, "Me too!") for each in around.messages(place("DM_ID")))


async def who_has_the_same_joins(around: World) -> None:
    assert "Importing 1.2 turns the GIL on" in await around.ask_for(CLEO, "reports", "fastlib")
    assert "**1 report:** importing 1.2" in await around.ask_for(CLEO, "check", "fastlib")
    again = await around.report(
        CLEO, project="fastlib", environment=PLATFORM, story="Same!", logs=gil("fastlib._core")
    )
    assert holds(again, "Is it one of these?")
    assert holds(await around.press(CLEO, again, "Mine is the same"), "Counted")
    await around.card("## #1 ", "1 other with the same")
    assert "**2 reports:** importing 1.2" in await around.ask_for(DAN, "check", "fastlib")

    around.later()
    around.github.repo(HOME).close(1)
    private = place("DM_ID")
    await around.until(
        lambda: [holds(m, "It is done.") for m in around.messages(private)].count(True) == 2
    )
    people = {int(each["recipient_id"]) for each in sent(around.discord, "POST", "/channels")}
    assert people == {BEN.number, CLEO.number}


async def its_reporter_is_forgotten(around: World) -> None:
    kept = await around.command(BEN, "privacy")
    assert holds(kept, "1 report with your name and id", "messages that ftbot wrote")
    asked = await around.press(BEN, kept, "Delete it")
    assert holds(await around.press(BEN, asked, "Yes, delete it"), "It is deleted.")
    assert holds(await around.command(BEN, "privacy"), "Nothing.")
    await around.card("## #1 ", "from somebody who is forgotten")


@pytest.mark.slow
async def test_killed_at_every_step(tmp_path: Path) -> None:
    async with world(tmp_path, webhook=False) as around:
        publish(around, "fastlib")
        async with around.bot():
            await around.setup()
            preview = await around.report(
                BEN,
                project="fastlib",
                environment=PLATFORM,
                story="It turns the GIL on.",
                logs=gil("fastlib._core"),
            )
            form = await around.command(CLEO, "report")
            await around.kill()

            # Buttons that were there before still work, and so does a form that was open.
            await around.start()
            answer = await around.press(BEN, preview, SEND)
            await around.kill()  # perhaps before its card was sent
            assert holds(answer, "Sent, as report 1")
            await around.start()
            other = await around.submit(CLEO, form, project="fastlib", story="It hangs.")
            assert holds(other, "fastlib", "nothing is sent yet")
            card = await around.card("## #1 ")

            # GitHub makes the issue, and ftbot is gone before it hears of that.
            around.github.faults.append({"method": "POST", "path_re": f"^{POST}$", "delay": 9})
            await around.press(ADA, card, FILE)
            await around.until(around.issues)
            await around.kill()
            await around.start()
            await around.card("## #1 ", "Filed", f"{HOME}\\#1", "is **open**")
            await around.told("It is an issue on GitHub now")
            await around.kill()

            repository = around.github.repo(HOME)
            repository.comment(1, "mel", "Fixed in 1.3.")
            repository.close(1)
            await around.start()
            await around.card("## #1 ", "is **closed** as completed")
            await around.told("Its issue was closed")
            await around.told("Fixed in 1.3.")
            assert (await around.press(ADA, card, "Full text"))["flags"] & EPHEMERAL
        assert (len(around.issues()), posts(around)) == (1, 1)
        assert len(around.messages(place("TRIAGE_ID"))) == 1
        assert len(around.messages(place("DM_ID"))) == 3


@pytest.mark.slow
async def test_decisions(around: World) -> None:
    publish(around, "elsewhere", Issues="https://github.com/owner/elsewhere/issues")
    async with around.bot():
        await around.setup()

        # Ask, answer, reject. Direct messages are closed, so the channel has to do.
        closed = {"code": 50007, "message": "Cannot send messages to this user"}
        direct, general = f"/channels/{place('DM_ID')}/messages$", place("CHAN_ID")
        card = await send(around, BEN)
        fault = {"method": "POST", "path_re": direct, "times": 2, "status": 403, "body": closed}
        around.discord.faults.append(fault)
        form = await around.press(ADA, card, "Ask …")
        await around.submit(ADA, form, card, text="Which wheel?")
        question = await around.message(general, "Which wheel?", f"<@{BEN.number}>")
        (asked,) = (body for body in sent(around.discord, "POST", f"/channels/{general}/messages"))
        assert asked["allowed_mentions"] == {"parse": [], "users": [BEN.number]}
        await around.card("Waits for its reporter's answer")
        form = await around.press(BEN, question, "Answer")
        await around.submit(BEN, form, question, answer="The one for 3.14t.")
        await around.card("Waits for a triager", "The one for 3.14t.")
        form = await around.press(ADA, card, "Reject …")
        await around.submit(ADA, form, card, choice="It works as intended.", text="Sorry.")
        await around.card("Rejected")
        await around.message(general, "It was not taken up", "It works as intended.", "Sorry.")
        assert fault["times"] == 0

        # A message of a member's, and a library whose tracker is not ftbot's.
        said = around.discord.user_message(f"elsewhere 1.2 hangs.\n{PLATFORM}")
        said["attachments"] = [around.discord.attachment("a.log", crash("hang").encode() * 50)]
        form = await around.menu(CLEO, "Report free-threading problem", said)
        preview = await around.submit(CLEO, form, project="elsewhere", environment=PLATFORM)
        assert holds(preview, "It belongs to **owner/elsewhere**."), shown(preview)
        await around.press(CLEO, preview, SEND)
        card = await around.card("Waits for a triager", "owner/elsewhere", "ftbot may not file")
        assert FILE not in labels_of(card)
        await around.press(ADA, card, "Hand over")
        handed = await around.told("where ftbot may not file")
        assert "Open the filled-in form" in labels_of(handed)
        if "url" not in button(handed, "Open the filled-in form"):
            shown_form = await around.press(CLEO, handed, "Open the filled-in form")
            assert "/owner/elsewhere/issues/new?" in shown(shown_form)

        # A matter of security.
        overflow = "an overflow lets others in"
        card = await send(around, DAN, story=f"fastlib 1.2: {overflow}.")
        await around.press(ADA, card, "Security")
        await around.card("for triagers' eyes only")
        for command in ("reports", "check"):
            assert overflow not in await around.ask_for(BEN, command, "fastlib")
        again = await around.report(
            CLEO, project="fastlib", environment=PLATFORM, story=f"fastlib 1.2: {overflow}.",
            logs=crash("dan_fastlib"),
        )  # fmt: skip
        assert "Mine is the same" not in labels_of(again)
    private = [*around.messages(place("DM_ID")), *around.messages(general)]
    assert not any(holds(each, overflow) for each in private)
    assert around.issues() == []


REFUSALS = [
    (403, "give its GitHub App or token the permission Issues: write"),
    (404, "GitHub shows ftbot no repository"),
    (410, "takes no issues: turn them on"),
    (422, "GitHub does not take this issue"),
]


@pytest.mark.slow
async def test_what_github_refuses(around: World) -> None:
    people = [Person(f"person{number}", 2000000000000000100 + number) for number in range(6)]
    async with around.bot():
        await around.setup()
        for who, (status, word) in zip(people, REFUSALS, strict=False):
            card = await send(around, who)
            around.github.faults.append(
                {"method": "POST", "path_re": f"^{POST}$", "status": status}
            )
            await around.press(ADA, card, FILE)
            await around.card(f"for {who.name},", "Waits for a triager", word)
        # What holds up all of GitHub waits, and is said.
        card = await send(around, people[4])
        around.github.faults += [
            {"method": "POST", "path_re": f"^{POST}$", "drop": "before"},
            {"path_re": f"^{POST}$", "status": 502, "times": 99},
        ]
        await around.press(ADA, card, FILE)
        await around.until(lambda: holds(card, "Filing waits: GitHub does not answer."))
        around.github.faults.clear()
        await around.kill()

        await around.start()
        await around.card("Filed", "is **open**")
        around.github.tokens.clear()
        around.github.faults.append({"path_re": "^/", "status": 401, "times": 99})
        card = await send(around, people[5])
        await around.press(ADA, card, FILE)
        await around.until(lambda: holds(card, "Filing waits for ftbot's operator"))
        around.github.faults.clear()
    assert len(around.issues()) == 1
