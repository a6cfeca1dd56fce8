"""
========================
Fill the gaps in a table
========================

A third of the measurements of 150 irises are missing. :class:`~skrbm.RBMImputer` fills them with
means given the known ones, or with draws. Draws look like real flowers: they keep the groups, the
correlations, and the spread.
"""

# %%
# Remove measurements
# -------------------
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris
from sklearn.impute import KNNImputer, SimpleImputer

from skrbm import GaussianBernoulliRBM, RBMImputer

truth, species = load_iris(return_X_y=True)
missing = np.random.default_rng(0).random(truth.shape) < 1 / 3
X = np.where(missing, np.nan, truth)
print(f"{missing.sum()} of {missing.size} measurements are missing")

# %%
# Fill them
# ---------
# The error is the mean absolute one, in centimetres. Means have the smallest errors.
rbm = GaussianBernoulliRBM(16, random_state=0)
imputers = {
    "column means": SimpleImputer(),
    "KNNImputer": KNNImputer(),
    "RBMImputer, means": RBMImputer(rbm, min_value=0),
    "RBMImputer, draws": RBMImputer(rbm, min_value=0, method="sample"),
}
filled = {name: imputer.fit_transform(X) for name, imputer in imputers.items()}
for name, rows in filled.items():
    print(f"{name}: error {np.abs(rows - truth)[missing].mean():.2f} cm")

# %%
# Real and filled flowers
# -----------------------
# The length or width of red petals is filled. Grey petals are complete.
is_filled = missing[:, 2:].any(axis=1)
figure, axes = plt.subplots(1, 4, figsize=(9, 3), layout="constrained", sharex=True, sharey=True)
panels = {"truth": truth, **filled}
del panels["RBMImputer, means"]
for ax, (name, rows) in zip(axes, panels.items(), strict=True):
    ax.plot(*rows[~is_filled, 2:].T, ".", color="0.6", markersize=5)
    ax.plot(*rows[is_filled, 2:].T, ".", color="C3", markersize=5)
    ax.set(title=name, xlabel="petal length (cm)")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("petal width (cm)")
figure.suptitle("Petals of irises: complete (grey) and filled (red)")
figure.savefig("gaps.png", dpi=150)
print("saved gaps.png")
