"""How a manifest's requests prove who sends them: a key in a header, a name and password, or a token that ends.

Client credentials (RFC 6749, section 4.4): the id and the secret go to the token path of the provider's own address and
nowhere else. The token stays in memory, until a minute before it ends or until it is refused.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import quote

from strongroom.model.errors import AuthRefused, Transient, Unanswered
from strongroom.model.manifest import Auth
from strongroom.model.manifest_words import AuthKind
from strongroom.model.times import Clock
from strongroom.providers.account import bearer, open_policy, usable
from strongroom.providers.answers import ProviderProblem, Unusable, refuse_read
from strongroom.providers.policy import Credential, HttpPolicy
from strongroom.providers.port import ProviderSettings

_MARGIN = timedelta(minutes=1)
_LIFE = timedelta(minutes=5)
"""How long a token is used that does not say when it ends."""


def credential_of(auth: Auth, label: str, base_url: str, settings: ProviderSettings) -> Credential:
    """Return what sends the secret of a source."""
    match auth.kind:
        case AuthKind.BEARER:
            return bearer(settings)
        case AuthKind.HEADER:
            return lambda: (auth.header, settings.api_key())
        case AuthKind.BASIC:
            return lambda: ("Authorization", _basic(settings.api_key()))
        case AuthKind.CLIENT_CREDENTIALS:
            policy = open_policy(
                label, base_url, lambda: ("Authorization", _basic(_escaped(settings))), replace(settings, trace=None)
            )
            return ClientToken(policy, auth, settings.clock)


def _basic(pair: str) -> str:
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _escaped(settings: ProviderSettings) -> str:
    """Return the client id and secret as RFC 6749 has them in a Basic header: each is form-encoded first."""
    name, found, secret = settings.api_key().partition(":")
    if not (name and found and secret):
        raise AuthRefused(
            "the secret of this source is not client_id:client_secret",
            hint="store both, joined by a colon, and resume the source",
        )
    return f"{quote(name, safe='')}:{quote(secret, safe='')}"


class ClientToken:
    """A token for as long as it lives. Calling it returns the header for a request."""

    def __init__(self, policy: HttpPolicy, auth: Auth, clock: Clock) -> None:
        self._policy, self._auth, self._clock = policy, auth, clock
        self._token = ""
        self._ends: datetime | None = None
        self._fresh = False  # whether no request has used it yet

    def __call__(self) -> tuple[str, str]:
        """Return the header, with a new token where the last has ended."""
        if not self._token or self._ends is None or self._clock() >= self._ends:
            self._fetch()
        else:
            self._fresh = False
        return "Authorization", f"Bearer {self._token}"

    def was_refused(self) -> bool:
        """Forget a token that was refused, and say whether it was an old one: a new one may be taken then."""
        old, self._token = bool(self._token) and not self._fresh, ""
        return old

    def _fetch(self) -> None:
        form = {"grant_type": "client_credentials"} | ({"scope": self._auth.scope} if self._auth.scope else {})
        asked = self._clock()
        try:
            reply = self._policy.call("POST", self._auth.token_path, form=form)
        except Unanswered as error:  # whatever became of the token, the request that wanted it has not left
            raise Transient(error.message, hint="the token is requested again later") from None
        if reply.status != 200:
            content = reply.loose_content()
            problem = ProviderProblem(
                reply.words(content.get("error"), 60), reply.words(content.get("error_description"))
            )
            if reply.status == 400 and problem.code in ("invalid_client", "unauthorized_client", "invalid_scope"):
                raise AuthRefused(
                    f"{self._policy.label} refused the client id and secret (400 {problem.code})",
                    hint="check the secret of this source, then resume it",
                    status=reply.status,
                    code=problem.code,
                )
            raise refuse_read(reply, self._policy.label, problem)
        with usable(self._policy.label, reply):
            content = reply.content()
            token, life = content.get("access_token"), content.get("expires_in")
            if not isinstance(token, str) or not token:
                raise Unusable("it has no access token")
        seconds = int(life) if isinstance(life, int | str) and str(life).isdecimal() and len(str(life)) < 9 else 0
        self._token, self._fresh = token, True
        self._ends = asked + (max(timedelta(seconds=seconds) - _MARGIN, _MARGIN) if seconds else _LIFE)
