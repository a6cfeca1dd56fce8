"""
==============================
Which figure shows overfitting
==============================

An RBM is trained on few images for far too long, without the prior that normally prevents
overfitting. The log-likelihood of held-out images, with bounds from its log Z, shows when to stop.
Two other figures need no log Z. The pseudo-likelihood shows the same here; the reconstruction error
does not.
"""

# %%
# Train, and measure now and then
# -------------------------------
# 200 binary images of digits and 40 hidden units. Each call of ``partial_fit`` is one more epoch.
# ``alpha=0`` leaves out the prior.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skrbm import BernoulliRBM

X = (load_digits().data > 7).astype(np.float32)
train, held_out = train_test_split(X, train_size=200, random_state=0)

rbm = BernoulliRBM(40, alpha=0, learning_rate=0.1, batch_size=50, random_state=0)
figures = []
for epoch in range(1, 1001):
    rbm.partial_fit(train)
    if epoch in (1, 3, 10, 30, 100, 300, 1000):
        log_z = rbm.log_partition("bracket", n_temperatures=1_000)
        free_energy = [rbm.free_energy(rows).mean() for rows in (train, held_out)]
        error = [((rbm.reconstruct(x) - x) ** 2).sum(axis=1).mean() for x in (train, held_out)]
        pseudo = [rbm.pseudo_log_likelihood(rows).mean() for rows in (train, held_out)]
        figures.append(
            (epoch, *free_energy, log_z.lower, log_z.value, log_z.upper, *pseudo, *error)
        )
epochs, f_train, f_held_out, lower, value, upper, *others = np.transpose(figures)

nats = -f_held_out - value
best = int(nats.argmax())
for i in (best, -1):
    print(f"held-out log-likelihood after {epochs[i]:.0f} epochs: {nats[i]:.1f} nats")
print(f"largest distance of the bounds: {(upper - lower).max():.2f} nats")
default = BernoulliRBM(40, random_state=0).fit(train)
print(f"with the prior, and the default number of epochs: {default.score(held_out):.1f} nats")

# %%
# Three figures
# -------------
# The reconstruction error keeps decreasing, also for held-out images. A model that copies its input
# reconstructs it well, even if the input has a low probability.
figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
titles = "log-likelihood, nats", "pseudo-log-likelihood, nats", "squared reconstruction error"
likelihoods = -f_train - value, nats
for ax, title, pair in zip(axes, titles, (likelihoods, others[:2], others[2:]), strict=True):
    for curve, name in zip(pair, ("training", "held out"), strict=True):
        ax.plot(epochs, curve, "o-", label=name)
    ax.set(title=title, xlabel="epochs", xscale="log")
    ax.legend()
for free_energy in (f_train, f_held_out):
    axes[0].fill_between(epochs, -free_energy - upper, -free_energy - lower, alpha=0.3)
figure.savefig("likelihood_story.png")
