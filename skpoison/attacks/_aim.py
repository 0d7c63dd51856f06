"""What does an attacker want, and on which rows does he measure it?

Attacks that solve a bilevel problem share this, whatever they do to the rows: a
surrogate, a goal, and rows to measure it on.
"""

from numbers import Real

import numpy as np
from sklearn.base import is_regressor
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from skpoison.attacks._class_map import wanted_codes
from skpoison.attacks._gradient_problem import BilevelProblem
from skpoison.attacks._own_rows import check_together
from skpoison.attacks._surrogate import default_surrogate
from skpoison.base import BasePoisoner
from skpoison.surrogates._network import with_seed


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
        check_together(X_val, y_val)
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
        if not self.goal:
            raise ValueError(
                "goal={} names no class. Name those to be confused, such as {8: 3}, or "
                "take goal='error-generic'."
            )
        wanted_codes(self.goal, self.classes_, "goal")

    def _codes(self, y):
        """Turn labels into positions among the classes; responses are what they are."""
        return y if self._takes_responses() else np.searchsorted(self.classes_, y)

    def _seeded_surrogate(self, X, random_state):
        """Say what the victim is believed to learn, with a seed if it needs one."""
        if self.surrogate is None:
            return default_surrogate(X)
        return with_seed(self.surrogate, random_state)

    def _aimed_problem(
        self, surrogate, X, y, clean, weight, own, hypergradient, **settings
    ):
        """Put together what is learnt, from which rows, and what is wanted.

        Parameters
        ----------
        surrogate : estimator or Pipeline
            What the victim is believed to learn, with a seed if it needs one.
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
            surrogate,
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
