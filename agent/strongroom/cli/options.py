"""What several commands share: the session and its configuration, options, kinds of arguments, stream names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click
from msgspec import Struct

from strongroom.cli.terminal import clean, has_folder, report, working_folder
from strongroom.model.errors import StrongroomError, UsageError
from strongroom.model.names import fold_name, nearest_words
from strongroom.model.times import parse_duration, parse_instant
from strongroom.model.window import Window

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from click.core import ParameterSource

    from strongroom.config.schema import Config
    from strongroom.engine.queries.lists import Vault
    from strongroom.model.plan import Plan


class Session(Struct, frozen=True):
    """One run of the command line."""

    config_path: Path | None = None  # as given with --config

    def config(self) -> Config:
        """Find, read and check the configuration. Raises UsageError."""
        from strongroom.config.load import find_config, load_config

        if self.config_path is not None and not self.config_path.is_absolute() and not has_folder():
            raise UsageError(
                f"--config {self.config_path} is relative, but the working directory was removed",
                hint="change to a folder that exists, or give an absolute path",
            )
        config = load_config(find_config(self.config_path, os.environ, working_folder()))
        _note_read_only(config.vault.path)
        return config


def _note_read_only(vault: Path) -> None:
    """Say once that the vault can only be read here: commands that read work, those that write will be refused."""
    shown = click.get_current_context().find_root().meta
    catalogue = vault / "catalogue.sqlite"
    if not catalogue.exists() or (os.access(vault, os.W_OK) and os.access(catalogue, os.W_OK)):
        return
    if not shown.setdefault("strongroom.read_only", False):
        shown["strongroom.read_only"] = True
        report(f"note: {clean(str(vault))} cannot be written here; it is only read")


pass_session = click.make_pass_decorator(Session)


LARGEST = 2**63 - 1  # the largest number that the catalogue can compare with
PASSPHRASE_ENV = "STRONGROOM_PASSPHRASE_FILE"  # noqa: S105 - the name of a variable that names a file


EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Between these a time can be typed: far enough from the ends of the calendar for every sum and zone."""


def instant(text: str) -> datetime:
    """Read a date, which means midnight UTC, or a time with a zone, from 1970 to the year 9000."""
    try:
        found = datetime.combine(date.fromisoformat(text), time(0), UTC) if len(text) == 10 else parse_instant(text)
    except ValueError:
        raise click.BadParameter(
            f"expected a date such as 2026-11-01 or a time such as 2026-11-01T06:00Z, got {text!r}"
        ) from None
    if not EARLIEST <= found <= LATEST:
        raise click.BadParameter(f"expected a time from 1970 to the year 9000, got {text!r}")
    return found


class PathOption(click.Path):
    """A path that is not empty: an unset variable of a script is no place to read or write."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or refuse it."""
        if value == "":
            self.fail("expected a path, got nothing", param, ctx)
        return super().convert(value, param, ctx)


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone. Raises UsageError for a name that is none."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(f"there is no time zone {name!r}", hint="give a name such as Europe/Berlin or UTC") from None


class OneOf(click.Choice[str]):
    """A choice that names the nearest one where what was typed is none of them."""

    def get_invalid_choice_message(self, value: object, ctx: click.Context | None) -> str:  # noqa: ARG002 - click hands it over
        """Return what is wrong and what to type."""
        return f"there is no {value!r}; {nearest_words(str(value), self.choices)}"


class Named(Protocol):
    """A member of an enum whose words differ from its stored value."""

    @property
    def words(self) -> str:
        """Return what a person reads and types."""
        ...

    @property
    def value(self) -> str:
        """Return what is stored, which is taken as well."""
        ...


