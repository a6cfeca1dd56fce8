"""Matrix products with numpy or torch."""

from __future__ import annotations

from typing import Any

from skrbm._kernels.devices import Array, is_tensor, library


def product(x: Any, y: Array, precision: str = "float32") -> Array:
    """`x @ y` as a single product, even if the array or sparse matrix x has further axes."""
    if is_tensor(y):
        return _tensor_product(x, y, precision)
    if x.ndim == 2:
        return x @ y
    return (x.reshape(-1, x.shape[-1]) @ y).reshape(*x.shape[:-1], -1)


def addmm(c: Array, a: Any, b: Array, precision: str = "float32") -> None:
    """`c += a.T @ b` in place; with torch the product is never stored separately.

    With numpy only numpy's own BLAS is used. The BLAS of scipy has separate threads. If both wait
    for work on the same cores, small products take ten times as long.
    """
    if not is_tensor(c):
        c += a.T @ b
    elif precision == "bfloat16":  # its products have another dtype than c
        c += _tensor_product(a.T, b, precision)
    else:
        library(c).addmm(c, a.T, b, out=c)


def batched(x: Array, y: Array, precision: str = "float32") -> Array:
    """`x_p @ y_p` for every p, with arrays of three axes."""
    return _tensor_product(x, y, precision) if is_tensor(x) else x @ y


def _tensor_product(x: Any, y: Any, precision: str) -> Any:
    """`x @ y`; with bfloat16 of factors that are rounded first, accumulated in float32."""
    if precision == "bfloat16":
        return (x.bfloat16() @ y.bfloat16()).to(y.dtype)
    return x @ y
