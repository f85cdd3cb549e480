"""What tests share: benches, vaults, inputs and servers. Pytest finds it by `pythonpath`, a driver by `PYTHONPATH`."""
