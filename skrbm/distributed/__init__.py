"""Fits that are spread over the workers of a Dask cluster; Dask is imported here alone."""

from skrbm.distributed.estimator import Distributed

__all__ = ["Distributed"]
