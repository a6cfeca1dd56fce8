"""Checks of the receptive fields of hidden units."""

from __future__ import annotations

from typing import Any

import numpy as np

from skrbm.data.pictures import ReceptiveField
from skrbm.validation.parameters import as_counts, require
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
    if not np.array_equal(inside.dense, new.array):
        raise ValueError(f"{name} must be 0 outside of the receptive field of each hidden unit.")
    return inside
