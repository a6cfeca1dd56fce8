"""
====================
Ten labels, or fifty
====================

Labels are expensive, images are cheap. :class:`~skrbm.DBNClassifier` trains its layers on all
images, and then fine-tunes them on the few images with a label. A perceptron of the same size,
:class:`~sklearn.neural_network.MLPClassifier`, learns from the labelled images only.
"""

# %%
# One stack for all experiments
# -----------------------------
# The layers need no labels. They are trained once, frozen, and used in every fit below.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import StratifiedShuffleSplit, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.semi_supervised import LabelSpreading

from skrbm import BernoulliRBM, DBNClassifier, DeepBeliefNetwork

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
sizes = (128, 64)
dbn = DeepBeliefNetwork(sizes, rbm=BernoulliRBM(n_iter=50), random_state=0).fit(X)
print(f"{dbn.score(X_test):.1f} nats: the lower bound on the log-likelihood of test images")

# %%
# Three classifiers, the same labels
# ----------------------------------
# ``unlabeled=-1`` marks images without a label.
# :class:`~sklearn.semi_supervised.LabelSpreading` can first guess their labels from similar images.
names = "perceptron", "DBN", "DBN after LabelSpreading"
numbers, n_draws = [10, 20, 30, 50], 3
scores = np.zeros((len(names), len(numbers), n_draws))
for i, n_labels in enumerate(numbers):
    draws = StratifiedShuffleSplit(n_draws, train_size=n_labels, random_state=0).split(X, y)
    for j, (known, _) in enumerate(draws):
        some = np.full_like(y, -1)
        some[known] = y[known]
        spread = LabelSpreading(kernel="knn").fit(X, some).transduction_
        perceptron = MLPClassifier(hidden_layer_sizes=sizes, max_iter=1_000, random_state=0)
        fitted = [
            perceptron.fit(X[known], y[known]),
            DBNClassifier(FrozenEstimator(dbn), unlabeled=-1, random_state=0).fit(X, some),
            DBNClassifier(FrozenEstimator(dbn), random_state=0).fit(X, spread),
        ]
        scores[:, i, j] = [100 * classifier.score(X_test, y_test) for classifier in fitted]
    means = zip(names, scores[:, i].mean(axis=1), strict=True)
    print(f"{n_labels} labels:", ", ".join(f"{name} {mean:.1f} %" for name, mean in means))

# %%
# The value of images without labels
# ----------------------------------
# The gain is largest if labels are few. With a hundred labels, the perceptron has caught up with
# the stack. On images this small, LabelSpreading alone is more accurate still. Bands are standard
# errors over three draws of the labels.
_, first = np.unique(y, return_index=True)
figure, (left, right) = plt.subplots(
    1, 2, figsize=(8, 3.8), layout="constrained", width_ratios=[1, 2]
)
tiles = np.pad(X[first].reshape(5, 2, 8, 8), ((0, 0), (0, 0), (1, 1), (1, 1)))
left.imshow(tiles.transpose(0, 2, 1, 3).reshape(50, 20), cmap="gray_r")
left.set(title="ten labelled images", xticks=[], yticks=[])
for name, s, color in zip(names, scores, ("0.5", "C0", "C3"), strict=True):
    mean, error = s.mean(axis=1), s.std(axis=1, ddof=1) / np.sqrt(n_draws)
    right.plot(numbers, mean, "o-", color=color, label=name)
    right.fill_between(numbers, mean - error, mean + error, color=color, alpha=0.2, linewidth=0)
right.set_xticks(numbers)
right.set(title="accuracy on test images (%)", xlabel="number of labels")
right.spines[["top", "right"]].set_visible(False)
right.legend(loc="lower right", frameon=False)
figure.savefig("few_labels.png", dpi=150)
print("saved few_labels.png")
