"""
=============================
A memory: patterns and recall
=============================

An RBM with binary visible and Gaussian hidden units is a Hopfield network. If the hidden units are
summed out, pairs of pixels have couplings ``W W^T``. The network stores patterns and recalls them
from noisy copies.
"""

# %%
# Ten images to store
# -------------------
# One image of each digit, in black and white. Each hidden unit can store one pattern.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skrbm import BernoulliRBM

X, y = load_digits(return_X_y=True)
patterns = np.array([X[y == digit][0] > 8 for digit in range(10)])
rbm = BernoulliRBM(n_components=10, hidden="gaussian", n_iter=3000, random_state=0)
rbm.fit(patterns)

# %%
# The same model without hidden units
# -----------------------------------
# ``p(v)`` is proportional to ``exp(b.v + v J v / 2)`` with ``J = W W^T``. The free energies of both
# models differ by a constant.
couplings = rbm.components_.T @ rbm.components_
fields = rbm.intercept_visible_ + rbm.components_.T @ rbm.intercept_hidden_
states = np.random.default_rng(0).integers(2, size=(100, 64)).astype(float)
pairwise = -states @ fields - np.einsum("ri,ij,rj->r", states, couplings, states) / 2
difference = rbm.free_energy(states) - pairwise
print(f"free energies differ by {difference.mean():.3f} +- {np.ptp(difference) / 2:.3f}")

# %%
# Recall
# ------
# One pixel in eight is wrong. Gibbs steps lead to lower energies, and mostly to the nearest
# pattern.
corrupted = patterns ^ (np.random.default_rng(1).random(patterns.shape) < 1 / 8)
recalled = rbm.gibbs(corrupted, n_steps=100)
for name, images in {"corrupted": corrupted, "recalled": recalled}.items():
    print(f"{name}: {np.mean(images != patterns):.1%} of the pixels are wrong")

figure, axes = plt.subplots(3, 10, figsize=(8, 2.8), layout="constrained")
for row, images, name in zip(
    axes, (patterns, corrupted, recalled), ("stored", "corrupted", "recalled"), strict=True
):
    row[0].set_ylabel(name)
    for ax, image in zip(row, images, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r")
        ax.set(xticks=[], yticks=[])
figure.savefig("hopfield.png", dpi=150)
print("saved hopfield.png")
