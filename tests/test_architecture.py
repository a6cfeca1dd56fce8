"""The layers: a module imports only from above it, and names nothing that is not its business."""

import ast
import itertools
from pathlib import Path

import pytest

import skrbm

ROOT = Path(skrbm.__file__).parent
LAYERS = [
    "_kernels",
    "units",
    "model",
    "samplers",
    "annealing",
    "conditionals",
    "belief_net",
    "diagnostics",
    "gradients",
    "label_gradient",
    "optimizers",
    "recipes",
    "training",
    "up_down",
    "likelihood",
    "stopping",
    "coordinates",
    "validation",
    "checkpoint",
    "rowwise",
    "inference",
    "completing",
    "trained",
    "fitting",
    "rbm",
    "gaussian_rbm",
    "rbm_classifier",
    "imputer",
    "outlier_detector",
    "belief_inference",
    "dbn",
    "fine_tuned",
    "explain",
    "shares",
    "crew",
    "distributed",
    "plotting",
    "__init__",
]
# Formulas take their arrays as they come; these modules name no array library.
MATHEMATICS = (
    "units",
    "model",
    "samplers",
    "belief_net",
    "gradients",
    "label_gradient",
    "optimizers",
    "up_down",
    "annealing",
    "conditionals",
    "likelihood",
)
ARRAY_LIBRARIES = {"numpy", "scipy", "torch"}


def imports(module):
    """Dotted names that a module imports, `from a import b` as a.b."""
    tree = ast.parse((ROOT / f"{module}.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden(module, names):
    """What a module with these imports may not import."""
    below = LAYERS[LAYERS.index(module) :]
    own = [name.split(".") for name in names if name.startswith("skrbm.")]
    wrong = [".".join(parts) for parts in own if parts[1] in below]
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
    assert sorted(path.stem for path in ROOT.glob("*.py")) == sorted(LAYERS)


@pytest.mark.parametrize("module", LAYERS)
def test_imports_point_upwards(module):
    """Fails if a module imports from below, from an array library, or scikit-learn's privates."""
    assert forbidden(module, list(imports(module))) == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("model", "skrbm.samplers"),
        ("units", "numpy"),
        ("rbm", "sklearn.utils._param_validation.Interval"),
        ("rbm", "sklearn.utils.validation._check_sample_weight"),
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
            "training",
            "rowwise",
            "inference",
            "fitting",
            "rbm",
            "gaussian_rbm",
            "rbm_classifier",
            "dbn",
        ),
    ):
        source = (ROOT / f"{module}.py").read_text(encoding="utf-8")
        assert "isinstance(" not in source
