r"""How far an attack on rows searches by default, by the size of its data.

An evaluation of the goal trains the surrogate, which takes some multiple of

.. math::

    c = (m + n_p d) \min(n, d)

multiplications for n rows of d features that hold m numbers (nd, or as many as sparse
rows store) and :math:`n_p` poison rows. Hundreds of evaluations are cheap on small data
and take hours on large ones. Beyond some size the default search shrinks with the root
of c: half of the growth is paid by time, and half by effort.

A network takes T steps, which are differentiated one after the other: with h units in
its first layer

.. math::

    c = \kappa T h \, (m + n_p d + f (n + n_p)) ,

where f features cost as much as all else that is done with a unit, and :math:`\kappa`
stands for how slow products with so few columns are.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline

# Cost of an evaluation up to which the search is whole.
WHOLE = 1.5e9
# By measurement, of networks of ten units and 2 to 500 features.
PER_UNIT, SLOWER = 384, 12
# Share of the whole search below which the goal is measured on one half of the rows, by
# a surrogate that learns from the other, and not the other way round, too. With more
# features than rows a single split has been as strong as two, with fewer it is weaker.
SPLIT_WIDE, SPLIT_TALL = 0.75, 0.5
# How exactly surrogates are then trained while rows climb: a step needs the direction
# of a gradient, and results are compared by the errors of rough fits anyway. Single
# precision does for that; each digit more costs steps in double precision.
ROUGHLY = 1e-4
# Share below which one surrogate judges starts on all rows left out. It learns from
# half of the rows that it could, which cost a fifth of the error on 500 rows.
SHARED = 0.3


@dataclass(frozen=True)
class Effort:
    """How far an attack searches by default.

    Parameters
    ----------
    share : float
        Which share of the whole search it can afford, above 0, at most 1.
    is_wide : bool
        Whether there are at least as many features as rows.
    """

    share: float
    is_wide: bool

    @property
    def has_one_split(self):
        """Whether one validation split has to do."""
        return self.share < (SPLIT_WIDE if self.is_wide else SPLIT_TALL)

    @property
    def has_one_judge(self):
        """Whether one surrogate has to judge all starts."""
        return self.share < SHARED

    @property
    def tol(self):
        """How exactly surrogates train while rows climb; None: as engines do."""
        return ROUGHLY if self.has_one_split else None


def default_effort(X, n_poison, surrogate=None):
    """Return how far an attack searches by default.

    Parameters
    ----------
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The rows that the attacker knows.
    n_poison : int
        Number of poison rows.
    surrogate : estimator, default=None
        The surrogate. None: a linear one.

    Returns
    -------
    effort : Effort
    """
    n_samples, n_features = X.shape
    stored = X.nnz if sparse.issparse(X) else n_samples * n_features
    size, n_times = stored + n_poison * n_features, min(n_samples, n_features)
    network = surrogate[-1] if isinstance(surrogate, Pipeline) else surrogate
    if isinstance(network, MLPClassifier | MLPRegressor):
        size += PER_UNIT * (n_samples + n_poison)
        n_units = np.atleast_1d(network.hidden_layer_sizes)[0]
        n_times = SLOWER * network.max_iter * n_units
    cost = size * n_times
    share = float(min(1.0, np.sqrt(WHOLE / max(cost, 1))))
    return Effort(share, is_wide=n_features >= n_samples)
