"""`strongroom run --once`: bring everything that is due to its end."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from strongroom.cli.options import duration, json_option
from strongroom.cli.quiet import quiet_option
from strongroom.cli.session import Session, pass_session
from strongroom.model.errors import UsageError

if TYPE_CHECKING:
    from strongroom.engine.engine import Engine
    from strongroom.model.job import Job

patience_option = click.option(
    "--patience",
    type=duration,
    metavar="DURATION",
    default="2h",
    show_default=True,
    help="How long to wait for quotas and retries; what is left then goes on with the next run.",
)
workers_option = click.option(
    "--workers", type=click.IntRange(1, 64), default=4, show_default=True, help="Jobs in hand at once."
)


@click.command("run")
@click.option("--once", is_flag=True, help="Bring everything due to its end, then leave.")
@patience_option
@workers_option
@quiet_option
@json_option
@pass_session
def run(session: Session, once: bool, patience: timedelta, workers: int, as_json: bool) -> int:
    """Bring everything that is due into the vault: settle what was interrupted, plan, ask, download, seal, verify.

    Leaves with 0 when everything was archived, with 1 when something failed or is still waiting, or when records came
    to be lost. What is wrong is told by [notify], as the daemon does it.
    """
    if not once:
        raise UsageError("say how long to run", hint="strongroom run --once: everything that is due, then leave")
    from strongroom.engine.airlock.anteroom import Anteroom

    with closing(Anteroom()) as anteroom:
        anteroom.prepare()  # a sealer takes as long to start as all that follows takes to import
        from strongroom.cli.work import Manner, work
        from strongroom.engine.assembly import plans_of
        from strongroom.engine.coverage.planning import enter_due
        from strongroom.engine.readings import list_live_jobs
        from strongroom.engine.requests import serve

        config = session.config()

        def enter(engine: Engine) -> list[Job]:
            serve(engine)  # what people asked for while nobody worked in the vault
            enter_due(engine, plans_of(config))
            return list_live_jobs(engine.vault)

        def refill(engine: Engine) -> list[Job]:
            return enter_due(engine, plans_of(config))

        manner = Manner("strongroom run --once", patience, workers, as_json, watched=True)
        return work(config, enter, manner, refill, anteroom).exit_code
