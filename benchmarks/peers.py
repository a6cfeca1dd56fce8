"""The same algorithm in other packages, and the matrix products that it needs."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from scipy.special import logsumexp

from skrbm.model import RBM
from skrbm.units import Bernoulli

RATE = 0.01
HAS_TORCH = find_spec("torch") is not None


class TorchRBM:
    """PCD-1 in plain PyTorch on the CPU, as a tutorial would write it."""

    def __init__(self, n_components: int, batch_size: int, n_iter: int = 1) -> None:
        self.n_components, self.batch_size, self.n_iter = n_components, batch_size, n_iter

    def fit(self, X: np.ndarray) -> TorchRBM:
        """Train on the rows of X in random order."""
        import torch

        torch.manual_seed(0)
        X = torch.from_numpy(np.asarray(X, dtype=np.float32))
        weights = 0.01 * torch.randn(X.shape[1], self.n_components)
        b, c = torch.zeros(X.shape[1]), torch.zeros(self.n_components)
        h = torch.zeros(self.batch_size, self.n_components)
        for _ in range(self.n_iter):
            for rows in torch.randperm(len(X)).split(self.batch_size):
                v = X[rows]
                h_data = torch.sigmoid(v @ weights + c)
                v_model = torch.bernoulli(torch.sigmoid(h @ weights.T + b))
                h_model = torch.sigmoid(v_model @ weights + c)
                h = torch.bernoulli(h_model)
                rate = RATE / len(v)
                weights += rate * (v.T @ h_data - v_model.T @ h_model)
                b += rate * (v.sum(0) - v_model.sum(0))
                c += rate * (h_data.sum(0) - h_model.sum(0))
        self.components_ = weights.T.numpy()
        self.intercept_visible_, self.intercept_hidden_ = b.numpy(), c.numpy()
        return self


class RbmsRBM:
    """PCD-1 with centred gradients by rbms, as its own training loop makes its updates."""

    def __init__(
        self, n_components: int, batch_size: int, n_iter: int = 1, device: str = "cpu"
    ) -> None:
        self.n_components, self.batch_size, self.n_iter = n_components, batch_size, n_iter
        self.device = device

    def fit(self, X: np.ndarray) -> RbmsRBM:
        """Train on the rows of X in random order."""
        import torch
        from rbms.bernoulli_bernoulli.classes import BBRBM
        from rbms.training.pcd import fit_batch_pcd

        torch.manual_seed(0)
        X = torch.as_tensor(X, dtype=torch.float32, device=self.device)
        weights = 0.01 * torch.randn(X.shape[1], self.n_components, device=self.device)
        rbm = BBRBM(weights, 0 * weights[:, 0], 0 * weights[0])
        for parameter in rbm.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer = torch.optim.SGD(rbm.parameters(), lr=RATE, maximize=True)
        chains = rbm.init_chains(self.batch_size)
        ones = torch.ones(len(X), device=self.device)
        with torch.no_grad():
            for _ in range(self.n_iter):
                for rows in torch.randperm(len(X), device=self.device).split(self.batch_size):
                    optimizer.zero_grad(set_to_none=False)
                    chains, _ = fit_batch_pcd((X[rows], ones[rows]), chains, rbm, 1, 1.0)
                    optimizer.step()
        self.components_ = rbm.weight_matrix.T.cpu().numpy()
        self.intercept_visible_, self.intercept_hidden_ = (
            x.cpu().numpy() for x in (rbm.vbias, rbm.hbias)
        )
        return self


def five_products(X: np.ndarray, n_components: int, batch_size: int) -> None:
    """The products of PCD-1 as its formulas have them: three conditionals, two outer products."""
    n_features = X.shape[1]
    weights = np.full((n_features, n_components), 0.01, X.dtype)
    h = np.full((batch_size, n_components), 0.5, X.dtype)
    out = np.empty_like(weights)
    v = X[:batch_size]
    for _ in range(len(X) // batch_size):
        v @ weights
        h @ weights.T
        v @ weights
        np.matmul(v.T, h, out=out)
        np.matmul(v.T, h, out=out)


def three_products(X: np.ndarray, n_components: int, batch_size: int) -> None:
    """The products in skrbm: data and chains share one product upwards and one into the weights.

    The sum into the weights, which BLAS could include in the last product, counts too.
    """
    n_features = X.shape[1]
    weights = np.full((n_features, n_components), 0.01, X.dtype)
    h = np.full((2 * batch_size, n_components), 0.5, X.dtype)
    v = np.concatenate([X[:batch_size], X[:batch_size]])
    for _ in range(len(X) // batch_size):
        h[:batch_size] @ weights.T
        v @ weights
        weights += v.T @ h


def random_rbm(n_visible: int, n_hidden: int, scale: float) -> RBM:
    """Draw a model with normal parameters, in float32 as after training on such data."""
    rng = np.random.default_rng(0)
    b, c, w = (
        rng.normal(scale=scale, size=s) for s in (n_visible, n_hidden, (n_visible, n_hidden))
    )
    return RBM(Bernoulli(b), Bernoulli(c), w).map(lambda x: x.astype(np.float32))


def plain_log_partition(rbm: RBM) -> float:
    """Sum over all hidden states by the formula, in float64."""
    rbm = rbm.in_float64()
    h = rbm.hidden.states()
    total = np.logaddexp(0, h @ rbm.weights.array.T + rbm.visible.bias).sum(axis=1)
    return float(logsumexp(h @ rbm.hidden.bias + total))
