"""What is published about the records in a Zavu export.

The guide shows one message; the other fields are those of the records in the REST API, which an export may or may not
follow. So a field is called `always` there only where the guide's example and the API agree, or where no record of the
API is without it and it names or dates the record; everything else is merely known.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from strongroom.model.stream import DatasetShape

COMPANIONS = ("metadata.json",)


def _shape(name: str, known: str = "", always: str = "") -> DatasetShape:
    return DatasetShape(name, f"{name}.json", "id", "createdAt", frozenset(known.split()), frozenset(always.split()))


_SHAPES = (
    _shape(
        "messages",
        "id to from channel status text createdAt messageType content cost costProvider costTotal errorCode"
        " errorMessage metadata providerMessageId senderId updatedAt",
        "id to channel status createdAt",
    ),
    _shape(
        "conversations",
        "id channels contactIdentifier createdAt lastMessage messageCount unreadCount updatedAt contactId email"
        " senderId group whatsapp",
        "id createdAt",
    ),
    _shape("webhookDeliveries"),
    _shape(
        "agentExecutions",
        "id agentId cost createdAt inputTokens outputTokens latencyMs status errorMessage inboundMessageId"
        " knowledgeChunksUsed responseMessageId responseText toolCalls",
        "id createdAt",
    ),
    _shape("activities"),
)

SHAPES: Mapping[str, DatasetShape] = MappingProxyType({shape.name: shape for shape in _SHAPES})
"""By the provider's own word. Nothing is known of webhookDeliveries and activities: no drift is judged there."""
