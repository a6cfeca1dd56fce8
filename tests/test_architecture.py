"""The layers: a module imports only from modules above it, and uses no forbidden names."""

import ast
import re
from pathlib import Path

import pytest

import skrbm

ROOT = Path(skrbm.__file__).parent
LAYERS = [
    "_kernels",
    "_kernels.devices",
    "_kernels.generators",
    "_kernels.threads",
    "_kernels.arrays",
    "_kernels.levels",
    "_kernels.patterns",
    "_kernels.pairs",
    "_kernels.products",
    "_kernels._windows",
    "_kernels.windows",
    "_kernels.random",
    "units.known",
    "units.domain",
    "units.layer",
    "units.bernoulli",
    "units.gaussian",
    "units.segmented",
    "units.categorical",
    "units.ordinal",
    "units.pooled",
    "units.joined",
    "units.rotated",
    "units",
    "weights.base",
    "weights.dense",
    "weights.blocks",
    "weights.local",
    "weights.shared",
    "weights",
    "model",
    "samplers",
    "annealing",
    "conditionals",
    "likelihood",
    "diagnostics",
    "ladder.rung",
    "ladder.ladder",
    "ladder",
    "_earlier_versions",
    "labels",
    "data",
    "data.sources",
    "data.correlations",
    "data.summary",
    "data.views",
    "data.pictures",
    "data.scaling",
    "data.whitening",
    "data.targets",
    "data.lattices",
    "data.cells",
    "data.objects",
    "data.categories",
    "data.columns",
    "data.pandas_frames",
    "data.polars_frames",
    "data.frames",
    "data.conditions",
    "data.tables",
    "data.coding",
    "validation",
    "validation.parameters",
    "validation.pictures",
    "validation.rows",
    "validation.labels",
    "validation.estimators",
    "validation.tables",
    "deep",
    "deep.belief_net",
    "deep.conditionals",
    "deep.arrangement",
    "deep.mean_field",
    "learning",
    "learning.trajectory",
    "learning.train_state",
    "learning.gradients",
    "learning.schedules",
    "learning.step_statistics",
    "learning.variance",
    "learning.label_gradient",
    "learning.latent_gradient",
    "learning.optimizer",
    "learning._model",
    "learning._update",
    "learning.compiled",
    "learning.defaults",
    "learning.completion",
    "learning.watching",
    "learning.loop",
    "learning.progress",
    "learning.early_stopping",
    "learning.wake_sleep",
    "learning.ridge",
    "estimators",
    "estimators.common",
    "estimators.common.base",
    "estimators.common.device",
    "estimators.common.fitted",
    "estimators.common.fitted_table",
    "estimators.common.fitted_machine",
    "estimators.common.methods",
    "estimators.common.fit_state",
    "estimators.common.checkpoint",
    "estimators.rbm",
    "estimators.rbm.settings",
    "estimators.rbm.doubts",
    "estimators.rbm.learner",
    "estimators.rbm.base",
    "estimators.rbm.pictures",
    "estimators.rbm.density",
    "estimators.rbm.bernoulli",
    "estimators.rbm.gaussian",
    "estimators.rbm.tabular",
    "estimators.rbm.labelled",
    "estimators.rbm.classifier",
    "estimators.rbm.imputer",
    "estimators.rbm.cross_fitting",
    "estimators.rbm.trimming",
    "estimators.rbm.outlier_detector",
    "estimators.dbn",
    "estimators.dbn.layer_inputs",
    "estimators.dbn.pretraining",
    "estimators.dbn.stack",
    "estimators.dbn.network",
    "estimators.dbn.machine_settings",
    "estimators.dbn.growth",
    "estimators.dbn.boltzmann_machine",
    "estimators.dbn.deep_models",
    "estimators.dbn.mlp",
    "estimators.dbn.targeted",
    "estimators.dbn.tuned",
    "estimators.dbn.fine_tuning",
    "estimators.dbn.classifier",
    "estimators.dbn.regressor",
    "images",
    "distributed.tables",
    "distributed.worker",
    "distributed.cluster",
    "distributed.fit",
    "distributed.estimator",
    "distributed",
    "explain.selectivity",
    "explain.units",
    "explain",
    "plotting.canvas",
    "plotting.filters",
    "plotting.training",
    "plotting.samples",
    "plotting.likelihood",
    "plotting.tables",
    "plotting",
    "_show_versions",
    "__init__",
]
# Formulas work with any arrays; these modules import no array library.
MATHEMATICS = (
    *(name for name in LAYERS if name.startswith("units.")),
    "weights.base",
    "weights.dense",
    "weights.blocks",
    "weights.local",
    "weights.shared",
    "weights",
    "model",
    "labels",
    "deep.belief_net",
    "deep.conditionals",
    "deep.arrangement",
    "deep.mean_field",
    "learning.train_state",
    "learning.gradients",
    "learning.step_statistics",
    "learning.variance",
    "learning.label_gradient",
    "learning.latent_gradient",
    "learning.optimizer",
    "learning.wake_sleep",
)
# Formulas with numbers per temperature, chain or row, which are numpy arrays on every device.
MATHEMATICS_ON_HOST = "samplers", "annealing", "conditionals", "likelihood"
ARRAY_LIBRARIES = {"numpy", "scipy", "torch"}


