"""What a change of a stream's plan would mean, before it is made: how much work, by when, and what comes too late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from strongroom.config.schema import Config
from strongroom.engine.coverage.planning import work_out
from strongroom.engine.coverage.prospect import outlook_of_plans
from strongroom.engine.engine import Engine
from strongroom.model.outlook import Outlook, StreamOutlook
from strongroom.model.plan import Plan, Span

_LENGTHS = list(Span)


@dataclass(frozen=True, slots=True)
class Foresight:
    """The work that one stream would want at once, as it is planned now and as it would be."""

    stream: str
    source: str
    before: int  # exports due now
    exports: int  # exports due after the change
    pace: float  # exports an hour, shared by all streams of the source
    first: datetime | None  # start of the oldest window
    done_by: datetime
    first_loss: datetime | None  # when the provider begins to destroy the oldest of them
    late: int  # exports that would come after the provider began to destroy their window
    late_beside: int  # exports of other streams of the source that would come late, and do not now
    lost: int  # windows that would be entered as lost at once, since the provider has them no more

    @property
    def more(self) -> bool:
        """Say whether the change brings work or loss that is not there now."""
        return self.exports > self.before or self.lost > 0 or self.late_beside > 0


def foresee(engine: Engine, now_is: Config, would_be: Config, stream: str) -> Foresight:
    """Work out what the plans of `would_be` want, held against those of `now_is`; changes nothing."""
    before, after = now_is.stream(stream).plan(), would_be.stream(stream).plan()
    source = after.stream.source
    old, new = _outlook(engine, now_is, source), _outlook(engine, would_be, source)
    was, will = _of(old, stream), _of(new, stream)
    return Foresight(
        stream=stream,
        source=source,
        before=was.exports,
        exports=will.exports,
        pace=new.pace,
        first=will.first,
        done_by=will.done_by,
        first_loss=will.first_loss,
        late=will.late,
        late_beside=max(0, _late_beside(new, stream) - _late_beside(old, stream)),
        lost=max(0, len(work_out(engine, after).lost) - len(work_out(engine, before).lost)),
    )


def wants_more(before: Plan, after: Plan) -> bool:
    """Say whether a change reaches further back or cuts finer, and so may be a backfill."""
    further = before.since is not None and (after.since is None or after.since < before.since)
    return further or _LENGTHS.index(after.span) < _LENGTHS.index(before.span)


def _outlook(engine: Engine, config: Config, source: str) -> Outlook:
    plans = [each.plan() for each in config.streams if each.source == source]
    (found,) = outlook_of_plans(engine, plans)
    return found


def _of(outlook: Outlook, stream: str) -> StreamOutlook:
    return next(each for each in outlook.streams if each.stream == stream)


def _late_beside(outlook: Outlook, stream: str) -> int:
    return sum(each.late for each in outlook.streams if each.stream != stream)
