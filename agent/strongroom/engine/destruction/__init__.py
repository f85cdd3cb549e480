"""Proposals, approvals, destruction and its certificates; requests for erasure."""
