"""Bilevel problems: a goal as a function of the training set of a surrogate.

Upper level: the goal, a function of the learnt parameters. Lower level: the training of
the surrogate, a function of its rows, labels and weights.
"""

import numpy as np
from scipy import sparse

from skpoison.bilevel.goals import Goal, check_goal
from skpoison.goals import GoalContext
from skpoison.goals._base import check_evaluation, check_resolved
from skpoison.surrogates import Unrolled, as_training_problem
from skpoison.surrogates._scalers import affine_map, split_scalers


class BilevelProblem:
    """A goal as a function of the training set of a surrogate.

    Nothing about it changes after its construction, but that the engine remembers the
    last optimum, from which the next training starts.

    Parameters
    ----------
    surrogate : estimator or Pipeline
        What the victim is believed to learn.
    goal : BaseGoal
        What the attacker wants.
    X : {ndarray, csr matrix} of shape (n_samples, n_features)
        The rows that the surrogate learns from, as the victim is given them.
    codes : ndarray of shape (n_samples,)
        Their labels, as positions among the classes, or their responses.
    classes : ndarray of shape (n_classes,), default=None
        The class labels; None for responses.
    X_val : {ndarray, csr matrix} of shape (n_val, n_features), default=None
        The validation rows; None for a goal that needs none.
    y_val : ndarray of shape (n_val,), default=None
        Their labels, as positions among the classes, or their responses.
    X_scaler : {ndarray, csr matrix} of shape (n_rows, n_features), default=None
        The rows that scalers before the surrogate are fitted on. None: X.
    feature_names : ndarray of shape (n_features,), default=None
        The names of the features, if they have names.
    weight : float, default=1.0
        How many training rows each row of X stands for. A poison row has 1.
    hypergradient : {"auto", "implicit", "unrolled", "back-gradient"} or Unrolled, \
            default="auto"
        How the goal is differentiated.
    tol : float, default=None
        How exactly the surrogate is trained. None: as the engine has it.

    Attributes
    ----------
    training_problem : TrainingProblem
        The training problem of the surrogate, without its rows.
    learner : Learner
        What is minimised.
    engine : Engine
        How the surrogate is trained, and differentiated.
    resolved_goal : object
        The goal as a function of the learnt parameters, in scaled features.
    scale, shift : ndarray of shape (n_features,)
        The surrogate sees ``X * scale + shift``.
    """

    def __init__(
        self,
        surrogate,
        goal,
        X,
        codes,
        *,
        classes=None,
        X_val=None,
        y_val=None,
        X_scaler=None,
        feature_names=None,
        weight=1.0,
        hypergradient="auto",
        tol=None,
    ):
        scalers, estimator = split_scalers(surrogate)
        if hasattr(estimator, "_validate_params"):
            estimator._validate_params()
        self.X, self.codes, self.classes, self.weight = X, codes, classes, weight
        self.X_val = X_val
        n_classes = None if classes is None else classes.shape[0]
        self.training_problem = as_training_problem(estimator, n_classes)
        self.learner = self.training_problem.learner
        self.scale, self.shift = affine_map(
            scalers, X if X_scaler is None else X_scaler
        )
        self.X_scaled = self.scaled(X)
        n_unrolled = None
        if isinstance(hypergradient, Unrolled):
            hypergradient._validate_params()
            hypergradient, n_unrolled = "unrolled", hypergradient.last
        self.engine = self.training_problem.engine(
            hypergradient, shape=X.shape, truncate=n_unrolled
        )
        if tol is not None:
            self.engine.tol = tol
        context = GoalContext(
            self.training_problem,
            X.shape[1],
            self.training_problem.encode(np.zeros(1, dtype=codes.dtype)).shape[1],
            feature_names,
            classes,
            None if X_val is None else self.scaled(X_val),
            y_val,
        )
        self.resolved_goal = goal.resolve(context)
        check_resolved(goal, self.resolved_goal)
        check_goal(self.resolved_goal, self.learner)
        if not isinstance(self.resolved_goal, Goal):
            shape = self.learner.shape(self.rows())
            check_evaluation(goal, self.resolved_goal, self.learner, shape)

    def scaled(self, X):
        """Return rows as the last step of the surrogate sees them.

        Parameters
        ----------
        X : {ndarray, csr matrix} of shape (n_rows, n_features)
            The rows.

        Returns
        -------
        X : {ndarray, csr matrix} of shape (n_rows, n_features)
        """
        if sparse.issparse(X):
            return X.multiply(self.scale).tocsr()
        return X * self.scale + self.shift

    def rows(self, codes=None, multiplicity=None):
        """Return the training rows of the surrogate.

        Parameters
        ----------
        codes : ndarray of shape (n_samples,), default=None
            Other labels or responses.
        multiplicity : ndarray of shape (n_samples,), default=None
            How many rows each of them stands for. None: `weight`.

        Returns
        -------
        rows : Rows
        """
        if multiplicity is None:
            multiplicity = np.full(self.codes.shape[0], float(self.weight))
        return self.training_problem.rows(
            self.X_scaled,
            self.codes if codes is None else codes,
            classes=self.classes,
            multiplicity=multiplicity,
        )

    def evaluate(self, rows, indices=slice(None)):
        """Train the surrogate, compute the goal, and differentiate it in some rows.

        Parameters
        ----------
        rows : Rows
            The training rows, in scaled features.
        indices : slice, default=slice(None)
            The rows to differentiate in.

        Returns
        -------
        value : float
            The goal.
        hypergradient : Hypergradient
            Its gradient in the scaled features, the targets and the weights.
        """
        # A surrogate that diverges has a goal that is not finite: callers see to that.
        with np.errstate(over="ignore", invalid="ignore"):
            return self.engine(rows, self.resolved_goal, indices)

    def differentiate(
        self, X_poison, y_poison, indices=slice(None), *, leave_plateaus=False
    ):
        """Compute the goal for given poison rows, and its gradient in some of them.

        Parameters
        ----------
        X_poison : ndarray of shape (n_poison, n_features)
            The poison rows, as the victim is given them.
        y_poison : ndarray of shape (n_poison,)
            Their labels, as positions among the classes, or their responses.
        indices : slice, default=slice(None)
            The poison rows to differentiate in.
        leave_plateaus : bool, default=False
            Whether rows on which the goal does not depend are given a direction that
            leads to where it does, if the engine knows one.

        Returns
        -------
        value : float
            The goal.
        in_features : ndarray of shape (n_rows, n_features)
            Its gradient in the features.
        in_responses : ndarray of shape (n_rows,)
            Its gradient in the responses; it means nothing for labels.
        """
        n_clean, n_poison = self.codes.shape[0], X_poison.shape[0]
        first, last, _ = indices.indices(n_poison)
        indices = slice(n_clean + first, n_clean + last)
        value, hypergradient = self.evaluate(
            self._poisoned_rows(X_poison, y_poison), indices
        )
        in_features = hypergradient.features
        if leave_plateaus:
            in_features = self.engine.directions(hypergradient, indices)
        return value, in_features * self.scale, hypergradient.targets[:, 0]

    def _poisoned_rows(self, X_poison, y_poison):
        """Return the training rows with poison rows behind them."""
        multiplicity = np.full(self.codes.shape[0], float(self.weight))
        X_poison = X_poison * self.scale + self.shift
        if sparse.issparse(self.X_scaled):
            poison = sparse.csr_array(X_poison)
            X = sparse.vstack([self.X_scaled, poison], format="csr")
        else:
            X = np.concatenate([self.X_scaled, X_poison])
        return self.training_problem.rows(
            X,
            np.concatenate([self.codes, y_poison]),
            classes=self.classes,
            multiplicity=np.append(multiplicity, np.ones(X_poison.shape[0])),
        )

    def diagnostics(self):
        """Return how accurate the last gradient is.

        Returns
        -------
        diagnostics : dict
        """
        return self.engine.diagnostics()
