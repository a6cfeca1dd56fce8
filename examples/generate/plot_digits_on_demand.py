"""
================
Digits on demand
================

:class:`~skrbm.RBMClassifier` is one model of images and labels. Given an image, it predicts the
label. Given a label, it draws images. Given a label and part of an image, it completes the image.
"""

# %%
# Fit images and labels
# ---------------------
# The objective is ``log p(y | x) + s log p(x)``. With the default share, ``generative_share=0.01``,
# the model concentrates on the labels. Here it also has to learn the images, so the share s is 1.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skrbm import RBMClassifier

X, y = load_digits(return_X_y=True)
X = (X > 7).astype(np.float32)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
rbm = RBMClassifier(128, generative_share=1, random_state=0).fit(X, y)

# %%
# Predict labels
# --------------
linear = LogisticRegression(max_iter=1_000).fit(X, y)
print(f"accuracy of a logistic regression: {linear.score(X_test, y_test):.1%}")
print(f"accuracy of the RBM:               {rbm.score(X_test, y_test):.1%}")

# %%
# Draw images of a given label
# ----------------------------
# One column per digit. A classifier that has not seen these images judges whether they show it.
columns = [rbm.sample(100, label=digit, random_state=digit)[0] for digit in range(10)]
recognised = [(linear.predict(rows) == digit).mean() for digit, rows in enumerate(columns)]
print(f"generated digits that the logistic regression recognises: {np.mean(recognised):.1%}")

# %%
# Complete an image as every digit
# --------------------------------
# The upper three rows of an image are given, and the label decides how it continues.
top = X_test[np.flatnonzero(y_test == 0)[1]].copy()
top[24:] = np.nan
completed = [rbm.sample(2, given=top, label=digit, random_state=0)[0] for digit in range(10)]

drawn = np.array([rows[:5] for rows in columns]).reshape(10, 5, 8, 8)
completed = np.array(completed).reshape(10, 2, 8, 8)
figure, axes = plt.subplots(2, 1, figsize=(8, 6.6), layout="constrained", height_ratios=[5, 2])
titles = "Drawn for a given label", "Completed for a given label and the coloured pixels"
for ax, images, title in zip(axes, (drawn, completed), titles, strict=True):
    cells = [[np.pad(image, 1) for image in row] for row in images.transpose(1, 0, 2, 3)]
    ax.imshow(np.block(cells), cmap="gray_r", vmin=0, vmax=1)
    ax.set_title(title, fontsize=14, pad=12)
    ax.set_xticks(10 * np.arange(10) + 4.5, range(10), fontsize=13, color="C0")
    ax.set_yticks([])
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    ax.spines[:].set_visible(False)
for row in (0, 10):
    axes[1].axhspan(row + 0.5, row + 3.5, color="C1", alpha=0.4, linewidth=0)
figure.savefig("digits_on_demand.png", dpi=150)
print("saved digits_on_demand.png")
