"""
==================================
A joint model of images and labels
==================================

``RBMClassifier`` has the pixels and the label as visible units. It maximises
``log p(y | x) + s log p(x)``: the prediction of labels and, with a generative share s, the
likelihood of the images.
"""

# %%
# Accuracy for shares from none to all
# ------------------------------------
# Binary pixels are drawn from grey values in every mini-batch. With few images, this noise alone
# gains one point of accuracy.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit

from skrbm import RBMClassifier

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)


def mean_accuracy(classifier, n_train):
    """Accuracy on held-out rows in %, mean of three splits."""
    splits = StratifiedShuffleSplit(3, train_size=n_train, random_state=0).split(X, y)
    return 100 * np.mean([classifier.fit(X[a], y[a]).score(X[b], y[b]) for a, b in splits])


shares = [0.0, 0.01, 0.1, 1.0]
curves = {}
for n_train in (100, 300):
    curves[n_train] = [
        mean_accuracy(
            RBMClassifier(100, generative_share=share, inputs="sample", n_iter=60, random_state=0),
            n_train,
        )
        for share in shares
    ]
linear = {n_train: mean_accuracy(LogisticRegression(max_iter=1_000), n_train) for n_train in curves}
for n_train, curve in curves.items():
    values = ", ".join(f"s = {s:g}: {value:.1f} %" for s, value in zip(shares, curve, strict=True))
    print(f"{n_train} images: {values}; logistic regression {linear[n_train]:.1f} %")

# %%
# Small shares are best
# ---------------------
# Small shares do not reduce the accuracy, and make the hidden units also describe the data. With
# s = 1, the many pixels dominate the objective, and the single label has little effect.
figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
for n_train, curve in curves.items():
    (line,) = ax.plot(range(len(shares)), curve, marker="o", label=f"RBM, {n_train} images")
    ax.axhline(linear[n_train], color=line.get_color(), linestyle="--", linewidth=1)
ax.plot([], [], color="grey", linestyle="--", linewidth=1, label="logistic regression")
ax.set_xticks(range(len(shares)), [f"{share:g}" for share in shares])
ax.set(xlabel="generative share s", ylabel="accuracy on held-out rows (%)")
ax.legend()
figure.savefig("label_and_data.png", dpi=150)
print("saved label_and_data.png")
