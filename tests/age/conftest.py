from __future__ import annotations

import random

import pytest

from strongroom.age.keys import X25519Identity
from strongroom.model.times import Chance


@pytest.fixture
def random_bytes() -> Chance:
    return random.Random(1).randbytes


@pytest.fixture(scope="session")
def identity() -> X25519Identity:
    return X25519Identity.generate(random.Random(2).randbytes)


@pytest.fixture(scope="session")
def stranger() -> X25519Identity:
    return X25519Identity.generate(random.Random(3).randbytes)
