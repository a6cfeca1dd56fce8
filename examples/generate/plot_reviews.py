"""
==============================
Five words from a film critic
==============================

A sentence of five words is a row with five categories. :class:`~skrbm.TabularRBM` learns which
words occur together, also far from each other. A Markov chain of second order, with a table of
``p(word | two words before)``, sees only neighbours.
"""

# %%
# Five critics
# ------------
# Each critic has a style, and an opinion that depends on the subject. One word in twenty is a slip:
# any word of its place. The table has only the words, not the critics.
import matplotlib.pyplot as plt
import numpy as np
from scipy.special import logsumexp

from skrbm import TabularRBM

CRITICS = {  # openings, verbs, adverbs, and pairs of a subject and its adjectives
    "enthusiast": ("this every", "is was", "simply truly", "film:superb,magical cast:charming"),
    "cynic": ("this another", "is was", "simply merely", "film:dull,stale plot:absurd ending:lazy"),
    "scholar": ("the its", "seems remains", "rather quite", "plot:coherent score:eloquent,austere"),
    "teenager": ("that my", "was looks", "so totally", "film:boring cast:cute hero:awesome,lame"),
    "poet": ("its every", "seems glows", "almost quite", "light:tender silence:hollow,luminous"),
}
styles = []
for openings, verbs, adverbs, opinions in CRITICS.values():
    pairs = dict(pair.split(":") for pair in opinions.split())
    adjectives = [(noun, x.split(",")) for noun, x in pairs.items()]
    styles.append((openings.split(), adjectives, verbs.split(), adverbs.split()))
words = [
    sorted({word for style in styles for word in style[0]}),
    sorted({noun for style in styles for noun, _ in style[1]}),
    sorted({word for style in styles for word in style[2]}),
    sorted({word for style in styles for word in style[3]}),
    sorted({word for style in styles for _, adjectives in style[1] for word in adjectives}),
]
print(f"{sum(map(len, words))} words")
rng = np.random.default_rng(0)


def sentence():
    openings, opinions, verbs, adverbs = styles[rng.integers(len(styles))]
    noun, adjectives = opinions[rng.integers(len(opinions))]
    chosen = [rng.choice(openings), noun, rng.choice(verbs), rng.choice(adverbs)]
    chosen.append(rng.choice(adjectives))
    slips = rng.random(5) < 0.05
    return [rng.choice(words[i]) if slips[i] else chosen[i] for i in range(5)]


X = np.array([sentence() for _ in range(3_000)])
X, X_test = X[:2_000], X[2_000:]
for row in X[:5]:
    print(" ".join(row))

# %%
# Two models
# ----------
# The probability of a word after two others is smoothed towards its probability after one, which
# is smoothed towards its frequency. The strength of smoothing is the best one for new sentences.
rbm = TabularRBM(64, random_state=0).fit(X)


def coded(rows):
    return np.stack([np.searchsorted(words[i], rows[:, i]) for i in range(5)], axis=1)


def chain(rows, strength):
    """Log-probabilities of sentences under a Markov chain of second order."""
    learned, rows, log_p = coded(X), coded(rows), np.zeros(len(rows))
    for i in range(5):
        sizes = [len(words[k]) for k in range(max(i - 2, 0), i + 1)]
        p = np.full(len(rows), 1 / sizes[-1])
        for order in range(len(sizes)):
            count = np.zeros(sizes[-order - 1 :])
            np.add.at(count, tuple(learned[:, i - order : i + 1].T), 1)
            count, total = count[tuple(rows[:, i - order : i + 1].T)], count.sum(axis=-1)
            total = total[tuple(rows[:, i - order : i].T)]
            p = (count + strength * p) / (total + strength)
        log_p += np.log(p)
    return log_p


def grammar(rows):
    """Their true log-probabilities."""
    p = np.zeros(len(rows))
    for openings, opinions, verbs, adverbs in styles:
        for noun, adjectives in opinions:
            q = np.full(len(rows), 1 / len(styles) / len(opinions))
            for i, some in enumerate((openings, [noun], verbs, adverbs, adjectives)):
                q *= 0.95 * np.isin(rows[:, i], some) / len(some) + 0.05 / len(words[i])
            p += q
    return np.log(p)


