"""What is wanted against what is held: plans, what is due and at risk, and the statement over it."""
