"""Providers: the port, the one HTTP policy, and one file per API. They translate and decide nothing."""
