"""The use cases: run a job, recover, verify, restore. The only room that knows all the others."""
