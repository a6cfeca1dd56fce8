"""Pictures of fitted models, in the manner of scikit-learn's displays.

A display holds plain arrays. Its `from_estimator` computes them and draws at once, `plot` draws
them again. All but `TrainingDisplay` draw on a single axes, `ax_`, of the figure `figure_`; that
one draws on one or two, `axes_`. Given axes to draw on, none makes a figure.

matplotlib, the extra "plot", is imported when something is drawn.
"""

from skrbm.plotting.filters import FiltersDisplay
from skrbm.plotting.likelihood import LikelihoodDisplay
from skrbm.plotting.samples import SamplesDisplay
from skrbm.plotting.training import TrainingDisplay

__all__ = ["FiltersDisplay", "LikelihoodDisplay", "SamplesDisplay", "TrainingDisplay"]
