"""One mistake of a configuration never hides another: who can read what comes is told before anything is refused."""

from __future__ import annotations

import os

import pytest

from kit.cli_home import Home, Invoke
from strongroom.config.load import load_config
from strongroom.engine.bootstrap import open_engine
from strongroom.engine.core.identities import make_identity
from strongroom.model.errors import UsageError


def test_a_foreign_key_is_told_although_a_shorter_class_is_refused(own_home: Home, invoke: Invoke) -> None:
    good = own_home.config.read_text().replace("[vault]\n", "[vault]\nlock = true\n", 1)
    own_home.config.write_text(good)
    with open_engine(load_config(own_home.config), "a test"):
        pass  # the vault is locked from here on
    theirs = str(make_identity(os.urandom).recipient)
    bad = good.replace("recipients = [\n", f'recipients = [\n  "{theirs}",\n', 1).replace('"7y"', '"1y"')
    assert theirs in bad
    own_home.config.write_text(bad)
    with pytest.raises(UsageError, match="shorter"), open_engine(load_config(own_home.config), "a test"):
        pytest.fail("it was to be refused")
    told = invoke("--config", own_home.config, "log", "--json").output
    assert "recipients.changed" in told
    assert theirs in told
    assert "were changed: 1 added" in invoke("--config", own_home.config, "notify", "list", "--json").output
