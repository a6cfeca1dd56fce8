"""
===================================
Two hidden layers, trained together
===================================

A deep Boltzmann machine has no directed layers. Its upper layer depends on the lower one, and the
lower layer on the image and on the upper one. All layers learn at the same time.
"""

# %%
# Fit
# ---
# The prototype ``rbm`` has the training parameters. The score is a lower bound on the
# log-likelihood, in nats.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skrbm import BernoulliRBM, DeepBoltzmannMachine

X, y = load_digits(return_X_y=True)
X = (X > 7).astype(np.float32)
X, X_test, y, y_test = train_test_split(X, y, test_size=300, random_state=0)
rbm = BernoulliRBM(n_iter=100)
machine = DeepBoltzmannMachine((64, 32), rbm=rbm, random_state=0).fit(X)
print(f"score of new images: {machine.score(X_test):.1f} nats")

# %%
# Features
# --------
# ``transform`` infers all layers of an image together, with a mean field. The 32 units of the upper
# layer, which never saw a label, are enough for a linear classifier.
classifier = LogisticRegression(max_iter=1000).fit(machine.transform(X), y)
accuracy = classifier.score(machine.transform(X_test), y_test)
print(f"accuracy with the upper layer: {accuracy:.1%}")

# %%
# Both layers
# -----------
# A unit of the lower layer has a pattern of pixels. A unit of the upper layer has a pattern of
# lower units, and through them a pattern of pixels, which is a larger part of a digit. The units
# shown have the longest weights. The last row has images that the machine generates.
lower, upper = machine.components_


def longest(weights: np.ndarray) -> np.ndarray:
    """Return the ten longest rows, each divided by its largest value."""
    order = np.argsort(-np.linalg.norm(weights, axis=1))[:10]
    return weights[order] / np.abs(weights[order]).max(axis=1, keepdims=True)


lines = {
    "lower layer": longest(lower),
    "upper layer": longest(upper @ lower),
    "generated": 1.0 * machine.sample(10, random_state=0),
}
cells = [[np.pad(row.reshape(8, 8), 1) for row in rows] for rows in lines.values()]
figure, ax = plt.subplots(figsize=(8, 2.8), layout="constrained")
ax.imshow(np.block(cells), cmap="RdBu_r", vmin=-1, vmax=1)
ax.set_yticks(10 * np.arange(len(lines)) + 4.5, list(lines), fontsize=12)
ax.set_xticks([])
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
ax.set_title("Patterns of both layers, and images from the machine", fontsize=14)
figure.savefig("two_layers.png", dpi=150)
print("saved two_layers.png")
