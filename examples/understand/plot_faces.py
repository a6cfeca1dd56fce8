"""
===========================
The unit that answers faces
===========================

A model learns from small pictures without labels: half of them show faces. One of its hidden units
separates faces from other pictures. This example finds the unit, compares it with simple rules, and
looks at the picture that the unit prefers, before anyone calls it a face detector.
"""

# %%
# Pictures
# --------
# The data set has 100 faces and 100 other pictures. All faces are centred, so a single pixel could
# recognise them. Random crops, half of them flipped, prevent that. Their contrast is standardized.
import matplotlib.pyplot as plt
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from skimage.data import lfw_subset
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.random_projection import GaussianRandomProjection

from skrbm import BernoulliRBM, GaussianBernoulliRBM
from skrbm.explain import best_unit, preferred_input
from skrbm.images import Pool

side, rng = 17, np.random.default_rng(0)


def crops(pictures, n):
    """Cut n random crops of each picture."""
    cut = []
    for picture in np.repeat(pictures, n, axis=0):
        y, x = rng.integers(25 - side + 1, size=2)
        crop = picture[y : y + side, x : x + side].copy()
        crop = (crop - crop.mean()) / (crop.std() + 1e-6)
        cut.append(crop[:, ::-1] if rng.random() < 0.5 else crop)
    return np.array(cut).reshape(len(cut), -1).astype(np.float32)


pictures, is_face = lfw_subset(), np.arange(200) < 100
half, other = train_test_split(np.arange(200), test_size=0.5, stratify=is_face, random_state=0)
X, train = crops(pictures, 1), crops(pictures[half], 5)

# %%
# A model without labels
# ----------------------
# The first half of the pictures is for training. 32 filters of 5 x 5 pixels look at every place.
# The largest value of each filter in a quarter of the picture goes to eight hidden units on top.


def windows(X):
    """Cut all windows of 5 x 5 pixels, place by place."""
    return sliding_window_view(X.reshape(-1, side, side), (5, 5), axis=(1, 2)).reshape(-1, 25)


filters = GaussianBernoulliRBM(32, random_state=0).fit(rng.permutation(windows(train))[:5000])
maps = FunctionTransformer(lambda X: filters.transform(windows(X)).reshape(len(X), -1))
top = BernoulliRBM(8, n_iter=50, random_state=0)
model = make_pipeline(maps, Pool(7, image_shape=(13, 13, 32)), top).fit(train)

# %%
# Its best unit, and simple rules
# -------------------------------
# :func:`~skrbm.explain.best_unit` chooses a unit and its threshold on the first half, and measures
# the accuracy on the second half. It accepts any transformer, so it makes the same choice for
# single pixels and for other rules.


def texture(X):
    """Compute the mean difference of neighbouring pixels."""
    return np.abs(np.diff(X.reshape(-1, side, side))).mean(axis=(1, 2))[:, None]


difference = X[half][is_face[half]].mean(axis=0) - X[half][~is_face[half]].mean(axis=0)
rules = {
    "a pixel": FunctionTransformer(),
    "a random filter": GaussianRandomProjection(100, random_state=0).fit(X),
    "a principal component": PCA(50).fit(train),
    "a template, with labels": FunctionTransformer(lambda X: X @ difference[:, None]),
    "fine texture": FunctionTransformer(texture),
    "a hidden unit": model,
}
for name, rule in rules.items():
    print(f"{name:24} {best_unit(rule, X, is_face, random_state=0).accuracy:.0%}")

# %%
# Does it recognise faces?
# ------------------------
# The unit is better than every rule. But the rule of fine texture is not far behind, because most
# of the other pictures are smooth. So here are two controls: inverted faces, and noise.
best = best_unit(model, X, is_face, n_rows=200, random_state=0)
faces = X[:100].reshape(-1, side, side)
noise = crops(rng.normal(size=(100, 25, 25)), 1)
controls = {
    "faces": X[:100],
    "inverted faces": faces[:, ::-1].reshape(100, -1),
    "other pictures": X[100:],
    "noise": noise,
}
for name, rows in controls.items():
    above = best.sign * (model.transform(rows)[:, best.unit] - best.threshold) > 0
    print(f"{above.mean():.0%} of {name} are taken for faces")

# %%
# The unit answers to fine texture, and not to the arrangement of eyes and mouth.
# :func:`~skrbm.explain.preferred_input` shows the same. It follows the gradient through pooling and
# filters, here from four of the smooth pictures that do not excite the unit. The results have
# texture, but no face. A high score for a concept does not mean that a unit represents it.
smooth = X[best.most_activating[-80:]].reshape(4, 20, -1)
preferred = [preferred_input(model, best, rows, max_iter=10) for rows in smooth]
unseen = best.most_activating[np.isin(best.most_activating, other)]
patterns = filters.components_ / np.abs(filters.components_).max(axis=1, keepdims=True)

figure = plt.figure(figsize=(9, 5), layout="constrained")
figure.suptitle("A hidden unit that answers to faces, learned without labels", fontsize=14)
left, right = figure.subfigures(1, 2, width_ratios=[1, 2.1])
parts = left.subfigures(2, 1, height_ratios=[1, 1.6])
for ax, pattern in zip(parts[0].subplots(4, 8).flat, patterns, strict=True):
    ax.imshow(pattern.reshape(5, 5), cmap="gray", vmin=-1, vmax=1)
    ax.axis("off")
parts[0].suptitle("Filters")
for ax, picture in zip(parts[1].subplots(2, 2).flat, preferred, strict=True):
    ax.imshow(picture.reshape(side, side), cmap="gray")
    ax.axis("off")
parts[1].suptitle("Preferred pictures, by ascent")
parts = right.subfigures(2, 1)
for part, rows, name in zip(parts, (unseen[:30], unseen[:-31:-1]), ("most", "least"), strict=True):
    for ax, row in zip(part.subplots(3, 10).flat, rows, strict=True):
        ax.imshow(X[row].reshape(side, side), cmap="gray")
        ax.axis("off")
    part.suptitle(f"New pictures that excite the unit {name}")
figure.savefig("faces.png", dpi=150)
print("saved faces.png")
