"""Plots of fitted models, in the style of scikit-learn's displays.

A display holds plain arrays. `from_estimator` computes them and draws them; `plot` draws them
again. `TrainingDisplay` and `TableDisplay` draw on several axes, `axes_`; all other displays draw
on a single axes, `ax_`. `figure_` is the figure. If axes are given, no new figure is made.

matplotlib, the extra "plot", is imported only for drawing.
"""

from skrbm.plotting.filters import FiltersDisplay
from skrbm.plotting.likelihood import LikelihoodDisplay
from skrbm.plotting.samples import SamplesDisplay
from skrbm.plotting.tables import TableDisplay
from skrbm.plotting.training import TrainingDisplay

__all__ = [
    "FiltersDisplay",
    "LikelihoodDisplay",
    "SamplesDisplay",
    "TableDisplay",
    "TrainingDisplay",
]
