"""Safe storage: a loaded estimator equals the stored one, and continues like it."""

import hashlib
import importlib
import pickle
import re

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.datasets import load_digits

from skrbm import (
    BernoulliRBM,
    Checkpoint,
    DBNClassifier,
    DBNRegressor,
    DeepBeliefNetwork,
    GaussianBernoulliRBM,
    RBMClassifier,
    RBMImputer,
    RBMOutlierDetector,
    TabularRBM,
)

DIGITS, LABELS = load_digits(return_X_y=True)
X, Y = (DIGITS[:1200] / 16).astype(np.float32), LABELS[:1200]  # more than one block of rows
FEW = {"n_iter": 2, "random_state": 0}
ESTIMATORS = [
    BernoulliRBM(18, **FEW),
    BernoulliRBM(4, gradient="pt", **FEW),
    BernoulliRBM(4, gradient="ptt", **FEW),
    BernoulliRBM(4, hidden="gaussian", **FEW),
    GaussianBernoulliRBM(4, **FEW),
    TabularRBM(4, **FEW),
    RBMClassifier(4, **FEW),
    DeepBeliefNetwork((4, 3), rbm=BernoulliRBM(n_iter=2), fine_tune_iter=1, random_state=0),
    DBNClassifier(DeepBeliefNetwork((4, 3), rbm=BernoulliRBM(n_iter=2)), random_state=0),
    RBMImputer(BernoulliRBM(4, n_iter=2), method="sample", random_state=0),
    RBMOutlierDetector(BernoulliRBM(4, n_iter=2), random_state=0),
    RBMOutlierDetector(GaussianBernoulliRBM(4, n_iter=2), random_state=0),  # whitened
    DBNRegressor(DeepBeliefNetwork((4, 3), rbm=BernoulliRBM(n_iter=2)), random_state=0),
]
ANSWERS = ("transform", "predict", "predict_proba", "score_samples", "gibbs", "sample", "impute")


def _answers(estimator):
    """All results of the estimator for some rows; draws come from stored generators."""
    for name in ANSWERS:
        if hasattr(estimator, name):
            method = getattr(estimator, name)
            answer = method(5, n_steps=3) if name == "sample" else method(X)
            yield from answer if isinstance(answer, tuple) else [answer]  # draws may have labels


def _through_skops(estimator):
    """The stored estimator, loaded with trust in types of skrbm and scikit-learn alone."""
    stored = skops.io.dumps(estimator)
    types = skops.io.get_untrusted_types(data=stored)
    own = [name for name in types if name.startswith(("skrbm.", "sklearn."))]
    return skops.io.loads(stored, trusted=own)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_skops_keeps_an_estimator(estimator):
    """Fails if a seed, a generator or a chain is lost."""
    loaded = _through_skops(estimator.fit(X, Y))
    for got, expected in zip(_answers(loaded), _answers(estimator), strict=True):
        np.testing.assert_array_equal(got, expected)
    if hasattr(estimator, "partial_fit"):
        for one in (estimator, loaded):
            one.partial_fit(X, Y)
        for got, expected in zip(_answers(loaded), _answers(estimator), strict=True):
            np.testing.assert_array_equal(got, expected)


def test_skops_keeps_an_unfinished_fit(tmp_path):
    """Fails if the plan, or the path of a checkpoint, has a type of another package."""
    path = tmp_path / "rbm.checkpoint"

    def give_up(rbm, iteration):
        if iteration == 2:
            raise KeyboardInterrupt

    rbm = BernoulliRBM(4, n_iter=4, callbacks=[Checkpoint(path), give_up], random_state=0)
    with pytest.raises(KeyboardInterrupt):
        rbm.fit(X)
    resumed = _through_skops(Checkpoint.load(path)).resume(X)
    unbroken = BernoulliRBM(4, n_iter=4, random_state=0).fit(X)
    np.testing.assert_array_equal(resumed.components_, unbroken.components_)
    assert Checkpoint.load(path).n_iter_ == 4


EARLIER_MODULES = [
    ("rbm", "BernoulliRBM"),
    ("gaussian_rbm", "GaussianBernoulliRBM"),
    ("rbm_classifier", "RBMClassifier"),
    ("dbn", "DeepBeliefNetwork"),
    ("fine_tuned", "DBNClassifier"),
    ("imputer", "RBMImputer"),
    ("outlier_detector", "RBMOutlierDetector"),
]


def _load_checkpoint(path):
    content = path.read_bytes()
    path.write_bytes(content + hashlib.sha256(content).digest())
    return Checkpoint.load(path)


@pytest.mark.parametrize(("module", "name"), EARLIER_MODULES)
@pytest.mark.parametrize(
    "load",
    [lambda path: pickle.loads(path.read_bytes()), joblib.load, _load_checkpoint],
    ids=["pickle", "joblib", "checkpoint"],
)
def test_a_model_that_an_earlier_version_saved_is_refused_in_one_sentence(
    load, module, name, tmp_path
):
    """Fails if the message is only that a module is missing, or that the file is unknown."""
    path = tmp_path / "model"
    path.write_bytes(f"cskrbm.{module}\n{name}\n)\x81.".encode("latin-1"))  # no protocol is older
    sentence = (
        f"skrbm.{module} is a module of an earlier version of skrbm, whose saved models this "
        "version cannot load: fit the model again."
    )
    with pytest.raises(ImportError, match=f"^{re.escape(sentence)}$"):
        load(path)


def test_a_cluster_s_model_that_an_earlier_version_saved_is_refused():
    """Its class has not moved. Fails if the estimator in it is loaded without its state."""
    pytest.importorskip("distributed")
    estimator = "cskrbm.rbm\nBernoulliRBM\n)\x81"
    state = f"cskrbm.distributed\nDistributed\n)\x81}}(S'estimator'\n{estimator}ub."
    with pytest.raises(ImportError, match="fit the model again"):
        pickle.loads(state.encode("latin-1"))


def test_other_missing_modules_raise_the_usual_error():
    """Negative control. Fails if any missing module raises this error."""
    with pytest.raises(ModuleNotFoundError, match="No module named 'skrbm.nothing'"):
        importlib.import_module("skrbm.nothing")
