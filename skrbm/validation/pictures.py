"""Checks of the receptive fields of hidden units."""

from __future__ import annotations

from typing import Any

import numpy as np

from skrbm._kernels.devices import Array
from skrbm.data.pictures import ReceptiveField
from skrbm.units import Layer
from skrbm.validation.parameters import as_counts, check_count, check_flag, require
from skrbm.weights import Dense, Weights

_PAIR = "a height and a width >= 1"


def check_receptive_field(size: Any, image_shape: Any, stride: Any) -> ReceptiveField | None:
    """Return the receptive field of hidden units; None if they see all features."""
    if size is None:
        return None
    numbers = as_counts(size)
    require(len(numbers) == 2, "receptive_field", size, f"None, or {_PAIR}")
    shape = as_counts(image_shape)
    of_pictures = (
        "the height and width of the pictures, and the number of channels if there are several"
    )
    require(
        len(shape) in (2, 3), "image_shape", image_shape, f"{of_pictures}, with receptive_field"
    )
    height, width, *channels = shape
    fits = numbers[0] <= height and numbers[1] <= width
    require(fits, "receptive_field", size, f"at most {height} x {width}, the size of the pictures")
    steps = as_counts(stride) or as_counts((stride, stride))
    within = len(steps) == 2 and steps[0] <= numbers[0] and steps[1] <= numbers[1]
    allowed = f"one or two integers from 1 to the size of the receptive field, {tuple(numbers)}"
    require(within, "stride", stride, allowed)
    channel = channels[0] if channels else 1
    return ReceptiveField((numbers[0], numbers[1]), (steps[0], steps[1]), (height, width, channel))


def check_places(n_components: Any, field: ReceptiveField) -> None:
    """Refuse a number of hidden units that cannot be shared equally by all places."""
    n_places, grid = field.n_places, " x ".join(map(str, field.grid))
    allowed = f"a multiple of {n_places}, the number of places of the receptive field ({grid})"
    require(n_components % n_places == 0, "n_components", n_components, allowed)


def check_picture(field: ReceptiveField, n_features: int) -> None:
    """Refuse pictures with another number of features."""
    allowed = f"the height, width and number of channels of pictures of {n_features} features"
    require(field.n_features == n_features, "image_shape", field.image_shape, allowed)


def check_local(name: str, local: Weights, new: Dense) -> Weights:
    """Return new weights in the structure of local ones; refuse others outside of it."""
    if new.shape != local.shape:
        raise ValueError(f"{name} has the shape {new.shape[::-1]}, must be {local.shape[::-1]}.")
    inside = local.outer(np.eye(len(new.array), dtype=new.array.dtype), new.array)
    if not np.allclose(inside.dense, new.array, rtol=1e-5, atol=0):
        outside = f"{name} must be 0 outside of the receptive field of each hidden unit"
        raise ValueError(f"{outside}, and the same at all places of a shared one.")
    return inside


def check_sharing(shared: Any, pooling: Any, field: ReceptiveField | None) -> None:
    """Refuse shared weights without a receptive field, and blocks that do not fit its places."""
    check_flag("shared", shared)
    require(not shared or field is not None, "shared", shared, "False without receptive_field")
    pooling = check_count("pooling", pooling)
    if not shared or field is None:
        require(pooling == 1, "pooling", pooling, "1 without shared=True")
        return
    vertical, horizontal = field.grid
    divides = vertical % pooling == 0 and horizontal % pooling == 0
    allowed = f"a divisor of the numbers of places, {vertical} x {horizontal}"
    require(divides, "pooling", pooling, allowed)


def check_alike(owner: Array, field: ReceptiveField) -> int:
    """Return the number of columns of a pixel; refuse pixels with different columns."""
    counts = np.bincount(owner, minlength=field.n_features)
    in_order = (owner == np.arange(field.n_features).repeat(counts)).all()
    if not in_order or np.ptp(counts) > 0:
        msg = "shared == True, must be False for columns of different types."
        raise ValueError(msg)
    return int(counts[0]) * field.image_shape[2]


def check_shared_bias(name: str, hidden: Layer, bias: Array) -> Layer:
    """Return the hidden units with these biases; refuse different ones for one filter."""
    new = hidden.map(np.copy)
    new.add_to_bias(bias - hidden.bias)
    if not np.allclose(new.bias, bias, rtol=1e-5):
        raise ValueError(f"{name} must be the same at all places of a filter.")
    return new
