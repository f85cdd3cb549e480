"""How long each archive is kept and why: rules, holds, verdicts."""
