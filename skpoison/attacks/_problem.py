"""What does the attacker reach with given poison rows, and how does that move?

The bilevel problem of one attack: a surrogate, the rows that it learns from beside the
poison, and a goal on rows of the attacker's own. It turns poison rows into the value of
the goal and its gradient.
"""

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.bilevel.goals import MeanLoss, SmoothedError
from skpoison.bilevel.hypergradients import (
    descend,
    goal_gradient,
    implicit,
    reversed_descent,
    unrolled,
)
from skpoison.bilevel.learners import LinearLearner
from skpoison.bilevel.losses import Squared
from skpoison.bilevel.networks import NetworkDescent, NetworkLearner
from skpoison.bilevel.newton import minimise
from skpoison.bilevel.spectral import SpectralDescent
from skpoison.surrogates import as_learner
from skpoison.surrogates._scalers import affine_map, split_scalers

# Numbers that the steps of a descent may take to store: 256 MB.
STORABLE = 2**25
# How exactly the surrogate is fitted, and the linear system solved.
TOL = 1e-7
# How many standard deviations from 0 a column lies that is centred.
FAR = 1000
# The largest eigendecomposition that costs less than the steps it stands for.
SPECTRAL = 1000


def default_surrogate(X):
    """Say what the victim is believed to learn where nothing is said of it.

    Parameters
    ----------
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
        The training rows.

    Returns
    -------
    surrogate : Pipeline
        LogisticRegression after a StandardScaler.
    """
    # Centring only shifts the intercept, and does not go with sparse data. But far
    # from 0 digits are lost without it.
    far = not sparse.issparse(X) and (np.abs(X.mean(axis=0)) > FAR * X.std(axis=0))
    scaler = StandardScaler(with_mean=bool(np.any(far)))
    return make_pipeline(scaler, LogisticRegression(max_iter=1000))


