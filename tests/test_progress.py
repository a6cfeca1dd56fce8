"""Lines of a report: at most twenty in a fit, the last epoch among them."""

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from skrbm import BernoulliRBM, DBNClassifier, DeepBeliefNetwork, RBMClassifier

X = np.eye(4)


def epochs_shown(capsys):
    """The epochs in the lines written since the last call."""
    lines = capsys.readouterr().out.splitlines()
    return [int(line.split("Iteration ")[1].split(",")[0]) for line in lines]


@pytest.mark.parametrize("n_iter", [1, 7, 20, 21, 39, 40, 41, 399, 400, 1_000])
def test_a_fit_writes_at_most_twenty_lines_at_equal_intervals(n_iter, capsys):
    """Fails if a line is one too many, the last epoch is missing, or there are gaps."""
    BernoulliRBM(1, n_iter=n_iter, verbose=1).fit(X)
    shown = epochs_shown(capsys)
    assert min(n_iter, 10) <= len(shown) <= 20
    assert shown[-1] == n_iter
    steps = np.diff([0, *shown])
    assert (steps[:-1] == steps[0]).all()
    assert steps[-1] <= steps[0]


def test_verbose_2_writes_every_epoch(capsys):
    """Fails if the report is still limited."""
    BernoulliRBM(1, n_iter=45, verbose=2).fit(X)
    assert epochs_shown(capsys) == list(range(1, 46))
    RBMClassifier(1, n_iter=45, verbose=np.int64(2)).fit(X, [0, 1, 0, 1])
    assert epochs_shown(capsys) == list(range(1, 46))


def test_a_fit_that_ends_early_shows_its_last_epoch(capsys):
    """Fails if the report ends before the training does."""

    def stop(rbm, iteration):
        if iteration == 47:
            raise StopIteration

    BernoulliRBM(1, n_iter=400, verbose=1, callbacks=stop).fit(X)
    assert epochs_shown(capsys) == [20, 40, 47]


@pytest.mark.parametrize("sizes", [(2,), (2, 2), (2, 2, 2, 2)])
def test_a_stack_writes_at_most_twenty_lines_for_all_layers(sizes, capsys):
    """Fails if every layer, or up-down, writes as many lines as a fit may."""
    rbm = BernoulliRBM(n_iter=50)
    dbn = DeepBeliefNetwork(sizes, rbm=rbm, fine_tune_iter=30, verbose=1).fit(X)
    shown = epochs_shown(capsys)
    assert len(sizes) + 1 <= len(shown) <= 20
    assert shown.count(50) == len(sizes)
    assert shown[-1] == 30
    dbn.set_params(verbose=2).fit(X)
    assert len(epochs_shown(capsys)) == 50 * len(sizes) + 30


def test_fine_tuning_shares_the_twenty_lines_of_its_stack(capsys):
    """Fails if the stack and its fine-tuning write twenty lines each."""
    dbn = DeepBeliefNetwork((2, 2), rbm=BernoulliRBM(n_iter=50), fine_tune_iter=30)
    mlp = MLPClassifier(solver="sgd", batch_size=len(X), max_iter=40)
    DBNClassifier(dbn, mlp=mlp, verbose=1).fit(X, np.arange(len(X)) % 2)
    shown = epochs_shown(capsys)
    assert len(shown) <= 20
    assert shown[-1] == 40


def test_every_call_of_partial_fit_writes_its_line(capsys):
    """Fails if a stream is silent until it has as many epochs as a fit."""
    rbm = BernoulliRBM(1, verbose=1)
    for _ in range(3):
        rbm.partial_fit(X)
    assert epochs_shown(capsys) == [1, 2, 3]
