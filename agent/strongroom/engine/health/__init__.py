"""Is everything as it should be: checks, scrubs, alarms, heartbeat, figures."""
