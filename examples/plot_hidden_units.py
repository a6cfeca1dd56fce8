"""
=================================
Hidden units for bars and stripes
=================================

Bars and stripes is a small data set with a structure that no single pixel shows: every image
consists either of full rows or of full columns. This example shows the weights of an RBM that is
small enough for an exact likelihood.
"""

# %%
# All possible images
# -------------------
import matplotlib.pyplot as plt
import numpy as np

from skrbm import BernoulliRBM

size = 3
lines = np.array([[(code >> i) & 1 for i in range(size)] for code in range(2**size)])
stripes = np.repeat(lines[:, :, None], size, axis=2)
images = np.concatenate([stripes, stripes.transpose(0, 2, 1)])
X = images.reshape(-1, size * size)

# %%
# The likelihood rises towards its bound
# --------------------------------------
# The all-black and the all-white image have a probability of 2/16 each, and every other image of
# 1/16. The rows are the whole distribution, so no rows can be held out. No model can have a mean
# log-likelihood above the negative entropy of this distribution.
_, counts = np.unique(X, axis=0, return_counts=True)
bound = np.sum(counts / len(X) * np.log(counts / len(X)))
rbm = BernoulliRBM(n_components=16, random_state=0).fit(X)
print(f"mean log-likelihood {rbm.score(X):.3f} nats; the bound is {bound:.3f}")

# %%
# Weights and samples
# -------------------
# Top: one image per hidden unit. Bottom: samples of the model. Most samples are bars or stripes,
# although no sample is copied from the data.
samples = rbm.sample(16, random_state=0)
figure, axes = plt.subplots(4, 8, figsize=(8, 4.3), layout="constrained")
limit = np.abs(rbm.components_).max()
for ax, component in zip(axes[:2].flat, rbm.components_, strict=True):
    ax.imshow(component.reshape(size, size), cmap="RdBu_r", vmin=-limit, vmax=limit)
for ax, sample in zip(axes[2:].flat, samples, strict=True):
    ax.imshow(sample.reshape(size, size), cmap="gray_r", vmin=0, vmax=1)
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
figure.suptitle("Weights of 16 hidden units (above), 16 samples (below)")
figure.savefig("hidden_units.png", dpi=150)
print("saved hidden_units.png")
