"""
========================================
Seven of ten pixels missing, then filled
========================================

Every image in this example has lost 70 % of its pixels, in training as well. No complete image is
ever seen. :class:`~skrbm.RBMImputer` still learns how pixels depend on each other, and fills the
gaps of new images.
"""

# %%
# Remove pixels
# -------------
# NaN is a missing value.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from skrbm import BernoulliRBM, RBMImputer

rng = np.random.default_rng(0)
complete, y = load_digits(return_X_y=True)
complete = (complete / 16).astype(np.float32)
X = np.where(rng.random(complete.shape) < 0.7, np.nan, complete).astype(np.float32)
X, X_test, y, y_test, _, truth = train_test_split(X, y, complete, stratify=y, random_state=0)

# %%
# Fill, and classify
# ------------------
# An imputer is a step of a pipeline. The error is the root mean square of the filled pixels, which
# are between 0 and 1.
imputers = {
    "means": SimpleImputer(keep_empty_features=True),
    "KNNImputer": KNNImputer(n_neighbors=10, keep_empty_features=True),
    "RBMImputer": RBMImputer(BernoulliRBM(128, n_iter=100), random_state=0),
}
filled, missing = {}, np.isnan(X_test)
for name, imputer in imputers.items():
    pipeline = make_pipeline(imputer, LogisticRegression(max_iter=2_000)).fit(X, y)
    filled[name] = pipeline[0].transform(X_test)
    error = np.sqrt(((filled[name] - truth)[missing] ** 2).mean())
    accuracy = pipeline.score(X_test, y_test)
    print(f"{name}: error {error:.3f}, accuracy of the classifier {accuracy:.1%}", flush=True)

# %%
# Before and after
# ----------------
# Missing pixels are yellow.
_, first = np.unique(y_test, return_index=True)
lines = {"damaged": X_test} | filled | {"original": truth}
colors = plt.get_cmap("gray_r").with_extremes(bad="#f2c94c")
figure, axes = plt.subplots(5, 10, figsize=(8, 4.3), layout="constrained")
for row, (name, images) in zip(axes, lines.items(), strict=True):
    weight = "bold" if name == "RBMImputer" else None
    row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=12, weight=weight)
    for ax, image in zip(row, images[first], strict=True):
        ax.imshow(image.reshape(8, 8), cmap=colors, vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color("0.8")
figure.suptitle("Ten test images, filled from 30 % of their pixels")
figure.savefig("missing_pixels.png", dpi=150)
print("saved missing_pixels.png")
