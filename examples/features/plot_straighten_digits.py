"""
==================================
Straighten digits, with few angles
==================================

Thousands of digits are tilted, but the angle is known for only a hundred of them.
:class:`~skrbm.DBNRegressor` trains its layers on all images, and then learns the angle from those
that have one. It predicts the angles of new images, which are then turned back.
"""

# %%
# Tilted digits
# -------------
# NaN is a missing target.
import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import rotate
from sklearn.datasets import load_digits
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor

from skrbm import BernoulliRBM, DBNRegressor, DeepBeliefNetwork

rng = np.random.default_rng(0)


def turned(images, angles):
    turned = [rotate(x, t, reshape=False, order=1) for x, t in zip(images, angles, strict=True)]
    return np.clip(turned, 0, 1, dtype=np.float32)


upright = np.pad(load_digits().images / 16, [(0, 0), (2, 2), (2, 2)])
upright, upright_test = train_test_split(upright, test_size=300, random_state=0)
upright = np.tile(upright, (3, 1, 1))
angles, angles_test = rng.uniform(-60, 60, len(upright)), rng.uniform(-60, 60, len(upright_test))
X, X_test = turned(upright, angles), turned(upright_test, angles_test)
X, X_test = X.reshape(-1, 144), X_test.reshape(-1, 144)
known = rng.permutation(len(X))[:100]
targets = np.full(len(X), np.nan)
targets[known] = angles[known]

# %%
# Three regressors
# ----------------
# Only :class:`~skrbm.DBNRegressor` can use the images without an angle. The other two learn from
# 100 images.
sizes = (256, 128)
regressors = {
    "ridge regression": RidgeCV(np.logspace(-2, 3, 10)).fit(X[known], angles[known]),
    "perceptron": MLPRegressor(hidden_layer_sizes=sizes, max_iter=1_000, random_state=0).fit(
        X[known], angles[known]
    ),
    "DBNRegressor": DBNRegressor(
        DeepBeliefNetwork(sizes, rbm=BernoulliRBM(n_iter=30)), random_state=0
    ).fit(X, targets),
}
predicted = {name: regressor.predict(X_test) for name, regressor in regressors.items()}
for name, values in predicted.items():
    print(f"{name}: mean error {np.abs(values - angles_test).mean():.1f} degrees")

# %%
# Straightened
# ------------
straight = turned(X_test.reshape(-1, 12, 12), -predicted["DBNRegressor"])
shown = np.argsort(-np.abs(angles_test))[:40:2][:10]  # strongly tilted
figure = plt.figure(figsize=(8, 5), layout="constrained")
top, bottom = figure.subfigures(2, 1, height_ratios=[2, 3])
axes = top.subplots(2, 10)
for row, images in zip(axes, (X_test.reshape(-1, 12, 12), straight), strict=True):
    for ax, image in zip(row, images[shown], strict=True):
        ax.imshow(image, cmap="gray_r", interpolation="bilinear", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
figure.suptitle("Test images, and the same images straightened by DBNRegressor")
axes = bottom.subplots(1, 3, sharex=True, sharey=True)
for ax, (name, values) in zip(axes, predicted.items(), strict=True):
    ax.plot([-60, 60], [-60, 60], color="0.7", linewidth=1)
    ax.plot(angles_test, values, ".", markersize=4, color="C3" if name == "DBNRegressor" else "0.4")
    error = np.abs(values - angles_test).mean()
    ax.set(title=f"{name}: {error:.1f}°", xlabel="true angle", xticks=[-60, 0, 60])
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set(ylabel="predicted angle", yticks=[-60, 0, 60])
figure.savefig("straighten_digits.png", dpi=150)
print("saved straighten_digits.png")
