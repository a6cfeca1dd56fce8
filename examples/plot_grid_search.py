"""
=====================================
Grid search over an RBM in a pipeline
=====================================

An RBM can be a step of a pipeline. A grid search then varies its parameters together with the
parameters of the classifier. In every fold, the features are learned from the training rows.
"""

# %%
# The pipeline and its grid
# -------------------------
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline

from skrbm import BernoulliRBM

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, stratify=y, test_size=0.25, random_state=0
)

pipeline = Pipeline(
    [
        ("rbm", BernoulliRBM(n_iter=10, random_state=0)),
        ("classify", LogisticRegression(max_iter=5_000)),
    ]
)
grid = {
    "rbm__n_components": [16, 64, 256],
    "rbm__learning_rate": [0.03, 0.1, 0.3],
    "classify__C": [1, 100],
}
search = GridSearchCV(pipeline, grid, cv=2, n_jobs=-1).fit(X_train, y_train)
print("best parameters:", search.best_params_)
print(f"held-out accuracy: {100 * search.score(X_test, y_test):.1f} %")

# %%
# Effects of the parameters
# -------------------------
# The number of hidden units matters; the learning rate hardly does.
results = pd.DataFrame(search.cv_results_)
best = results.groupby(["param_rbm__n_components", "param_rbm__learning_rate"])["mean_test_score"]
table = best.max().unstack()
figure, ax = plt.subplots(figsize=(5, 3.5), layout="constrained")
(100 * table).plot(ax=ax, marker="o", logx=True)
ax.set_xticks(table.index, [str(n) for n in table.index])
ax.minorticks_off()
ax.set_xlabel("hidden units")
ax.set_ylabel("accuracy, cross-validated (%)")
ax.legend(title="learning rate")
figure.savefig("grid_search.png", dpi=150)
print("saved grid_search.png")
