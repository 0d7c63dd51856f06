"""Comparison of hypergradients with finite differences."""

import numpy as np
from sklearn.base import clone
from sklearn.utils import Bunch, check_random_state

from skpoison.attacks.rows._gradient import BaseGradientAttack
from skpoison.optimizers._coordinates import PoisonRows
from skpoison.utils._threads import limit_blas_threads
from skpoison.utils._validation import check_instance, check_trusted
from skpoison.utils._warnings import deduplicate_warnings

# Length of the steps of differences, in ranges of the features; how exactly the
# surrogate is trained meanwhile; and how exactly a goal is then known, relative to it.
STEP = 1e-4
TOL = 1e-13
ROUNDING = 1e-13


def check_hypergradient(
    attack,
    X,
    y,
    *,
    trusted=None,
    X_val=None,
    y_val=None,
    n_directions=5,
    random_state=None,
):
    """Compare the gradient that an attack follows with finite differences.

    The attack is run on a training set. At the poison rows that it ends with, its
    objective is differentiated in random directions: by the hypergradient, and by
    fourth-order central differences, for which the surrogate is trained anew at each
    point, to high accuracy.

    Parameters
    ----------
    attack : GradientInsertion or GradientModification
        The attack. With ``optimizer=ProjectedAscent(max_iter=0)`` the gradient is
        checked at the initial rows.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The training rows.
    y : array-like of shape (n_samples,)
        Their labels or responses.
    trusted : array-like of shape (n_samples,) of bool, default=None
        Rows that the attacker cannot modify.
    X_val : {array-like, sparse matrix, dataframe} of shape (n_val, n_features), \
            default=None
        The attacker's validation rows, as in `fit_resample`.
    y_val : array-like of shape (n_val,), default=None
        Their labels or responses.
    n_directions : int, default=5
        Number of random directions.
    random_state : int, RandomState instance or None, default=None
        Seed of the directions.

    Returns
    -------
    check : Bunch
        Its entries are `relative_error`, the norm of the difference between both
        vectors of directional derivatives, relative to the larger norm, and 0 if it is
        within rounding; `cosine`, the cosine of the angle between both, and NaN if one
        of them is zero; and both vectors, `analytic` and `numerical`, of shape
        (n_directions,).

    Raises
    ------
    TypeError
        If the attack does not follow a gradient in the rows.
    ValueError
        If its budget amounts to no row, or there is no direction.

    See Also
    --------
    skpoison.attacks.GradientInsertion : The attack that it is made for.

    Notes
    -----
    An objective that is not smooth has no gradient at its kinks: for a support vector
    machine, where the set of support vectors changes, and for an l1 penalty, where a
    coefficient becomes 0. Behind a MinMaxScaler or a MaxAbsScaler there is one if a
    value of a poison row equals the minimum or maximum of the clean rows, as it does on
    the border of :class:`~skpoison.feasible_sets.Box`: the attack takes the derivative
    inwards. If a kink lies between the points, differences are wrong.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import GradientInsertion
    >>> from skpoison.inspection import check_hypergradient
    >>> from skpoison.optimizers import ProjectedAscent
    >>> attack = GradientInsertion(
    ...     LogisticRegression(), optimizer=ProjectedAscent(max_iter=3), random_state=0
    ... )
    >>> check = check_hypergradient(attack, *load_iris(return_X_y=True))
    >>> check.relative_error < 1e-6
    True
    """
    check_instance(attack, "attack")
    if not isinstance(attack, BaseGradientAttack):
        raise TypeError(
            "`attack` must be a GradientInsertion or a GradientModification; got "
            f"{attack!r}."
        )
    if n_directions < 1:
        raise ValueError(f"`n_directions` must be at least 1; got {n_directions!r}.")
    with np.errstate(under="ignore"):
        return _check(attack, X, y, trusted, X_val, y_val, n_directions, random_state)


def _check(attack, X, y, trusted, X_val, y_val, n_directions, random_state):
    objective, rows, coordinates = _end_of(attack, X, y, trusted, X_val, y_val)
    random_state = check_random_state(random_state)
    analytic, numerical = np.empty((2, n_directions))
    rounding = 0.0
    with deduplicate_warnings():
        _, in_features, in_responses = objective(rows, 0, leave_plateaus=False)
        for k in range(n_directions):
            direction = _direction(rows, coordinates, random_state)
            analytic[k] = (in_features * direction.X).sum() + in_responses @ direction.y
            numerical[k], size = _difference(objective, rows, direction)
            rounding = max(rounding, ROUNDING * size)
    gap = np.linalg.norm(analytic - numerical)
    norms = np.linalg.norm(analytic), np.linalg.norm(numerical)
    is_exact = np.abs(analytic - numerical).max() <= rounding
    return Bunch(
        relative_error=0.0 if is_exact else float(gap / max(norms)),
        cosine=float(analytic @ numerical / np.prod(norms)) if min(norms) else np.nan,
        analytic=analytic,
        numerical=numerical,
    )


def _end_of(attack, X, y, trusted, X_val, y_val):
    """Return an exact objective, the final poison rows, and their coordinates."""
    attack = clone(attack)
    attack._validate_params()
    trusted = check_trusted(trusted, X)
    X, y = attack._check_data(X, y)
    random_state = check_random_state(attack.random_state)
    _, known = attack._know(X, y, trusted, random_state, X_val=X_val, y_val=y_val)
    attack._start(known)
    n_poison = attack._n_poison(y.shape[0])
    if n_poison == 0:
        raise ValueError(
            "`budget` of the attack must be at least one row for a gradient to be "
            f"checked; got {attack.budget!r}."
        )
    with deduplicate_warnings(), limit_blas_threads(known.X):
        best = attack._optimise(known, n_poison, random_state)
        objective = attack._objective(known, best.folds, best.initial, tol=TOL)
    return objective, best.found.rows, best.coordinates


def _direction(rows, coordinates, random_state):
    """Draw a direction, in ranges of the features and, if it moves, of the response."""
    shape = rows.X.shape[0], coordinates.width.shape[0]
    drawn = coordinates.width * random_state.standard_normal(shape)
    if coordinates.moves_responses:
        return PoisonRows(drawn[:, :-1], drawn[:, -1])
    return PoisonRows(drawn, np.zeros(shape[0]))


def _difference(objective, rows, direction):
    """Return a central difference of fourth order, and the size of its terms."""
    h = STEP / np.sqrt(rows.X.size)
    is_moving = direction.y.any()

    def value(step):
        y = rows.y + step * direction.y if is_moving else rows.y
        return objective(PoisonRows(rows.X + step * direction.X, y), 0)[0]

    near, far = ([value(s * step) for s in (1, -1)] for step in (h, 2 * h))
    difference = (8 * (near[0] - near[1]) - (far[0] - far[1])) / (12 * h)
    return difference, np.abs([*near, *far]).max() / h
