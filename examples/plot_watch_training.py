"""
=================================
Inspect training and hidden units
=================================

After a fit, check four things: whether training has converged, whether the model fits held-out
rows, whether its chains move between images, and which features the hidden units represent. Each
check takes one line.
"""

# %%
# A model of digits
# -----------------
# With early stopping, a validation set is scored during the fit. Sixteen hidden units are few
# enough for an exact likelihood.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skrbm import BernoulliRBM
from skrbm.explain import describe
from skrbm.plotting import FiltersDisplay, LikelihoodDisplay, SamplesDisplay, TrainingDisplay

X = load_digits().data > 8
X_train, X_test = train_test_split(X, random_state=0)
rbm = BernoulliRBM(n_components=16, n_iter=100, early_stopping=True, random_state=0).fit(X_train)

# %%
# Importance of the hidden units
# ------------------------------
# The importance of a unit is the decrease in log-likelihood if the unit is removed. Here it is
# exact, including the change of log Z.
report = describe(rbm, X_test, n_rows=8)
for unit in report.order[:4]:
    print(
        f"unit {unit}: {report.importance[unit]:.2f} nats a row, on in "
        f"{report.mean_activation[unit]:.0%} of the rows"
    )
print(
    f"the least important one has {report.importance.min():.2f} nats, {report.dead.sum()} are dead"
)

# %%
# All checks in one figure
# ------------------------
# The filters are sorted by importance. Below them are the test images that activate the four most
# important units most, one row per unit. Chains start at the first test images.
figure, axes = plt.subplot_mosaic(
    [["filters", "chains", "watched"], ["filters", "chains", "gap"], ["rows", "chains", "scores"]],
    figsize=(12, 7.5),
    layout="constrained",
)
FiltersDisplay.from_estimator(rbm, X_test, ax=axes["filters"])
SamplesDisplay.from_estimator(rbm, X_test, random_state=0, ax=axes["chains"])
TrainingDisplay.from_estimator(rbm, ax=[axes["watched"], axes["gap"]])
LikelihoodDisplay.from_estimator(rbm, X_train, X_test, ax=axes["scores"])
images = X_test[report.most_activating[report.order[:4]]].reshape(4, 8, 8, 8)
images = np.pad(images, [(0, 0), (0, 0), (0, 1), (0, 1)])  # separate images by white lines
axes["rows"].imshow(images.transpose(0, 2, 1, 3).reshape(36, 72)[:-1, :-1], cmap="gray_r")
axes["rows"].set(xticks=[], yticks=[])
titles = {
    "filters": "Hidden units, the most important first",
    "rows": "Test images that activate the first four",
    "chains": "Chains from test images",
    "watched": "Training",
    "scores": "Log-likelihood",
}
for name, title in titles.items():
    axes[name].set_title(title)
figure.savefig("watch_training.png", dpi=150)
print("saved watch_training.png")
