"""
=================
On a Dask cluster
=================

A cluster helps in two ways. :class:`~skrbm.distributed.Distributed` fits one model to data that are
spread over the workers, and a grid search runs its many fits on them. The cluster here is two
threads on this machine; the program is the same for a hundred machines.
"""

# %%
# One model, from data on all workers
# -----------------------------------
# The images, four times over, are eight blocks of a Dask array. With real data, each worker reads
# its own blocks, and the data are never in one place. ``Client("tcp://...")`` connects to the
# scheduler of a cluster. The task stream records the work of each worker.
import dask.array as da
import joblib
import matplotlib.pyplot as plt
import numpy as np
from distributed import Client, get_task_stream
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline

from skrbm import BernoulliRBM, DeepBeliefNetwork
from skrbm.distributed import Distributed

X, y = load_digits(return_X_y=True)
X = (X / 16).astype(np.float32)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)

client = Client(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None)
blocks = da.from_array(np.tile(X, (4, 1)), chunks=(len(X) // 2, -1))
rbm = BernoulliRBM(512, n_iter=10, random_state=0)
with get_task_stream(client) as one_fit:
    distributed = Distributed(rbm).fit(blocks)
print(f"fitted by two workers: {distributed.score(X_test):.1f} nats per test image")
print(f"fitted by one process: {rbm.fit(blocks.compute()).score(X_test):.1f} nats")

# %%
# Many models, in a grid search
# -----------------------------
# With the joblib backend "dask", the fits of a grid search run on the workers. A
# :class:`~skrbm.DeepBeliefNetwork` varies in its layers, and the classifier in its regularisation.
dbn = DeepBeliefNetwork(rbm=BernoulliRBM(n_iter=10), output="all", random_state=0)
pipeline = Pipeline([("dbn", dbn), ("classify", LogisticRegression(max_iter=1_000))])
grid = {"dbn__hidden_layer_sizes": [(32,), (64,), (64, 32)], "classify__C": [1, 10]}
with get_task_stream(client) as many_fits, joblib.parallel_config("dask"):
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
client.close()
print("best parameters:", search.best_params_)
print(f"accuracy on test images: {search.score(X_test, y_test):.1%}")

# %%
# Who did what, and when
# ----------------------
# Each bar is a task of one worker. In the fit of one model, both workers train for an epoch, and
# then their parameters are averaged. In the grid search, each bar is a fit.
colors = {"call": "C0", "reduce": "C1"}
figure, axes = plt.subplots(2, 1, figsize=(8, 3.6), layout="constrained")
streams = {"One fit of ten epochs": one_fit, "Grid search with 18 fits": many_fits}
for ax, (title, stream) in zip(axes, streams.items(), strict=True):
    workers = sorted({task["worker"] for task in stream.data})
    begin = min(span["start"] for task in stream.data for span in task["startstops"])
    for task in stream.data:
        color = colors.get(str(task["key"]).split("-")[0], "C2")
        for span in task["startstops"]:
            seconds, row = span["stop"] - span["start"], workers.index(task["worker"])
            ax.barh(
                row, seconds, left=span["start"] - begin, color=color, edgecolor="w", linewidth=0.6
            )
    ax.set_yticks(range(len(workers)), [f"worker {i + 1}" for i in range(len(workers))])
    ax.set(title=title)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
axes[1].set(xlabel="seconds")
figure.savefig("cluster.png", dpi=150)
print("saved cluster.png")
