"""
=================
Generating digits
=================

A restricted Boltzmann machine is a model of the joint distribution of all pixels. It computes the
probability of an image, and draws new images.
"""

# %%
# Fit, and judge by the likelihood
# --------------------------------
# The score is the mean log-likelihood of held-out images, in nats. The baseline is a model with
# independent pixels.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skrbm import BernoulliRBM

X = (load_digits().data > 7).astype(np.float32)
X_train, X_test = train_test_split(X, test_size=0.25, random_state=0)

p = (X_train.sum(axis=0) + 1) / (len(X_train) + 2)
independent = (X_test * np.log(p) + (1 - X_test) * np.log(1 - p)).sum(axis=1).mean()
rbm = BernoulliRBM(n_components=128, n_iter=300, random_state=0).fit(X_train)
print(f"held-out log-likelihood of independent pixels: {independent:.1f} nats")
print(f"held-out log-likelihood of the RBM:            {rbm.score(X_test):.1f} nats")
log_z = rbm.log_partition_
print(f"its log Z lies between {log_z.lower:.2f} and {log_z.upper:.2f}")

# %%
# Draw new digits
# ---------------
# ``sample`` runs one chain per image. The pictures show the pixel probabilities at the last step,
# which are smoother than binary draws.
samples = rbm.reconstruct(rbm.sample(60, random_state=0))
figure, axes = plt.subplots(2, 1, figsize=(7, 6.4), layout="constrained")
for ax, rows, title in zip(axes, (X_test[:60], samples), ("held out", "generated"), strict=True):
    images = np.pad(rows.reshape(5, 12, 8, 8), ((0, 0), (0, 0), (1, 1), (1, 1)))
    tiles = images.transpose(0, 2, 1, 3).reshape(50, 120)
    ax.imshow(tiles, cmap="gray_r", vmin=0, vmax=1)
    ax.set_title(title)
    ax.set(xticks=[], yticks=[])
figure.savefig("digits_generation.png", dpi=150)
print("saved digits_generation.png")