class BilevelProblem:
    """A goal as a function of poison rows.

    Parameters
    ----------
    surrogate : classifier or Pipeline
        What the attacker believes that the victim learns.
    hypergradient : {"auto", "implicit", "unrolled", "reversed"}
        How the goal is differentiated.
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        Rows that the attacker knows.
    codes : ndarray of shape (n_samples,) of int
        Their labels, as positions among the classes.
    clean : ndarray of shape (n_clean,) of int
        Positions of those that the surrogate learns from, beside the poison.
    weight : float
        Weight of each of these, where a poison row has 1.
    classes : ndarray of shape (n_classes,)
        The classes.

    Attributes
    ----------
    method : str
        How the goal is differentiated: "implicit", "spectral", "unrolled" or
        "reversed".
    visited : list of ndarray
        Poison rows that the attack has been at, where it writes them down.
    """

    def __init__(self, surrogate, hypergradient, X, codes, clean, weight, classes):
        scalers, estimator = split_scalers(surrogate)
        if not is_classifier(estimator):
            raise ValueError(
                f"surrogate={surrogate!r} is no classifier, but the labels are classes."
            )
        if hasattr(estimator, "_validate_params"):
            estimator._validate_params()
        self.surrogate = as_learner(estimator, classes.shape[0])
        self.learner = self.surrogate.learner
        self.scale, self.shift = affine_map(scalers, X)
        self.X, self.codes = self._scaled(X[clean]), codes[clean]
        self.weight, self.classes = weight, classes
        self.method = self._choose(hypergradient, estimator)
        self.goal = self.X_own = self.labels = self.rows = self.optimum = None
        self.residual, self.tol = 0.0, TOL
        self.visited = []

    def _choose(self, wanted, estimator):
        """Say how the goal is differentiated."""
        if self.surrogate.n_steps is None and wanted in ("unrolled", "reversed"):
            raise ValueError(
                f"hypergradient={wanted!r} goes through the steps of a surrogate that "
                f"stops early, but {type(estimator).__name__} goes on to its optimum: "
                "take hypergradient='implicit', or a GradientDescentClassifier as the "
                "surrogate."
            )
        if wanted == "implicit" and isinstance(self.learner, NetworkLearner):
            raise ValueError(
                "hypergradient='implicit' needs the optimum of a surrogate, and "
                f"{type(estimator).__name__} has many: take 'unrolled', or 'auto'."
            )
        if wanted != "auto":
            return wanted
        if self.surrogate.n_steps is None:
            return "implicit"
        linear = isinstance(self.learner, LinearLearner)
        quadratic = linear and isinstance(self.learner.loss, Squared)
        smaller, larger = sorted(self.X.shape)
        small = smaller <= SPECTRAL and smaller * larger <= STORABLE
        return "spectral" if quadratic and small else "unrolled"

    def aim(self, goal, loss, sharpness, X, codes):
        """Set the goal.

        Parameters
        ----------
        goal : {"error-generic", "error-specific"} or dict
            What the attacker wants.
        loss : {"error", "log_loss"}
            How it is measured.
        sharpness : float
            Of the smoothed error.
        X : {ndarray, csr matrix} of shape (n_own, n_features)
            Rows of the attacker's own.
        codes : ndarray of shape (n_own,) of int
            Their labels.
        """
        self.X_own = self._scaled(X)
        sign = 1 if goal == "error-generic" else -1
        if isinstance(goal, dict):
            classes = self.classes.tolist()
            wanted = np.arange(len(classes))
            for source, target in goal.items():
                wanted[classes.index(source)] = classes.index(target)
            codes = wanted[codes]
        if loss == "error":
            self.goal = SmoothedError(codes, sharpness, sign)
        elif not hasattr(self.learner, "loss"):
            raise ValueError(
                "loss='log_loss' climbs the loss of the surrogate, but its learner, "
                f"{self.learner!r}, has no attribute loss. Take loss='error'."
            )
        else:
            targets = self.surrogate.encode(codes)
            self.goal = MeanLoss(self.learner.loss, targets, sign)

    def label(self, labels):
        """Set the labels of the poison.

        Parameters
        ----------
        labels : ndarray of shape (n_poison,) of int
            As positions among the classes.
        """
        self.labels = labels
        self.rows = None

    def __call__(self, poison, which=slice(None)):
        """Compute the goal and its gradient in poison rows.

        Parameters
        ----------
        poison : ndarray of shape (n_poison, n_features)
            All rows, or the first ones, with the labels set by `label`.
        which : slice, default=slice(None)
            The rows among them to differentiate in.

        Returns
        -------
        value : float
            The goal.
        gradient : ndarray of shape (n_rows, n_features)
            Its gradient.
        """
        rows = self._rows(poison)
        n_clean, n_poison = self.codes.shape[0], poison.shape[0]
        first, last, _ = which.indices(n_poison)
        which = slice(n_clean + first, n_clean + last)
        # Where a learner diverges, the climb turns back.
        with np.errstate(over="ignore", invalid="ignore"):
            value, hypergradient = self._differentiate(rows, which)
        self.residual = hypergradient.residual
        return value, hypergradient.features * self.scale

    def diagnostics(self):
        """Say how well the last gradient is known.

        Returns
        -------
        diagnostics : dict
        """
        known = {"hypergradient": self.method}
        if self.optimum is not None:
            known["linear_solver"] = self.optimum.factorisation.method
            known["gradient_norm"] = self.optimum.gradient_norm
        if self.method in ("implicit", "reversed"):
            known["residual"] = self.residual
        return known

    def difference_error(self, poison, width, random_state):
        """Compare the gradient with a central difference in one direction.

        Parameters
        ----------
        poison : ndarray of shape (n_poison, n_features)
            Where.
        width : ndarray of shape (n_features,)
            How far each feature spans.
        random_state : RandomState
            Draws the direction.

        Returns
        -------
        error : float
            Relative.
        """
        self.tol = 1e-13
        direction = width * random_state.standard_normal(poison.shape)
        h = 1e-4 / np.sqrt(poison.size)
        after, before = (self(poison + sign * h * direction)[0] for sign in (1, -1))
        _, gradient = self(poison)
        expected = (after - before) / (2 * h)
        self.tol = TOL
        actual = (gradient * direction).sum()
        largest = max(abs(actual), abs(expected))
        return float(abs(actual - expected) / largest) if largest else 0.0

    def _differentiate(self, rows, which):
        learner = self.learner
        if self.method == "implicit":
            self.optimum = minimise(learner, rows, self.optimum, tol=self.tol)
            value, b = goal_gradient(learner, self.goal, self.X_own, self.optimum.W)
            return value, implicit(self.optimum, b, which, tol=self.tol)
        steps = {"rate": self.surrogate.rate, "n_steps": self.surrogate.n_steps}
        descent = None
        if self.method == "spectral":
            descent = SpectralDescent(learner, rows, **steps)
        elif self.method == "unrolled" and isinstance(learner, NetworkLearner):
            descent = NetworkDescent(learner, rows, every=self._every(rows), **steps)
        if descent is not None:
            value, b = goal_gradient(learner, self.goal, self.X_own, descent.W)
            return value, descent.hypergradient(b, which)
        start = learner.start(rows)
        every = self._every(rows) if self.method == "unrolled" else None
        W, stored = descend(learner, rows, start, every=every, **steps)
        value, b = goal_gradient(learner, self.goal, self.X_own, W)
        if self.method == "reversed":
            return value, reversed_descent(learner, rows, start, W, b, which, **steps)
        return value, unrolled(stored, b, which, every=every, **steps)

    def _every(self, rows):
        """Say of how many steps one is stored."""
        n_steps = self.surrogate.n_steps
        storable = n_steps * self.learner.storage(rows) <= STORABLE
        return 1 if storable else int(np.ceil(np.sqrt(n_steps)))

    def _rows(self, poison):
        """Put poison behind the training rows."""
        poison = poison * self.scale + self.shift
        if sparse.issparse(self.X):
            poison = sparse.csr_array(poison)
            X = sparse.vstack([self.X, poison], format="csr")
        else:
            X = np.concatenate([self.X, poison])
        n_samples = X.shape[0]
        if self.rows is None or self.rows.targets.shape[0] != n_samples:
            n_clean = self.codes.shape[0]
            repeats = np.ones(n_samples)
            repeats[:n_clean] = self.weight
            codes = np.concatenate([self.codes, self.labels[: n_samples - n_clean]])
            self.rows = self.surrogate.rows(
                X, codes, classes=self.classes, repeats=repeats
            )
        return self.rows.with_features(X)

    def _scaled(self, X):
        if sparse.issparse(X):
            return X.multiply(self.scale).tocsr()
        return X * self.scale + self.shift
