"""
============================================
From 81 % to 97 %: features for a classifier
============================================

Handwritten digits that may be shifted by one pixel are hard for a linear classifier. A restricted
Boltzmann machine (RBM) turns the pixels into features that make them easy. It learns the features
from the images alone, without labels, and needs no tuning.
"""

# %%
# Digits that move
# ----------------
# The images are split first and shifted afterwards, so no test image has a shifted copy among the
# training images.
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import shift
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skrbm import BernoulliRBM


def nudge(X, y):
    """Add copies of the images, moved by one pixel in each of four directions."""
    moves = [(0, 0), (-1, 0), (1, 0), (0, -1), (0, 1)]
    moved = [shift(X.reshape(-1, 8, 8), (0, *move), order=0).reshape(-1, 64) for move in moves]
    return np.concatenate(moved), np.tile(y, len(moves))


X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, test_size=0.25, random_state=0)
(X, y), (X_test, y_test) = nudge(X, y), nudge(X_test, y_test)
print(f"{len(X):,} training images, {len(X_test):,} test images", flush=True)

# %%
# The same classifier, on pixels and on features
# ----------------------------------------------
# :class:`~skrbm.BernoulliRBM` is a transformer. It fits into any pipeline of scikit-learn.


def classify(train, test):
    """Labels that a logistic regression predicts for the test images."""
    return LogisticRegression(C=100, max_iter=1_000).fit(train, y).predict(test)


from_pixels = classify(X, X_test)
print(f"accuracy on raw pixels:   {(from_pixels == y_test).mean():.1%}", flush=True)

start = perf_counter()
rbm = BernoulliRBM(n_components=256, n_iter=10, random_state=0).fit(X)
print(f"trained 256 hidden units in {perf_counter() - start:.1f} s", flush=True)

from_features = classify(rbm.transform(X), rbm.transform(X_test))
print(f"accuracy on RBM features: {(from_features == y_test).mean():.1%}", flush=True)

# %%
# Digits that the pixels get wrong
# --------------------------------
# The first 32 test images that are misread from raw pixels. Below each image are the answer from
# pixels and the answer from features. Green marks correct answers from features.
misread = np.flatnonzero(from_pixels != y_test)[:32]
figure, axes = plt.subplots(4, 8, figsize=(8, 5.4), layout="constrained")
for ax, i in zip(axes.flat, misread, strict=True):
    is_correct = from_features[i] == y_test[i]
    color = "C2" if is_correct else "C3"
    ax.imshow(X_test[i].reshape(8, 8), cmap="gray_r", interpolation="bilinear")
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(color=color, linewidth=3)
    text = f"{from_pixels[i]} → {from_features[i]}"
    ax.set_xlabel(text, color=color, fontsize=13, weight="bold")
n_corrected = (from_features[misread] == y_test[misread]).sum()
title = f"Misread from pixels → read from RBM features: {n_corrected} of 32 are now correct"
figure.suptitle(title, fontsize=14)
figure.savefig("digits_classification.png", dpi=150)
print("saved digits_classification.png")
