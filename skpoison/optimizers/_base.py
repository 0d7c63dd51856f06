"""Base class of optimizers, and what they return.

Optimizers maximise a function over a feasible set that is given by its projection. They
know nothing of attacks: the function is a callable, and so is the projection.
"""

from abc import ABCMeta, abstractmethod
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval, StrOptions

# Number of steps without progress after which an optimizer stops early.
PATIENCE = 50


@dataclass(frozen=True)
class AscentResult:
    """The best point that an optimizer has met.

    Parameters
    ----------
    x : ndarray
        The point, of the shape of the start.
    value : float
        The function there.
    path : ndarray of shape (n_iter + 1,)
        The function at every iterate, the start first.
    """

    x: np.ndarray
    value: float
    path: np.ndarray


class BaseOptimizer(BaseEstimator, metaclass=ABCMeta):
    """Base class of optimizers.

    A subclass implements `_maximise`. It has the parameters below among its own;
    attacks read `schedule`, `n_restarts` and `store_path`.

    Parameters
    ----------
    max_iter : int, default=100
        Maximum number of steps: of all rows together, or of each row for a sequential
        schedule.
    tol : float or None, default=1e-6
        Stop early if the best value has grown by no more than `tol` in the last 50
        steps. None: never stop early.
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
    SpectralProjectedGradient : For smooth functions with a maximum to be reached.

    Examples
    --------
    An optimizer from outside the package, random search:

    >>> import numpy as np
    >>> from skpoison.attacks import GradientInsertion
    >>> from skpoison.optimizers import AscentResult, BaseOptimizer
    >>> class RandomSearch(BaseOptimizer):
    ...     def _maximise(self, value_and_gradient, start, project, callback):
    ...         random_state = np.random.RandomState(0)
    ...         best, path = project(start), []
    ...         path.append(value_and_gradient(best)[0])
    ...         for _ in range(self.max_iter):
    ...             x = project(best + 0.1 * random_state.normal(size=start.shape))
    ...             path.append(value_and_gradient(x)[0])
    ...             best = x if path[-1] == max(path) else best
    ...             if callback(path[-1], x):
    ...                 break
    ...         return AscentResult(best, max(path), np.array(path))
    >>> attack = GradientInsertion(optimizer=RandomSearch(max_iter=20))
    """

    _parameter_constraints: dict = {
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "schedule": [StrOptions({"joint", "sequential"})],
        "n_restarts": [Interval(Integral, 0, None, closed="left")],
        "store_path": ["boolean"],
    }

    def __init__(
        self,
        *,
        max_iter=100,
        tol=1e-6,
        schedule="joint",
        n_restarts=0,
        store_path=False,
    ):
        self.max_iter = max_iter
        self.tol = tol
        self.schedule = schedule
        self.n_restarts = n_restarts
        self.store_path = store_path

    def maximise(self, value_and_gradient, start, project=None, *, callback=None):
        """Maximise a function over a feasible set.

        Parameters
        ----------
        value_and_gradient : callable
            Takes a point; returns the value of the function there, a float, and its
            gradient, of the shape of the point.
        start : ndarray of shape (n_rows, n_columns)
            Where to start.
        project : callable, default=None
            Takes a point; returns the nearest feasible one. None: every point is
            feasible.
        callback : callable, default=None
            Takes the value and the point of each iterate but the start. It stops the
            optimizer by returning True.

        Returns
        -------
        result : AscentResult
            The best point met, which is never worse than the projected start.

        Raises
        ------
        ValueError
            If a parameter is invalid, or the function is not finite at the start.

        Examples
        --------
        >>> import numpy as np
        >>> from skpoison.optimizers import SpectralProjectedGradient
        >>> result = SpectralProjectedGradient().maximise(
        ...     lambda x: (-((x - 2) ** 2).sum(), -2 * (x - 2)),
        ...     start=np.zeros((1, 2)),
        ...     project=lambda x: np.clip(x, 0, [1, 3]),
        ... )
        >>> result.x
        array([[1., 2.]])
        """
        self._validate_params()
        start = np.asarray(start, dtype=float)
        return self._maximise(
            value_and_gradient, start, project or _anywhere, callback or _go_on
        )

    @abstractmethod
    def _maximise(self, value_and_gradient, start, project, callback):
        """Maximise a function; return an AscentResult."""

    def _shortened(self, max_iter):
        """Return the optimizer for an ascent of fewer steps."""
        return clone(self).set_params(max_iter=max_iter)

    def _continued(self, n_done, max_iter):
        """Return the optimizer for some more steps of an ascent."""
        return clone(self).set_params(max_iter=max_iter)

    def _is_stuck(self, path):
        """Return whether the best value has made no progress for too long."""
        if self.tol is None or len(path) <= PATIENCE:
            return False
        return max(path[-PATIENCE:]) <= max(path[:-PATIENCE]) + self.tol


def check_start(value, gradient):
    """Check the value and the gradient of a function at the start.

    Parameters
    ----------
    value : float
        The value.
    gradient : ndarray
        The gradient.

    Raises
    ------
    ValueError
        If they are not finite.
    """
    if not (np.isfinite(value) and np.isfinite(gradient).all()):
        raise ValueError(
            "The objective and its gradient must be finite at the start; got "
            f"{value:.3g}. If the training of the surrogate diverges, scale the "
            "features, or lower its learning rate; if a goal or a penalty of your own "
            "is infinite there, bound it."
        )


def _anywhere(x):
    return x


def _go_on(value, x):
    return False
