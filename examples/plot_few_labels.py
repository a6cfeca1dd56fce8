"""
=================================
Learning from a handful of labels
=================================

Labels are expensive, images are cheap. ``DBNClassifier`` trains its layers on all rows, and
fine-tunes them on rows with a label. It is compared with a perceptron of the same size that starts
from random weights and uses only the labelled rows.
"""

# %%
# Layers for all draws of the labels
# ----------------------------------
# The layers need no labels. They are trained once, frozen, and used in every fit below.
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit, train_test_split
from sklearn.neural_network import MLPClassifier

from skrbm import BernoulliRBM, DBNClassifier, DeepBeliefNetwork

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
sizes = (128, 64)
dbn = DeepBeliefNetwork(sizes, rbm=BernoulliRBM(n_iter=50), random_state=0).fit(X)

# %%
# Three classifiers, the same labels
# ----------------------------------
# All digits have about the same number of labels. ``unlabeled=-1`` marks rows without a label.
# Only ``DBNClassifier`` uses such rows.
classifiers = {
    "DBNClassifier": DBNClassifier(FrozenEstimator(dbn), unlabeled=-1, random_state=0),
    "MLPClassifier": MLPClassifier(sizes, max_iter=300, random_state=0),
    "LogisticRegression": LogisticRegression(max_iter=1_000),
}
warnings.simplefilter("ignore", ConvergenceWarning)  # 300 epochs are enough for a comparison

numbers = [30, 100, 300]
scores = {name: np.zeros((len(numbers), 3)) for name in classifiers}
for i, n in enumerate(numbers):
    draws = StratifiedShuffleSplit(3, train_size=n, random_state=0).split(X, y)
    for j, (known, _) in enumerate(draws):
        some = np.full_like(y, -1)
        some[known] = y[known]
        for name, classifier in classifiers.items():
            given = slice(None) if name == "DBNClassifier" else known
            scores[name][i, j] = classifier.fit(X[given], some[given]).score(X_test, y_test)
    means = ", ".join(f"{name} {100 * s[i].mean():.1f} %" for name, s in scores.items())
    print(f"{n} labels: {means}")

# %%
# The value of unlabelled rows
# ----------------------------
# With three labels per digit, unlabelled rows gain a few points. With ten or more labels per digit,
# the perceptron alone is as good or better. Bars are standard errors over the draws.
figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
for name, s in scores.items():
    error = s.std(axis=1, ddof=1) / np.sqrt(s.shape[1])
    ax.errorbar(numbers, 100 * s.mean(axis=1), 100 * error, marker="o", capsize=3, label=name)
ax.set_xscale("log")
ax.set_xticks(numbers, [str(n) for n in numbers])
ax.minorticks_off()
ax.set(xlabel="labels", ylabel="accuracy on held-out rows (%)")
ax.legend()
figure.savefig("few_labels.png", dpi=150)
print("saved few_labels.png")
