"""The receiver's control route, `/_ctl`: change how it behaves and read what it received, over HTTP."""

from collections import Counter
from typing import Any, Protocol

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from phonesim.misbehaviour import Misbehaviour, read_rules
from phonesim.received import Received


class Controlled(Protocol):
    """What of a receiver is controlled from outside."""

    received: list[Received]
    count: int
    misbehaviour: Misbehaviour

    def clear(self) -> None: ...


def control_app(receiver: Controlled) -> Starlette:
    """``GET /_ctl``: counts and rules. ``POST /_ctl``: a rule, a list of rules, or ``{}`` to behave again.

    ``GET /_ctl/ledger?since=N``: what is in memory (with a number above N). ``DELETE /_ctl/ledger``: forget it.
    """

    def state() -> Response:
        return _json(
            {
                "count": receiver.count,
                "in_memory": len(receiver.received),
                "verdicts": Counter(received.verdict for received in receiver.received),
                "rules": [
                    {
                        name: getattr(rule, name)
                        for name in ("match", "times", "seed")
                        if getattr(rule, name) is not None
                    }
                    | {name: getattr(rule, name) for name in rule.actions}
                    for rule in receiver.misbehaviour.rules
                ],
            }
        )

    async def show(request: Request) -> Response:
        return state()

    async def change(request: Request) -> Response:
        try:
            rules = read_rules(await request.body())
        except ValueError as exc:
            return _json({"error": f"this is no rule: {exc}"}, 400)
        receiver.misbehaviour.become(*rules)
        return state()

    async def ledger(request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not since.isdigit():
            return _json({"error": "since is a number of a webhook, such as 12"}, 400)
        return _json([received.record() for received in receiver.received if received.number > int(since)])

    async def forget(request: Request) -> Response:
        receiver.clear()
        return state()

    return Starlette(
        routes=[
            Route("/_ctl", show, methods=["GET"]),
            Route("/_ctl", change, methods=["POST"]),
            Route("/_ctl/ledger", ledger, methods=["GET"]),
            Route("/_ctl/ledger", forget, methods=["DELETE"]),
        ]
    )


def _json(content: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
