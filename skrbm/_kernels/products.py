"""Matrix products, by numpy or torch, as their factors are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from skrbm._kernels.devices import Array, is_tensor, library

_precision_is_set = Lock()


def product(x: Any, y: Array, precision: str = "float32") -> Array:
    """`x @ y`, as one product also where x, an array or a sparse matrix, has further axes."""
    if is_tensor(y):
        return _tensor_product(x, y, precision)
    if x.ndim == 2:
        return x @ y
    return (x.reshape(-1, x.shape[-1]) @ y).reshape(*x.shape[:-1], -1)


def addmm(c: Array, a: Any, b: Array, precision: str = "float32") -> None:
    """`c += a.T @ b`, in place; with torch the product is nowhere else.

    By numpy's BLAS, as all its products are: scipy brings another one, with threads of its own, and
    where both wait for work on the same cores, small products take ten times as long.
    """
    if not is_tensor(c):
        c += a.T @ b
    elif precision == "bfloat16":  # whose products are not of the dtype of c
        c += _tensor_product(a.T, b, precision)
    else:
        with _precision_of_products(c, precision):
            library(c).addmm(c, a.T, b, out=c)


def _tensor_product(x: Any, y: Any, precision: str) -> Any:
    """`x @ y` from factors that are rounded first, accumulated in float32; as precise as these."""
    if precision == "bfloat16":
        return (x.bfloat16() @ y.bfloat16()).to(y.dtype)
    with _precision_of_products(y, precision):
        return x @ y


@contextmanager
def _precision_of_products(x: Any, precision: str) -> Iterator[None]:
    """Let torch take factors as they are, or round them to TF32, which is set for all threads."""
    if precision == "float32":
        yield
        return
    torch = library(x)
    with _precision_is_set:
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("high")
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before)
