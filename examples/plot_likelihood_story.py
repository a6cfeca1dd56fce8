"""
===================================
What the likelihood says, and others
===================================

An RBM is trained on few images for far too long. The log-likelihood of held-out images, with the
bracket of its log Z, tells when to stop. The reconstruction error and the pseudo-likelihood of the
training images, which are watched elsewhere because they need no log Z, tell nothing of the kind.
"""

# %%
# Train, and look now and then
# ----------------------------
# 200 binary images of digits and 40 hidden units. ``partial_fit`` makes one sweep more.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skrbm import BernoulliRBM

X = (load_digits().data > 7).astype(np.float32)
train, held_out = train_test_split(X, train_size=200, random_state=0)

rbm = BernoulliRBM(40, learning_rate=0.1, batch_size=50, random_state=0)
figures = []
for sweep in range(1, 1001):
    rbm.partial_fit(train)
    if sweep in (1, 3, 10, 30, 100, 300, 1000):
        log_z = rbm.log_partition("bracket", n_temperatures=1_000)
        free_energy = [rbm.free_energy(rows).mean() for rows in (train, held_out)]
        error = ((rbm.reconstruct(train) - train) ** 2).sum(axis=1).mean()
        pseudo = [rbm.pseudo_log_likelihood(rows).mean() for rows in (train, held_out)]
        figures.append((sweep, *free_energy, log_z.lower, log_z.value, log_z.upper, error, *pseudo))
sweeps, f_train, f_held_out, lower, value, upper, error, p_train, p_held_out = np.transpose(figures)

best = int(np.argmax(-f_held_out - value))
print(f"held-out log-likelihood: {-(f_held_out + value)[best]:.1f} nats after {sweeps[best]:.0f}")
print(f"sweeps, {-(f_held_out + value)[-1]:.1f} after {sweeps[-1]:.0f}")
print(f"widest bracket: {(upper - lower).max():.2f} nats")

# %%
# Three figures of merit
# ----------------------
# Only the first one turns round.
figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
for name, free_energy, color in (("training", f_train, "C0"), ("held out", f_held_out, "C1")):
    axes[0].plot(sweeps, -free_energy - value, "o-", color=color, label=name)
    axes[0].fill_between(sweeps, -free_energy - upper, -free_energy - lower, color=color, alpha=0.3)
for name, pseudo, color in (("training", p_train, "C0"), ("held out", p_held_out, "C1")):
    axes[1].plot(sweeps, pseudo, "o-", color=color, label=name)
axes[2].plot(sweeps, error, "o-", color="C0", label="training")
titles = "log-likelihood, nats", "pseudo-log-likelihood, nats", "reconstruction error"
for ax, title in zip(axes, titles, strict=True):
    ax.set(title=title, xlabel="sweeps", xscale="log")
    ax.legend()
figure.savefig("likelihood_story.png")
