"""Fixtures of the tests of packages."""

from kit.release_trees import built_release  # noqa: F401 - a fixture is found by its name
