import numpy as np
import pytest

from skpoison.datasets import make_drifting_stream


@pytest.mark.parametrize("drift", [None, "abrupt", "gradual", "recurring"])
def test_labels_and_angles_are_those_of_the_normals(drift):
    stream = make_drifting_stream(
        400, 5, drift=drift, angle=60, random_state=0, return_X_y=False
    )
    np.testing.assert_allclose(np.linalg.norm(stream.normals, axis=1), 1, rtol=1e-12)
    cosines = np.clip(stream.normals @ stream.normals[0], -1, 1)
    np.testing.assert_allclose(
        cosines, np.cos(np.deg2rad(stream.angles)), rtol=0, atol=1e-12
    )
    sides = np.einsum("ij,ij->i", stream.X, stream.normals) > 0
    np.testing.assert_array_equal(stream.y, sides.astype(int))
    turned = {
        None: np.zeros(400),
        "abrupt": np.repeat([0, 60], 200),
        "gradual": np.linspace(0, 60, 400),
        "recurring": np.repeat([0, 60, 0, 60], 100),
    }[drift]
    np.testing.assert_allclose(stream.angles, turned, rtol=1e-12, atol=1e-12)


def test_error_of_a_stale_classifier_is_its_angle():
    stream = make_drifting_stream(
        40_000, 4, drift="abrupt", angle=45, random_state=0, return_X_y=False
    )
    predicted = stream.X @ stream.normals[0] > 0
    late = stream.angles > 0
    assert (predicted == stream.y)[~late].all()
    error = (predicted != stream.y)[late].mean()
    # Three standard errors of a share of a quarter in 20,000 rows.
    assert abs(error - 0.25) < 3 * np.sqrt(0.25 * 0.75 / 20_000)


def test_flipped_labels_and_seeds():
    plain = make_drifting_stream(3000, random_state=1, return_X_y=False)
    flipped = make_drifting_stream(3000, flip_y=0.2, random_state=1, return_X_y=False)
    np.testing.assert_array_equal(flipped.X, plain.X)
    assert abs((flipped.y != plain.y).mean() - 0.2) < 0.03
    X, y = make_drifting_stream(3000, random_state=1)
    np.testing.assert_array_equal(X, plain.X)
    np.testing.assert_array_equal(y, plain.y)
    other = make_drifting_stream(3000, random_state=2)[0]
    assert not np.array_equal(other, X)


def test_invalid_parameter():
    with pytest.raises(ValueError, match="'drift' parameter of make_drifting_stream"):
        make_drifting_stream(drift="sudden")
    with pytest.raises(ValueError, match="'n_features' parameter"):
        make_drifting_stream(n_features=1)
