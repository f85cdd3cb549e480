"""The source of the one-file verifier, strongroom/evidence/verifier.py; `make verifier` joins the modules."""
