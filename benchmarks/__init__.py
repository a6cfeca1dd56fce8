"""Experiments and measurements behind the package's defaults and the README's claims."""
