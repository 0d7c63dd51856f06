import numpy as np
import pytest
from sklearn.base import clone

from skpoison.optimizers import ProjectedAscent, SpectralProjectedGradient

both = pytest.mark.parametrize(
    "optimizer", [ProjectedAscent(), SpectralProjectedGradient()], ids=str
)


@both
def test_everything_is_feasible_by_default(optimizer):
    found = optimizer.maximise(lambda x: (-((x - 3) ** 2).sum(), 6 - 2 * x), [[0.0]])
    assert abs(found.x[0, 0] - 3) < 0.1


@both
@pytest.mark.parametrize(
    "parameters",
    [{"max_iter": -1}, {"tol": -1.0}, {"schedule": "random"}, {"n_restarts": 0.5}],
    ids=str,
)
def test_parameters_are_checked(optimizer, parameters):
    (name,) = parameters
    with pytest.raises(
        ValueError, match=f"The .{name}. parameter of {type(optimizer).__name__}"
    ):
        clone(optimizer).set_params(**parameters).maximise(None, None)


@both
def test_a_start_that_is_not_finite(optimizer):
    with pytest.raises(ValueError, match="must be finite at the start; got nan"):
        optimizer.maximise(lambda x: (np.nan, x), np.zeros((1, 1)))
