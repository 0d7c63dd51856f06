r"""Where is a quadratic least that pays for every weight that is not 0?

.. math::

    \min_u \; \tfrac12 u^\top H u + c^\top u + \sum_i \rho_i |u_i| .

On a face, where the signs :math:`s` of the entries are known and the others are 0, it
is a plain quadratic: :math:`H_{AA} u_A = -(c + \rho s)_A`. So there are two steps, of
which neither raises the objective, in turn:

* **sweeps of coordinate descent** find a face: each entry in turn is set to its best
  value, :math:`\operatorname{soft}(H_{ii} u_i - (Hu + c)_i, \rho_i) / H_{ii}`;
* **the least point of the face** is solved for. Where the way to it leaves the face,
  entries that would change their signs become 0 and stay so, and the lowest of a few
  points of that way is where it ends. Then the face is a smaller one.

It ends where a sweep leaves the face as it is: there the optimum is exact. It does end,
since there are finitely many faces and each is left for a lower point.

Where H is singular on a face, so that its least point is not a single one, it is left
along a direction in which nothing bends, until an entry is 0: among optima one is
found whose own face has a single one.
"""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, eigh

# Share of its diagonal entry below which a pivot counts as 0.
SINGULAR = 1e-13
# What is added to a singular matrix, relative to its diagonal.
NUDGE = 1e-10
# By how much an entry must want to leave 0, relative to its penalty: more than
# rounding.
EDGE = 1e-12
# How much farther each end of a way is than the one before.
SPREAD = 4.0
# Sweeps between two faces.
N_SWEEPS = 5


def minimise_l1_quadratic(H, c, l1, start, *, max_iter=200):
    """Minimise a quadratic with a penalty on absolute values.

    Parameters
    ----------
    H : ndarray of shape (n, n)
        The quadratic part, positive semidefinite.
    c : ndarray of shape (n,)
        The linear part.
    l1 : ndarray of shape (n,)
        The penalty of each entry; 0 leaves it free.
    start : ndarray of shape (n,)
        Where to start.
    max_iter : int, default=200
        The most faces to which sweeps lead.

    Returns
    -------
    u : ndarray of shape (n,)
        The least point.
    """
    u = _least_of_face(H, c, l1, start)
    for _ in range(max_iter):
        swept = _sweep(H, c, l1, u)
        if (_face(swept, l1) == _face(u, l1)).all():
            break
        u = _least_of_face(H, c, l1, swept)
    return u


def factorise(H):
    """Factorise a positive semidefinite matrix, nudged where it is singular.

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
    # Where nothing bends, nothing holds an entry: any number does.
    diagonal[diagonal <= 0] = 1
    try:
        factor = cho_factor(H, lower=True)
        if (factor[0].diagonal() ** 2 > SINGULAR * diagonal).all():
            return factor, False
    except LinAlgError:
        pass
    return cho_factor(H + np.diag(NUDGE * diagonal), lower=True), True


def _face(u, l1):
    """Give the signs of what pays for being other than 0."""
    return np.sign(u) * (l1 > 0)


def _value(H, c, l1, u):
    return u @ (H @ u) / 2 + c @ u + l1 @ np.abs(u)


def _sweep(H, c, l1, u):
    """Set each entry in turn to its best value, until the face stays the same."""
    u = u.copy()
    slopes = H @ u + c
    face = _face(u, l1)
    for _ in range(N_SWEEPS):
        for i, penalty in enumerate(l1.tolist()):
            bend = H[i, i]
            if bend <= 0:
                continue
            wanted = bend * u[i] - slopes[i]
            beyond = abs(wanted) - penalty
            if u[i] == 0 and beyond <= EDGE * penalty:
                continue
            best = np.copysign(beyond, wanted) / bend if beyond > 0 else 0.0
            slopes += (best - u[i]) * H[i]
            u[i] = best
        before, face = face, _face(u, l1)
        if (face == before).all():
            break
    return u


def _least_of_face(H, c, l1, u):
    """Go to the least point of a face, or of the smaller one where the way ends."""
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
        # The first end is surely lower. Others let more entries become 0 at once.
        step = there - here
        first = (here[crossing] / -step[crossing]).min()
        lengths = first * SPREAD ** np.arange(np.ceil(-np.log(first) / np.log(SPREAD)))
        ends = [here + length * step for length in [*lengths[1:], 1.0]]
        ends = [np.where(signs * end < 0, 0.0, end) for end in ends]
        ends.append(_to_first_zero(here, there, signs))
        ends = [_with(u, active, end) for end in ends]
        u = min(ends, key=lambda end: _value(H, c, l1, end))


def _with(u, active, values):
    u = u.copy()
    u[active] = values
    return u


def _to_first_zero(here, there, signs):
    """Go from one point towards another until an entry of known sign is 0."""
    shrinking = np.flatnonzero(signs * (here - there) > 0)
    times = here[shrinking] / (here - there)[shrinking]
    first = times.argmin()
    end = here + times[first] * (there - here)
    # Those that were to be 0 at the same time are, but for rounding.
    end[shrinking[times <= times[first]]] = 0
    end[signs * end < 0] = 0
    return end


def _flat_direction(H, slopes):
    """Find where nothing bends and the penalty does not grow, if there it changes."""
    scale = np.sqrt(np.where(H.diagonal() > 0, H.diagonal(), 1))
    _, vectors = eigh(H / np.outer(scale, scale), subset_by_index=[0, 0])
    direction = vectors[:, 0] / scale
    paying = slopes != 0
    if not np.linalg.norm(direction[paying]) > 1e-6 * np.linalg.norm(direction):
        return None
    return -direction if slopes @ direction > 0 else direction
