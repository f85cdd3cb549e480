"""What a missing key means to a daemon: trouble with one source, told and waited out, never the end of all work.

On the command line a person stands by and mends it at once; there the same failure ends the command.
"""

from __future__ import annotations

from strongroom.config.secrets import SecretRef, resolve
from strongroom.model.errors import AuthRefused, Transient, UsageError, WorldError


def patient_secret(ref: SecretRef) -> str:
    """Fetch a key.

    Raises AuthRefused, which pauses the source until a person acts, where it is missing or unsafe to believe, and
    Transient where a keyring or a command failed and may answer later.
    """
    try:
        return resolve(ref).reveal()
    except UsageError as error:
        raise AuthRefused(error.message, hint=error.hint) from None
    except WorldError as error:
        raise Transient(error.message, hint=error.hint) from None
