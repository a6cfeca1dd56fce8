"""The layers: a module imports only from above it, and names nothing that is not its business."""

import ast
import itertools
from pathlib import Path

import pytest

import skrbm

ROOT = Path(skrbm.__file__).parent
LAYERS = [
    "_kernels",
    "_kernels.devices",
    "_kernels.threads",
    "_kernels.arrays",
    "_kernels.products",
    "_kernels.moments",
    "_kernels.random",
    "units",
    "weights",
    "model",
    "samplers",
    "annealing",
    "conditionals",
    "likelihood",
    "diagnostics",
    "labels",
    "data",
    "data.sources",
    "data.scaling",
    "validation",
    "validation.parameters",
    "validation.rows",
    "validation.labels",
    "validation.estimators",
    "deep",
    "deep.belief_net",
    "deep.conditionals",
    "learning",
    "learning.gradients",
    "learning.label_gradient",
    "learning.optimizer",
    "learning.defaults",
    "learning.loop",
    "learning.wake_sleep",
    "learning.early_stopping",
    "estimators",
    "estimators.common",
    "estimators.common.device",
    "estimators.common.checkpoint",
    "estimators.common.rowwise",
    "estimators.rbm",
    "estimators.rbm.inference",
    "estimators.rbm.completing",
    "estimators.rbm.label_inference",
    "estimators.rbm.trained",
    "estimators.rbm.fitting",
    "estimators.rbm.bernoulli",
    "estimators.rbm.gaussian",
    "estimators.rbm.classifier",
    "estimators.rbm.imputer",
    "estimators.rbm.outlier_detector",
    "estimators.dbn",
    "estimators.dbn.inference",
    "estimators.dbn.layer_inputs",
    "estimators.dbn.network",
    "estimators.dbn.mlp",
    "estimators.dbn.fine_tuning",
    "estimators.dbn.predictors",
    "explain",
    "distributed.worker",
    "distributed.cluster",
    "distributed.estimator",
    "distributed",
    "plotting.canvas",
    "plotting.filters",
    "plotting.training",
    "plotting.samples",
    "plotting.likelihood",
    "plotting",
    "__init__",
]
# Formulas take their arrays as they come; these modules name no array library.
MATHEMATICS = (
    "units",
    "weights",
    "model",
    "samplers",
    "annealing",
    "conditionals",
    "likelihood",
    "labels",
    "deep.belief_net",
    "deep.conditionals",
    "learning.gradients",
    "learning.label_gradient",
    "learning.optimizer",
    "learning.wake_sleep",
)
ARRAY_LIBRARIES = {"numpy", "scipy", "torch"}


def source(module):
    """The text of a module, or of what a package exports."""
    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return path.read_text(encoding="utf-8")


def imports(module):
    """Dotted names that a module imports, `from a import b` as a.b."""
    tree = ast.parse(source(module))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_in(name, layer):
    """Whether a dotted name is a module, or stands in it."""
    return f"{name}.".startswith(f"skrbm.{layer}.")


def forbidden(module, names):
    """What a module with these imports may not import."""
    below = {f"skrbm.{layer}" for layer in LAYERS[LAYERS.index(module) :]}
    own = {name: [f"skrbm.{layer}" for layer in LAYERS if is_in(name, layer)] for name in names}
    wrong = [name for name, layers in own.items() if layers and max(layers, key=len) in below]
    if module in MATHEMATICS:
        wrong += [name for name in names if name.split(".")[0] in ARRAY_LIBRARIES]
    wrong += [
        name
        for name in names
        if name.startswith("sklearn.") and any(part.startswith("_") for part in name.split("."))
    ]
    return wrong


def test_every_module_has_its_layer():
    """Fails if a module is added without a place."""
    files = (path.relative_to(ROOT).with_suffix("") for path in ROOT.rglob("*.py"))
    modules = [".".join(path.parts).removesuffix(".__init__") for path in files]
    assert sorted(modules) == sorted(LAYERS)


@pytest.mark.parametrize("module", LAYERS)
def test_imports_point_upwards(module):
    """Fails if a module imports from below, from an array library, or scikit-learn's privates."""
    assert forbidden(module, list(imports(module))) == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("model", "skrbm.samplers"),
        ("_kernels.devices", "skrbm._kernels.arrays.dense"),
        ("units", "numpy"),
        ("estimators.rbm.bernoulli", "sklearn.utils._param_validation.Interval"),
        ("estimators.rbm.bernoulli", "sklearn.utils.validation._check_sample_weight"),
    ],
)
def test_the_rule_sees_what_it_forbids(module, name):
    """The negative control."""
    assert forbidden(module, [name]) == [name]


def test_unit_types_are_named_in_one_place():
    """Fails if a formula asks what type a unit is."""
    for module in itertools.chain(
        MATHEMATICS[1:],
        (
            "learning.loop",
            "estimators.common.rowwise",
            "estimators.rbm.inference",
            "estimators.rbm.fitting",
            "estimators.rbm.bernoulli",
            "estimators.rbm.gaussian",
            "estimators.rbm.classifier",
            "estimators.dbn.network",
        ),
    ):
        assert "isinstance(" not in source(module)
