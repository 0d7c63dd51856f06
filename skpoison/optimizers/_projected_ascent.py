r"""Projected gradient ascent with normalised steps.

The gradient method for a function :math:`f` over a set with the projection :math:`P`,
with a direction of unit length for each row and geometrically decaying step lengths,

.. math::

    x^{t+1} = P\left( x^t + \eta \, \gamma^t \, d^t \right), \qquad
    d^t_i = \frac{P(x^t + \varepsilon \nabla f)_i - x^t_i}
                 {\lVert P(x^t + \varepsilon \nabla f)_i - x^t_i \rVert} .

The direction is the projected gradient: on the border of the feasible set what points
outwards is left out. Normalised steps of a fixed length are what attacks on errors use
since Biggio et al. (2012): the gradients of poison rows differ by orders of magnitude,
and a goal that is not concave has no natural step length. The best iterate is kept.
"""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from skpoison.optimizers._base import AscentResult, BaseOptimizer, check_start
from skpoison.optimizers._blocks import row_blocks

# The smallest component of a direction that is followed, relative to the largest.
SMALLEST = 0.05


class ProjectedAscent(BaseOptimizer):
    """Projected gradient ascent with normalised, decaying steps.

    For objectives such as errors, which are bounded and far from concave. All rows take
    steps of the same length, however large their gradients are, and the best iterate is
    kept.

    Parameters
    ----------
    step_size : float, default=2.0
        Length of the first step of each row. Attacks scale every feature to a range of
        1 over the training rows.
    decay : float, default=0.96
        Factor of the length of the step after each step.
    max_iter : int, default=100
        Maximum number of steps: of all rows together, or of each row for a sequential
        schedule.
    tol : float or None, default=1e-6
        Stop early if the best value has grown by no more than `tol` in the last 50
        steps. None: never stop early.
    schedule : {"joint", "sequential"}, default="joint"
        Whether an attack moves all poison rows together, or inserts and moves one row
        after the other, as in [2]_.
    n_restarts : int, default=0
        How often an attack starts again from other initial rows. The best result is
        kept.
    store_path : bool, default=False
        Whether an attack keeps the poison rows of every iterate, as `rows_path_`.

    See Also
    --------
    SpectralProjectedGradient : For smooth objectives with a maximum to be reached.

    References
    ----------
    .. [1] B. Biggio, B. Nelson, P. Laskov, "Poisoning attacks against support vector
       machines", ICML 2012.
    .. [2] L. Muñoz-González, B. Biggio, A. Demontis, A. Paudice, V. Wongrassamee,
       E. C. Lupu, F. Roli, "Towards poisoning of deep learning algorithms with
       back-gradient optimization", AISec 2017.

    Examples
    --------
    >>> from skpoison.attacks import GradientInsertion
    >>> from skpoison.optimizers import ProjectedAscent
    >>> attack = GradientInsertion(optimizer=ProjectedAscent(max_iter=20))
    >>> attack.set_params(optimizer__step_size=0.5).optimizer
    ProjectedAscent(max_iter=20, step_size=0.5)
    """

    _parameter_constraints: dict = {
        **BaseOptimizer._parameter_constraints,
        "step_size": [Interval(Real, 0, None, closed="neither")],
        "decay": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(
        self,
        step_size=2.0,
        decay=0.96,
        *,
        max_iter=100,
        tol=1e-6,
        schedule="joint",
        n_restarts=0,
        store_path=False,
    ):
        super().__init__(
            max_iter=max_iter,
            tol=tol,
            schedule=schedule,
            n_restarts=n_restarts,
            store_path=store_path,
        )
        self.step_size = step_size
        self.decay = decay

    def _shortened(self, max_iter):
        # It ends with steps as short as the whole ascent does.
        share = max_iter / self.max_iter
        ascent = super()._shortened(max_iter)
        return ascent.set_params(
            step_size=self.step_size * np.sqrt(share), decay=self.decay ** (1 / share)
        )

    def _continued(self, n_done, max_iter):
        # Its steps go on from where they have become shorter.
        ascent = super()._continued(n_done, max_iter)
        return ascent.set_params(step_size=self.step_size * self.decay**n_done)

    def _maximise(self, value_and_gradient, start, project, callback):
        x = project(start)
        value, gradient = value_and_gradient(x)
        check_start(value, gradient)
        best, path = (value, x, gradient), [value]
        length, directions = self.step_size, None
        for _ in range(self.max_iter):
            if directions is not None and np.may_share_memory(directions, x):
                directions = None  # a projection may return what it is given
            directions = _unit_directions(x, gradient, project, out=directions)
            if not directions.any():
                break
            directions *= length
            directions += x
            x = project(directions)
            value, gradient = value_and_gradient(x)
            if not (np.isfinite(value) and np.isfinite(gradient).all()):
                # The surrogate diverges there, and has no gradient: go back to the
                # best point, and take shorter steps from there.
                value, x, gradient = best
                length /= 2
            path.append(value)
            if value > best[0]:
                best = value, x, gradient
            if callback(value, x) or self._is_stuck(path):
                break
            length *= self.decay
        return AscentResult(best[1], best[0], np.array(path))


def _unit_directions(x, gradient, project, out=None):
    """Return the projected gradient of each row, scaled to unit length.

    A component of the gradient that points out of the feasible set, from a row on its
    border, would otherwise use up length of the step that the projection takes back.
    They are written to `out`, if there is such an array.
    """
    # In place where it can be: what takes the time is to touch memory.
    moved = np.empty(gradient.shape) if out is None else out
    blocks = row_blocks(moved.shape)
    for block in blocks:
        slopes = gradient[block]
        largest = np.maximum(slopes.max(axis=1), -slopes.min(axis=1))[:, np.newaxis]
        # What is smaller than that would overflow by the division.
        size = 1e-7 / np.where(largest > 1e-250, largest, 1)
        rows = np.multiply(slopes, size, out=moved[block])
        rows += x[block]
    nearest = project(moved)
    for block in blocks:
        rows = np.subtract(nearest[block], x[block], out=moved[block])
        # Negligible components are left out: they would make sparse rows dense for
        # nothing.
        size = np.abs(rows)
        np.copyto(rows, 0, where=size < SMALLEST * size.max(axis=1, keepdims=True))
        norms = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, np.newaxis]
        rows /= np.where(norms > 0, norms, 1)
    return moved
