"""What can be done to a running shop, one scenario per file."""

from .kills import Kills

ALL = [Kills]
