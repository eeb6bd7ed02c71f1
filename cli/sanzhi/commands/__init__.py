"""The `sanzhi` command. Each module of this package is one noun; heavy imports stay inside the functions."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from sanzhi.commands import admin, audit, day, demo, org, people, serve

app = typer.Typer(
    name="sanzhi",
    help="三治：村级治理试点平台 / Sanzhi: platform for village governance pilots",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for module in (admin, serve, day, demo):
    module.register(app)
app.add_typer(org.app, name="org", help="组织层级 / Organisation hierarchy")
app.add_typer(people.app, name="people", help="农户与居民 / Households and residents")
app.add_typer(audit.app, name="audit", help="审计日志 / Audit trail")


def main() -> None:
    """Entry point. Known faults end with one line and exit code 1, never with a traceback."""
    from sanzhi.commands.faults import known, sentence

    try:
        app()
    except known() as fault:
        Console(stderr=True).print(f"sanzhi: {sentence(fault)}", style="red", markup=False, highlight=False)
        sys.exit(1)
