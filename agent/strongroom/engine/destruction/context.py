"""What every act of destruction needs: the vault, its rules, and how the world is asked. Tests hold it in the hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec import Struct, field

from strongroom.config.schema import Config
from strongroom.engine.retention.verdicts import Judge, judge_anew
from strongroom.evidence.line import Entry, Fact
from strongroom.evidence.note import Signer
from strongroom.model.times import Chance, Clock
from strongroom.vault.log import add_entry
from strongroom.vault.vault import Vault


class DestructionRules(Struct, frozen=True):
    """What [destruction] says. What a proposal was made under can only become stricter."""

    people: int = 2  # different people that a destruction takes, its proposer among them
    cooling_off: timedelta = timedelta(days=7)
    approvers: tuple[str, ...] = ()  # public note keys; where there are any, one of them signs each approval


class DestructionContext(Struct, frozen=True):
    """Where destructions are proposed, approved and carried out."""

    vault: Vault
    clock: Clock  # the vault's own time: it never runs backwards
    random_bytes: Chance
    rules: DestructionRules = field(default_factory=DestructionRules)
    signer: Callable[[], Signer | None] = lambda: None  # asked when the first certificate is written
    judge: Judge = judge_anew
    require_time: Callable[[], None] = lambda: None  # raises WorldError as long as the time cannot be trusted
    require_calm: Callable[[], None] = lambda: None  # raises WorldError as long as an alarm about the time stands
    refuse_wrong_clock: Callable[[], None] = lambda: None  # raises WorldError while a provider says that it is wrong
    crash_point: Callable[[str], None] = lambda _where: None  # told each place where a crash leaves something different

    def log(
        self, kind: str, at: datetime, *, archive: str = "", stream: str = "", words: str = "", **facts: Fact
    ) -> None:
        """Enter an act into the evidence log; inside the act's own transaction. Facts without content are left out."""
        told = {name: fact for name, fact in facts.items() if fact not in ("", None, [])}
        add_entry(self.vault.catalogue, Entry(kind, at, archive=archive, stream=stream, facts=told, words=words))


def rules_of(config: Config) -> DestructionRules:
    """Return what the configuration says that a destruction takes."""
    told = config.destruction
    return DestructionRules(told.people, told.cooling_off, told.approvers)
