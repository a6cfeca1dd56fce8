"""
=====================================
Features of digits for a linear model
=====================================

If handwritten digits may be shifted by one pixel, a linear classifier on raw pixels performs
poorly. It performs well on the hidden units of a restricted Boltzmann machine, trained without the
labels.

The comparison is fair. The data are split *before* they are augmented, so no test image has a
shifted copy among the training images. For both kinds of features, the regularisation strength is
chosen on training rows, and the optimiser runs until it has converged.
"""

# %%
# Split, then nudge
# -----------------
import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import shift
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, train_test_split
from sklearn.pipeline import make_pipeline

from skrbm import BernoulliRBM


def nudge(X, y):
    """Add copies of the images, moved by one pixel in each of four directions."""
    images = X.reshape(-1, 8, 8)
    moves = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]
    moved = [shift(images, (0, *move), order=0).reshape(len(X), 64) for move in moves]
    return np.concatenate(moved), np.tile(y, len(moves))


X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, stratify=y, test_size=0.25, random_state=0
)
image_of_row = np.tile(np.arange(len(X_train)), 5)  # copies of an image stay in one fold
X_train, y_train = nudge(X_train, y_train)
X_test, y_test = nudge(X_test, y_test)

# %%
# The same classifier, on pixels and on features
# ----------------------------------------------
# The features are computed once. Then the classifier is tuned on them.


def accuracy(features):
    """Held-out accuracy of a logistic regression on the features, its C chosen on training rows."""
    H_train = features.fit_transform(X_train)
    search = GridSearchCV(LogisticRegression(max_iter=10_000), {"C": [1, 100]}, cv=GroupKFold(2))
    search.fit(H_train, y_train, groups=image_of_row)
    return search.score(features.transform(X_test), y_test)


rbm = BernoulliRBM(n_components=256, n_iter=10, random_state=0)
scores = {
    "raw pixels": accuracy(make_pipeline("passthrough")),
    "RBM features": accuracy(make_pipeline(rbm)),
}
for name, score in scores.items():
    print(f"accuracy on {name}: {100 * score:.1f} %")

# %%
# Weights of the hidden units
# ---------------------------
# Each image is one row of ``components_``. Bright pixels in red regions switch the unit on.
figure, axes = plt.subplots(8, 16, figsize=(9, 4.8), layout="constrained")
limit = np.percentile(np.abs(rbm.components_), 99.5)
for ax, component in zip(axes.flat, rbm.components_, strict=False):
    ax.imshow(component.reshape(8, 8), cmap="RdBu_r", vmin=-limit, vmax=limit)
    ax.set_axis_off()
figure.suptitle(
    f"128 of 256 hidden units. Accuracy {100 * scores['RBM features']:.1f} % on their activity, "
    f"{100 * scores['raw pixels']:.1f} % on raw pixels"
)
figure.savefig("digits_classification.png", dpi=150)
print("saved digits_classification.png")
