"""What does the attacker reach with given poison rows, and how does that move?

The bilevel problem of one attack: a surrogate, the rows that it learns from beside the
poison, and a goal. It turns poison rows into the value of the goal and its gradient.
"""

from dataclasses import replace

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier, is_regressor

from skpoison.bilevel.differentiation.engine import TOL
from skpoison.bilevel.goals import MeanLoss, OnObjective, OnRows, SmoothedError
from skpoison.bilevel.losses import Squared
from skpoison.goals import GoalContext
from skpoison.surrogates import as_training_problem
from skpoison.surrogates._scalers import affine_map, split_scalers

# How exactly a goal is known, relative to its size.
ROUNDING = 1e-13


class BilevelProblem:
    """A goal as a function of poison rows.

    Parameters
    ----------
    surrogate : estimator or Pipeline
        What the attacker believes that the victim learns.
    hypergradient : {"auto", "implicit", "unrolled", "back-gradient"}
        How the goal is differentiated.
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        Rows that the attacker knows.
    codes : ndarray of shape (n_samples,)
        Their labels, as positions among the classes, or their responses.
    clean : ndarray of shape (n_clean,) of int
        Positions of those that the surrogate learns from, beside the poison.
    weight : float
        Weight of each of these, where a poison row has 1.
    classes : ndarray of shape (n_classes,), default=None
        The classes; None for responses.
    n_unrolled : int, default=None
        How many of the last steps of the surrogate are differentiated; None for all.

    Attributes
    ----------
    engine : Engine
        How the surrogate is trained and differentiated.
    moves_responses : bool
        Whether poison rows have their responses as one more column.
    visited : list of ndarray
        Poison rows that the attack has been at, where it writes them down.
    """

    def __init__(
        self,
        surrogate,
        hypergradient,
        X,
        codes,
        clean,
        weight,
        classes=None,
        *,
        n_unrolled=None,
    ):
        scalers, estimator = split_scalers(surrogate)
        kind, wanted = (
            ("classifier", "classes")
            if classes is not None
            else (
                "regressor",
                "responses",
            )
        )
        if not (is_classifier if classes is not None else is_regressor)(estimator):
            raise ValueError(
                f"surrogate={surrogate!r} is no {kind}, but the labels are {wanted}."
            )
        if hasattr(estimator, "_validate_params"):
            estimator._validate_params()
        n_classes = None if classes is None else classes.shape[0]
        self.surrogate = as_training_problem(estimator, n_classes)
        self.learner = self.surrogate.learner
        self.scale, self.shift = affine_map(scalers, X)
        self.X, self.codes = self._scaled(X[clean]), codes[clean]
        self.weight, self.classes = weight, classes
        self.engine = self.surrogate.engine(
            hypergradient, shape=self.X.shape, truncate=n_unrolled
        )
        self.goal = self.labels = self.rows = None
        self.moves_responses = False
        self.visited = []

    def aim(self, goal, loss, sharpness, X, codes):
        """Set a goal that speaks of rows of the attacker's own.

        Parameters
        ----------
        goal : {"error-generic", "error-specific"} or dict
            What the attacker wants.
        loss : {"error", "log_loss", "objective"}
            How it is measured.
        sharpness : float
            Of the smoothed error.
        X : {ndarray, csr matrix} of shape (n_own, n_features)
            Rows of the attacker's own.
        codes : ndarray of shape (n_own,)
            Their labels, or their responses.
        """
        X = self._scaled(X)
        sign = 1 if goal == "error-generic" else -1
        if isinstance(goal, dict):
            classes = self.classes.tolist()
            wanted = np.arange(len(classes))
            for source, target in goal.items():
                wanted[classes.index(source)] = classes.index(target)
            codes = wanted[codes]
        if loss == "objective":
            rows = self.surrogate.rows(X, codes, classes=self.classes)
            self.goal = OnObjective(rows, sign)
        elif loss == "error" and self.classes is not None:
            self.goal = OnRows(X, SmoothedError(codes, sharpness, sign))
        elif loss == "log_loss" and not hasattr(self.learner, "loss"):
            raise ValueError(
                "loss='log_loss' climbs the loss of the surrogate, but its learner, "
                f"{self.learner!r}, has no attribute loss. Take loss='error'."
            )
        else:
            measured = Squared() if loss == "error" else self.learner.loss
            targets = self.surrogate.encode(codes)
            self.goal = OnRows(X, MeanLoss(measured, targets, sign))

    def want(self, goal, feature_names=None):
        """Set a goal that speaks of what is learnt.

        Parameters
        ----------
        goal : object of skpoison.goals
            What the attacker wants.
        feature_names : ndarray of shape (n_features,), default=None
            The names of the features.
        """
        n_outputs = self.surrogate.encode(np.zeros_like(self.codes, shape=1)).shape[1]
        self.goal = goal.resolve(
            GoalContext(self.surrogate, self.X.shape[1], n_outputs, feature_names)
        )

    def label(self, labels):
        """Set the labels of the poison.

        Parameters
        ----------
        labels : ndarray of shape (n_poison,)
            As positions among the classes, or responses.
        """
        self.labels = labels
        self.rows = None

    def __call__(self, poison, which=slice(None)):
        """Compute the goal, and where poison rows are to go.

        Parameters
        ----------
        poison : ndarray of shape (n_poison, n_features)
            All rows, or the first ones, with the labels set by `label`; with their
            responses behind them where these move.
        which : slice, default=slice(None)
            The rows among them to differentiate in.

        Returns
        -------
        value : float
            The goal.
        directions : ndarray of the shape of the rows
            Its gradient; a way out for rows that it does not move, where there is one.
        """
        value, hypergradient, which = self._differentiated(poison, which)
        features = self.engine.directions(hypergradient, which)
        return value, self._joined(features, hypergradient.targets)

    def diagnostics(self):
        """Say how well the last gradient is known.

        Returns
        -------
        diagnostics : dict
        """
        return self.engine.diagnostics()

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
            Relative; 0 where what differs is lost in the rounding of the goal.
        """
        self.engine.tol = 1e-13
        direction = width * random_state.standard_normal(poison.shape)
        h = 1e-4 / np.sqrt(poison.size)
        after, before = (
            self._differentiated(poison + sign * h * direction)[0] for sign in (1, -1)
        )
        _, hypergradient, _ = self._differentiated(poison)
        gradient = self._joined(hypergradient.features, hypergradient.targets)
        expected = (after - before) / (2 * h)
        self.engine.tol = TOL
        actual = (gradient * direction).sum()
        rounding = ROUNDING * max(abs(after), abs(before)) / h
        if abs(actual - expected) <= rounding:
            return 0.0
        return float(abs(actual - expected) / max(abs(actual), abs(expected)))

    def _differentiated(self, poison, which=slice(None)):
        """Compute the goal and its gradient, and where the poison stands."""
        rows = self._rows(poison)
        n_clean, n_poison = self.codes.shape[0], poison.shape[0]
        first, last, _ = which.indices(n_poison)
        which = slice(n_clean + first, n_clean + last)
        # Where a learner diverges, the climb turns back.
        with np.errstate(over="ignore", invalid="ignore"):
            value, hypergradient = self.engine(rows, self.goal, which)
        return value, hypergradient, which

    def _joined(self, features, targets):
        """Put what is said of responses behind what is said of features."""
        features = features * self.scale
        return np.hstack([features, targets]) if self.moves_responses else features

    def _rows(self, poison):
        """Put poison behind the training rows."""
        responses = self.labels
        if self.moves_responses:
            poison, responses = poison[:, :-1], poison[:, -1]
        poison = poison * self.scale + self.shift
        if sparse.issparse(self.X):
            poison = sparse.csr_array(poison)
            X = sparse.vstack([self.X, poison], format="csr")
        else:
            X = np.concatenate([self.X, poison])
        n_samples = X.shape[0]
        if self.rows is None or self.rows.targets.shape[0] != n_samples:
            n_clean = self.codes.shape[0]
            multiplicity = np.ones(n_samples)
            multiplicity[:n_clean] = self.weight
            codes = np.concatenate([self.codes, responses[: n_samples - n_clean]])
            self.rows = self.surrogate.rows(
                X, codes, classes=self.classes, multiplicity=multiplicity
            )
        rows = self.rows.with_features(X)
        if self.moves_responses:
            codes = np.concatenate([self.codes, responses])
            rows = replace(rows, targets=self.surrogate.encode(codes))
        return rows

    def _scaled(self, X):
        if sparse.issparse(X):
            return X.multiply(self.scale).tocsr()
        return X * self.scale + self.shift
