"""The way of a report in the sandbox, through the bot that people try: no network, no account."""

import asyncio
import re
from pathlib import Path

import pytest

from bot.http import http_client
from bot.settings import load

pytest.importorskip("simcord.preview", reason="the extra `sandbox` is not installed")

import discord
import simcord

from bot.sandbox.run import REPORTED, open_sandbox
from bot.sandbox.simulation import Simulation
from tests.cogs.showing import BUTTON, parts, texts

PATIENCE = 10.0
HOME = "Quansight-Labs/free-threaded-compatibility"
TYPED = {
    "project": REPORTED,
    "environment": "Python 3.14.2 free-threading build, Linux x86_64",
    "story": f"{REPORTED} 3.1 crashes when eight threads submit work at once.",
    "logs": "Fatal Python error: Segmentation fault\n\n"
    "Current thread 0x00007f5c (most recent call first):\n"
    '  File "made_up_linux_only/pool.py", line 31 in submit\n',
}


def shown(message: discord.Message) -> str:
    """All text of a message."""
    return "\n".join(
        part.content
        for box in message.components
        for part in (box, *getattr(box, "children", ()))
        if isinstance(part, discord.TextDisplay)
    )


async def seen(channel: simcord.ChannelHandle, *wanted: str) -> discord.Message:
    """Wait for a message that holds all of `wanted`."""
    async with asyncio.timeout(PATIENCE):
        while True:
            for message in channel.history():
                if all(each in shown(message) for each in wanted):
                    return message
            await asyncio.sleep(0.02)


async def press(who: simcord.MemberActor, answer: simcord.InteractionResult, label: str) -> None:
    """Press the button whose label begins so."""
    assert answer.response is not None
    labels = (part["label"] for part in parts(answer, BUTTON))
    await who.click(answer.response, label=next(each for each in labels if each.startswith(label)))


async def reported(sandbox: Simulation, who: simcord.MemberActor) -> simcord.InteractionResult:
    return await who.submit_modal(await who.slash(sandbox.channel, "report"), TYPED)


async def test_from_the_form_to_closed(tmp_path: Path) -> None:
    async with open_sandbox(load({"FTBOT_DATA_DIR": str(tmp_path)})) as sandbox:
        guild, channel = sandbox.env.guild, sandbox.channel
        cleo, dan = (sandbox.env.create_user(name) for name in ("cleo", "dan"))
        member, triager = guild.add_member(cleo), guild.add_member(dan, roles=[sandbox.staff])
        welcome = channel.history()[0].content

        preview = await reported(sandbox, member)
        assert f"## {REPORTED} 3.1 crashes" in texts(preview).replace("\\", "")
        await press(member, preview, "Send")
        card = await seen(channel, "Waits for a triager", "crashes")
        await triager.click(card, label=f"File on {HOME}")
        await seen(channel, "**Filed**", "is **open**")
        await seen(cleo.dm_channel, "It is an issue on GitHub now.")

        again = await reported(sandbox, triager)
        assert "Is it one of these?" in texts(again)
        await press(triager, again, "Mine is the same")
        found = await member.slash(channel, "check", project=REPORTED)
        assert "**2 reports:** 3.1 crashes" in texts(found)

        address = re.search(r"\[a made-up GitHub\]\((http://[^/]+)(/[^)]+)\)", welcome)
        assert address is not None
        async with http_client(address[1]) as maintainer:
            issue = f"{address[2]}/5"  # the examples are the first four
            assert "crashes" in (await maintainer.get(issue)).text
            fields = {"do": "completed", "body": "Fixed in 3.2."}
            await maintainer.post(issue, data=fields, headers={"Origin": address[1]})
        await seen(channel, "is **closed** as completed")
        for person in (cleo, dan):
            await seen(person.dm_channel, "Its issue was closed.")
            await seen(person.dm_channel, "Fixed in 3.2.")


async def test_the_issues_of_others_are_handed_over(tmp_path: Path) -> None:
    async with open_sandbox(load({"FTBOT_DATA_DIR": str(tmp_path)})) as sandbox:
        cleo = sandbox.env.create_user("cleo")
        member = sandbox.env.guild.add_member(cleo)
        triager = sandbox.env.guild.add_member(
            sandbox.env.create_user("dan"), roles=[sandbox.staff]
        )
        form = await member.slash(sandbox.channel, "report")
        preview = await member.submit_modal(form, {**TYPED, "project": "grpcio", "logs": ""})
        await press(member, preview, "Send")
        card = await seen(sandbox.channel, "Waits for a triager")
        await triager.click(card, label="Hand over")
        handed = await seen(cleo.dm_channel, "where ftbot may not file")
        assert "Open the filled-in form" in str([box.to_dict() for box in handed.components])
