"""The mistakes of `mutations.py` can still be made, and the tests detect them."""

import ast

import mutations
import pytest

N_MADE = 20
# The sample changes whenever the list does, and is the same in every run of the same list.
SEED = 0


def name(mutation):
    return f"{mutation[0]}-{mutation[3].split('::')[1]}"


@pytest.mark.parametrize("mutation", mutations.MUTATIONS, ids=name)
def test_every_mistake_can_be_made(mutation):
    """Fails if code or a test was renamed or rewritten without its entry."""
    path, text = mutations.mutated(mutation)
    ast.parse(text)
    assert text != path.read_text(encoding="utf-8")
    assert mutations.has_test(mutation), f"{mutation[3]} does not exist."


@pytest.mark.parametrize(("file", "old", "new"), mutations.COMPILED)
def test_every_mistake_in_compiled_code_can_be_made(file, old, new):
    """Fails if compiled code was rewritten without its entry."""
    (path,) = (mutations.ROOT / "skrbm").rglob(file)
    assert path.read_text(encoding="utf-8").count(old) == 1
    assert old != new


@pytest.mark.slow
@pytest.mark.parametrize("mutation", mutations.sample(N_MADE, SEED), ids=name)
def test_mistakes_are_detected(mutation):
    """Fails if a test passes although its mistake was made. Twenty of all mistakes."""
    assert not mutations.survives(mutation)
