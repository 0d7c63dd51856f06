"""What does an attacker want, and on which rows does he measure it?

Attacks that solve a bilevel problem share this, whatever they do to the rows: a
surrogate, a goal, and rows to measure it on.
"""

from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.base import is_regressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_feature_names

from skpoison.attacks._problem import BilevelProblem
from skpoison.base import BasePoisoner
from skpoison.utils._validation import (
    check_labels,
    check_responses,
    numeric_features,
)

# Below so many numbers threads of BLAS cost more time than they save.
SMALL = 1_000_000
# How many standard deviations from 0 a column lies that is centred.
FAR = 1000


class BaseAimedPoisoner(BasePoisoner):
    """Base class of attacks on what a surrogate gets wrong.

    A subclass has `surrogate`, `goal`, `loss` and `sharpness` among its parameters,
    which mean what they do in :class:`~skpoison.attacks.GradientPoisoner`.
    """

    _parameter_constraints: dict = {
        **BasePoisoner._parameter_constraints,
        "surrogate": [HasMethods(["fit", "predict"]), None],
        "goal": [
            StrOptions({"error-generic", "error-specific"}),
            dict,
            HasMethods(["resolve"]),
        ],
        "loss": [StrOptions({"error", "log_loss", "objective"})],
        "sharpness": [Interval(Real, 0, None, closed="neither")],
    }

    def _takes_responses(self):
        """Say whether y holds responses, and no labels."""
        return self.surrogate is not None and is_regressor(self.surrogate)

    def _wants_something_learnt(self):
        """Say whether the goal needs no rows to be measured on."""
        return hasattr(self.goal, "resolve")

    def _check_given(self, X_val, y_val):
        """Check that rows of the attacker's own are given where the goal wants them."""
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val go together: give both of them, or none.")
        if self.goal == "error-specific" and X_val is None:
            raise ValueError(
                "goal='error-specific' needs X_val, the rows to be taken for something "
                "else, and y_val, what for. Give both to fit_resample, or name classes "
                "by a dict such as goal={8: 3}."
            )
        if X_val is not None and self._wants_something_learnt():
            raise ValueError(
                f"goal={self.goal!r} speaks of what is learnt, and not of any rows: "
                "leave X_val and y_val out."
            )

    def _check_goal(self):
        """Check that a goal names classes that there are."""
        if not isinstance(self.goal, dict):
            return
        if self._takes_responses():
            raise ValueError(
                f"goal={self.goal!r} names classes, but y holds responses. Take "
                "goal='error-specific', and give the responses wanted as y_val."
            )
        classes = self.classes_.tolist()
        if not self.goal:
            raise ValueError(
                "goal={} names no class. Name those to be confused, such as {8: 3}, or "
                "take goal='error-generic'."
            )
        for source, target in self.goal.items():
            for label in (source, target):
                if label not in classes:
                    raise ValueError(
                        f"goal={self.goal!r} names the class {label!r}, which is not "
                        f"among those of y: {classes}."
                    )
            if source == target:
                raise ValueError(
                    f"goal={self.goal!r} wants rows of the class {source!r} to be "
                    "taken for the label that they have; name another one."
                )

    def _codes(self, y):
        """Turn labels into positions among the classes; responses are what they are."""
        return y if self._takes_responses() else np.searchsorted(self.classes_, y)

    def _own_rows(self, X, X_val, y_val):
        """Check the rows that the attacker brings along."""
        _check_feature_names(self, X_val, reset=False)
        X_val = numeric_features(self, X_val, accept_sparse="csr", dtype=np.float64)
        if self._takes_responses():
            y_val = check_responses(self, y_val)
        else:
            y_val = column_or_1d(check_labels(self, y_val))
        check_consistent_length(X_val, y_val)
        if X_val.shape[1] != X.shape[1]:
            raise ValueError(
                f"X_val has {X_val.shape[1]} features, but X has {X.shape[1]}."
            )
        if not self._takes_responses() and not np.isin(y_val, self.classes_).all():
            raise ValueError(
                "y_val has labels that are not among those of y: "
                f"{np.setdiff1d(y_val, self.classes_).tolist()}."
            )
        if sparse.issparse(X) != sparse.issparse(X_val):
            X_val = sparse.csr_array(X_val) if sparse.issparse(X) else X_val.toarray()
        return X_val, self._codes(y_val)

    def _aimed_problem(self, X, y, clean, weight, own, hypergradient, **settings):
        """Put together what is learnt, from which rows, and what is wanted.

        Parameters
        ----------
        X : {ndarray, csr matrix} of shape (n_samples, n_features)
            The training rows.
        y : ndarray of shape (n_samples,)
            Their labels, or responses.
        clean : ndarray of int
            Positions of those that the surrogate learns from.
        weight : float
            Of each of them.
        own : tuple of (X, codes), or None
            Rows of the attacker's own; None where the goal needs none.
        hypergradient : str
            How the goal is differentiated.
        **settings : dict
            Passed on to :class:`BilevelProblem`.

        Returns
        -------
        problem : BilevelProblem
        """
        problem = BilevelProblem(
            _default_surrogate(X) if self.surrogate is None else self.surrogate,
            hypergradient,
            X,
            self._codes(y),
            clean,
            weight,
            None if self._takes_responses() else self.classes_,
            **settings,
        )
        if self._wants_something_learnt():
            problem.want(self.goal, getattr(self, "feature_names_in_", None))
        else:
            problem.aim(self.goal, self.loss, self.sharpness, *own)
        return problem


def _default_surrogate(X):
    """Make a logistic regression after a scaler that suits the rows."""
    # Centring only shifts the intercept, and does not go with sparse data. But far from
    # 0 digits are lost without it.
    far = not sparse.issparse(X) and (np.abs(X.mean(axis=0)) > FAR * X.std(axis=0))
    scaler = StandardScaler(with_mean=bool(np.any(far)))
    return make_pipeline(scaler, LogisticRegression())
