"""
===============================
Features of real-valued columns
===============================

An RBM with Gaussian visible units turns measurements, in any units and without scaling, into
features for a classifier. In this data set, the classes are nearly linear in a few raw columns.
Hidden features gain nothing here, and cost little. Make such a comparison before you add them to a
pipeline.
"""

# %%
# Two kinds of features
# ---------------------
# Raw columns and hidden features are compared with two classifiers. The simpler one, which predicts
# the nearest class mean, shows the quality of the features alone. With ``covariance_type="diag"``,
# the hidden units have to represent the correlations of the columns.
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skrbm import GaussianBernoulliRBM

rbm = GaussianBernoulliRBM(n_components=32, n_iter=200, covariance_type="diag", random_state=0)
classifiers = {
    "logistic regression": LogisticRegression(max_iter=5000),
    "nearest class mean": NearestCentroid(),
}
folds = StratifiedKFold(n_splits=5, shuffle=True, random_state=0)

# %%
# Cross-validated accuracy
# ------------------------
# In every fold, the RBM is fitted only to the training rows. The ``memory`` of the pipeline stores
# it for the second classifier.
accuracies = {}
memory = TemporaryDirectory()
for data, load in {"wine": load_wine, "breast cancer": load_breast_cancer}.items():
    X, y = load(return_X_y=True)
    for name, classifier in classifiers.items():
        for features, steps in {
            "raw, standardized": [StandardScaler()],
            "hidden features": [rbm, StandardScaler()],
        }.items():
            pipeline = make_pipeline(*steps, classifier, memory=memory.name)
            scores = cross_val_score(pipeline, X, y, cv=folds)
            accuracies[data, name, features] = scores.mean()
            print(f"{data}, {name}, {features}: {scores.mean():.1%}")
memory.cleanup()

# %%
# The results as a picture
# ------------------------
groups = list(dict.fromkeys((data, name) for data, name, _ in accuracies))
figure, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
for i, features in enumerate(("raw, standardized", "hidden features")):
    heights = [accuracies[*group, features] for group in groups]
    bars = ax.bar(np.arange(len(groups)) + 0.4 * i, heights, width=0.38, label=features)
    ax.bar_label(bars, fmt="{:.1%}")
ax.set_xticks(np.arange(len(groups)) + 0.2, [f"{data},\n{name}" for data, name in groups])
ax.set(ylim=(0.85, 1), ylabel="accuracy")
ax.legend(loc="lower right")
figure.savefig("real_features.png", dpi=120)
print("saved real_features.png")
