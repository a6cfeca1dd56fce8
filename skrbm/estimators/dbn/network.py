"""`DeepBeliefNetwork`: parameters and documentation, and how the layers are trained."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skrbm import likelihood
from skrbm._kernels import devices, random
from skrbm._kernels.devices import Array, Generator
from skrbm.deep.belief_net import BeliefNet, drawn_with
from skrbm.estimators.dbn.inference import BeliefNetInference
from skrbm.estimators.dbn.layer_inputs import Activations, UnfinishedStack
from skrbm.estimators.rbm.bernoulli import BernoulliRBM
from skrbm.estimators.rbm.fitting import RBMEstimator
from skrbm.estimators.rbm.trained import Hook, asked_to_stop
from skrbm.learning.loop import Monitor, Plan, Sweeps, are_states, progress
from skrbm.learning.optimizer import Schedule, constant, linear_decay
from skrbm.learning.wake_sleep import UpDown
from skrbm.validation.estimators import (
    check_binary_between,
    check_kind,
    check_same_device,
    check_same_rows,
    check_unfinished,
)
from skrbm.validation.parameters import (
    check_callbacks,
    check_choice,
    check_count,
    check_random_state,
    check_rate,
    check_seed,
    check_sizes,
)
from skrbm.validation.rows import UNIT_INTERVAL, Domain, check_columns, check_seen, check_weighted


class DeepBeliefNetwork(BeliefNetInference, BaseEstimator):
    r"""Deep belief network: a stack of restricted Boltzmann machines, trained one by one.

    .. math::

        p(v, h_1, \dots, h_n) = p(v | h_1) \cdots p(h_{n-2} | h_{n-1}) \, p(h_{n-1}, h_n).

    The two uppermost layers are an RBM, those below are directed downwards. Layers are trained
    from the bottom up: each as an RBM on the hidden units that the ones below infer for the rows
    [1]_.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int, default=(256, 64)
        Numbers of hidden units, from the bottom up.
    rbm : BernoulliRBM, default=None
        Prototype of every layer, of which `n_components`, `random_state` and, where it is silent,
        `verbose` are set, and `warm_start` is not used; by default `BernoulliRBM()`. With
        missing_values="allow" in the prototype of the lowest layer, the stack takes NaN in `fit`,
        `partial_fit`, `transform` and scores.
    visible_rbm : BernoulliRBM or GaussianBernoulliRBM, default=None
        Prototype of the lowest layer, where it differs: for real-valued data
        `GaussianBernoulliRBM()`. Its hidden units must be binary, unless it is the only layer.
    top_rbm : BernoulliRBM, default=None
        Prototype of the uppermost layer, where it differs: `BernoulliRBM(hidden="gaussian")` for
        real-valued features. Not used where there is but one layer and a `visible_rbm`.
    activations : {"mean", "sample"}, default="mean"
        What a layer is trained on: its visible states are drawn, anew for every mini-batch, from
        the means that belong to the *means* of the layers below or to *samples* of them. There is
        a difference from the third layer on.
    init : {"random", "transposed"}, default="random"
        With "transposed" a layer that has as many hidden units as the layer below has visible
        ones starts from that one upside down; others start at random. Before it is trained the
        bound on the likelihood is then that of the stack below, and training on the exact slope
        of the training rows' bound could but raise it [1]_.
    fine_tune_iter : int, default=0
        Sweeps of the up-down algorithm over the rows after the layers are trained: contrastive
        wake-sleep [1]_, which trains all layers together, with weights of their own for the way up
        and the way down, but not the variances of Gaussian visible units. Not used by
        `partial_fit`.
    fine_tune_rate : float or "auto", default="auto"
        Longest step of the first update of up-down, which decays linearly to zero; that of all
        updates of `partial_fit`. "auto" is the step size of the uppermost layer.
    output : {"top", "all"}, default="top"
        What `transform` returns: the features of the uppermost layer, or of all layers side by
        side, from the bottom up.
    callbacks : callable or list of callables, default=None
        Called after every sweep of a layer or of up-down with the estimator, which is not fitted
        before `fit` ends, and the number of sweeps so far. One that raises StopIteration ends
        the training of that layer; see `Checkpoint`.
    device : str, default=None
        Where all layers compute, see `BernoulliRBM`; by default where their prototypes say.
    precision : {"float32", "tf32", "bfloat16"}, default=None
        That of all layers, see `BernoulliRBM`; by default that of their prototypes.
    verbose : int, default=0
        Above 0, report every sweep of every layer.
    random_state : int, RandomState instance or None, default=None
        Seed of all that is drawn.

    Attributes
    ----------
    rbms_ : list of estimators
        The fitted RBMs, from the bottom up. Only the uppermost one is changed by up-down.
    recognition_ : list of Conditional
        What infers the layers: `layer` and `weights` of :math:`q(h_l | h_{l-1})`, for all layers
        but the uppermost one.
    generation_ : list of Conditional
        What generates them: `layer` and `weights` of :math:`p(h_{l-1} | h_l)`. The weights are
        those of the recognition, transposed, until up-down gives both their own.
    history_ : list of dict
        The `history_` of every layer; after up-down that of the fine-tuning as well, whose
        `pseudo_log_likelihood` is the bound with the pseudo-likelihood of the RBM on top.
    log_partition_ : LogPartition
        log Z of the uppermost RBM.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where all are strings.

    Notes
    -----
    The activations of a layer are held where they fit into scikit-learn's `working_memory`
    (`sklearn.set_config`), 1 GiB by default; where they do not, they are computed anew for every
    mini-batch. A large array in a mapped file stays there, as for `BernoulliRBM.fit`.

    Where values are missing, the lowest layer learns around them as an RBM does by itself. Then
    they are states of Gibbs chains of that RBM, one a row, which make five steps whenever the row
    is seen, and the layers above, and up-down, learn from rows so completed: from hidden states of
    the distribution that the bound on the known values is about; see `lower_bound`.

    See Also
    --------
    DBNClassifier : A stack that is fine-tuned to classify.
    BernoulliRBM : One layer.

    References
    ----------
    .. [1] G. E. Hinton, S. Osindero and Y. W. Teh, "A fast learning algorithm for deep belief
       nets", Neural Computation 18(7), 2006.
    .. [2] R. Salakhutdinov and I. Murray, "On the quantitative analysis of deep belief networks",
       ICML 2008.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skrbm import BernoulliRBM, DeepBeliefNetwork
    >>> X = load_digits().data / 16
    >>> dbn = DeepBeliefNetwork((32, 16), rbm=BernoulliRBM(n_iter=5), random_state=0).fit(X)
    >>> dbn.transform(X).shape
    (1797, 16)
    >>> bool(dbn.score(X) > -35)  # independent pixels have -38
    True
    """

    _up_down: UpDown | None

    def __init__(
        self,
        hidden_layer_sizes: int | tuple[int, ...] = (256, 64),
        *,
        rbm: RBMEstimator | None = None,
        visible_rbm: RBMEstimator | None = None,
        top_rbm: RBMEstimator | None = None,
        activations: str = "mean",
        init: str = "random",
        fine_tune_iter: int = 0,
        fine_tune_rate: float | Literal["auto"] = "auto",
        output: str = "top",
        callbacks: Any = None,
        device: str | None = None,
        precision: str | None = None,
        verbose: int = 0,
        random_state: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.rbm = rbm
        self.visible_rbm = visible_rbm
        self.top_rbm = top_rbm
        self.activations = activations
        self.init = init
        self.fine_tune_iter = fine_tune_iter
        self.fine_tune_rate = fine_tune_rate
        self.output = output
        self.callbacks = callbacks
        self.device = device
        self.precision = precision
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Train the layers from the bottom up, each by its `n_iter` sweeps, from a fresh start.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            As the lowest layer takes them: NaN in an array is a value that is missing, if that has
            missing_values="allow".
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows. A weight of two is the row given twice.

        Returns
        -------
        self : DeepBeliefNetwork

        Raises
        ------
        ValueError
            If a parameter, of the stack or of a layer, or the data are not as described; the
            estimator is then unchanged.
        """
        rows, weights = self._begin(X, sample_weight)
        return self._finish(X, rows, weights)

    def resume(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Go on with a `fit` that was interrupted, to the same end as without the interruption.

        `Checkpoint.load` returns such an estimator. After a KeyboardInterrupt the sweep that it cut
        short is made again.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            The data of that `fit`.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            The weights of that `fit`.

        Returns
        -------
        self : DeepBeliefNetwork

        Raises
        ------
        ValueError
            If no `fit` was interrupted, or the data cannot be the same.
        """
        check_unfinished(self)
        return self._resume(X, sample_weight)

    def _begin(self, X: Any, sample_weight: Any) -> tuple[Any, Array]:
        """New layers, and the rows and weights that they are to be trained on."""
        rbms, rows, weights = self._check_fit(X, sample_weight, split=True)
        rng = self._seed_layers(rbms)
        self._unfinished = UnfinishedStack(rbms, rng, len(weights), self.fine_tune_iter)
        return rows, weights

    def _resume(self, X: Any, sample_weight: Any, hook: Hook | None = None) -> Self:
        """Go on with a fit; the hook is called after every sweep, as the callbacks are."""
        lowest = self._unfinished.rbms[0]
        rows, weights = self._check_rows(X, sample_weight, lowest)
        check_columns(lowest, X, reset=False)
        check_same_rows("X", len(weights), self._unfinished.n_rows)
        return self._finish(X, rows, weights, hook)

    def _finish(self, X: Any, rows: Any, weights: Array, hook: Hook | None = None) -> Self:
        """Train the layers that are left, and all together."""
        unfinished = self._unfinished

        def stop() -> bool:
            asked = asked_to_stop(self, self.callbacks, self._n_sweeps)
            return (hook is not None and hook()) or asked

        rbms, rng = unfinished.rbms, unfinished.rng
        inputs = self._activations(rows, rng, unfinished.fills)
        for i in range(unfinished.n_done, len(rbms)):
            self._fit_layer(rbms, i, inputs, weights, stop)
            unfinished.n_done += 1
        if not unfinished.is_stacked:
            self._keep(rbms, X, rng)
            if unfinished.fine_tune_iter > 0:
                self._up_down = _up_down(rbms[-1], rng)
            unfinished.is_stacked = True
        if self._up_down is not None:
            n_iter, visible = unfinished.fine_tune_iter, inputs.visible(rbms[0])
            unfinished.fills = inputs.fills
            self._fine_tune(self._up_down, visible, weights, n_iter, linear_decay, stop)
        del self._unfinished
        return self

    def _fit_layer(
        self, rbms: list[RBMEstimator], i: int, inputs: Activations, weights: Array, stop: Hook
    ) -> None:
        """Train layer i on what those below infer, or go on with it."""
        rbm = rbms[i]
        seed = rbm._validation_seed()
        train, apart = rbm._parts(inputs.X, seed)
        seen, of_seen = inputs.of(rbms[:i], train), weights[train]
        self._unfinished.fills = inputs.fills
        held_out = None if apart is None else inputs.means(rbms[:i], apart)
        if hasattr(rbm, "_unfinished"):
            rbm._finish(seen, of_seen, held_out, stop)
            return
        self._start_layer(rbms, i, seen, of_seen)
        title = self._title(f"layer {i + 1}")
        rbm._fit(seen, of_seen, held_out, seed, rising=True, title=title, hook=stop)

    @property
    def _n_sweeps(self) -> int:
        """Sweeps of all layers, and of up-down, that the present fit or the last one has made."""
        rbms = self._unfinished.rbms if hasattr(self, "_unfinished") else self.rbms_
        trained: list[Sweeps[Any]] = [rbm._training for rbm in rbms if rbm._is_started()]
        stacked = not hasattr(self, "_unfinished") or self._unfinished.is_stacked
        if stacked and self._up_down is not None:
            trained.append(self._up_down)
        return sum(len(training.history) for training in trained)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Go on training by one sweep over the rows in their order, or start with it.

        Every call trains every layer, from the bottom up: each by the sweep of its own
        `partial_fit` over what the layers below, as they are by then, infer for the rows. A stack
        that `fit` has fine-tuned goes on with a sweep of the up-down algorithm instead. Prototypes
        and sizes count at the first call.

        Parameters
        ----------
        X : {array-like, CSR matrix} of shape (n_samples, n_features)
            As for `fit`.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : DeepBeliefNetwork
        """
        if not hasattr(self, "rbms_"):
            rbms, rows, weights = self._check_fit(X, sample_weight, split=False)
            rng = self._seed_layers(rbms)
            inputs = self._activations(rows, rng)
            for i, rbm in enumerate(rbms):
                seen = inputs.of(rbms[:i])
                self._start_layer(rbms, i, seen, weights)
                rbm._go_on(seen, weights)
            self._keep(rbms, X, rng)
            return self
        self._check_parameters()
        rows, weights = self._check_rows(X, sample_weight, self.rbms_[0])
        check_columns(self, X, reset=False)
        inputs = self._activations(rows, self._training_rng)
        if self._up_down is not None:
            visible = inputs.visible(self.rbms_[0])
            self._fine_tune(self._up_down, visible, weights, 1, constant)
            return self
        for i, rbm in enumerate(self.rbms_):
            rbm._go_on(inputs.of(self.rbms_[:i]), weights)
        return self

    @property
    def history_(self) -> list[dict[str, Array]]:
        """The figures of every sweep of every layer, and of up-down."""
        check_is_fitted(self)
        histories = [rbm.history_ for rbm in self.rbms_]
        if self._up_down is not None:
            histories.append(self._up_down.history_arrays)
        return histories

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = bool(self._domain.accept_sparse)
        tags.input_tags.allow_nan = self._takes_missing
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _domain(self) -> Domain:
        return getattr(self._lowest_layer, "_domain", UNIT_INTERVAL)

    @property
    def _takes_missing(self) -> bool:
        return getattr(self._lowest_layer, "_takes_missing", False)

    @property
    def _lowest_layer(self) -> Any:
        """The lowest layer or its prototype, which may be anything before it is refused."""
        return self.rbms_[0] if hasattr(self, "rbms_") else self._prototypes()[0]

    def _sizes(self) -> list[int]:
        return [int(size) for size in np.atleast_1d(self.hidden_layer_sizes)]

    def _prototypes(self) -> list[RBMEstimator]:
        """The prototype of every layer."""
        middle = BernoulliRBM() if self.rbm is None else self.rbm
        prototypes = [middle] * max(1, np.size(self.hidden_layer_sizes))
        if self.top_rbm is not None:
            prototypes[-1] = self.top_rbm
        if self.visible_rbm is not None:
            prototypes[0] = self.visible_rbm
        return prototypes

    def set_params(self, **params: Any) -> Self:
        """Set parameters; a device and a precision count for the fitted layers at once.

        Parameters
        ----------
        **params
            Of the stack, or as `rbm__learning_rate` of a prototype.

        Returns
        -------
        self : DeepBeliefNetwork
        """
        super().set_params(**params)
        prototype = self._prototypes()[0]
        for rbm in getattr(self, "rbms_", []):
            for name in ("device", "precision"):
                own, now = getattr(self, name), getattr(rbm, name)
                of_prototype = getattr(prototype, name, now)  # before a wrong one is refused
                rbm.set_params(**{name: of_prototype if own is None else own})
        return self

    def _check_parameters(self) -> None:
        """Refuse parameters of the stack that no data allow."""
        check_sizes("hidden_layer_sizes", self.hidden_layer_sizes)
        for name in ("rbm", "visible_rbm", "top_rbm"):
            check_kind(name, getattr(self, name), RBMEstimator, "an RBM of skrbm")
        check_choice("activations", self.activations, ("mean", "sample"))
        check_choice("init", self.init, ("random", "transposed"))
        check_count("fine_tune_iter", self.fine_tune_iter, minimum=0)
        check_rate("fine_tune_rate", self.fine_tune_rate, alternative="auto")
        self._output()
        check_callbacks("callbacks", self.callbacks)
        check_count("verbose", self.verbose, minimum=0)
        check_random_state(self.random_state)

    def _check_fit(
        self, X: Any, sample_weight: Any, *, split: bool
    ) -> tuple[list[RBMEstimator], Any, Array]:
        """New layers, rows and weights that they can be trained on."""
        self._check_parameters()
        sizes = self._sizes()
        rbms = [clone(prototype) for prototype in self._prototypes()]
        for i, (rbm, size) in enumerate(zip(rbms, sizes, strict=True)):
            rbm.set_params(n_components=size, verbose=rbm.verbose or self.verbose)
            for name in ("device", "precision"):
                if getattr(self, name) is not None:
                    rbm.set_params(**{name: getattr(self, name)})
            rbm._check_parameters()
            if i > 0:  # no hidden unit is missing
                rbm.set_params(missing_values="refuse")
        rows, weights = self._check_rows(X, sample_weight, rbms[0])
        if rbms[0]._takes_missing:
            check_seen("X", rows)
        n_rows, n_features = rows.shape
        rbms[0]._check_dtype(rows.dtype)
        for i, (rbm, below) in enumerate(zip(rbms, [n_features, *sizes], strict=False)):
            rbm._check_sizes(n_rows, below, split=split and rbm.early_stopping)
            visible, hidden = rbm._layer_sizes(below)
            check_binary_between(rbm, i, len(rbms), visible, hidden)
            check_same_device(rbms[0], rbm)
        check_columns(rbms[0], X, reset=True)
        return rbms, rows, weights

    def _check_rows(self, X: Any, sample_weight: Any, lowest: RBMEstimator) -> tuple[Any, Array]:
        """Rows and weights that the lowest layer can take."""
        return check_weighted(
            self, X, sample_weight, lowest._domain, allow_nan=lowest._takes_missing
        )

    def _seed_layers(self, rbms: list[RBMEstimator]) -> Generator:
        """Give every layer a seed, and return the generator of what else is drawn."""
        rng = random.generator(check_seed(self.random_state))
        for rbm in rbms:
            rbm.set_params(random_state=int(rng.integers(2**31)))
        return rng

    def _start_layer(self, rbms: list[RBMEstimator], i: int, rows: Any, weights: Array) -> None:
        """Start training of layer i on what the layers below infer."""
        rbm, like = rbms[i], None
        if i > 0:
            check_columns(rbm, rows, reset=True)
            below = rbms[i - 1]._model()
            _, n_binary = rbm._layer_sizes(rows.shape[1])
            if self.init == "transposed" and n_binary == below.visible.log2_states < math.inf:
                like = below.swap()
        rbm._start(rows, weights, like)

    def _activations(self, rows: Any, rng: Generator, fills: Array | None = None) -> Activations:
        """What the layers are trained on."""
        return Activations(rows, self.activations == "sample", rng, fills)

    def _keep(self, rbms: list[RBMEstimator], X: Any, rng: Generator) -> None:
        """Make these the layers of a new stack."""
        check_columns(self, X, reset=True)
        self.rbms_ = rbms
        self._untied = self._up_down = None
        self._training_rng, self._sampling_rng = rng.spawn(2)
        self._likelihood_seed = int(rng.integers(2**63))

    def _fine_tune(
        self,
        up_down: UpDown,
        seen: Any,
        weights: Array,
        n_iter: int,
        decay: Callable[[float], Schedule],
        stop: Hook | None = None,
    ) -> None:
        """Make sweeps of up-down over visible states, on copies of all parameters.

        Those of a fit shuffle the rows, and ask after each whether to stop.
        """
        net, coordinates, top = self._placed_net().copy(), self._coordinates, self.rbms_[-1]
        rate = top._rate() if self.fine_tune_rate == "auto" else float(self.fine_tune_rate)
        first = 0 if stop is None else len(up_down.history)
        shuffle = stop is not None
        plan = Plan(n_iter, top.batch_size, decay(rate), shuffle, first=first)
        monitor = _pseudo_bound(coordinates.log_volume)
        if first == 0:  # looking at rows with missing values moves their chains
            up_down.draws = not are_states(net.visible, seen)
        self._keep_net(net)
        sweeps = up_down.run(net, seen, weights, plan, monitor)
        title, verbose = self._title("up-down"), self.verbose > 0
        with progress(title, n_iter - first, up_down.figure, verbose=verbose) as report:
            for record in sweeps:
                self._keep_net(net)
                report(record)
                if stop is not None and stop():
                    break

    def _keep_net(self, net: BeliefNet) -> None:
        """Make this the stack, whose parameters change in place where they are numpy's."""
        net, top = net.map(devices.to_host), self.rbms_[-1]
        self._untied = net.recognition, net.generation
        top._keep(net.top, top._coordinates)

    def _title(self, what: str) -> str:
        return f"{type(self).__name__}, {what}"


def _up_down(top: RBMEstimator, rng: Generator) -> UpDown:
    """The algorithm, with the chains and the moving averages of the uppermost layer."""
    training = top._training
    drawing, order = rng.spawn(2)
    return UpDown(
        rng=drawing, order=order, gradient=training.gradient, optimizer=training.optimizer
    )


def _pseudo_bound(log_volume: float) -> Monitor[BeliefNet]:
    """The figure to watch: the bound with the pseudo-likelihood of the RBM on top for its own."""

    def monitor(net: BeliefNet, v: Array, rng: Generator) -> float:
        states = net.up(v, drawn_with(rng))
        of_top = likelihood.pseudo_log_likelihood(net.top, states[-1], n_flips=1, rng=rng)
        return float((net.log_ratio_below(states) + of_top).mean()) - log_volume

    return monitor
