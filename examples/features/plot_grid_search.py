"""
============================================
Tune features and classifier in one pipeline
============================================

An RBM is a step of a pipeline like any other. A grid search varies its parameters together with the
parameters of the classifier, and in every fold the features are learned from training rows only.
Here the features of RBMs are compared with principal components.
"""

# %%
# Digits that may be shifted by a pixel
# -------------------------------------
# All copies of an image are in the same fold, and on the same side of the split.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.ndimage import shift
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import GridSearchCV, GroupKFold, train_test_split
from sklearn.pipeline import Pipeline

from skrbm import BernoulliRBM


def nudge(X, y):
    moves = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]
    moved = [shift(X.reshape(-1, 8, 8), (0, *move), order=0).reshape(-1, 64) for move in moves]
    return np.concatenate(moved), np.tile(y, len(moves))


X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, train_size=600, random_state=0)
groups = np.tile(np.arange(len(X)), 5)
(X, y), (X_test, y_test) = nudge(X, y), nudge(X_test, y_test)

# %%
# Two kinds of features in one grid
# ---------------------------------
# A parameter of a step has the name of the step, two underscores, and its own name. A step can be
# replaced as well: :class:`~skrbm.BernoulliRBM` by principal components, of which there are at most
# 64.
rbm = BernoulliRBM(n_iter=10, random_state=0)
sizes = [32, 64, 128, 256, 512]
strengths = {"classify__alpha": [0.1, 10]}
grid = [
    {"features": [rbm], "features__n_components": sizes} | strengths,
    {"features": [PCA()], "features__n_components": sizes[:2]} | strengths,
]
pipeline = Pipeline([("features", rbm), ("classify", RidgeClassifier())])
search = GridSearchCV(pipeline, grid, cv=GroupKFold(2)).fit(X, y, groups=groups)
print("best parameters:", search.best_params_)
print(f"accuracy on test images: {search.score(X_test, y_test):.1%}")

# %%
# Features beyond the number of pixels
# ------------------------------------
# The accuracy grows with the number of hidden units, also if there are more of them than pixels.
results = pd.DataFrame(search.cv_results_)
results["kind"] = results["param_features"].map(lambda features: type(features).__name__)
best = 100 * results.groupby(["kind", "param_features__n_components"])["mean_test_score"].max()
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for kind, color in (("BernoulliRBM", "C3"), ("PCA", "0.5")):
    ax.plot(best[kind], "o-", color=color)
    for n, score in best[kind].items():
        ax.annotate(f"{score:.0f}", (n, score), (0, 7), textcoords="offset points", ha="center")
    end = best[kind].index[-1], best[kind].iloc[-1]
    ax.annotate(kind, end, (10, 0), textcoords="offset points", color=color, va="center")
ax.set_xscale("log")
ax.set_xticks(sizes, [str(n) for n in sizes])
ax.minorticks_off()
ax.set(xlabel="number of features", ylabel="accuracy, cross-validated (%)", xlim=(28, 1_100))
ax.spines[["top", "right"]].set_visible(False)
ax.set_title("Features for a linear classifier of shifted digits")
figure.savefig("grid_search.png", dpi=150)
print("saved grid_search.png")
