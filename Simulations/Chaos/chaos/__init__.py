"""Faults for the real processes of the shop, from a seed, and an outside observer who judges what came of them."""
