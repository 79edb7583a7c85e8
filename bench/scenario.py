"""What a scenario is, and what it is handed."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from rich.progress import Progress, TaskID

from bench.figures import Book
from bench.stand import Stand


@dataclass(kw_only=True)
class Bench:
    """``n`` is how many events the scenario is about; durations follow from it."""

    stand: Stand
    n: int
    runs: int
    rate: float
    progress: Progress
    task: TaskID
    book: Book = field(default_factory=Book)

    def rounds(self) -> Iterator[int]:
        """The runs. What is compared happens side by side within each of them."""
        for run in range(self.runs):
            self.step("")
            yield run
            self.progress.advance(self.task)
            self.progress.refresh()

    def step(self, doing: str) -> None:
        """Shown between measurements only: a bar that moves by itself would take the server's time."""
        self.progress.update(self.task, doing=doing)
        self.progress.refresh()
        if doing and not self.progress.console.is_terminal:
            task = self.progress.tasks[self.task]
            self.progress.console.print(
                f"{task.description}, run {round(task.completed) + 1} of {self.runs}: {doing}",
                highlight=False,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    about: str
    n: int  # by default
    run: Callable[[Bench], Awaitable[None]]
