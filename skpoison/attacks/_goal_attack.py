"""Base class of attacks with a goal, measured on validation data."""

from dataclasses import replace

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import StrOptions

from skpoison.attacks._base import BaseSurrogateAttack
from skpoison.attacks._problem import BilevelProblem
from skpoison.attacks._validation_data import (
    VALIDATION,
    Fold,
    check_groups,
    check_validation_data,
    make_folds,
)
from skpoison.goals import BaseGoal
from skpoison.goals._base import check_rows_given
from skpoison.goals._errors import resolve_goal
from skpoison.utils._callbacks import with_callbacks
from skpoison.utils._validation import Described


class BaseGoalAttack(BaseSurrogateAttack):
    """Base class of attacks that pursue a goal.

    A subclass implements `_attack`, and sets `_default_validation` to what the
    parameter `validation` stands for if it is None and no validation rows are given.
    """

    _default_validation: object = 0.3
    _parameter_constraints: dict = {
        **BaseSurrogateAttack._parameter_constraints,
        "goal": [
            StrOptions({"error-generic"}),
            Described(dict, "a dict from class to class such as {8: 3}"),
            Described(
                BaseGoal,
                "a goal of skpoison.goals (an instance: Name(...), not the class Name)",
            ),
        ],
        "validation": VALIDATION,
    }

    def __init__(
        self,
        surrogate=None,
        budget=0.1,
        *,
        goal="error-generic",
        validation=None,
        known_fraction=1.0,
        random_state=None,
    ):
        super().__init__(
            surrogate, budget, known_fraction=known_fraction, random_state=random_state
        )
        self.goal = goal
        self.validation = validation

    @with_callbacks
    @_fit_context(
        # The surrogate and the feasible set given are validated too.
        prefer_skip_nested_validation=False
    )
    def fit_resample(self, X, y, *, trusted=None, X_val=None, y_val=None, groups=None):
        """Poison a training set.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            The training rows. They are not written to.
        y : array-like of shape (n_samples,), or one-hot (n_samples, n_classes)
            Their labels; responses if the surrogate is a regressor.
        trusted : array-like of shape (n_samples,) of bool, default=None
            Rows that the attacker cannot modify, delete or relabel, and that a defence
            in the surrogate trusts. None: they can touch all rows.
        X_val : {array-like, sparse matrix, dataframe} of shape (n_val, n_features), \
                default=None
            The attacker's validation rows, on which the goal is measured. None: the
            parameter `validation` decides. In a Pipeline they are not transformed by
            the steps before the attack.
        y_val : array-like of shape (n_val,), default=None
            Their labels or responses; for :class:`~skpoison.goals.TargetLabels` those
            wanted.

        groups : array-like of shape (n_samples,), default=None
            The groups of the rows, for a `validation` that divides rows by them, such
            as GroupKFold(3): no group is then on both sides of a split.

        Returns
        -------
        X_poisoned : of the type of X, of shape (n_samples_out, n_features)
            The rows that came in, first and in order, without those deleted; then
            inserted rows.
        y_poisoned : of the type of y, of length n_samples_out
            Their labels or responses.

        Raises
        ------
        ValueError
            If the data are not fit for the surrogate, if only one of `X_val` and
            `y_val` is given or they do not go with the training rows or the other
            parameters, if `groups` are missing or would not be used, if the budget is
            larger than the number of rows to poison, or if the surrogate has no
            optimum.
        TypeError
            If the training of the surrogate cannot be differentiated but must be.
        """
        return self._fit_resample(
            X, y, trusted=trusted, X_val=X_val, y_val=y_val, groups=groups
        )

    def _know(
        self, X, y, trusted, random_state, *, X_val=None, y_val=None, groups=None
    ):
        goal = resolve_goal(self.goal)
        goal.check(None if self._takes_responses() else self.classes_)
        self._check_combination(goal, X_val, y_val)
        groups = check_groups(groups, self.validation, y.shape[0])
        X_val, y_val = check_validation_data(self, X, X_val, y_val)
        positions, known = super()._know(X, y, trusted, random_state)
        groups = None if groups is None else groups[positions]
        return positions, replace(
            known, goal=goal, X_val=X_val, y_val=y_val, groups=groups
        )

    def _check_combination(self, goal, X_val, y_val):
        """Check that neither the validation rows nor `validation` would be ignored."""
        is_given = X_val is not None or y_val is not None
        check_rows_given(goal, is_given)
        if self.validation is None:
            return
        if is_given:
            raise ValueError(
                "`validation` must be None if `X_val` and `y_val` are given; got "
                f"{self.validation!r}. Leave out one or the other."
            )
        if not goal.needs_validation:
            raise ValueError(
                f"`validation` must be None for {goal!r}, which is not measured on any "
                f"rows; got {self.validation!r}. Leave it out."
            )

    def _folds(self, known, random_state, positions=None):
        """Return the rows to learn from and the validation rows.

        Parameters
        ----------
        known : Known
            What the attacker knows.
        random_state : RandomState
            Draws the validation rows.
        positions : ndarray of int, default=None
            Rows that may be set aside. None: all.

        Returns
        -------
        folds : list of Fold
            The goal is the mean over them. There is a single one if validation rows are
            given, or if the goal needs none.
        """
        everything = np.arange(known.y.shape[0])
        if not known.goal.needs_validation:
            return [Fold(everything)]
        if known.X_val is not None:
            return [Fold(everything, known.X_val, known.y_val)]
        validation = self.validation
        try:
            return make_folds(
                self._default_validation if validation is None else validation,
                known.X,
                known.codes,
                everything if positions is None else positions,
                random_state,
                stratify=known.classes is not None,
                groups=known.groups,
            )
        except ValueError as error:
            if self.known_fraction == 1:
                raise
            raise ValueError(
                f"{error} Or raise `known_fraction`, which is {self.known_fraction}."
            ) from error

    def _problem(self, known, fold, **settings):
        """Return the bilevel problem of a fold.

        Parameters
        ----------
        known : Known
            What the attacker knows.
        fold : Fold
            The rows to learn from and the validation rows.
        **settings : dict
            Further arguments of :class:`BilevelProblem`.

        Returns
        -------
        problem : BilevelProblem
        """
        return BilevelProblem(
            known.surrogate,
            known.goal,
            known.X[fold.train],
            known.codes[fold.train],
            classes=known.classes,
            X_val=fold.X,
            y_val=fold.y,
            feature_names=known.feature_names,
            # Labels and weights do not move the features: one fit serves all of them.
            **{"X_scaler": known.X, **settings},
        )
