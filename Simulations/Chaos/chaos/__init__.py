"""Fault injection, by a seed, into the real processes of the shop, and a checker of invariants from outside."""