strength = max([0.5, 1, 2, 5, 10], key=lambda x: chain(X_test, x).mean())
models = {
    "chain of 2nd order": lambda rows: chain(rows, strength),
    "TabularRBM": rbm.score_samples,
    "grammar": grammar,
}
for name, log_p in models.items():
    print(f"{name}: {log_p(X_test).mean():.2f} nats per new sentence")

# %%
# Which sentence did the critic write?
# ------------------------------------
# Each new sentence is hidden among four others, in which one word is replaced. The guess is the
# most probable sentence of the five.
accuracy = {name: [] for name in models}
candidates = np.repeat(X_test[:, None], 5, axis=1)
for row, place in enumerate(rng.integers(5, size=len(X_test))):
    others = [word for word in words[place] if word != X_test[row, place]]
    candidates[row, 1:, place] = rng.choice(others, 4, replace=False)
for name, log_p in models.items():
    scores = log_p(candidates.reshape(-1, 5)).reshape(-1, 5)
    best = scores > scores.max(axis=1, keepdims=True) - 1e-9
    accuracy[name].append((best[:, 0] / best.sum(axis=1)).mean())  # a guess among equal ones

# %%
# Complete the fifth word
# -----------------------
# ``predict`` returns the most probable word given the others. For the other models, all words are
# tried.


def log_probabilities(log_p, rows, place):
    """Log-probabilities of all words of one place, given the others."""
    tried = np.repeat(rows[:, None], len(words[place]), axis=1)
    tried[:, :, place] = words[place]
    scores = log_p(tried.reshape(-1, 5)).reshape(len(rows), -1)
    return scores - logsumexp(scores, axis=1, keepdims=True)


def completed(name, rows, place):
    if name == "TabularRBM":
        return rbm.predict(rows, f"x{place}")
    return np.array(words[place])[log_probabilities(models[name], rows, place).argmax(axis=1)]


for name in models:
    accuracy[name].append((completed(name, X_test, 4) == X_test[:, 4]).mean())

# %%
# Mend a wrong word
# -----------------
# One word is wrong: which one, and what was it? The word with the lowest log-probability given the
# others is replaced by the most probable one. ``cell_scores`` computes these log-probabilities.


def cell_scores(name, rows):
    if name == "TabularRBM":
        return rbm.cell_scores(rows)
    scores = [log_probabilities(models[name], rows, place) for place in range(5)]
    own = [rows[:, [i]] == np.array(words[i]) for i in range(5)]
    return np.stack([x[y] for x, y in zip(scores, own, strict=True)], axis=1)


wrong = candidates[:, 1]
for name in models:
    mended, worst = wrong.copy(), cell_scores(name, wrong).argmin(axis=1)
    for place in range(5):
        mended[worst == place, place] = completed(name, wrong[worst == place], place)
    accuracy[name].append((mended == X_test).all(axis=1).mean())
    if name == "TabularRBM":
        for before, after in zip(wrong[:5], mended[:5], strict=True):
            print(" ".join(before), "->", " ".join(after))

# %%
# Write new ones
# --------------
# Sentences from the model, then some about the silence that was lame, which no critic wrote.
for row in rbm.sample(5, n_steps=200, random_state=0):
    print(" ".join(row))
for row in rbm.sample(3, given={"x1": "silence", "x4": "lame"}, n_steps=200, random_state=0):
    print(" ".join(row))

# %%
# The RBM is about as good as the grammar that made the sentences.
tasks = ["which of five sentences", "complete the fifth word", "mend a wrong word"]
figure, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
for k, (name, shares) in enumerate(accuracy.items()):
    print(name, [f"{share:.0%}" for share in shares])
    places = np.arange(3) + 0.27 * (k - 1)
    bars = ax.bar(places, 100 * np.array(shares), 0.25, color=["0.7", "C3", "0.3"][k], label=name)
    ax.bar_label(bars, fmt="{:.0f}", padding=2)
ax.set_xticks(range(3), tasks)
ax.set(ylabel="correct (%)", ylim=(0, 95))
ax.spines[["top", "right"]].set_visible(False)
ax.set_title("Which words did the critic write?")
ax.legend(ncols=3, frameon=False, loc="upper center")
figure.savefig("reviews.png", dpi=150)
print("saved reviews.png")
