"""
=================================
Inspect training and hidden units
=================================

After a fit, check four things: whether training has converged, whether the model fits new rows,
whether its chains move between images, and which features the hidden units represent. Each check is
one line.
"""

# %%
# A model of digits
# -----------------
# With early stopping, a validation set is scored during the fit. Sixteen hidden units are few
# enough for an exact likelihood.
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skrbm import BernoulliRBM
from skrbm.explain import describe
from skrbm.plotting import FiltersDisplay, LikelihoodDisplay, SamplesDisplay, TrainingDisplay

X = load_digits().data > 8
X_train, X_test = train_test_split(X, random_state=0)
rbm = BernoulliRBM(n_components=16, n_iter=100, early_stopping=True, random_state=0).fit(X_train)

# %%
# Has training converged?
# -----------------------
# :class:`~skrbm.plotting.TrainingDisplay` shows the history of the fit: the pseudo-likelihood, and
# the free energies of training rows and of the validation set. A growing gap means overfitting.
figure, axes = plt.subplots(2, 1, figsize=(7, 4), layout="constrained", sharex=True)
TrainingDisplay.from_estimator(rbm, ax=axes)
axes[0].set_title("History of the fit")
figure.savefig("watch_training_history.png", dpi=150)

# %%
# Does it fit new rows?
# ---------------------
# :class:`~skrbm.plotting.LikelihoodDisplay` compares the log-likelihoods of training and test rows.
figure, ax = plt.subplots(figsize=(7, 3), layout="constrained")
LikelihoodDisplay.from_estimator(rbm, X_train, X_test, ax=ax)
ax.set_title("Log-likelihoods of images")
figure.savefig("watch_training_likelihoods.png", dpi=150)

# %%
# Do its chains move?
# -------------------
# The chains of :class:`~skrbm.plotting.SamplesDisplay` start at test images. If the digits change
# within a thousand steps, the model can be sampled.
figure, ax = plt.subplots(figsize=(4, 6), layout="constrained")
SamplesDisplay.from_estimator(rbm, X_test, random_state=0, ax=ax)
ax.set_title("Chains from test images")
figure.savefig("watch_training_chains.png", dpi=150)

# %%
# What do the hidden units represent?
# -----------------------------------
# The importance of a unit is the decrease in log-likelihood if the unit is removed. Here it is
# exact, including the change of log Z.
report = describe(rbm, X_test, n_rows=8)
for unit in report.order[:4]:
    importance, activation = report.importance[unit], report.mean_activation[unit]
    print(f"unit {unit}: {importance:.2f} nats per row, on in {activation:.0%} of the rows")
print(f"least important unit: {report.importance.min():.2f} nats; dead units: {report.dead.sum()}")

# %%
# :class:`~skrbm.plotting.FiltersDisplay` shows the weights, the most important units first. Each
# row on the right shows the test images that activate one of the first four units most.
figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained", width_ratios=[1, 1.4])
FiltersDisplay.from_estimator(rbm, X_test, ax=axes[0])
axes[0].set_title("Weights of the hidden units")
images = X_test[report.most_activating[report.order[:4]]].reshape(4, 8, 8, 8)
axes[1].imshow(images.transpose(0, 2, 1, 3).reshape(32, 64), cmap="gray_r")
axes[1].set(title="Images that activate four of them", xticks=[], yticks=[])
axes[1].hlines([7.5, 15.5, 23.5], -0.5, 63.5, color="C3")
figure.savefig("watch_training_units.png", dpi=150)
print("saved four pictures, watch_training_*.png")

# sphinx_gallery_thumbnail_number = -1
