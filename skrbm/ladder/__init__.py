"""Ladders of models whose chains exchange states."""

from skrbm.ladder.ladder import Ladder, trajectory_log_partition
from skrbm.ladder.rung import Rung, Settling, swap_rate

__all__ = ["Ladder", "Rung", "Settling", "swap_rate", "trajectory_log_partition"]
