"""What wheels bring that a package of the program leaves out: it is large, and nothing here ever reads it."""

from __future__ import annotations

import re

_SERVICES = r"botocore/data/(?!(s3|sts|sso|sso-oidc)/|[^/]+\.json$)"  # copies use S3, and what hands out its keys
_SECOND_ZSTANDARD = r"zstandard/(_cffi\.[^/]+\.so|backend_cffi\.py)$"  # for Pythons other than CPython
_SOURCES = r"simdjson/[^/]+\.(cpp|h|pxd|pyx)$"  # of what is compiled already
_INSTALLER = r"pip/"  # for the command line of sqlite-utils, which is not offered
_UNUSED = re.compile("|".join((_SERVICES, _SECOND_ZSTANDARD, _SOURCES, _INSTALLER)))


def is_unused(member: str) -> bool:
    """Return whether a file of a wheel, named by its place in site-packages, is left out of a package."""
    return _UNUSED.match(member) is not None
