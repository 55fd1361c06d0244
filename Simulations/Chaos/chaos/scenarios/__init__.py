"""The scenarios."""

from .clocks import Clocks
from .control import Control
from .crash_points import CrashPoints
from .descriptors import Descriptors
from .discovery import Discovery
from .disk_errors import DiskErrors
from .disk_full import DiskFull
from .ends import Ends
from .files import Files
from .flood import Backlog, Overload
from .kills import Kills
from .network import Network
from .pauses import Pauses
from .payments import Oversell, Payments
from .poisons import Poisons
from .replays import Replays
from .resources import Starvation

ALL = [
    Control, Kills, CrashPoints, Replays, Oversell, Payments, Network, Discovery, Ends, DiskErrors, DiskFull, Descriptors, Poisons, Files,
    Pauses, Clocks, Starvation, Backlog, Overload,
]  # fmt: skip