def source(module):
    """The text of a module, or of the modules that a package exports."""
    path = ROOT.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    path = path if path.exists() else path.with_suffix(".pyx")
    return path.read_text(encoding="utf-8")


def imports(module):
    """Dotted names that a module imports, `from a import b` as a.b."""
    text = source(module)
    if "cimport" in text:  # only imports of Cython are Python
        text = "\n".join(re.findall(r"^from \S+ import .+|^import .+", text, re.MULTILINE))
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_in(name, layer):
    """Whether a dotted name is a module or a member of it."""
    return f"{name}.".startswith(f"skrbm.{layer}.")


def forbidden(module, names):
    """The imports of a module that the rule forbids."""
    below = {f"skrbm.{layer}" for layer in LAYERS[LAYERS.index(module) :]}
    own = {name: [f"skrbm.{layer}" for layer in LAYERS if is_in(name, layer)] for name in names}
    wrong = [name for name, layers in own.items() if layers and max(layers, key=len) in below]
    if module in MATHEMATICS:
        wrong += [name for name in names if name.split(".")[0] in ARRAY_LIBRARIES]
    if module in MATHEMATICS_ON_HOST:
        wrong += [name for name in names if name.split(".")[0] == "torch"]
    wrong += [
        name
        for name in names
        if name.startswith("sklearn.") and any(part.startswith("_") for part in name.split("."))
    ]
    return wrong


def test_every_module_has_its_layer():
    """Fails if a new module has no place in the list."""
    paths = (path for path in ROOT.rglob("*.py*") if path.suffix in {".py", ".pyx"})
    files = (path.relative_to(ROOT).with_suffix("") for path in paths)
    modules = [".".join(path.parts).removesuffix(".__init__") for path in files]
    assert sorted(modules) == sorted(LAYERS)


@pytest.mark.parametrize("module", LAYERS)
def test_imports_point_upwards(module):
    """Fails if a module imports from below, an array library, or scikit-learn's private modules."""
    assert forbidden(module, list(imports(module))) == []


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("model", "skrbm.samplers"),
        ("_kernels.devices", "skrbm._kernels.arrays.to_dense"),
        ("units.layer", "numpy"),
        ("estimators.rbm.bernoulli", "sklearn.utils._param_validation.Interval"),
        ("estimators.rbm.bernoulli", "sklearn.utils.validation._check_sample_weight"),
    ],
)
def test_the_rule_detects_forbidden_imports(module, name):
    """The negative control."""
    assert forbidden(module, [name]) == [name]


DISGUISES = {
    "isinstance": r"isinstance\([^)]*\b(Bernoulli|Gaussian|Categorical|Joined|Layer)\b",
    "type": r"type\([^)]*(layer|visible|hidden|units)\) (is|==)",
    "countable": r"(states|sizes?|visible|hidden)\b[^=\n]* [=!<>]=? (math|np)\.inf",
    "unpacked parameters": r"\w+, \w+ = .*(visible|hidden|layer)\.parameters",
    "data": r"domain is ",
}


def disguised(text):
    """The ways in which a text checks the type of a unit."""
    return [name for name, pattern in DISGUISES.items() if re.search(pattern, text)]


@pytest.mark.parametrize("module", [x for x in LAYERS if not is_in(f"skrbm.{x}", "units")])
def test_only_units_depend_on_unit_types(module):
    """Fails if a module other than units checks the type of a unit."""
    assert disguised(source(module)) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("isinstance", "if isinstance(rbm.visible, Gaussian):"),
        ("type", "if type(rbm.hidden) is Bernoulli:"),
        ("countable", "few = layer.log2_states < math.inf"),
        ("unpacked parameters", "bias, precision = rbm.visible.parameters"),
        ("data", "if domain is REAL_LINE:"),
    ],
)
def test_the_rule_detects_disguised_type_checks(name, text):
    """The negative control."""
    assert disguised(text) == [name]
