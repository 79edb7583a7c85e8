"""Single incoming texts: what each costs, how long it takes to the receiver, how many go through."""

from bench import rows, texts
from bench.limits import note_limits
from bench.scenario import Bench, Scenario


async def run(bench: Bench) -> None:
    book, stand = bench.book, bench.stand
    await note_limits(bench)
    for _ in bench.rounds():
        data = stand.copy()
        async with stand.serving(data) as server:
            bench.step("warming up")
            await texts.warm_up(bench, server)
            bench.step(f"{bench.rate:g} a second")
            paced = await texts.paced(bench, server, bench.n)
            book.note_latency("request → receiver", paced.through)
            book.note_latency("request → answer", paced.answered)
            texts.note_cost(bench, "paced", paced)
            before = rows.commits(stand.database(data))
            bench.step(f"{texts.WIDE} at a time")
            flood = await texts.flood(bench, server, bench.n)
            book.note("flood: through to the receiver", flood.rate, "/s")
            book.note("flood: duplicates", stand.receiver.duplicates, "")
            texts.note_cost(bench, "flood", flood)
        commits = rows.commits(stand.database(data)) - before
        book.note("flood: commits an event, at least", commits / bench.n, "")
        stand.discard(data)


SCENARIO = Scenario(name="incoming", about="incoming texts, one a request", n=10_000, run=run)
