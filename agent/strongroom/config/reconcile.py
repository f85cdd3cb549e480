"""The section [[reconcile]]: which two streams hold records of the same things, and by which fields.

Annotations are not postponed here: the declarations of the keys are read from them.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

from strongroom.config.keys import Entries, Key, Section
from strongroom.config.problem import describe
from strongroom.config.reader import TableReader
from strongroom.config.sources import StreamSettings
from strongroom.config.values import duration, parse_name, parse_text
from strongroom.model.times import format_duration

_WHERE = "which records of the {} stream are compared, by the values of their fields; all by default"


def _in_order(found: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(found.items()))


class ReconcileSettings(Section, frozen=True):
    """[[reconcile]]: two streams that are compared by the ids in their records."""

    name: Annotated[str, Key("a unique name", parse_name, "")]
    left: Annotated[str, Key("a stream", parse_name, "")]
    right: Annotated[str, Key("the stream that it is compared with", parse_name, "")]
    keys: Annotated[
        dict[str, str],
        Entries("a field of the left records, and the field of the right records with the same value", parse_text),
    ]
    left_dataset: Annotated[str, Key("its dataset, if the stream has several", parse_text)] = ""
    right_dataset: Annotated[str, Key("its dataset, if the stream has several", parse_text)] = ""
    left_where: Annotated[tuple[tuple[str, str], ...], Entries(_WHERE.format("left"), parse_text, _in_order)] = ()
    right_where: Annotated[tuple[tuple[str, str], ...], Entries(_WHERE.format("right"), parse_text, _in_order)] = ()
    within: Annotated[
        timedelta,
        Key("how far apart the times of two such records may be", duration("0s", "31d"), shown=format_duration),
    ] = timedelta(days=1)

    def check(self, table: TableReader) -> None:
        """Refuse a comparison without a key."""
        if not self.keys:
            table.refuse("keys", "at least one pair of fields", "none", 'such as keys = { "payload.id" = "id" }')


def check_streams(settings: ReconcileSettings, streams: Iterable[StreamSettings], table: TableReader) -> None:
    """Refuse a stream that is not configured, and a dataset that is missing or not of the stream."""
    known = {stream.name: stream.datasets for stream in streams}
    sides = (("left", settings.left, settings.left_dataset), ("right", settings.right, settings.right_dataset))
    for side, stream, dataset in sides:
        if stream and stream not in known:
            table.refuse(
                side, f"the name of a stream ({', '.join(sorted(known)) or 'none is there'})", describe(stream)
            )
        elif stream and dataset and dataset not in known[stream]:
            listed = ", ".join(known[stream])
            table.refuse(f"{side}_dataset", f"a dataset of {stream} ({listed})", describe(dataset))
        elif stream and not dataset and len(known[stream]) > 1:
            listed = ", ".join(known[stream])
            table.refuse(f"{side}_dataset", f"one of the datasets of {stream} ({listed})", "nothing")
