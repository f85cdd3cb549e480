"""Which fields of a provider's records are searched as senders, recipients, other parties, channel and status.

Zavu documents the fields of messages and conversations; HookBridge and Qlara document no columns, so that names of both
the published clients and the guides are listed. The text that words are searched in is every field of a record, of
these datasets and of unknown ones alike: an undocumented column must not be missed.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from strongroom.model.manifest import Manifest
from strongroom.search.entry import OwnFields, SearchFields

_HOOKBRIDGE = SearchFields(
    parties=("endpoint", "endpoint_id", "inbound_endpoint_id"), channel=("direction",), status=("status",)
)
_QLARA = SearchFields(
    senders=("sender", "from"),
    recipients=("destination", "recipient", "to"),
    parties=("contactId",),
    channel=("channel",),
    status=("status",),
)

FIELDS: Mapping[tuple[str, str], SearchFields] = MappingProxyType(
    {
        ("zavu", "messages"): SearchFields(
            senders=("from", "senderId"),
            recipients=("to",),
            parties=("contactId", "contactIdentifier"),
            channel=("channel",),
            status=("status",),
        ),
        ("zavu", "conversations"): SearchFields(
            parties=("contactIdentifier", "contactId", "email", "senderId"), channel=("channels",), status=("status",)
        ),
        ("zavu", "agentExecutions"): SearchFields(parties=("agentId",), status=("status",)),
        ("hookbridge", "outbound"): _HOOKBRIDGE,
        ("hookbridge", "inbound"): _HOOKBRIDGE,
        ("qlara", "message-history"): _QLARA,
        ("qlara", "delivery-reports"): _QLARA,
        ("qlara", "contacts"): SearchFields(parties=("contactId", "phoneNumber", "email", "firstName", "lastName")),
    }
)

_UNKNOWN = SearchFields(
    senders=("from", "sender"),
    recipients=("to", "recipient", "destination"),
    parties=("contact", "contactId", "email", "phone", "endpoint"),
    channel=("channel",),
    status=("status",),
)


NO_FIELDS: OwnFields = MappingProxyType({})


def search_fields(provider: str, dataset: str, own: OwnFields = NO_FIELDS) -> SearchFields:
    """Return the fields of a dataset; of an unknown one those with the usual names."""
    return own.get((provider, dataset)) or FIELDS.get((provider, dataset), _UNKNOWN)


def fields_of_manifest(provider: str, manifest: Manifest) -> OwnFields:
    """Return the fields that a manifest names; a dataset without any has those with the usual names."""
    named = {
        name: SearchFields(each.senders, each.recipients, each.parties, each.channel, each.status)
        for name, each in manifest.datasets.items()
    }
    return {(provider, name): fields for name, fields in named.items() if fields != SearchFields()}
