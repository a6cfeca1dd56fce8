"""
=============================
A memory: patterns and recall
=============================

An RBM with binary visible and Gaussian hidden units is a Hopfield network. It stores patterns, and
recalls them from damaged copies.
"""

# %%
# Ten patterns to store
# ---------------------
# One image per digit, in black and white. Each hidden unit can store one pattern.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skrbm import BernoulliRBM

X, y = load_digits(return_X_y=True)
patterns = np.array([X[y == digit][0] > 8 for digit in range(10)])
rbm = BernoulliRBM(10, hidden="gaussian", n_iter=3_000, random_state=0).fit(patterns)

# %%
# The same model without hidden units
# -----------------------------------
# If the hidden units are summed out, pairs of pixels are coupled by ``J = W W^T``, and ``p(v)`` is
# proportional to ``exp(b.v + v J v / 2)``. The free energies of the two forms differ by a constant.
couplings = rbm.components_.T @ rbm.components_
fields = rbm.intercept_visible_ + rbm.components_.T @ rbm.intercept_hidden_
states = np.random.default_rng(0).integers(2, size=(100, 64)).astype(float)
pairwise = -states @ fields - np.einsum("ri,ij,rj->r", states, couplings, states) / 2
difference = rbm.free_energy(states) - pairwise
print(f"free energies differ by {difference.mean():.3f} +- {np.ptp(difference) / 2:.3f}")

# %%
# Recall
# ------
# One pixel in eight is wrong. Gibbs steps lead to states of lower energy, and from there to the
# nearest pattern.
rng = np.random.default_rng(1)
damaged = patterns ^ (rng.random(patterns.shape) < 1 / 8)
stages = {"stored": patterns, "damaged": damaged}
for n_steps in (1, 3, 10, 100):
    name = "1 step" if n_steps == 1 else f"{n_steps} steps"
    stages[name] = rbm.gibbs(damaged, n_steps=n_steps)
for name, images in stages.items():
    print(f"{name}: {np.mean(images != patterns):.1%} of the pixels are wrong")

# %%
# Wrong pixels are red: dark red if they should be white, light red if they should be black.
figure, axes = plt.subplots(len(stages), 10, figsize=(8, 5), layout="constrained")
for row, (name, images) in zip(axes, stages.items(), strict=True):
    row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=12)
    for ax, image, pattern in zip(row, images, patterns, strict=True):
        colors = np.where(image[:, None], 0.0, 1.0).repeat(3, axis=1)
        wrong = image != pattern
        colors[wrong] = np.where(image[wrong, None], [0.7, 0.1, 0.1], [1.0, 0.65, 0.65])
        ax.imshow(colors.reshape(8, 8, 3))
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color("0.8")
figure.suptitle("From damaged patterns back to stored ones")
figure.savefig("hopfield.png", dpi=150)
print("saved hopfield.png")
