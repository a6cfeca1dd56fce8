"""Checks of all arguments before any work, each with one sentence that names the error."""
