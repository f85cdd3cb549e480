"""Names of participants, from archived contacts: who is behind a telephone number, an address or an id.

Of each stream the newest archive counts. A number that two contacts share names nobody. Contacts are redacted before
they are read, as every record is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from strongroom.age.keys import X25519Identity
from strongroom.engine.access.records import records_of
from strongroom.engine.production.conversations import person_key, sound
from strongroom.formats.redaction import RedactionRule, redact
from strongroom.model.archive import Archive, Holding
from strongroom.search.entry import texts_in
from strongroom.vault.archives import all_archive_ids, readable_archives
from strongroom.vault.vault import Vault

_DATASETS = frozenset({"contact", "contacts"})
_NAMES = ("displayname", "fullname", "name", "profilename")
_IDENTIFIERS = frozenset(
    [
        "id",
        "contactid",
        "contactidentifier",
        "identifier",
        "phone",
        "phonenumber",
        "mobile",
        "email",
        "emailaddress",
        "waid",
        "whatsapp",
        "address",
    ]
)
_LONGEST = 120  # characters of a name that are shown


class Contacts(Struct, frozen=True):
    """Names by what a person is compared by, and the archives that they are from."""

    names: Mapping[str, str] = {}
    archives: Sequence[Archive] = ()


def read_contacts(vault: Vault, identities: Sequence[X25519Identity], rules: Sequence[RedactionRule] = ()) -> Contacts:
    """Return the names in the newest archived contacts. Raises SealError and ContentRefused."""
    archives, names = newest_contacts(vault), dict[str, str]()
    for archive in archives:
        for shape in archive.expectation.datasets:
            if shape.name.lower() in _DATASETS:
                for record in records_of(vault, archive, shape, identities):
                    fields = json.loads(redact(record.line, rules).line) if rules else record.fields
                    _learn(names, fields)
    return Contacts({key: name for key, name in names.items() if name}, archives)


def newest_contacts(vault: Vault) -> list[Archive]:
    """Return the newest archive of each stream with contacts, in a fixed order."""
    newest: dict[tuple[str, str], Archive] = {}
    for archive in readable_archives(vault.catalogue, all_archive_ids(vault.catalogue)):
        if archive.holding is Holding.HELD and any(
            each.name.lower() in _DATASETS for each in archive.expectation.datasets
        ):
            key, known = (archive.source, archive.stream), newest.get((archive.source, archive.stream))
            if known is None or _age(known) < _age(archive):
                newest[key] = archive
    return [newest[key] for key in sorted(newest)]


def _age(archive: Archive) -> tuple[object, ...]:
    return archive.spec.window.end, archive.verified_at, archive.id


def _learn(names: dict[str, str], fields: Mapping[str, object]) -> None:
    plain = {key.replace("_", "").replace("-", "").lower(): value for key, value in fields.items()}
    name = _name_in(plain)
    if not name:
        return
    for key in _keys_in(plain):
        names[key] = name if names.get(key, name) == name else ""  # two people, so nobody


def _name_in(plain: Mapping[str, object]) -> str:
    whole = next((value for key in _NAMES if isinstance(value := plain.get(key), str) and value.strip()), "")
    parts = (value for key in ("firstname", "lastname") if isinstance(value := plain.get(key), str))
    return sound(" ".join((whole or " ".join(parts)).split())[:_LONGEST])


def _keys_in(plain: Mapping[str, object]) -> Iterator[str]:
    for name in _IDENTIFIERS & plain.keys():
        yield from (person_key(text) for text in texts_in(plain[name]) if text.strip() and "[redacted:" not in text)
