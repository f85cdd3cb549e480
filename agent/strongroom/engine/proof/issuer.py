"""Who issues a paper: the organization, its vault, its source accounts and its signing key, as counsel reads it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from strongroom.config.schema import Config, SourceSettings
from strongroom.engine.proof.checkpoints import signer_of
from strongroom.evidence.checkpoint import origin_of
from strongroom.model.errors import StrongroomError
from strongroom.vault.checkpoints import entries_matching
from strongroom.vault.vault import Vault

UNNAMED = "not named"


class Issuer(Struct, frozen=True):
    """What every paper names at its head."""

    organization: str = UNNAMED
    vault: str = ""  # the name of its log, by which every checkpoint of it goes
    key: str = ""  # the public key, empty where there is none
    sources: Mapping[str, str] = field(default_factory=dict)  # what each account is, by its name

    def account(self, source: str) -> str:
        """Say which account at which provider a source is."""
        return self.sources.get(source, f"{source} (not in the configuration)")


def issuer_of(config: Config, vault: Vault) -> Issuer:
    """Return who issues papers of this vault."""
    first = entries_matching(vault.catalogue, most=1)
    key = public_key(config, vault)
    name = key.partition("+")[0] or "strongroom"
    return Issuer(
        config.vault.organization or UNNAMED,
        origin_of(name, first[0].line if first else b""),
        key,
        {each.name: _account(each) for each in config.sources},
    )


def public_key(config: Config, vault: Vault) -> str:
    """Return the public half of the agent's signing key: asked of the key, else as the first entry of the log names it.

    Empty where neither is there.
    """
    try:
        return str(signer_of(config).verifier)
    except StrongroomError:
        return key_in_log(vault)


def key_in_log(vault: Vault) -> str:
    """Return the public key that the log's first entry names, or nothing."""
    first = entries_matching(vault.catalogue, most=1)
    facts = first[0].body.get("facts") if first else None
    return str(facts.get("verifier", "")) if isinstance(facts, dict) else ""


def _account(source: SourceSettings) -> str:
    where = f", {source.base_url}" if source.base_url else ""
    return f"{source.name} at the provider {source.provider}{where}"
