"""The contract, met by the adapter of manifests: HookBridge and Qlara from their files, against the same sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from kit.csv_contracts import CsvWorld, csv_world
from kit.manifests import GALLERY
from strongroom.config.manifest import load_manifest
from strongroom.model.errors import AuthRefused, ProviderError
from strongroom.providers.contract import ProviderContract
from strongroom.providers.manifest_provider import build_manifest
from strongroom_sandbox.options import HookBridgeOptions, QlaraOptions

HOOKBRIDGE = load_manifest(GALLERY / "hookbridge-manifest.toml").manifest
QLARA = load_manifest(GALLERY / "qlara-manifest.toml").manifest


class TestHookBridgeManifest(ProviderContract):
    own_creates: ClassVar[dict[str, tuple[type[ProviderError], int]]] = {"429": (AuthRefused, 0)}

    @pytest.fixture(params=["inbound"])
    def world(self, request: pytest.FixtureRequest) -> Iterator[CsvWorld]:
        options = HookBridgeOptions(max_concurrent=None)
        with csv_world(options, request.param, build=lambda settings: build_manifest(HOOKBRIDGE, settings)) as world:
            yield world


class TestQlaraManifest(ProviderContract):
    @pytest.fixture(params=["message-history"])
    def world(self, request: pytest.FixtureRequest) -> Iterator[CsvWorld]:
        with csv_world(QlaraOptions(), request.param, build=lambda settings: build_manifest(QLARA, settings)) as world:
            yield world
