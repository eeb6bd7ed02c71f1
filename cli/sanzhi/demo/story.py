"""The story as it is printed: acts, lines, and a spinner while something takes time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class Story:
    """Chinese first, short English beside it."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the story began."""
        return time.monotonic() - self._begun

    def act(self, zh: str, en: str) -> None:
        """A new chapter."""
        self.console.print()
        self.console.rule(f"[bold]{zh}[/bold] · {en}", align="left", style="dim")

    def line(self, zh: str, en: str) -> None:
        """Something that happened."""
        self.console.print(f"  [green]✓[/green] {zh}", markup=True, soft_wrap=True)
        self.console.print(f"    {en}", style="dim", markup=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """A detail, e.g. a path."""
        self.console.print(f"    {text}", markup=False, soft_wrap=True)

    def day(self, when: str) -> None:
        """The demo clock was moved."""
        self.console.print(f"  [cyan]⏰ {when}[/cyan]")

    @contextmanager
    def working(self, zh: str, en: str) -> Iterator[None]:
        """A spinner while something takes time."""
        with self.console.status(f"{zh} / {en}"):
            yield
