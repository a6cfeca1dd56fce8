"""
===============================================
Samples and likelihoods of deep belief networks
===============================================

Each additional layer of a stack replaces the distribution of the hidden units below it. This
example compares the samples and likelihoods of stacks with one, two and three layers. It also
trains all layers together, with the up-down algorithm.
"""

# %%
# Stacks of one, two and three layers
# -----------------------------------
# With the same seed, the lower layers are the same. A stack of one layer is an RBM, and its score
# is a log-likelihood. The score of a deeper stack is a lower bound; it may be below the score of
# the RBM although the model is no worse. Here, no further layer raises the bound on held-out
# images, and up-down recovers the loss.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skrbm import BernoulliRBM, DeepBeliefNetwork

X = (load_digits().data > 7).astype(np.float32)
X_train, X_test = train_test_split(X, test_size=0.25, random_state=0)
sizes = (64, 64, 64)


def stack(n_layers, **options):
    rbm = BernoulliRBM(n_iter=100)
    dbn = DeepBeliefNetwork(sizes[:n_layers], rbm=rbm, random_state=0, **options)
    return dbn.fit(X_train)


stacks = {
    "one layer": stack(1),
    "two layers": stack(2),
    "three layers": stack(3),
    "three, up-down": stack(3, fine_tune_iter=100, fine_tune_rate=0.5),
}
for name, dbn in stacks.items():
    print(
        f"{name}: {dbn.score(X_train):.1f} nats on training rows, {dbn.score(X_test):.1f} held out"
    )

# %%
# Samples, and features of single units
# -------------------------------------
# Right: one unit of the top layer is on, and all others have their mean activity. The images show
# the increase (red) or decrease (blue) in the means of the pixels.
figure, axes = plt.subplots(4, 2, figsize=(9, 4), layout="constrained")
for row, (name, dbn) in zip(axes, stacks.items(), strict=True):
    usual = dbn.transform(X_train).mean(axis=0)
    one_on = np.tile(usual, (24, 1))
    np.fill_diagonal(one_on, 1)
    added = dbn.inverse_transform(one_on) - dbn.inverse_transform(usual[None])
    drawn = {"samples": dbn.sample(24, random_state=0), "single units": added}
    for ax, (title, rows) in zip(row, drawn.items(), strict=True):
        images = np.pad(rows.astype(float).reshape(2, 12, 8, 8), ((0, 0), (0, 0), (1, 1), (1, 1)))
        limit = np.abs(images).max()
        ax.imshow(
            images.transpose(0, 2, 1, 3).reshape(20, 120), cmap="RdBu_r", vmin=-limit, vmax=limit
        )
        ax.set(title=f"{name}: {title}", xticks=[], yticks=[])
figure.savefig("what_layers_generate.png", dpi=150)
print("saved what_layers_generate.png")
