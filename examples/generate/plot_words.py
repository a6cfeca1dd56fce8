"""
=====================
Words of five letters
=====================

A word is a row with five categories, one per letter. :class:`~skrbm.TabularRBM` learns from a few
hundred words. Then it invents new ones, and completes words from any of their letters, as in a
crossword.
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
# Fit, and compare
# ----------------
# A Markov chain of second order predicts each letter from the two before it, and from its place.
# Its smoothing is the best one for the new words. The two models have learned different things:
# the mean of their probabilities is better than either.
rbm = TabularRBM(random_state=0).fit(X)


def chain(rows, strength):
    """Log-probabilities, smoothed towards shorter chains."""
    log_p = np.zeros(len(rows))
    for i in range(5):
        p = np.full(len(rows), 1 / 26)
        for k in range(min(i, 2) + 1):
            same = (X[None, :, i - k : i] == rows[:, None, i - k : i]).all(axis=2)
            both = (same & (X[None, :, i] == rows[:, None, i])).sum(axis=1)
            p = (both + strength * p) / (same.sum(axis=1) + strength)
        log_p += np.log(p)
    return log_p


scores = {
    "chain of second order": max((chain(X_test, x) for x in (5, 10, 20, 40)), key=np.mean),
    "TabularRBM": rbm.score_samples(X_test),
}
scores["mean of both"] = np.logaddexp(*scores.values()) - np.log(2)
for name, log_p in scores.items():
    print(f"{name}: {log_p.mean() / 5:.2f} nats per letter of new words")

# %%
# Invent words
# ------------
# Of 300 generated words, these are the most probable ones that are not in the list.
invented = rbm.sample(300, n_steps=300, random_state=0)
invented = invented[np.argsort(-rbm.score_samples(invented))]
names = [name for name in dict.fromkeys(map("".join, invented)) if name not in words]
print(" ".join(names[:40]))

# %%
# Complete words
# --------------
# A chain reads from left to right. The RBM completes a word from any of its letters: given letters
# are in black, and possible letters have the size of their probability.
patterns = ["s?a?e", "?ou?d", "t???r", "??gh?"]
figure, axes = plt.subplots(2, 2, figsize=(8, 3), layout="constrained")
for ax, pattern in zip(axes.flat, patterns, strict=True):
    row = np.array([[None if x == "?" else x for x in pattern]], dtype=object)
    found = Counter(map("".join, rbm.sample(300, given=row, random_state=0)))
    best = ", ".join(word for word, _ in found.most_common(5))
    print(f"{pattern}: {best}")
    for place, letter in enumerate(pattern):
        ax.add_patch(
            plt.Rectangle((place, 0), 0.94, 1, color="0.93" if letter == "?" else "#f2c94c")
        )
        if letter != "?":
            ax.text(place + 0.47, 0.5, letter, fontsize=30, ha="center", va="center_baseline")
            continue
        p, letters = rbm.predict_proba(row, f"x{place}")[0], rbm.classes_[f"x{place}"]
        for k, i in enumerate(np.argsort(-p)[:4]):
            ax.text(
                *(place + 0.27 + 0.4 * (k % 2), 0.75 - 0.5 * (k // 2)),
                letters[i],
                fontsize=8 + 26 * np.sqrt(p[i]),
                color="C3",
                ha="center",
                va="center_baseline",
            )
    ax.set(xlim=(0, 5), ylim=(0, 1), aspect="equal", title=best)
    ax.set_axis_off()
figure.suptitle("Words completed from any of their letters")
figure.savefig("words.png", dpi=150)
print("saved words.png")
