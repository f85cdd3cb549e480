"""Recovery at a start: what an earlier process left unfinished is settled before new work begins."""

from __future__ import annotations

from strongroom.engine.access.key_files import settle_rotation
from strongroom.engine.core.engine import Engine, JobContext
from strongroom.engine.ingest.steps import perform
from strongroom.engine.ingest.transitions import record
from strongroom.model.decision import Act, Step
from strongroom.model.job import Cause
from strongroom.vault.jobs import interrupted_jobs
from strongroom.vault.key_rotation import keys_alone
from strongroom.vault.log import require_level

CLEAR_PROGRESS = "DELETE FROM progress"


def recover(engine: Engine) -> int:
    """Settle interrupted jobs, empty tmp, bring the log file level; return how many jobs were settled.

    The caller holds the vault's lock. Repeating it does nothing more. Raises VaultError where log and catalogue
    are of different ages, before changing anything.
    """
    catalogue = engine.vault.catalogue
    require_level(catalogue, engine.vault.layout.log)
    engine.vault.write_log()
    settle_rotation(engine.vault, engine.clock)
    interrupted = interrupted_jobs(catalogue)
    for job in interrupted:
        result = perform(engine, job, Step(Act.RESTART, Cause.RESTART), JobContext())
        if result is not None:
            record(engine, job, result)
    with keys_alone(engine.vault.layout):  # a repair by hand may be fetching a file there
        engine.vault.empty_tmp()
    with catalogue.transaction():
        catalogue.write(CLEAR_PROGRESS)
    return len(interrupted)
