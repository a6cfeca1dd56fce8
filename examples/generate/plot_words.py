"""
=====================
Words of five letters
=====================

A word is a row with five categories, one per letter. A few hundred words are little data for 26
letters in five places. ``TabularRBM`` is compared with Markov chains on words that it has not seen.
Then it invents words and completes others.
"""

# %%
# Words that are already here
# ---------------------------
# The words come from docstrings of Python and of four packages, if at least two files have them,
# and from the names of symbols in Unicode.
import re
import sysconfig
import unicodedata
from collections import Counter
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import scipy
import sklearn

from skrbm import TabularRBM

WORD = re.compile(r"(?<= )[a-z]{5}(?=,? [a-z(]|[.:]?$)", re.MULTILINE)


def words_of(text):
    return {word for x in re.findall(r'"""(.*?)"""', text, re.DOTALL) for word in WORD.findall(x)}


folders = [Path(module.__file__).parent for module in (np, scipy, sklearn, matplotlib)]
files = [path for folder in folders for path in folder.rglob("*.py")]
files += [x for x in Path(sysconfig.get_path("stdlib")).rglob("*.py") if "packages" not in str(x)]
count = Counter(word for path in files for word in words_of(path.read_text(errors="ignore")))
symbols = [unicodedata.name(chr(x), "") for x in [*range(0x2010, 0x2C00), *range(0x1F000, 0x1FB00)]]
words = {word for word, n in count.items() if n > 1}
words |= {word for name in symbols for word in re.findall(r"\b[a-z]{5}\b", name.lower())}
X = np.array([list(word) for word in sorted(words)])
np.random.default_rng(0).shuffle(X)
X, X_test = X[300:], X[:300]
print(f"{len(X)} words and {len(X_test)} new ones, such as", " ".join(map("".join, X_test[:10])))

# %%
# Log-likelihoods of new words
# ----------------------------
# The probability of a letter in the chain of order k depends on k letters before, and on the place.
# It is smoothed towards the chain of order k - 1, with the strength that is best for the new words.
rbm = TabularRBM(random_state=0).fit(X)


def chain(rows, order, strength):
    log_p = np.zeros(len(rows))
    for i in range(5):
        p = np.full(len(rows), 1 / 26)
        for k in range(min(i, order) + 1):
            same = (X[None, :, i - k : i] == rows[:, None, i - k : i]).all(axis=2)
            both = (same & (X[None, :, i] == rows[:, None, i])).sum(axis=1)
            p = (both + strength * p) / (same.sum(axis=1) + strength)
        log_p += np.log(p)
    return log_p


scores = {
    f"chain of order {order}": max(
        (chain(X_test, order, strength) for strength in (5, 10, 20, 40)), key=np.mean
    )
    for order in range(3)
}
scores["TabularRBM"] = rbm.score_samples(X_test)
both = np.logaddexp(scores["chain of order 2"], scores["TabularRBM"])
scores["mean of the last two"] = both - np.log(2)
for name, log_p in scores.items():
    print(f"{name}: {log_p.mean() / 5:.3f} nats per letter")

# %%
# With so few words, the RBM is about as good as the chain. They have learned different things: the
# mean of their probabilities is better than either.
#
# Invented words
# --------------
# Of 300 generated words, these are the most probable ones that are not in the list.
invented = rbm.sample(300, n_steps=300, random_state=0)
invented = invented[np.argsort(-rbm.score_samples(invented))]
names = [name for name in dict.fromkeys(map("".join, invented)) if name not in words]
print(" ".join(names[:40]))

# %%
# Completed words
# ---------------
# A chain reads from left to right. The RBM completes a word from any of its letters.
pattern = np.array([["s", None, "a", None, "e"]], dtype=object)
found = Counter(map("".join, rbm.sample(300, given=pattern, random_state=0)))
print(", ".join(f"{word} ({n})" for word, n in found.most_common(10)))

figure, axes = plt.subplots(1, 2, figsize=(9, 3), layout="constrained", width_ratios=[1, 1.3])
nats = [log_p.mean() / 5 for log_p in scores.values()]
colors = ["0.7", "0.7", "0.7", "C3", "C1"]
bars = axes[0].barh(list(scores), np.array(nats) + np.log(26), color=colors)
axes[0].bar_label(bars, [f"{x:.2f}" for x in nats], padding=3)
axes[0].invert_yaxis()
axes[0].tick_params(length=0)
axes[0].set(title="log-likelihood, nats per letter", xticks=[], xlim=(0, 0.9))
axes[0].spines[:].set_visible(False)
for place, sign in (("x1", 1), ("x3", -1)):
    p = rbm.predict_proba(pattern, place)[0]
    axes[1].bar(rbm.classes_[place], sign * 100 * p, color="C3" if sign > 0 else "C0")
axes[1].axhline(0, color="black", linewidth=0.8)
axes[1].set(title="s ? a ? e: second letter up, fourth letter down", ylabel="probability (%)")
axes[1].yaxis.set_major_formatter(lambda value, _: f"{abs(value):g}")
axes[1].spines[["top", "right", "bottom"]].set_visible(False)
axes[1].set_xticks(list("abcdefghijklmnopqrstuvwxyz"))
figure.savefig("words.png", dpi=150)
print("saved words.png")
