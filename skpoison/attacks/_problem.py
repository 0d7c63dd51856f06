"""Bilevel problems: a goal as a function of the training set of a surrogate.

Upper level: the goal, a function of the learnt parameters. Lower level: the training of
the surrogate, a function of its rows, labels and weights. The scalers of a pipeline are
fitted on clean and poison rows together, as those of the victim are, and differentiated
with the rest (:mod:`skpoison.bilevel.differentiation.scaling`).
"""

from dataclasses import replace
from functools import cached_property

import numpy as np
from scipy import sparse

from skpoison.bilevel.differentiation.scaling import ColumnScaler
from skpoison.bilevel.goals import Goal, check_goal
from skpoison.bilevel.learners.grams import GramMemory
from skpoison.bilevel.learners.stacked import StackedRows
from skpoison.bilevel.solvers.row_systems import prefers_row_systems
from skpoison.goals import GoalContext
from skpoison.goals._base import check_evaluation, check_resolved
from skpoison.goals._behind_scalers import BehindScalers
from skpoison.goals._outside import as_known_goal
from skpoison.surrogates import Unrolled, as_training_problem
from skpoison.surrogates._scalers import make_column_scaler, split_scalers

# Share of entries that are not 0 above which poison rows beside sparse rows are dense.
DENSE = 0.1
# How many rows a copy of a poison row stands for that asks what its label would do.
FAINT = 1e-6


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
        The rows that scalers before the surrogate are fitted on beside the poison rows.
        None: X, each with `weight`.
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
    raw_goal : Goal
        The goal as a function of the learnt parameters, its validation rows not scaled.
    scaler : ColumnScaler or None
        The scalers, to be fitted with poison rows; None if there are none.
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
        # Estimators of others have none: they inherit the check, which needs them.
        if hasattr(estimator, "_parameter_constraints"):
            estimator._validate_params()
        self.X, self.codes, self.classes, self.weight = X, codes, classes, weight
        self.X_val = X_val
        n_classes = None if classes is None else classes.shape[0]
        self.scaler = None
        if scalers and X_scaler is None:
            weights = np.full(X.shape[0], float(weight))
            self.scaler = make_column_scaler(scalers, X, weights)
        elif scalers:
            self.scaler = make_column_scaler(scalers, X_scaler)
        problem = as_training_problem(estimator, n_classes)
        if X.shape[0]:  # if not all rows are poison
            problem = problem.for_rows(self.X_scaled, weight)
        self.training_problem = problem
        self.learner = self.training_problem.learner
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
            X_val,
            y_val,
        )
        self.raw_goal = goal.resolve(context)
        check_resolved(goal, self.raw_goal)
        try:
            check_goal(self.raw_goal, self.learner)
        except ValueError as error:
            raise ValueError(
                f"`goal` must suit the surrogate; got {goal!r}. {error}"
            ) from error
        if not isinstance(self.raw_goal, Goal):
            shape = self.learner.shape(self.rows())
            check_evaluation(goal, self.raw_goal, self.learner, shape)
        is_behind = self.scaler is not None and X_val is not None
        if is_behind and not isinstance(self.raw_goal, Goal):
            self.raw_goal = BehindScalers(goal, context)
        self.raw_goal = as_known_goal(goal, self.raw_goal)
        if X.shape[0]:
            self.engine.check_rows(self.rows())

    @cached_property
    def scaling(self):
        """The scalers as fitted without poison rows; None if there are none."""
        return None if self.scaler is None else self.scaler.fit()

    @cached_property
    def X_scaled(self):  # noqa: N802
        """The rows learnt from, scaled, without poison rows."""
        return self.scaled(self.X)

    @cached_property
    def resolved_goal(self):
        """The goal as a function of the learnt parameters, without poison rows."""
        return self._scaled_goal(self.scaling)

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
        return X if self.scaling is None else self.scaling.transform_new(X)[0]

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
        return self._rows(self.X_scaled, codes, multiplicity)

    def _rows(self, X_scaled, codes, multiplicity):
        return self.training_problem.rows(
            X_scaled,
            self.codes if codes is None else codes,
            classes=self.classes,
            multiplicity=multiplicity,
        )

    def rescaled(self, multiplicity):
        """Return the training problem with scalers fitted on some of the rows.

        Parameters
        ----------
        multiplicity : ndarray of shape (n_samples,)
            How many rows each row stands for, 0 if it is left out.

        Returns
        -------
        rows : Rows
            The training rows.
        goal : Goal
            The goal.
        scaling : Scaling or None
            The fitted scalers; None if there are none.
        """
        if self.scaler is None:
            return self.rows(multiplicity=multiplicity), self.resolved_goal, None
        scaling = ColumnScaler(self.scaler.steps, self.X, multiplicity).fit()
        rows = self._rows(scaling.transform(self.X), None, multiplicity)
        return rows, self._scaled_goal(scaling), scaling

    def evaluate(self, rows, indices=slice(None), *, goal=None, columns=False):
        """Train the surrogate, compute the goal, and differentiate it in some rows.

        Parameters
        ----------
        rows : Rows
            The training rows, in scaled features.
        indices : slice, default=slice(None)
            The rows to differentiate in.
        goal : Goal, default=None
            The goal in the same features. None: `resolved_goal`.
        columns : bool, default=False
            Whether the gradient in columns is computed, too.

        Returns
        -------
        value : float
            The goal.
        hypergradient : Hypergradient
            Its gradient in the scaled features, the targets and the weights.
        """
        # A surrogate that diverges has a goal that is not finite: callers see to that.
        with np.errstate(over="ignore", invalid="ignore"):
            goal = self.resolved_goal if goal is None else goal
            return self.engine(rows, goal, indices, columns=columns)

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
        n_clean = self.codes.shape[0]
        first, last, _ = indices.indices(X_poison.shape[0])
        behind = slice(n_clean + first, n_clean + last)
        scaling = None if self.scaler is None else self.scaler.fit(X_poison)
        rows = self._poisoned_rows(X_poison, y_poison, scaling)
        goal = self._scaled_goal(scaling)
        value, hypergradient = self.evaluate(
            rows, behind, goal=goal, columns=scaling is not None
        )
        in_features = hypergradient.features
        if scaling is not None:
            in_features = scaling.pull_back(
                in_features, hypergradient.columns, slice(first, last)
            )
        if leave_plateaus:
            directions = self.engine.directions(hypergradient, behind)
            if directions is not hypergradient.features:
                scale = 1.0 if scaling is None else scaling.scale
                # A row without effect but by the scalers is on a plateau, too.
                on_plateau = ~hypergradient.features.any(axis=1)
                in_features = np.where(
                    on_plateau[:, np.newaxis], directions / scale, in_features
                )
        return value, in_features, hypergradient.targets[:, 0]

    def label_gains(self, X_poison, y_poison):
        """Compute to first order what each poison row would gain with each label.

        Beside each row lie faint copies with the other labels. What the weight of a
        copy gains, less what that of the row does, is the gain of the other label.

        Parameters
        ----------
        X_poison : ndarray of shape (n_poison, n_features)
            The poison rows, as the victim is given them.
        y_poison : ndarray of shape (n_poison,) of int
            Their labels, as positions among the classes.

        Returns
        -------
        gains : ndarray of shape (n_poison, n_classes)
            By how much the goal rises; 0 for the labels that the rows have.
        """
        n_poison, n_classes = X_poison.shape[0], self.classes.shape[0]
        own = np.arange(n_poison), y_poison
        counts = np.full((n_poison, n_classes), FAINT)
        counts[own] = 1
        scaling = None if self.scaler is None else self.scaler.fit(X_poison)
        rows = self._poisoned_rows(
            np.repeat(X_poison, n_classes, axis=0),
            np.tile(np.arange(n_classes), n_poison),
            scaling,
            counts.ravel(),
        )
        behind = slice(self.codes.shape[0], None)
        goal = self._scaled_goal(scaling)
        _, hypergradient = self.evaluate(rows, behind, goal=goal)
        gains = hypergradient.weights * rows.weights[behind]
        gains = gains.reshape(counts.shape) / counts
        return gains - gains[own][:, np.newaxis]

    def scores(self, X_poison, y_poison):
        """Train the surrogate on poison rows too, and score the validation rows.

        Parameters
        ----------
        X_poison : ndarray of shape (n_poison, n_features)
            The poison rows, as the victim is given them.
        y_poison : ndarray of shape (n_poison,)
            Their labels, as positions among the classes, or their responses.

        Returns
        -------
        scores : ndarray of shape (n_val, n_outputs)
            Not finite if the surrogate diverges.
        """
        scaling = None if self.scaler is None else self.scaler.fit(X_poison)
        rows = self._poisoned_rows(X_poison, y_poison, scaling)
        with np.errstate(over="ignore", invalid="ignore"):
            return self.engine.scores(rows, self._scaled_goal(scaling).X)

    def _scaled_goal(self, scaling):
        """Return the goal on scaled validation rows."""
        return self.raw_goal if scaling is None else self.raw_goal.scaled(scaling)

    def _poisoned_rows(self, X_poison, y_poison, scaling, counts=1.0):
        """Return the training rows with poison rows behind them, all of them scaled."""
        n_clean, n_poison = self.codes.shape[0], X_poison.shape[0]
        multiplicity = np.full(n_clean, float(self.weight))
        if sparse.issparse(self.X):
            X = StackedRows(self.X, X_poison)
            if scaling is not None:
                X = scaling.transform(X.tocsr())
        else:
            X = self._buffer(n_poison)
            if scaling is None:
                X[n_clean:] = X_poison
            else:
                scaling.transform(self.X, out=X[:n_clean])
                scaling.transform(X_poison, out=X[n_clean:])
        rows = self.training_problem.rows(
            X,
            np.concatenate([self.codes, y_poison]),
            classes=self.classes,
            multiplicity=np.append(multiplicity, np.broadcast_to(counts, n_poison)),
        )
        if isinstance(X, StackedRows) and not self._can_be_stacked(rows):
            rows = replace(rows, X=X.tocsr())
        return replace(rows, memory=self._memory)

    def _can_be_stacked(self, rows):
        """Return whether dense poison rows can be kept apart from sparse clean rows."""
        poison = rows.X.bottom
        return (
            self.engine.has_smooth_optimum
            and prefers_row_systems(self.learner, rows)
            and np.count_nonzero(poison) > DENSE * poison.size
        )

    def _buffer(self, n_poison):
        """Return an array that begins with the clean rows, if these are not scaled.

        There are two, in turn: the rows of the last optimum stay as they are until that
        has lent its weights to the next one. To copy all clean rows each time would
        take as long as to train on them.
        """
        n_clean, n_features = self.X.shape
        self._buffers.reverse()
        if self._buffers[0].shape[0] != n_clean + n_poison:
            self._buffers[0] = np.empty((n_clean + n_poison, n_features))
            if self.scaler is None:
                self._buffers[0][:n_clean] = self.X
        return self._buffers[0]

    @cached_property
    def _buffers(self):
        return [np.empty((0, 0)), np.empty((0, 0))]

    @cached_property
    def _memory(self):
        """What is kept of inner products; unscaled clean rows stay as they are."""
        return GramMemory(self.X if self.scaler is None else None)

    def diagnostics(self):
        """Return how accurate the last gradient is.

        Returns
        -------
        diagnostics : dict
        """
        return self.engine.diagnostics()
