"""Adapters that other distributions bring: found by their entry points, imported late, and never at ours' cost."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kit.zavu import SPEC
from strongroom.config.load import PROVIDERS as NAMED
from strongroom.config.load import Installed, load_config
from strongroom.config.problem import ConfigRefused
from strongroom.model.errors import AuthRefused, UsageError
from strongroom.model.provider import Match
from strongroom.providers.contract import never
from strongroom.providers.port import Plain
from strongroom.providers.registry import PROVIDERS, Offer, ProviderSettings, build, offers
from strongroom.providers.zavu import Zavu

SETTINGS = ProviderSettings(
    api_key=lambda: "k", clock=lambda: datetime(2026, 11, 1, tzinfo=UTC), base_url="https://x.example"
)
GOOD = "from strongroom.providers.zavu import build_zavu as build\n"
Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Lay a distribution out as pip does: a module, and a dist-info folder with its metadata and entry points."""

    def lay(dist: str, name: str, code: str | None, version: str = "1.0", target: str = "build") -> Path:
        site = tmp_path / dist
        info = site / f"{dist.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        module = f"mod_{dist.replace('-', '_')}"
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[strongroom.providers]\n{name} = {module}:{target}\n")
        if code is not None:
            (site / f"{module}.py").write_text(code)
        monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, module, raising=False)
        return site

    return lay


def test_an_installed_adapter_is_offered_and_built(install: Install) -> None:
    install("acme-export", "acme", GOOD)
    assert Offer("acme", "acme-export 1.0") in offers()
    assert "mod_acme_export" not in sys.modules, "nothing is imported until it is used"
    assert isinstance(build("acme", SETTINGS), Zavu)
    assert "mod_acme_export" in sys.modules


def test_ours_come_first_and_alone_where_nothing_is_installed() -> None:
    assert [offer for offer in offers() if not offer.distribution] == [Offer(name, "") for name in PROVIDERS]
    assert frozenset(PROVIDERS) == NAMED


def test_ours_cannot_be_replaced(install: Install) -> None:
    install("evil", "zavu", "raise SystemExit('imported')\n")
    assert isinstance(build("zavu", SETTINGS), Zavu)
    (refused,) = [offer for offer in offers() if offer.distribution]
    assert refused == Offer("zavu", "evil 1.0", "the name zavu belongs to the built-in adapter")


def test_a_name_that_two_claim_is_not_used(install: Install) -> None:
    install("one", "acme", GOOD)
    install("two", "acme", GOOD)
    with pytest.raises(UsageError, match=r"'acme' is claimed by one 1\.0 and two 1\.0"):
        build("acme", SETTINGS)
    assert [offer.refused for offer in offers() if offer.name == "acme"] == [
        "the name acme is claimed more than once"
    ] * 2


def test_an_unknown_name_lists_the_known(install: Install) -> None:
    install("acme-export", "acme", GOOD)
    with pytest.raises(UsageError, match="no provider named 'acne'") as caught:
        build("acne", SETTINGS)
    assert caught.value.hint == "known are: acme, hookbridge, qlara, zavu"


@pytest.mark.parametrize(
    ("code", "target", "why"),
    [
        (None, "build", "cannot be loaded: ModuleNotFoundError"),
        ("import no_such_library\n", "build", "cannot be loaded: ModuleNotFoundError"),
        ("1 / 0\n", "build", "cannot be loaded: ZeroDivisionError"),
        ("def build(settings): return settings.nonsense\n", "build", "cannot be loaded: AttributeError"),
        (GOOD, "built", "cannot be loaded: AttributeError"),
        ("build = 7\n", "build", "cannot be loaded: TypeError"),
        ("def build(settings): return object()\n", "build", "does not meet the port: it lacks ask, capabilities"),
    ],
)
def test_a_broken_one_says_so_at_every_call_and_breaks_nothing_else(
    install: Install, code: str | None, target: str, why: str
) -> None:
    install("acme-export", "acme", code, target=target)
    adapter = build("acme", SETTINGS)
    words = f"the adapter acme of acme-export 1.0 {why}"
    calls: list[Callable[[], object]] = [
        adapter.probe,
        lambda: adapter.create(adapter.ask(SPEC)),
        lambda: adapter.observe(["e"]),
        lambda: adapter.sweep(datetime(2026, 1, 1, tzinfo=UTC)),
        lambda: adapter.parts("e"),
        lambda: adapter.renew("e"),
        lambda: adapter.delete("e"),
        lambda: adapter.expectation(SPEC),
        lambda: adapter.download(None, lambda _: None, never),  # type: ignore[arg-type]
    ]
    for call in calls:
        with pytest.raises(AuthRefused) as caught:
            call()
        assert caught.value.message.startswith(words)
        assert caught.value.hint
    assert (adapter.capabilities.match, adapter.limits.per_hour) == (Match.NONE, None)


def test_its_own_words_about_its_settings_are_passed_on(install: Install) -> None:
    code = "from strongroom.model.errors import UsageError\ndef build(settings): raise UsageError('no tenant')\n"
    install("acme-export", "acme", code)
    with pytest.raises(UsageError, match="no tenant"):
        build("acme", SETTINGS)


def test_what_a_plain_adapter_inherits_meets_the_port() -> None:
    assert {"renew", "delete"} <= set(vars(Plain))


CONFIG = """
[vault]
path = "vault"
recipients = ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"]

[[source]]
name = "main"
provider = "acme"
api_key = "env:ACME_KEY"
"""


def test_a_configuration_may_name_what_is_installed(install: Install, tmp_path: Path) -> None:
    path = tmp_path / "strongroom.toml"
    path.write_text(CONFIG)
    with pytest.raises(ConfigRefused, match="hookbridge, qlara, zavu"):
        load_config(path)
    install("acme-export", "acme", "raise RuntimeError\n")
    assert [source.provider for source in load_config(path).sources] == ["acme"]
    assert "acme" in Installed()
    assert sorted(Installed()) == ["acme", "hookbridge", "qlara", "zavu"] and len(Installed()) == 4
