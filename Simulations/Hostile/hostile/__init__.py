"""Hostile clients for a shop of real processes. `Scripts/hostile` runs them."""
