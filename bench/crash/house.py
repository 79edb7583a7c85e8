"""Who lives in the data folder: one account, its devices, and the endpoints that they ring."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.crash.receiver import Receiver
from bench.crash.server import Server

# endpoint: its climate (weather.py)
ENDPOINTS = {
    "steady-status": "steady",
    "steady-texts": "steady",
    "slow-texts": "slow",
    "flaky-status": "flaky",
    "stalling-texts": "stalling",
    "picky-status": "picky",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """``texts``: the endpoint of each channel's incoming messages."""

    device_id: int
    key: str
    status: str
    texts: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class House:
    token: str
    devices: tuple[Device, ...]


_DEVICES: tuple[tuple[str, dict[int, str]], ...] = (
    ("steady-status", {0: "steady-texts"}),
    ("flaky-status", {0: "steady-texts", 1: "stalling-texts"}),
    ("picky-status", {0: "slow-texts", 3: "steady-texts"}),
)


async def furnish(server: Server, receiver: Receiver) -> House:
    """By the command line, as a person would, before the first start."""
    email = "crash@example.com"
    account = await server.cli("account", "add", email)
    devices = []
    for status, texts in _DEVICES:
        added = await server.cli("device", "add", "--account", email, "--title", f"Phone of {status}")
        wanted = ["--status-webhook", receiver.url(status)]
        for channel, endpoint in texts.items():
            wanted += ["--incoming-webhook", f"{channel}={receiver.url(endpoint)}"]
        changed = await server.cli("device", "set", str(added["device_id"]), *wanted)
        for row in changed["endpoints"]:
            if row["secret"] is not None:  # an endpoint that is used twice shows its secret once
                receiver.trust(urlsplit(row["url"]).path.lstrip("/"), row["secret"])
        devices.append(
            Device(device_id=added["device_id"], key=added["device_key"], status=status, texts=texts)
        )
    return House(account["token"], tuple(devices))
