"""A synthetic stream whose drift is known."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils import Bunch, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions, validate_params


@validate_params(
    {
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_features": [Interval(Integral, 2, None, closed="left")],
        "drift": [StrOptions({"abrupt", "gradual", "recurring"}), None],
        "angle": [Interval(Real, 0, 180, closed="both")],
        "flip_y": [Interval(Real, 0, 1, closed="both")],
        "random_state": ["random_state"],
        "return_X_y": ["boolean"],
    },
    prefer_skip_nested_validation=True,
)
def make_drifting_stream(
    n_samples=2000,
    n_features=10,
    *,
    drift="abrupt",
    angle=90.0,
    flip_y=0.0,
    random_state=None,
    return_X_y=True,
):
    r"""Make a stream of two classes whose boundary turns (classification).

    Rows are standard normal. The label of row i says on which side of the plane
    :math:`w_i^\top x = 0` it lies, and the unit normal :math:`w_i` turns by a known
    angle in a random plane. Of any linear classifier with the normal v the error on row
    i is the angle between v and :math:`w_i` over 180°, so all errors are known.

    Parameters
    ----------
    n_samples : int, default=2000
        Number of rows.
    n_features : int, default=10
        Number of features.
    drift : {"abrupt", "gradual", "recurring"}, default="abrupt"
        "abrupt": the normal turns by `angle` in the middle of the stream. "gradual":
        it turns evenly, from the first row to the last. "recurring": it turns at each
        quarter, to and fro. None: it does not turn.
    angle : float, default=90.0
        By how many degrees it turns.
    flip_y : float, default=0.0
        The probability with which each label is changed to the other one.
    random_state : int, RandomState instance or None, default=None
        Seed of all that is drawn.
    return_X_y : bool, default=True
        Whether to return ``(X, y)`` instead of a Bunch.

    Returns
    -------
    (X, y) : tuple of ndarray
        The rows, of shape (n_samples, n_features), and their labels 0 and 1; unless
        `return_X_y` is False.
    stream : :class:`~sklearn.utils.Bunch`
        If `return_X_y` is False, with the attributes `X`, `y`, `normals`, an array of
        shape (n_samples, n_features) with the normal at each row, and `angles`, of
        shape (n_samples,), by how many degrees it has turned.

    See Also
    --------
    fetch_elec : A real stream that drifts.

    Examples
    --------
    >>> import numpy as np
    >>> from skpoison.datasets import make_drifting_stream
    >>> stream = make_drifting_stream(8, drift="recurring", return_X_y=False)
    >>> stream.angles
    array([ 0.,  0., 90., 90.,  0.,  0., 90., 90.])
    >>> labels = np.einsum("ij,ij->i", stream.X, stream.normals) > 0
    >>> bool((labels == stream.y).all())
    True
    """
    rng = check_random_state(random_state)
    X = rng.standard_normal((n_samples, n_features))
    # Two orthonormal directions span the plane in which the normal turns.
    first, second = np.linalg.qr(rng.standard_normal((n_features, 2)))[0].T
    when = np.arange(n_samples) / max(n_samples - 1, 1)
    steps = {
        None: np.zeros(n_samples),
        "abrupt": np.arange(n_samples) >= (n_samples + 1) // 2,
        "gradual": when,
        "recurring": np.arange(n_samples) * 4 // n_samples % 2,
    }[drift]
    angles = angle * steps.astype(float)
    turned = np.deg2rad(angles)[:, np.newaxis]
    normals = np.cos(turned) * first + np.sin(turned) * second
    flipped = rng.uniform(size=n_samples) < flip_y
    y = ((np.einsum("ij,ij->i", X, normals) > 0) ^ flipped).astype(int)
    if return_X_y:
        return X, y
    return Bunch(X=X, y=y, normals=normals, angles=angles)
