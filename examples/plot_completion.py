"""
==================================
Completion and denoising of digits
==================================

An RBM is a model of the joint distribution of all pixels. It predicts the lower half of a digit
from the upper half, and it removes noise.
"""

# %%
# The lower half from the upper one
# ---------------------------------
# The digits are thresholded and held out. The conditional mean of a pixel is its probability to be
# on. The score is the log-probability of the true pixels. For comparison, the same score is
# computed with the frequencies of all training rows, and of similar rows.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.impute import KNNImputer
from sklearn.model_selection import train_test_split

from skrbm import BernoulliRBM

X = (load_digits().data > 7).astype(np.float32)
X, X_test = train_test_split(X, test_size=150, random_state=0)
rbm = BernoulliRBM(64, missing_values="allow", n_iter=100, random_state=0).fit(X)

below = slice(32, 64)
halves = X_test.copy()
halves[:, below] = np.nan


def log_probability(mean, count):
    """Of the true lower pixels, under means smoothed as frequencies among so many rows."""
    p, truth = (mean * count + 1) / (count + 2), X_test[:, below]
    return (truth * np.log(p) + (1 - truth) * np.log(1 - p)).sum(axis=1).mean()


completed = rbm.impute(halves, method="mean", random_state=0)
similar = KNNImputer(n_neighbors=20).fit(X).transform(halves)
scores = {
    "frequencies of the training rows": log_probability(X[:, below].mean(axis=0), len(X)),
    "20 similar rows (KNNImputer)": log_probability(similar[:, below], 20),
    "RBM, pixel by pixel": log_probability(completed[:, below], 1_000),
    "RBM, all pixels together": (rbm.score_samples(X_test) - rbm.score_samples(halves)).mean(),
}
for name, score in scores.items():
    print(f"{name}: {score:.1f} nats")

# %%
# Clean digits from noisy ones
# ----------------------------
# A tenth of the pixels is flipped. ``reconstruct`` goes up and down through the means.
flipped = np.random.default_rng(0).random(X_test.shape) < 0.1
noisy = np.where(flipped, 1 - X_test, X_test)
cleaned = {n_steps: rbm.reconstruct(noisy, n_steps) for n_steps in (1, 2, 5)}
print(f"squared error, noisy: {((noisy - X_test) ** 2).sum(axis=1).mean():.2f}")
for n_steps, rows in cleaned.items():
    print(f"reconstructed, {n_steps} steps: {((rows - X_test) ** 2).sum(axis=1).mean():.2f}")

# %%
# Ten digits
# ----------
# If the upper half fits several digits, draws differ, and the mean blends them.
draws = rbm.impute(halves[:10], n_draws=2, random_state=0)
lines = {
    "held out": X_test[:10],
    "given": np.nan_to_num(halves[:10], nan=0.5),
    "mean": completed[:10],
    "a draw": draws[0],
    "another": draws[1],
    "noisy": noisy[:10],
    "cleaned": cleaned[1][:10],
}
pictures = [
    np.hstack([np.pad(row.reshape(8, 8), 1, constant_values=0.25) for row in rows])
    for rows in lines.values()
]
figure, ax = plt.subplots(figsize=(6.5, 4.6), layout="constrained")
ax.imshow(np.vstack(pictures), cmap="gray_r", vmin=0, vmax=1)
ax.set_xticks([])
ax.set_yticks(10 * np.arange(len(lines)) + 4.5, list(lines))
figure.savefig("completion.png", dpi=150)
print("saved completion.png")