class WordOf(OneOf):
    """A choice by the words that a person reads; the stored values are taken as well, and are what it returns."""

    def __init__(self, kinds: Iterable[Named]) -> None:
        self._stored = {each.words.replace(" ", "-"): each.value for each in kinds}
        super().__init__(list(self._stored))

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the stored value."""
        return value if value in self._stored.values() else self._stored[super().convert(value, param, ctx)]


class OutputOption(click.Option):
    """Where a command writes: `--output`. Its former name `--to`, elsewhere the end of a period, is taken as well."""

    def add_to_parser(self, parser: click.parser._OptionParser, ctx: click.Context) -> None:  # noqa: ARG002 - click hands it over
        """Take both names, and keep each that is given. Help, completions and errors have only the first name."""
        parser.add_option(self, [*self.opts, "--to"], self.name, action="append")

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, ParameterSource]:
        """Return the one place that was given. Refuses several: it would be a guess which one is meant."""
        given = opts.get(self.name or "")
        if isinstance(given, list):
            if len(given) > 1:
                raise click.BadParameter(f"expected one place, got {len(given)}: {', '.join(given)}", ctx, self)
            opts = {**opts, self.name or "": given[0]}
        return super().consume_value(ctx, opts)


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
limit_option = click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="Show at most this many, newest first.",
)
from_option = click.option("--from", "start", type=instant, metavar="TIME", help="Only windows that end after this.")
to_option = click.option("--to", "end", type=instant, metavar="TIME", help="Only windows that start before this.")
identity_option = click.option(
    "--identity",
    type=PathOption(path_type=Path, dir_okay=False),
    metavar="PATH",
    help="The identity file that opens the archives; by default the one in the configuration.",
)
passphrase_option = click.option(
    "--passphrase-file",
    type=PathOption(path_type=Path, dir_okay=False),
    envvar=PASSPHRASE_ENV,
    metavar="PATH",
    help=f"Read the identity's passphrase from this file (mode 0600), or from the file that ${PASSPHRASE_ENV} names.",
)


def period_of(start: datetime, end: datetime) -> Window:
    """Return the time from --from to --to. Raises UsageError where it is empty or backwards."""
    if end <= start:
        raise UsageError("--to must be later than --from", hint="--to is the first instant that is not included")
    return Window(start, end)


def stretch(start: datetime | None, end: datetime | None) -> Window | None:
    """Return the time from --from to --to, or None where neither is given."""
    if start is None and end is None:
        return None
    return period_of(start or EARLIEST, end or LATEST)


def duration(text: str) -> timedelta:
    """Read a whole number and s, m, h, d or w."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}, got {text!r}") from None


def fit(parse: Callable[[object], object]) -> Callable[[str], str]:
    """Return a reader of text that the configuration's own rules accept. Refusals repeat no secret."""

    def read(text: str) -> str:
        try:
            parse(text)
        except UsageError as error:
            raise click.BadParameter(error.sentences) from None
        return text

    return read


def report_pending_renames(config: Config, vault: Vault) -> None:
    """Say which names of the configuration take effect with the next run, or why it will refuse them."""
    from strongroom.engine.core.sources import streams_of
    from strongroom.engine.ingest.renames import accounts_of, pending_renames

    try:
        found = pending_renames(vault.catalogue, accounts_of(config.sources), streams_of(config))
    except UsageError as error:
        report(f"The next run will refuse this configuration: {clean(error.message)}.")
        return
    for each in found:
        report(
            f"{each.noun.value.capitalize()} {clean(each.old)} was renamed to {clean(each.new)}."
            f" Until the next run, it is listed under {clean(each.old)}."
        )


def report_new_names(config: Config) -> None:
    """Say which streams and sources the run that begins now gives a new name."""
    from strongroom.engine.core.sources import open_reading, streams_of
    from strongroom.engine.ingest.renames import accounts_of, pending_renames

    try:
        with open_reading(config) as vault:
            found = pending_renames(vault.catalogue, accounts_of(config.sources), streams_of(config))
    except StrongroomError:
        return  # whatever is wrong, the run says it itself
    for each in found:
        report(f"{each.noun.value.capitalize()} {clean(each.old)} was renamed to {clean(each.new)}.")


def named_plans(config: Config, vault: Vault, name: str) -> list[Plan]:
    """Return the plan of the stream that a person named, by its present or a former name, or all plans for no name.

    Says where a stream was renamed. Raises UsageError for a stream that is not configured.
    """
    from strongroom.engine.core.sources import plans_of
    from strongroom.engine.queries.lists import present_names

    if not name:
        return plans_of(config)
    found = config.stream(present_names(vault).get(name, name)).name
    if found != name:
        report(f"Stream {clean(name)} was renamed to {clean(found)}.")
    return [plan for plan in plans_of(config) if plan.stream.name == found]


def asked_stream(config: Config, vault: Vault, name: str) -> str:
    """Return the present name of a stream that a person named, empty for none, and say where it was renamed.

    Raises UsageError for a name that is not known.
    """
    from strongroom.engine.queries.lists import known_stream

    found = known_stream(config, vault, name)
    if found and fold_name(found) != fold_name(name):
        report(f"Stream {clean(name)} was renamed to {clean(found)}.")
    return found
