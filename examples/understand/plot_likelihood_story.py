"""
============================
Overfitting, and who sees it
============================

An RBM is trained on few images for far too long, without the prior that normally prevents
overfitting. The log-likelihood of test images shows when to stop. The reconstruction error, which
needs no log Z, does not.
"""

# %%
# Train, and measure now and then
# -------------------------------
# 200 binary images of digits and 40 hidden units. Each call of ``partial_fit`` is one more epoch.
# ``alpha=0`` leaves out the prior. Annealing in both directions estimates log Z and its bounds.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skrbm import BernoulliRBM

X = (load_digits().data > 7).astype(np.float32)
train, test = train_test_split(X, train_size=200, random_state=0)

rbm = BernoulliRBM(40, alpha=0, learning_rate=0.1, batch_size=50, random_state=0)
figures, epochs = [], [1, 3, 10, 30, 100, 300, 1000, 2000]
for epoch in range(1, epochs[-1] + 1):
    rbm.partial_fit(train)
    if epoch in epochs:
        log_z = rbm.log_partition("bracket", n_temperatures=1_000)
        energies = [rbm.free_energy(rows).mean() for rows in (train, test)]
        errors = [((rbm.reconstruct(x) - x) ** 2).sum(axis=1).mean() for x in (train, test)]
        figures.append((*energies, log_z.lower, log_z.value, log_z.upper, *errors))
        print(f"epoch {epoch}: {-energies[1] - log_z.value:.1f} nats per test image", flush=True)
train_energy, test_energy, lower, value, upper, *errors = np.transpose(figures)
print(f"largest distance of the bounds: {(upper - lower).max():.2f} nats")

default = BernoulliRBM(40, random_state=0).fit(train)
print(f"with the prior and all other defaults: {default.score(test):.1f} nats per test image")

# %%
# Two figures of the same fit
# ---------------------------
# The reconstruction error keeps decreasing. A model that copies its input reconstructs it well,
# even if the input has a low probability. Bands are the bounds from log Z. The dashed line is the
# fit with the defaults, which needs no early stopping.
figure, axes = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
for energy, name, color in ((train_energy, "training", "0.6"), (test_energy, "test", "C3")):
    axes[0].plot(epochs, -energy - value, "o-", color=color, label=name)
    axes[0].fill_between(epochs, -energy - upper, -energy - lower, color=color, alpha=0.3)
for error, name, color in zip(errors, ("training", "test"), ("0.6", "C3"), strict=True):
    axes[1].plot(epochs, error, "o-", color=color, label=name)
best = int((-test_energy - value).argmax())
axes[0].axhline(default.score(test), color="C0", linestyle="--", label="test, defaults")
titles = "log-likelihood (nats): stop here", "reconstruction error: better and better"
for ax, title in zip(axes, titles, strict=True):
    ax.axvline(epochs[best], color="C3", linewidth=1, linestyle=":")
    ax.set(title=title, xlabel="epochs", xscale="log")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].legend(frameon=False)
figure.savefig("likelihood_story.png", dpi=150)
print("saved likelihood_story.png")
