"""The words of a provider's manifest: how it authenticates, writes times, lists, and where its files are."""

from __future__ import annotations

from enum import StrEnum


class TextForm(StrEnum):
    """What a text of a manifest must be."""

    LINE = "line"  # one printable line
    WORD = "word"  # a word of the provider's
    ADDRESS = "address"  # https
    PATH = "path"  # below the address
    EXPRESSION = "expression"
    HEADER = "header"  # the name of an HTTP header
    MEMBER = "member"  # the name of a file in a ZIP
    ZONE = "zone"  # a time zone by its IANA name
    FIELD = "field"  # the name of a field of a record


class AuthKind(StrEnum):
    """How a request proves who sends it."""

    BEARER = "bearer"
    HEADER = "header"
    BASIC = "basic"  # the secret is user:password
    CLIENT_CREDENTIALS = "client-credentials"  # OAuth2; the secret is client_id:client_secret


class WindowEnds(StrEnum):
    """Which instants of a requested range belong to it."""

    INCLUSIVE = "inclusive"  # both ends
    HALF_OPEN = "half-open"  # the start, and not the end
    UNKNOWN = "unknown"  # not documented: more is requested than is needed


class TimeFormat(StrEnum):
    """How requests write an instant."""

    RFC3339 = "rfc3339"
    UNIX = "unix"  # seconds
    UNIX_MS = "unix-ms"
    DATE = "date"


class Precision(StrEnum):
    """The smallest step of time that the provider reads."""

    MICROSECOND = "microsecond"
    MILLISECOND = "millisecond"
    SECOND = "second"
    MINUTE = "minute"
    DAY = "day"


class RequestMethod(StrEnum):
    """How a request that changes something is sent."""

    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    GET = "GET"
    DELETE = "DELETE"


class ObserveBy(StrEnum):
    """What shows the state of an export."""

    GET = "get"  # an answer of its own
    LIST = "list"  # the list alone
    FILE = "file"  # the download itself, which is refused until there is a file


class Paging(StrEnum):
    """How a list leads on."""

    NONE = "none"
    CURSOR = "cursor"
    PAGE = "page"
    OFFSET = "offset"
    LINK = "link"  # an address: in the Link header, or in the body by `next`


class DownloadBy(StrEnum):
    """Where the file is."""

    LINK = "link"  # the export has the link, or several
    ASK = "ask"  # another request is answered with the link
    FILE = "file"  # another request is answered with the file, or redirected to it


class FilterForm(StrEnum):
    """How a filter's value is written in a request."""

    TEXT = "text"
    LIST = "list"  # words between commas; whole numbers stay numbers
    UUID = "uuid"  # compared without hyphens and prefix
