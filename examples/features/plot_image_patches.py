"""
================================
Edge filters from natural images
================================

Small, whitened patches of photographs are the classic data for Gaussian visible units. The patterns
that hidden units add to the mean are edges, as in the first stage of the visual cortex.
"""

# %%
# Patches, whitened
# -----------------
# The finest patterns are mostly noise. 50 of 143 principal components are kept, each scaled to
# variance one. ``X @ pca.components_`` converts them back to patches (ZCA). Local contrast is also
# normalised: each patch is divided by its standard deviation.
import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import kurtosis
from sklearn.datasets import load_sample_images
from sklearn.decomposition import PCA
from sklearn.feature_extraction.image import extract_patches_2d

from skrbm import GaussianBernoulliRBM

side = 12
images = [image.mean(axis=2) for image in load_sample_images().images]
patches = [
    extract_patches_2d(image, (side, side), max_patches=10_000, random_state=0) for image in images
]
patches = np.concatenate(patches).reshape(-1, side**2)
patches -= patches.mean(axis=1, keepdims=True)
patches /= patches.std(axis=1, keepdims=True) + 10
pca = PCA(n_components=50, whiten=True).fit(patches)
X = pca.transform(patches).astype(np.float32)

# %%
# Train
# -----
rbm = GaussianBernoulliRBM(n_components=64, n_iter=40, random_state=0).fit(X)
print(f"the hidden units explain {1 - rbm.variance_.mean():.0%} of the variance")

# %%
# From photographs to edges
# -------------------------
# The patterns of all hidden units, the most localised first.
components = (rbm.components_ @ pca.components_).astype(float)
components = components[np.argsort(-kurtosis(components, axis=1))]
components /= np.abs(components).max(axis=1, keepdims=True)
figure = plt.figure(figsize=(8, 4.6), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[1, 1.6])
for ax, image in zip(left.subplots(2, 1), images, strict=True):
    ax.imshow(image, cmap="gray")
    ax.set(xticks=[], yticks=[])
for ax, component in zip(right.subplots(8, 8).flat, components, strict=True):
    ax.imshow(component.reshape(side, side), cmap="gray", interpolation="bicubic", vmin=-1, vmax=1)
    ax.set(xticks=[], yticks=[])
figure.suptitle("Two photographs, and the patterns of 64 hidden units")
figure.savefig("image_patches.png", dpi=150)
print("saved image_patches.png")
