"""What the pages of the documentation print is what they say."""

import doctest
from pathlib import Path

import pytest

from laws import quick

DOC = Path(__file__).parent.parent / "doc"
PAGES = sorted(path for folder in (".", "guide", "more") for path in DOC.glob(f"{folder}/*.rst"))
SHORT = [path for path in PAGES if path.stem in ("index", "learning", "sampling", "partition")]


@pytest.mark.parametrize("page", quick(PAGES, *SHORT), ids=lambda path: path.stem)
def test_page_prints_what_it_says(page):
    """Fails if the code on a page warns, raises or prints something else."""
    assert doctest.testfile(str(page), module_relative=False).failed == 0
