"""
=============================
A density of real-valued data
=============================

An RBM with Gaussian visible units is a mixture with one normal density per hidden state, and far
fewer parameters: each hidden unit that is on adds its component to the mean. All densities have the
same covariance matrix.
"""

# %%
# Two interleaving arcs in different units
# ----------------------------------------
# The units of the columns do not matter. One column is a thousand times as wide as the other.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.mixture import GaussianMixture

from skrbm import GaussianBernoulliRBM

units = np.array([1000.0, 1.0])
X = make_moons(4000, noise=0.08, random_state=0)[0] * units
fresh = make_moons(4000, noise=0.08, random_state=1)[0] * units

rbm = GaussianBernoulliRBM(n_components=16, n_iter=200, random_state=0).fit(X)

# %%
# Log-densities can be compared
# -----------------------------
# ``score`` is in nats per row and in the units of the data, as for scikit-learn's mixtures. It is
# computed for new rows. The RBM has as many parameters as a mixture of nine normal densities.
fitted = rbm.components_, rbm.intercept_visible_, rbm.intercept_hidden_, rbm.variance_
n_parameters = sum(x.size for x in fitted) + 1  # and the covariance of the two columns
print(f"RBM, {n_parameters} parameters: {rbm.score(fresh):.3f} nats")
for n in (1, 9, 30):
    mixture = GaussianMixture(n, random_state=0, reg_covar=1e-9).fit(X)
    print(f"{n} normal densities, {6 * n - 1} parameters: {mixture.score(fresh):.3f} nats")

# %%
# The density, and its components
# -------------------------------
# Each arrow is a hidden unit. It starts at the mean of the data, and shows the vector that the unit
# adds to the means of the columns.
low, high = X.min(axis=0) - 0.4 * units, X.max(axis=0) + 0.4 * units
grid = np.stack(np.meshgrid(*np.linspace(low, high, 200).T), axis=-1)
density = np.exp(rbm.score_samples(grid.reshape(-1, 2))).reshape(200, 200)
samples = rbm.sample(1000, random_state=0)
start = X.mean(axis=0)

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharex=True, sharey=True)
axes[0].plot(*X[:1000].T, ".", markersize=2, color="gray")
axes[0].plot(*samples.T, ".", markersize=2, color="tab:red")
axes[0].set(title="1,000 rows (gray), 1,000 samples (red)")
axes[1].contourf(grid[..., 0], grid[..., 1], density, levels=12, cmap="Blues")
for component in rbm.components_:
    axes[1].annotate(
        "", start + component, start, arrowprops={"arrowstyle": "->", "color": "tab:orange"}
    )
axes[1].set(title="density, and what each hidden unit adds")
figure.savefig("density.png", dpi=120)
print("saved density.png")
