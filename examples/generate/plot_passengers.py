"""
================================
One model, any question: a table
================================

:class:`~skrbm.TabularRBM` learns the joint distribution of the columns of a table. The same fit
generates rows, fills missing cells, predicts any column from any others, and finds wrong cells. The
table has the passengers of the Titanic; scikit-learn contains it for its tests.
"""

# %%
# A table as it is
# ----------------
# Numbers, counts, categories, an ordered category, a boolean, and missing cells: nothing has to be
# scaled, encoded or filled. A fifth of the ages is missing.
import csv
import gzip
from importlib.resources import files

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from skrbm import TabularRBM
from skrbm.plotting import TableDisplay


def passengers():
    folder = files("sklearn.datasets.tests.data.openml.id_40945")
    (path,) = (x for x in folder.iterdir() if x.name.startswith("data"))
    lines = gzip.decompress(path.read_bytes()).decode().partition("@data")[2].split("\n")
    names = "class survived name sex age siblings parents ticket fare cabin port boat body home"
    rows = [row for row in csv.reader(lines) if row]
    table = pd.DataFrame(rows, columns=names.split())
    table = table.mask(table == "?")
    ports = {"C": "Cherbourg", "Q": "Queenstown", "S": "Southampton"}
    return pd.DataFrame(
        {
            "class": pd.Categorical(table["class"], ["1", "2", "3"], ordered=True),
            "sex": table["sex"],
            "age": table["age"].astype(float),
            "siblings": table["siblings"].astype(int),
            "parents": table["parents"].astype(int),
            "fare": table["fare"].astype(float),
            "port": table["port"].map(ports),
            "survived": table["survived"] == "1",
        }
    )


X = passengers()
X_train, X_test = train_test_split(X, random_state=0)
rbm = TabularRBM(64, random_state=0).fit(X_train)
print(rbm.column_types_)
print(f"log-density of new rows: {rbm.score(X_test):.2f} nats")

# %%
# Generate
# --------
# Generated rows have the columns and types of the table. :class:`~skrbm.plotting.TableDisplay`
# compares them with rows that the model has not seen. The similarity of each pair of columns is
# below the diagonal. Above the diagonal is the similarity to expect by chance.
generated = rbm.sample(1_000, n_steps=200, random_state=0)
print(generated.head().to_string())
display = TableDisplay.from_frames(X_test, generated)
display.figure_.savefig("passengers_compared.png", dpi=150)

# %%
# No row is drawn and rejected, so rare conditions cost no more than others.
rich = rbm.sample(
    5, given={"survived": False, "class": "1", "age": (60, None)}, n_steps=200, random_state=0
)
print(rich.to_string())

# %%
# Fill
# ----
# For a test, known ages are hidden. The mean given the other cells is compared with the median age.
holes = X_test.assign(age=np.nan)
filled = rbm.impute(holes, method="mean", random_state=0)["age"]
errors = {"median": X_train["age"].median(), "TabularRBM": filled}
for name, age in errors.items():
    print(f"error of hidden ages, {name}: {(X_test['age'] - age).abs().mean():.1f} years")

# %%
# Ask
# ---
# How did survival depend on age? The question has only three of the columns; the others are summed
# out. Points are frequencies among all passengers, and their areas are numbers of passengers.
ages = np.arange(1, 61, 1.0)
figure, axes = plt.subplots(1, 2, figsize=(8, 4), layout="constrained", sharey=True)
for ax, (sex, title) in zip(axes, {"female": "Women", "male": "Men"}.items(), strict=True):
    for number, color, side in (("1", "C0", "center"), ("2", "C1", "bottom"), ("3", "C2", "top")):
        question = pd.DataFrame({"class": number, "sex": sex, "age": ages})
        question = question.reindex(columns=X.columns)
        survival = 100 * rbm.predict_proba(question, "survived")[:, 1]
        ax.plot(ages, survival, color=color, linewidth=2)
        ax.text(61, survival[-1], f"class {number}", color=color, va=side)
        rows = X[(X["sex"] == sex) & (X["class"] == number)]
        groups = rows.groupby(pd.cut(rows["age"], [0, 12, 24, 36, 48, 60]), observed=False)
        share, count = 100 * groups["survived"].mean(), groups["survived"].size()
        ax.scatter([6, 18, 30, 42, 54], share, s=2 * count, color=color, alpha=0.35, linewidths=0)
    ax.set(title=title, xlabel="age", xlim=(0, 73), xticks=range(0, 61, 20))
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set(ylabel="probability of survival (%)", ylim=(-3, 108))
figure.suptitle("Who survived the Titanic? Model (lines) and frequencies (points)")
figure.savefig("passengers.png", dpi=150)
print("saved passengers.png")

# %%
# Find the wrong cell
# -------------------
# In each new row, one cell is exchanged with the cell of another row. ``cell_scores`` computes the
# log-probability of each cell given the other cells. Is the cell with the lowest score, relative to
# the mean of its column, the wrong one?
rng = np.random.default_rng(0)
wrong = X_test.copy()
columns = rng.integers(X.shape[1], size=len(X_test))
donors = rng.integers(len(X_test), size=len(X_test))
different = np.zeros(len(X_test), bool)
for row, (donor, column) in enumerate(zip(donors, columns, strict=True)):
    before, after = X_test.iat[row, column], X_test.iat[donor, column]
    different[row] = pd.notna(after) and before != after
    wrong.iat[row, column] = after
scores = rbm.cell_scores(wrong) - np.nanmean(rbm.cell_scores(X_test), axis=0)
first = np.nanargmin(scores, axis=1) == columns
print(f"{first[different].mean():.0%} of the wrong cells have the lowest score of their row")

# sphinx_gallery_thumbnail_number = -1
