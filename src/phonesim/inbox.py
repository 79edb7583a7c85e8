"""The receiving half of a phone: what it received, until the server keeps it."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from phonesim.behaviour import Behaviour
from phonesim.link import Link
from phonesim.narrator import Tell
from phonesim.native import NativeClient, Refused
from phonesim.outbox import Outbox
from phonesim.picture import read_picture
from phonesim.radio import Record, now_text
from phonesim.spoken import Incoming, IncomingAnswer, IncomingImage


class Inbox:
    """Gives each incoming message an id that is the same however often it is told."""

    def __init__(
        self,
        client: NativeClient,
        link: Link,
        *,
        behaviour: Behaviour,
        tell: Tell,
        record: Record,
        batch: int,
    ) -> None:
        self.kept = 0
        self.texts: Outbox[Incoming, IncomingAnswer] = Outbox(
            link, send=client.incoming, acknowledged=self._text_kept, refused=self._refused, batch=batch
        )
        self.images: Outbox[IncomingImage, IncomingAnswer] = Outbox(
            link, send=self._send_image, acknowledged=self._image_kept, refused=self._refused, batch=1
        )
        self._client = client
        self._behaviour = behaviour
        self._tell = tell
        self._record = record
        self._run = secrets.token_hex(
            5
        )  # two runs with one key must not share ids: the second would be repeats
        self._received = 0
        self._unkept: set[str] = set()  # ids that no 200 has come for

    @property
    def outstanding(self) -> int:
        return len(self.texts) + len(self.images)

    def receive(self, address: str, body: str, channel_id: int = 0) -> str:
        """A text comes in; returns its id. ``{n}`` in the body becomes the message's number on this phone."""
        number, id_, date = self._number()
        text = Incoming(address, body.replace("{n}", str(number)), date, date, number, id_, channel_id)
        for _ in range(1 + self._behaviour.repeat):
            self.texts.put(text)
        self._tell("received", {"id": id_, "address": address, "body": text.body, "channel_id": channel_id})
        return id_

    def receive_image(
        self, address: str, picture: Path | bytes, *, caption: str | None = None, channel_id: int = 0
    ) -> str:
        """An image comes in; returns its id. Raises ValueError where the file cannot be read."""
        name, content = read_picture(picture)
        number, id_, date = self._number()
        image = IncomingImage(address, date, date, number, id_, name, content, caption, channel_id)
        for _ in range(1 + self._behaviour.repeat):
            self.images.put(image)
        self._tell("received_image", {"id": id_, "address": address, "name": name, "channel_id": channel_id})
        return id_

    def _number(self) -> tuple[int, str, str]:
        self._received += 1
        id_ = f"sim-{self._run}-{self._received}"
        self._unkept.add(id_)
        return self._received, id_, now_text()

    async def _send_image(self, images: list[IncomingImage]) -> Sequence[IncomingAnswer]:
        return [await self._client.incoming_image(image) for image in images]

    async def _text_kept(self, pairs: list[tuple[Incoming, IncomingAnswer]]) -> None:
        await self._keep([_line("incoming", text, answer, body=text.body) for text, answer in pairs])

    async def _image_kept(self, pairs: list[tuple[IncomingImage, IncomingAnswer]]) -> None:
        await self._keep(
            [
                _line("incoming_image", image, answer, caption=image.caption, img_url=answer.img_url)
                for image, answer in pairs
            ]
        )

    async def _keep(self, lines: list[dict[str, Any]]) -> None:
        await self._record(lines)
        for line in lines:
            self.kept += line["id"] in self._unkept  # not by "duplicate": an answer may have been lost
            self._unkept.discard(line["id"])
            self._tell("kept", {name: line[name] for name in ("id", "sms_id", "duplicate")})

    def _refused(self, message: Incoming | IncomingImage, refusal: Refused) -> None:
        what = f"the message from {message.address}"
        self._tell(
            "refused",
            {
                "what": what,
                "why": str(refusal),
                "status": refusal.status,
                "code": refusal.code,
                "id": message.id,
            },
        )


def _line(
    kind: str, message: Incoming | IncomingImage, answer: IncomingAnswer, **more: object
) -> dict[str, Any]:
    return {
        "kind": kind,
        "id": message.id,
        "internal_id": message.internal_id,
        "channel_id": message.channel_id,
        "address": message.address,
        "date": message.date,
        **more,
        "sms_id": answer.sms_id,
        "duplicate": answer.duplicate,
    }
