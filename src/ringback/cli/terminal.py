"""How commands speak: to people in sentences and tables, to programs (--json) in JSON; and how they end."""

import contextlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NoReturn

import structlog
import typer
from rich.console import Console
from rich.table import Table

from ringback import settings
from ringback.domain.problems import Problem
from ringback.runtime import Runtime, open_runtime

Data = Annotated[str | None, typer.Option("--data", help="The data folder (RINGBACK_DATA).", metavar="DIR")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]

# A table that goes into a file or a pipe has room for its cells; a terminal says itself how wide it is.
_WIDE = None if sys.stdout.isatty() else 200
out = Console(highlight=False, soft_wrap=True, width=_WIDE)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def say(value: Mapping[str, Any] | Sequence[Mapping[str, Any]], words: str, *, as_json: bool) -> None:
    """Answer with ``value`` to a program, with ``words`` to a person."""
    if as_json:
        sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    else:
        out.print(words, markup=False)


def show(rows: Sequence[Mapping[str, Any]], title: str, *, as_json: bool) -> None:
    """Rows of the same keys as a table; without rows it says so."""
    if as_json:
        sys.stdout.write(json.dumps(list(rows), ensure_ascii=False) + "\n")
    elif not rows:
        out.print(f"No {title}.")
    else:
        table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
        for name in rows[0]:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*["" if value is None else str(value) for value in row.values()])
        out.print(table)


def fail(words: str, *, code: int = 1) -> NoReturn:
    err.print(f"ringback: {words}", markup=False)
    raise typer.Exit(code)


@contextlib.contextmanager
def house(data: str | None) -> Iterator[Runtime]:
    """The runtime for one command. It may run beside a server on the same folder: the server notices what it writes."""
    quiet()
    try:
        rt = open_runtime(settings.read(data=data))
    except (ValueError, OSError, RuntimeError, Problem) as exc:
        fail(str(exc))
    try:
        yield rt
    except Problem as exc:
        fail(exc.detail if exc.field is None else f"{exc.detail} ({exc.field})")
    except OverflowError:
        fail("nothing has a number as large as one of these")
    finally:
        rt.db.stop()


def quiet() -> None:
    """A command's words are its own; logs are the server's."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))


def checked(words: str, exc: ValueError) -> typer.BadParameter:
    return typer.BadParameter(f"{words}: {exc}")
