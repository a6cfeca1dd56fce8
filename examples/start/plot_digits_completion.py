"""
==================================================
One model: score, generate, complete, clean images
==================================================

A restricted Boltzmann machine is a model of the joint distribution of all pixels. The same fit
computes the log-likelihood of an image, generates new images, completes half an image, and removes
noise.
"""

# %%
# Fit
# ---
# The images are black and white. ``missing_values="allow"`` lets the fitted model score images with
# missing pixels, too.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.impute import KNNImputer
from sklearn.model_selection import train_test_split

from skrbm import BernoulliRBM

X = (load_digits().data > 7).astype(np.float32)
X, X_test = train_test_split(X, test_size=150, random_state=0)
rbm = BernoulliRBM(64, missing_values="allow", n_iter=100, random_state=0).fit(X)

# %%
# Score
# -----
# ``score`` is the mean log-likelihood of new images, in nats. The baseline has independent pixels.
p = (X.sum(axis=0) + 1) / (len(X) + 2)
independent = (X_test * np.log(p) + (1 - X_test) * np.log(1 - p)).sum(axis=1).mean()
print(f"independent pixels: {independent:.1f} nats")
print(f"RBM:                {rbm.score(X_test):.1f} nats")

# %%
# Complete
# --------
# The lower half is missing. Its log-probability, given the upper half, is the difference of two
# scores. :class:`~sklearn.impute.KNNImputer` finds 20 similar images; its means are smoothed and
# taken as probabilities of independent pixels.
halves = X_test.copy()
halves[:, 32:] = np.nan
similar = KNNImputer(n_neighbors=20).fit(X).transform(halves)[:, 32:]
similar, truth = (20 * similar + 1) / 22, X_test[:, 32:]
log_p = (truth * np.log(similar) + (1 - truth) * np.log(1 - similar)).sum(axis=1).mean()
print(f"true lower halves, given similar images: {log_p:.1f} nats")
print(f"true lower halves, given the RBM:        {rbm.score(X_test) - rbm.score(halves):.1f} nats")

# %%
# Clean
# -----
# A tenth of the pixels is flipped. ``reconstruct`` replaces each pixel by its mean given the hidden
# units.
flipped = np.random.default_rng(0).random(X_test.shape) < 0.1
noisy = np.where(flipped, 1 - X_test, X_test)
cleaned = rbm.reconstruct(noisy)
for name, rows in {"noisy": noisy, "cleaned": cleaned}.items():
    print(f"squared error of {name} images: {((rows - X_test) ** 2).sum(axis=1).mean():.2f}")

# %%
# Generate
# --------
# If an upper half fits several digits, draws differ. New images are draws that are given nothing.
draws = rbm.impute(halves[:10], n_draws=2, random_state=0)
generated = rbm.sample(10, random_state=0)
lines = {
    "test image": X_test[:10],
    "upper half": halves[:10],
    "a completion": draws[0],
    "another one": draws[1],
    "with noise": noisy[:10],
    "cleaned": cleaned[:10],
    "generated": generated,
}
cells = [[np.pad(row.reshape(8, 8), 1) for row in rows] for rows in lines.values()]
colors = plt.get_cmap("gray_r").with_extremes(bad="#f2c94c")  # missing pixels
figure, ax = plt.subplots(figsize=(8, 5.4), layout="constrained")
ax.imshow(np.block(cells), cmap=colors, vmin=0, vmax=1)
ax.hlines(10 * np.array([4, 6]) - 0.5, -0.5, 99.5, color="0.7", linewidth=1)
ax.set_yticks(10 * np.arange(len(lines)) + 4.5, list(lines), fontsize=12)
ax.set_xticks([])
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
ax.set_title("One RBM completes, cleans and generates digits", fontsize=14)
figure.savefig("digits_completion.png", dpi=150)
print("saved digits_completion.png")
