"""Streams of real-valued rows: later rows are compared with the first call of `partial_fit`."""

import numpy as np
import pytest

from skrbm import DeepBeliefNetwork, GaussianBernoulliRBM


def feed(estimator, X, batch):
    for start in range(0, len(X), batch):
        estimator.partial_fit(X[start : start + batch])


@pytest.mark.parametrize("covariance_type", ["diag", "full"])
@pytest.mark.parametrize("batch", [5, 100])
@pytest.mark.parametrize(("scale", "shift"), [(1, 3.5), (6, 0), (0.001, 0), (1e3, -1e4)])
def test_a_stream_unlike_its_first_call_warns_once(scale, shift, batch, covariance_type):
    """Fails if later rows, in one call or in many, are not compared with the first ones."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)) * [1, 10, 0.1] + [5, 0, 7]
    later = X.copy()
    later[:, 1] = later[:, 1] * scale + 10 * shift
    rbm = GaussianBernoulliRBM(2, covariance_type=covariance_type, random_state=0)
    rbm.partial_fit(X)
    with pytest.warns(UserWarning, match="rows of its first call: column 1 has") as caught:
        feed(rbm, later, batch)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_a_stream_of_equal_rows_does_not_warn():
    """Fails if chance, a rare value or a constant column counts as a difference.

    A warning is an error here.
    """
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [rng.standard_t(5, 3_000), rng.random(3_000) < 0.02, np.full(3_000, 7.0), rng.random(3_000)]
    )
    rbm = GaussianBernoulliRBM(2, random_state=0)
    feed(rbm, X, 100)
    stack = DeepBeliefNetwork((2, 2), visible_rbm=GaussianBernoulliRBM(), random_state=0)
    feed(stack, X[:600], 100)


def test_a_stack_warns_of_a_stream_unlike_its_first_call():
    """Fails if only single models make the comparison."""
    X = np.random.default_rng(0).normal(size=(200, 3))
    stack = DeepBeliefNetwork((2, 2), visible_rbm=GaussianBernoulliRBM(), random_state=0)
    stack.partial_fit(X)
    with pytest.warns(UserWarning, match="unlike the rows of its first call") as caught:
        stack.partial_fit(X + 9).partial_fit(X + 9)
    assert len(caught) == 1
