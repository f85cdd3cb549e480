"""Simulated providers for the demo and the tests: real HTTP on loopback, with faults to inject."""
