"""Writes the pages that are made from the code (`make docs`); a test holds them up to date."""

from pathlib import Path

from ringback.domain.lifecycle import Status, diagram
from ringback.domain.wording import API_TITLES
from ringback.settings import Settings, table

HERE = Path(__file__).parent


def lifecycle() -> str:
    rows = "\n".join(f"| {int(status)} | {API_TITLES[status]} |" for status in sorted(Status))
    return f"""# The life of a message

Drawn from the table in `src/ringback/domain/lifecycle.py` by `make docs`.

```mermaid
{diagram()}```

| id | title |
|---|---|
{rows}

5 is an incoming message. What the table does not allow does not move a message: it is kept in its history, flagged late, and
fires nothing. What was told before is a repeat and changes nothing.
"""


def settings() -> str:
    rows = "\n".join(
        f"| `{name}` | {f'`{value}`' if value else ''} | {meaning} |"
        for name, value, meaning in table(Settings())
    )
    return f"""# Settings

Environment variables, read at start. `ringback settings` shows them with their values now. (Written by `make docs`.)

| variable | default | meaning |
|---|---|---|
{rows}
"""


PAGES = {"lifecycle.md": lifecycle, "settings.md": settings}

if __name__ == "__main__":
    for name, write in PAGES.items():
        (HERE / name).write_text(write())
