"""What the other folders of the engine share: its context, clocks, alerts, identities and the building of sources."""
