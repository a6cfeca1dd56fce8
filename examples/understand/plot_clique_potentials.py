"""
===============================
Tables of potentials are an RBM
===============================

Textbooks define a network of binary units by tables of positive potentials: one table per pair of a
visible and a hidden unit, and one per unit. The product of all tables is a distribution, up to a
constant. Any such network is a restricted Boltzmann machine. This one has three visible and two
hidden units.
"""

# %%
# The tables
# ----------
# Pair tables list the states (v, h) = 00, 01, 10, 11; single tables the states 0, 1.
import itertools

import matplotlib.pyplot as plt
import numpy as np

from skrbm.likelihood import exact_log_partition
from skrbm.model import RBM
from skrbm.units import Bernoulli

phi = np.array(
    [
        [[20, 3, 5, 10], [6, 20, 10, 2]],
        [[3, 3, 2, 10], [2, 1, 10, 10]],
        [[6, 3, 5, 10], [3, 1, 10, 10]],
    ]
)
psi = np.array([[30, 1], [100, 1], [1, 100]])
xi = np.array([[100, 1], [10, 10]])


def product(v, h):
    """The product of all tables at one state."""
    pairs = [phi[i, j, 2 * v[i] + h[j]] for i in range(3) for j in range(2)]
    singles = [psi[i, v[i]] for i in range(3)] + [xi[j, h[j]] for j in range(2)]
    return float(np.prod(np.array(pairs + singles, dtype=float)))


# %%
# From tables to weights
# ----------------------
# The logarithm of a pair table is a function of two bits, and therefore
# ``t00 + (t10 - t00) v + (t01 - t00) h + (t11 - t10 - t01 + t00) v h``. The last coefficient is a
# weight. The others are added to the biases and to a constant.
t00, t01, t10, t11 = np.moveaxis(np.log(phi), -1, 0)
rbm = RBM(
    visible=Bernoulli(np.log(psi[:, 1] / psi[:, 0]) + (t10 - t00).sum(axis=1)),
    hidden=Bernoulli(np.log(xi[:, 1] / xi[:, 0]) + (t01 - t00).sum(axis=0)),
    weights=t11 - t10 - t01 + t00,
)
log_constant = t00.sum() + np.log(psi[:, 0]).sum() + np.log(xi[:, 0]).sum()

# %%
# The same answers from both
# --------------------------
states = [(s[:3], s[3:]) for s in itertools.product((0, 1), repeat=5)]
products = np.array([product(v, h) for v, h in states])
energies = rbm.energy(*(np.array(side, dtype=float) for side in zip(*states, strict=True)))
log_partition = exact_log_partition(rbm).value

z_tables, z_rbm = products.sum(), np.exp(log_constant + log_partition)
p_tables, p_rbm = products / z_tables, np.exp(-energies - log_partition)
wanted = states.index(((0, 0, 0), (1, 1)))
print(f"Z:               {z_tables:.6e} from the tables, {z_rbm:.6e} from the RBM")
print(f"P(V=000, H=11):  {p_tables[wanted]:.6e} from the tables, {p_rbm[wanted]:.6e} from the RBM")
assert np.allclose([z_rbm, *p_rbm], [z_tables, *p_tables], rtol=1e-12, atol=0)

# %%
# All 32 states
# -------------
# One cell per state. Most of the probability is on two states.
table = p_rbm.reshape(8, 4)  # visible states by hidden states
names = [["".join(map(str, bits)) for bits in itertools.product((0, 1), repeat=n)] for n in (2, 3)]
figure, ax = plt.subplots(figsize=(6, 5), layout="constrained")
ax.imshow(np.log10(table), cmap="YlGnBu", aspect="auto")
for (v, h), p in np.ndenumerate(table):
    color = "white" if p > 1e-4 else "black"
    text = f"{p:.2f}" if p > 0.005 else f"{p:.0e}"
    ax.text(h, v, text, ha="center", va="center", color=color)
ax.set_xticks(range(4), names[0])
ax.set_yticks(range(8), names[1])
ax.set(xlabel="hidden units", ylabel="visible units", title="Probabilities of all states")
ax.tick_params(length=0)
figure.savefig("clique_potentials.png", dpi=150)
print("saved clique_potentials.png")
