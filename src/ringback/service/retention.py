"""Housekeeping: attempts and finished events beyond their time, and pictures that no message names."""

from datetime import UTC, datetime

from ringback.domain.times import DAY, SECOND
from ringback.runtime import Runtime
from ringback.store import messages, retention
from ringback.store.transaction import Tx, each

_BATCH = 1_000
_NAMES = 500
_ORPHAN_AGE = DAY  # a picture is stored before its message is written, but never so long before


async def clean(rt: Runtime) -> None:
    """In batches, between which others get their turn."""
    now = rt.clock.now()
    while await rt.db.write(forget_attempts, now - rt.settings.keep_attempts_days * DAY):
        pass
    after: int | None = 0
    while after is not None:
        after = await rt.db.write(forget_events, (now - rt.settings.keep_events_days * DAY, after))
    await _sweep_pictures(rt, now - _ORPHAN_AGE)


@each
def forget_attempts(tx: Tx, before: int) -> bool:
    return retention.forget_attempts(tx, before, _BATCH) == _BATCH


@each
def forget_events(tx: Tx, asked: tuple[int, int]) -> int | None:
    before, after_id = asked
    _, last = retention.forget_events(tx, before, after_id, _BATCH)
    return last


async def _sweep_pictures(rt: Runtime, before: int) -> None:
    """Names begin with year and month, and an orphan is found in its first days: older months need not be listed."""
    names: list[str] = []
    for prefix in sorted({_month(before), _month(before - 7 * DAY)}):
        async for name, modified in rt.blobs.names(prefix):
            if modified.timestamp() * SECOND < before:
                names.append(name)
            if len(names) == _NAMES:
                await _drop_orphans(rt, names)
                names = []
    await _drop_orphans(rt, names)


def _month(moment: int) -> str:
    return datetime.fromtimestamp(moment / SECOND, UTC).strftime("%Y/%m")


async def _drop_orphans(rt: Runtime, names: list[str]) -> None:
    if not names:
        return
    named = await rt.db.read(messages.names_of_images, names)
    for name in names:
        if name not in named:
            await rt.blobs.delete(name)
