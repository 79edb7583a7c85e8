"""Runs the demo: ends with 0 only if every expected webhook arrived, verified and in order."""

import argparse
import asyncio
import io
import json
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console

from phonesim.demo.page import Page
from phonesim.demo.play import SCENARIO, Expectation, acts
from phonesim.demo.stage import Stage, free_port

PATIENCE = 60.0  # seconds; it takes about six


async def play(page: Page, expectation: Expectation, stage: Stage) -> None:
    page.step("starting the server, an account and two phones")
    account = await stage.cli("account", "add", "demo@example.com")
    address, *devices = await asyncio.gather(
        stage.serve(),
        stage.cli("device", "add", "--account", "demo@example.com", "--title", "Shop phone"),
        stage.cli("device", "add", "--account", "demo@example.com", "--title", "Second phone"),
    )
    page.step("setting the webhooks")
    port = free_port()
    secrets = await _set_webhooks(stage, devices, f"http://127.0.0.1:{port}")
    webhooks = stage.receive(port, secrets)
    await anext(webhooks)  # it listens
    scenario = stage.folder / "scenario.json"
    scenario.write_text(json.dumps(SCENARIO))
    keys = [option for device in devices for option in ("--key", device["device_key"])]
    await stage.start("ringback-phone", "--server", address, *keys, "--scenario", str(scenario), "--quiet")
    page.step("sending eight messages; a text and a picture come in")
    await _send(address, account["token"], [device["device_id"] for device in devices], expectation)
    async with asyncio.timeout(PATIENCE):
        await _watch(webhooks, page, expectation)


async def _set_webhooks(stage: Stage, devices: list[dict[str, Any]], receiver: str) -> list[str]:
    """Both phones tell the same receiver; the second one is done after the first, as they share its endpoints."""
    secrets = []
    for device in devices:
        options = ["--status-webhook", f"{receiver}/status"]
        for slot in (0, 3):
            options += ["--incoming-webhook", f"{slot}={receiver}/incoming"]
        changed = await stage.cli("device", "set", str(device["device_id"]), *options)
        secrets += [endpoint["secret"] for endpoint in changed["endpoints"] if endpoint["secret"]]
    return secrets


async def _send(address: str, token: str, device_ids: list[int], expectation: Expectation) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as client:
        for place, act in enumerate(acts()):
            message = {
                "to": f"+49 1511 55 00 {place:02}",
                "body": act.body,
                "device_id": device_ids[place % len(device_ids)],
                **act.extra,
            }
            async with client.post(f"{address}/v1/messages", json=message) as answer:
                answer.raise_for_status()
                expectation.sent[(await answer.json())["sms_id"]] = act


async def _watch(webhooks: AsyncIterator[dict[str, Any]], page: Page, expectation: Expectation) -> None:
    while expectation.arrived < expectation.expected:
        told = await anext(webhooks)
        if told.get("event") == "received":
            expectation.take(told["webhook"])
            page.webhook(told["webhook"])


async def run(console: Console, expectation: Expectation, page: Page) -> int:
    with tempfile.TemporaryDirectory(prefix="ringback-demo-") as folder:
        stage = Stage(Path(folder))
        try:
            with page:
                await play(page, expectation, stage)
                page.step("done")
        except TimeoutError:
            console.print("Not all webhooks came in time.")
        finally:
            await stage.clear()
    faults = expectation.faults()
    for fault in faults:
        console.print(f"  {fault}", markup=False, style="red")
    verdict = f"{expectation.arrived} of {expectation.expected} webhooks arrived"
    console.print(f"{verdict}, {'NOT as they should' if faults else 'all verified and in order'}.")
    return 1 if faults else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="make demo", description="See messages go out and webhooks come back."
    )
    parser.add_argument("--svg", type=Path, help="also draw the page into this file")
    options = parser.parse_args()
    console = Console()
    expectation = Expectation()
    page = Page(console, expectation)
    code = asyncio.run(run(console, expectation, page))
    if options.svg:
        canvas = Console(record=True, width=110, file=io.StringIO(), force_terminal=True)
        canvas.print(page.render())
        drawing = canvas.export_svg(title="make demo")
        # Rich would have a viewer fetch its font from elsewhere; a monospaced one is everywhere.
        options.svg.write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawing, flags=re.DOTALL))
    return code


if __name__ == "__main__":
    sys.exit(main())
