import numpy as np
import pytest

from skpoison.cli._errors import CommandError
from skpoison.cli._target import read_target
from skpoison.cli._tasks import CLASSIFICATION, REGRESSION


def words(*values):
    return np.array([str(value) for value in values], dtype=object)


@pytest.mark.parametrize("task", [None, CLASSIFICATION])
@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (words(*"abab"), "U"),
        (words(0, 1, 1, 0), "i"),
        (words("no", "yes", "no", "yes"), "U"),
        # Many classes of many rows each are classes.
        (words(*((7 * i) % 26 for i in range(260))), "i"),
        # What is too large to be a whole number as a float is a name.
        (words(*[2**60, 2**60 + 1] * 2), "U"),
    ],
)
def test_classes(column, kind, task):
    y, found = read_target(column, "y", task=task)
    assert found is CLASSIFICATION
    assert y.dtype.kind == kind
    assert len(set(y.tolist())) == len(set(column))


QUANTITIES = {
    "fractions such as 1.5: that is regression": [0, 1.5, 0, 1],
    "100 different numbers in 200 rows: those are quantities, not classes": [
        i // 2 for i in range(200)
    ],
}


@pytest.mark.parametrize("why", QUANTITIES)
def test_quantities(why):
    column = words(*QUANTITIES[why])
    for task in (None, REGRESSION):
        y, found = read_target(column, "y", task=task)
        assert found is REGRESSION
        np.testing.assert_array_equal(y, np.array(QUANTITIES[why], float), strict=True)
    with pytest.raises(CommandError) as raised:
        read_target(column, "y", task=CLASSIFICATION)
    assert str(raised.value) == (
        f"The target 'y' holds {why}. Take a regressor as --estimator, such as ridge, "
        "or leave --estimator out."
    )


def test_a_regressor_makes_whole_numbers_quantities():
    y, found = read_target(words(1, 2, 3, 2), "y", task=REGRESSION)
    assert found is REGRESSION
    np.testing.assert_array_equal(y, [1.0, 2.0, 3.0, 2.0], strict=True)


def test_targets_that_no_regressor_learns():
    with pytest.raises(CommandError, match="holds words such as 'ham', which no regr"):
        read_target(words("ham", "spam"), "y", task=REGRESSION)
    with pytest.raises(CommandError, match="'y' has only one value, 3: there is noth"):
        read_target(words(3, 3), "y", task=REGRESSION)
