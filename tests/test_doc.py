"""Code on pages of the documentation prints the documented output."""

import doctest
from pathlib import Path

import pytest

from laws import quick

DOC = Path(__file__).parent.parent / "doc"
PAGES = [*sorted(DOC.glob("*.rst")), *sorted(DOC.glob("guide/*.rst"))]
SHORT = [path for path in PAGES if path.stem in ("index", "learning", "sampling", "annealing")]


@pytest.mark.parametrize("page", quick(PAGES, *SHORT), ids=lambda path: path.stem)
def test_code_on_a_page_prints_the_documented_output(page):
    """Fails if the code on a page warns, raises or prints something else."""
    assert doctest.testfile(str(page), module_relative=False).failed == 0
