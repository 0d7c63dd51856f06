r"""The spectral projected gradient method.

Birgin, Martínez and Raydan (2000), "Nonmonotone spectral projected gradient methods on
convex sets", SIAM Journal on Optimization 10. A step of the gradient method is
projected onto the feasible set,

.. math::

    d^t = P\left( x^t + \alpha_t \nabla f(x^t) \right) - x^t, \qquad
    \alpha_{t+1} = \frac{\langle s, s \rangle}{|\langle s, y \rangle|}, \quad
    s = x^{t+1} - x^t, \; y = \nabla f(x^{t+1}) - \nabla f(x^t) ,

where the step length is that of Barzilai and Borwein (1988), which estimates the
curvature. A line search along :math:`d^t` asks for sufficient increase over the lowest
of the last 10 values, not over the last one (Grippo, Lampariello and Lucidi 1986), so
that most steps are taken at full length.
"""

import numpy as np

from skpoison.optimizers._base import AscentResult, BaseOptimizer, check_start

# Number of values of which the lowest counts in the nonmonotone line search.
MEMORY = 10
# Share of the increase predicted by the slope that a step must attain (Armijo).
SUFFICIENT = 1e-4
SHORTEST, LONGEST = 1e-10, 1e10


class SpectralProjectedGradient(BaseOptimizer):
    """Spectral projected gradient method for smooth objectives [1]_.

    For objectives that have a maximum to be reached exactly, such as minus the distance
    to coefficients wanted: a gradient method with the step lengths of Barzilai and
    Borwein and a nonmonotone line search. It has no step length to be tuned.

    Parameters
    ----------
    max_iter : int, default=100
        Maximum number of evaluations, those of the line search included: for all rows
        together, or for each row for a sequential schedule.
    tol : float or None, default=1e-6
        Stop early if the best value has grown by no more than `tol` in the last 50
        evaluations. None: never stop early.
    schedule : {"joint", "sequential"}, default="joint"
        Whether an attack moves all poison rows together, or inserts and moves one row
        after the other.
    n_restarts : int, default=0
        How often an attack starts again from other initial rows. The best result is
        kept.
    store_path : bool, default=False
        Whether an attack keeps the poison rows of every iterate, as `rows_path_`.

    See Also
    --------
    ProjectedAscent : For errors, which are bounded and not concave.

    References
    ----------
    .. [1] E. G. Birgin, J. M. Martínez, M. Raydan, "Nonmonotone spectral projected
       gradient methods on convex sets", SIAM Journal on Optimization 10, 2000.

    Examples
    --------
    >>> from skpoison.attacks import GradientModification
    >>> from skpoison.goals import TargetCoefficients
    >>> from skpoison.optimizers import SpectralProjectedGradient
    >>> attack = GradientModification(
    ...     goal=TargetCoefficients({0: 0.0}),
    ...     optimizer=SpectralProjectedGradient(max_iter=300),
    ... )
    """

    def _maximise(self, value_and_gradient, start, project, callback):
        x = project(start)
        value, gradient = value_and_gradient(x)
        check_start(value, gradient)
        best, path, accepted = (value, x), [value], [value]
        steepest = np.abs(project(x + gradient) - x).max(initial=0)
        length = 1 / steepest if steepest > 0 else 1.0
        while len(path) <= self.max_iter:
            direction = project(x + length * gradient) - x
            slope = np.vdot(direction, gradient)
            if not slope > 0:
                break
            lowest, share = min(accepted[-MEMORY:]), 1.0
            while True:
                trial = x + share * direction
                value, trial_gradient = value_and_gradient(trial)
                path.append(value)
                stop = callback(value, trial)
                if value > best[0]:
                    best = value, trial
                # Written such that a value that is not finite does not pass.
                if value >= lowest + SUFFICIENT * share * slope:
                    break
                share /= 4
                if stop or share < 1e-12 or len(path) > self.max_iter:
                    return AscentResult(best[1], best[0], np.array(path))
            s, y = trial - x, trial_gradient - gradient
            x, gradient = trial, trial_gradient
            accepted.append(value)
            curvature = abs(np.vdot(s, y))
            length = np.vdot(s, s) / curvature if curvature > 0 else 2 * length
            length = min(max(length, SHORTEST), LONGEST)
            if stop or self._is_stuck(path):
                break
        return AscentResult(best[1], best[0], np.array(path))
