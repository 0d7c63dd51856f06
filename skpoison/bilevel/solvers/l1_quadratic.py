r"""Minimisation of a quadratic with an l1 penalty.

.. math::

    \min_u \; \tfrac12 u^\top H u + c^\top u + \sum_i \rho_i |u_i| .

On a face of the orthant, where the signs :math:`s` of the entries are known and the
others are 0, it is a plain quadratic: :math:`H_{AA} u_A = -(c + \rho s)_A`. Two steps
alternate, neither of which raises the objective:

* **sweeps of coordinate descent** find a face: each entry in turn is set to its best
  value, :math:`\operatorname{soft}(H_{ii} u_i - (Hu + c)_i, \rho_i) / H_{ii}`;
* **the minimum of the face** is solved for. If the line to it leaves the face, entries
  that would change their signs become 0 and stay so, and the lowest of a few points of
  the projected line is taken. Then the face is a smaller one.

It stops when a sweep leaves the face as it is: there the optimum is exact. It does
stop, since there are finitely many faces and each is left for a lower point.

If H is singular on a face, so that its minimum is not unique, the minimum is moved
along a direction without curvature until an entry is 0: among several optima one is
found that is the unique one of its face.
"""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

# A pivot below this share of its diagonal entry counts as 0.
SINGULAR = 1e-13
# Added to the diagonal of a singular matrix, relative to it.
NUDGE = 1e-10
# An entry leaves 0 if its gradient exceeds the penalty by this share of it: by more
# than rounding.
EDGE = 1e-12
# Ratio of the lengths of successive trial steps.
SPREAD = 4.0
# Maximum number of sweeps between two solves.
N_SWEEPS = 5


def minimise_l1_quadratic(
    H: np.ndarray,
    c: np.ndarray,
    l1: np.ndarray,
    start: np.ndarray,
    *,
    max_iter: int = 200,
) -> np.ndarray:
    """Minimise a quadratic with an l1 penalty.

    Parameters
    ----------
    H : ndarray of shape (n, n)
        The quadratic part, positive semidefinite.
    c : ndarray of shape (n,)
        The linear part.
    l1 : ndarray of shape (n,)
        The penalty of each entry; 0 for none.
    start : ndarray of shape (n,)
        Where to start.
    max_iter : int, default=200
        Maximum number of faces to which sweeps lead.

    Returns
    -------
    u : ndarray of shape (n,)
        The minimiser.
    """
    u = _minimum_of_face(H, c, l1, start)
    for _ in range(max_iter):
        swept = _sweep(H, c, l1, u)
        if (_face(swept, l1) == _face(u, l1)).all():
            break
        u = _minimum_of_face(H, c, l1, swept)
    return u


def factorise(H: np.ndarray) -> tuple[tuple, bool]:
    """Factorise a positive semidefinite matrix, regularised if it is singular.

    Parameters
    ----------
    H : ndarray of shape (n, n)
        The matrix.

    Returns
    -------
    factor : tuple
        What :func:`scipy.linalg.cho_solve` takes.
    singular : bool
        Whether the matrix is singular.
    """
    diagonal = H.diagonal().copy()
    # An entry without curvature is not determined: any number will do.
    diagonal[diagonal <= 0] = 1
    try:
        factor = cho_factor(H, lower=True)
        if (factor[0].diagonal() ** 2 > SINGULAR * diagonal).all():
            return factor, False
    except LinAlgError:
        pass
    return cho_factor(H + np.diag(NUDGE * diagonal), lower=True), True


def _face(u: np.ndarray, l1: np.ndarray) -> np.ndarray:
    """Return the signs of the penalised entries."""
    return np.sign(u) * (l1 > 0)


def _value(H: np.ndarray, c: np.ndarray, l1: np.ndarray, u: np.ndarray) -> float:
    return u @ (H @ u) / 2 + c @ u + l1 @ np.abs(u)


def _sweep(H: np.ndarray, c: np.ndarray, l1: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Sweep by coordinate descent until the face stays the same."""
    u = u.copy()
    slopes = H @ u + c
    face = _face(u, l1)
    for _ in range(N_SWEEPS):
        for i, penalty in enumerate(l1.tolist()):
            curvature = H[i, i]
            if curvature <= 0:
                continue
            wanted = curvature * u[i] - slopes[i]
            beyond = abs(wanted) - penalty
            if u[i] == 0 and beyond <= EDGE * penalty:
                continue
            best = np.copysign(beyond, wanted) / curvature if beyond > 0 else 0.0
            slopes += (best - u[i]) * H[i]
            u[i] = best
        before, face = face, _face(u, l1)
        if (face == before).all():
            break
    return u


def _minimum_of_face(
    H: np.ndarray, c: np.ndarray, l1: np.ndarray, u: np.ndarray
) -> np.ndarray:
    """Minimise over a face, or over the smaller one that the line ends in."""
    while True:
        active = np.flatnonzero((u != 0) | (l1 == 0))
        if not active.size:
            return u
        here, signs = u[active], _face(u, l1)[active]
        factor, singular = factorise(H[np.ix_(active, active)])
        there = cho_solve(factor, -(c[active] + l1[active] * signs))
        crossing = signs * there < 0
        if not crossing.any():
            flat = None
            if singular:
                flat = _flat_direction(H[np.ix_(active, active)], l1[active] * signs)
            if flat is None:
                return _with(u, active, there)
            u = _with(u, active, _to_first_zero(there, there + flat, signs))
            continue
        # The line crosses a border of the face, where an entry becomes 0. Up to the
        # first crossing the objective surely falls. Longer steps, of which the entries
        # that have crossed are put to 0, set more of them to 0 at once; the lowest is
        # taken.
        step = there - here
        first = (here[crossing] / -step[crossing]).min()
        lengths = first * SPREAD ** np.arange(np.ceil(-np.log(first) / np.log(SPREAD)))
        ends = [here + length * step for length in [*lengths[1:], 1.0]]
        ends = [np.where(signs * end < 0, 0.0, end) for end in ends]
        ends.append(_to_first_zero(here, there, signs))
        ends = [_with(u, active, end) for end in ends]
        u = min(ends, key=lambda end: _value(H, c, l1, end))


def _with(u: np.ndarray, active: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return a copy in which the active entries are replaced."""
    u = u.copy()
    u[active] = values
    return u


def _to_first_zero(
    here: np.ndarray, there: np.ndarray, signs: np.ndarray
) -> np.ndarray:
    """Move from one point towards another until an entry of known sign is 0."""
    shrinking = np.flatnonzero(signs * (here - there) > 0)
    times = here[shrinking] / (here - there)[shrinking]
    first = times.argmin()
    end = here + times[first] * (there - here)
    # Entries that become 0 at the same time do so except for rounding.
    end[shrinking[times <= times[first]]] = 0
    end[signs * end < 0] = 0
    return end


def _flat_direction(H: np.ndarray, slopes: np.ndarray) -> np.ndarray | None:
    """Find a direction without curvature along which the penalty falls, if any."""
    scale = np.sqrt(np.where(H.diagonal() > 0, H.diagonal(), 1))
    _, vectors = eigh(H / np.outer(scale, scale), subset_by_index=[0, 0])
    direction = vectors[:, 0] / scale
    penalised = slopes != 0
    if not np.linalg.norm(direction[penalised]) > 1e-6 * np.linalg.norm(direction):
        return None
    return -direction if slopes @ direction > 0 else direction
