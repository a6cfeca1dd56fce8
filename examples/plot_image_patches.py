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
from sklearn.datasets import load_sample_images
from sklearn.decomposition import PCA
from sklearn.feature_extraction.image import extract_patches_2d

from skrbm import GaussianBernoulliRBM

side = 12
patches = [
    extract_patches_2d(image.mean(axis=2), (side, side), max_patches=10_000, random_state=0)
    for image in load_sample_images().images
]
patches = np.concatenate(patches).reshape(-1, side**2)
patches -= patches.mean(axis=1, keepdims=True)
patches /= patches.std(axis=1, keepdims=True) + 10
pca = PCA(n_components=50, whiten=True).fit(patches)
X = pca.transform(patches).astype(np.float32)

# %%
# Training
# --------
rbm = GaussianBernoulliRBM(n_components=64, n_iter=40, random_state=0).fit(X)
print(f"the hidden units explain {1 - rbm.variance_.mean():.0%} of the variance")

# %%
# The patterns of the hidden units
# --------------------------------
# They are sorted by strength, and shown as whitened patches.
components = rbm.components_ @ pca.components_
order = np.argsort(-np.linalg.norm(components, axis=1))
figure, axes = plt.subplots(8, 8, figsize=(5, 5.3), layout="constrained")
for ax, component in zip(axes.flat, components[order], strict=True):
    limit = np.abs(component).max()
    ax.imshow(component.reshape(side, side), cmap="gray", vmin=-limit, vmax=limit)
    ax.set(xticks=[], yticks=[])
figure.suptitle("Components of whitened patches")
figure.savefig("image_patches.png", dpi=120)
print("saved image_patches.png")
