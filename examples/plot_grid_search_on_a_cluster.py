"""
=============================
Grid search on a Dask cluster
=============================

The fits of a grid search are independent of each other. With the joblib backend "dask", they run on
the workers of a cluster, here two processes on this machine. The rest of the program does not
change. The search varies the parameters of a stack of RBMs and of the classifier on its features.
"""

# %%
# The pipeline and its grid
# -------------------------
import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from distributed import Client, LocalCluster
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline

from skrbm import BernoulliRBM, DeepBeliefNetwork

GRID = {
    "dbn__hidden_layer_sizes": [(32,), (32, 32), (128,), (128, 64)],
    "classify__C": [1, 100],
}


def search(X, y):
    """Search the grid on the workers."""
    dbn = DeepBeliefNetwork(rbm=BernoulliRBM(n_iter=10), output="all", random_state=0)
    pipeline = Pipeline([("dbn", dbn), ("classify", LogisticRegression(max_iter=5_000))])
    with joblib.parallel_config("dask"):
        return GridSearchCV(pipeline, GRID, cv=3).fit(X, y)


# %%
# The cluster is started before the search, and closed after it. A program that starts processes
# needs the last line; otherwise every process would run the whole program again.


def main():
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, stratify=y, test_size=0.25, random_state=0
    )
    options = {"threads_per_worker": 1, "host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=2, **options) as cluster, Client(cluster):
        result = search(X_train, y_train)
    print("best parameters:", result.best_params_)
    print(f"held-out accuracy: {100 * result.score(X_test, y_test):.1f} %")

    table = pd.DataFrame(result.cv_results_)
    names = table["param_dbn__hidden_layer_sizes"].map(lambda sizes: " and ".join(map(str, sizes)))
    table = table.assign(sizes=names).pivot_table(
        "mean_test_score", "sizes", "param_classify__C", sort=False
    )
    figure, ax = plt.subplots(figsize=(5, 3.5), layout="constrained")
    (100 * table).plot.bar(ax=ax, rot=0)
    ax.set_ylim(100 * table.to_numpy().min() - 1, 100)
    ax.set_xlabel("hidden units, layer by layer")
    ax.set_ylabel("accuracy, cross-validated (%)")
    ax.legend(title="C of the classifier")
    figure.savefig("grid_search_on_a_cluster.png", dpi=150)
    print("saved grid_search_on_a_cluster.png")


if __name__ == "__main__":
    main()
