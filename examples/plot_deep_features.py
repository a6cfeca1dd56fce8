"""
=================================
Few features, from a deep network
=================================

Digits that may be shifted by one pixel are described by 32 numbers each: principal components, the
hidden units of one RBM, or the top layer of a deep belief network. The accuracy of a linear
classifier compares them.
"""

# %%
# Split, then nudge
# -----------------
# All copies of an image are in the same fold, and on the same side of the split.
import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import shift
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, train_test_split
from sklearn.pipeline import Pipeline

from skrbm import BernoulliRBM, DeepBeliefNetwork


def nudge(X, y):
    moves = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]
    moved = [shift(X.reshape(-1, 8, 8), (0, *move), order=0).reshape(-1, 64) for move in moves]
    return np.concatenate(moved), np.tile(y, len(moves))


X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X, X_test, y, y_test = train_test_split(
    X, y, stratify=y, train_size=600, test_size=600, random_state=0
)
groups = np.tile(np.arange(len(X)), 5)
(X, y), (X_test, y_test) = nudge(X, y), nudge(X_test, y_test)

# %%
# Every choice is made on training rows
# -------------------------------------
# A parameter of the stack has the name of its step, two underscores, and its own name. Two more
# underscores give access to the prototype of the layers.
n = 32
rbm = BernoulliRBM(n_iter=10)
rates = {"dbn__rbm__learning_rate": [0.3, 1.0]}
sizes = {"dbn__hidden_layer_sizes": [(128, n), (128, 64, n)]}
arms = {
    "64 pixels": ("passthrough", {}),
    "PCA, 32": (PCA(n), {}),
    "DBN, one layer of 32": (DeepBeliefNetwork(n, rbm=rbm, random_state=0), rates),
    "DBN, deeper, 32 on top": (DeepBeliefNetwork(rbm=rbm, random_state=0), rates | sizes),
    "DBN, one layer of 256": (DeepBeliefNetwork(256, rbm=rbm, random_state=0), {}),
}
scores = {}
for name, (features, grid) in arms.items():
    classify = LogisticRegression(C=10, max_iter=5_000)
    pipeline = Pipeline([("dbn", features), ("classify", classify)])
    search = GridSearchCV(pipeline, grid, cv=GroupKFold(2)).fit(X, y, groups=groups)
    scores[name] = 100 * search.score(X_test, y_test)
    print(f"{name}: {scores[name]:.1f} %", search.best_params_ or "")

# %%
# The value of depth
# ------------------
# 32 hidden units are better features than 64 pixels or 32 principal components. Another layer below
# them adds little. Many units in a single layer help much more than depth.
figure, ax = plt.subplots(figsize=(6.5, 2.8), layout="constrained")
bars = ax.barh(list(scores), list(scores.values()))
ax.bar_label(bars, fmt="{:.1f}", padding=3)
ax.invert_yaxis()
ax.set(xlabel="accuracy on held-out images (%)", xlim=(60, 100))
figure.savefig("deep_features.png", dpi=150)
print("saved deep_features.png")
