"""Base class of goals, and what a goal is resolved against.

What does the attacker want of the learnt model?
"""

from abc import ABCMeta, abstractmethod
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator

from skpoison.utils._class_map import wanted_codes
from skpoison.utils._texts import shown

KINDS = ("errors", "parameters", "features")


@dataclass(frozen=True)
class GoalContext:
    """What a goal can read when it is resolved.

    Parameters
    ----------
    training_problem : object
        The training problem of the surrogate, as
        :func:`skpoison.surrogates.as_training_problem` returns it.
    n_features : int
        Number of features that the last step of the surrogate sees.
    n_outputs : int
        Number of outputs of the surrogate: 1 for two classes and for a regressor.
    feature_names : ndarray of shape (n_features,), default=None
        The names of the features, if they have names.
    classes : ndarray of shape (n_classes,), default=None
        The class labels; None for a regressor.
    X_val : {ndarray, csr matrix} of shape (n_val, n_features), default=None
        The attacker's validation rows, before any scaler of the surrogate; None for
        goals that need none.
    y_val : ndarray of shape (n_val,), default=None
        Their labels, as positions among the classes, or their responses.
    """

    training_problem: object
    n_features: int
    n_outputs: int
    feature_names: np.ndarray | None = None
    classes: np.ndarray | None = None
    X_val: np.ndarray | None = None
    y_val: np.ndarray | None = None


class BaseGoal(BaseEstimator, metaclass=ABCMeta):
    """Base class of goals.

    A subclass implements `resolve`. It may set the class attribute `kind`, and override
    `check`, `label_map` and `measure`.

    Attributes
    ----------
    kind : {"errors", "parameters", "features"}
        What the goal reads, a class attribute. "errors": predictions for the attacker's
        validation rows. "parameters", the default: a smooth function of the learnt
        parameters, which needs no validation rows. "features": which features the
        surrogate selects, a function with kinks.

    See Also
    --------
    ErrorGeneric : The default goal of most attacks.

    Examples
    --------
    A goal from outside the package: the victim shall learn small coefficients.

    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import GradientInsertion
    >>> from skpoison.goals import BaseGoal
    >>> class SmallCoefficients(BaseGoal):
    ...     def resolve(self, context):
    ...         return self
    ...
    ...     def at(self, learner, W):
    ...         return -(W**2).sum() / 2, -W
    >>> X, y = make_classification(random_state=0)
    >>> attack = GradientInsertion(
    ...     LogisticRegression(), goal=SmallCoefficients(), random_state=0
    ... )
    >>> for rows in ((X, y), attack.fit_resample(X, y)):
    ...     print(np.linalg.norm(LogisticRegression().fit(*rows).coef_) > 1)
    True
    False
    """

    kind = "parameters"
    # Whether X_val and y_val must be given to fit_resample.
    requires_given_rows = False
    # Whether less poison than the budget allows can be better by the goal.
    can_be_overshot = True
    _parameter_constraints: dict = {}

    @property
    def needs_validation(self):
        """Return whether the goal is measured on validation rows."""
        return self.kind == "errors"

    def check(self, classes):
        """Check the parameters of the goal.

        Parameters
        ----------
        classes : ndarray of shape (n_classes,) or None
            The class labels; None if y holds responses.

        Raises
        ------
        ValueError
            If a parameter is invalid or means nothing for such a y.
        """
        self._validate_params()
        if self.kind not in KINDS:
            raise ValueError(
                f"`kind` of {type(self).__name__} must be one of {KINDS}; got "
                f"{self.kind!r}."
            )

    def label_map(self, classes, y_val):
        """Return the labels that initial poison rows are given.

        Parameters
        ----------
        classes : ndarray of shape (n_classes,)
            The class labels.
        y_val : ndarray of shape (n_val,) of int or None
            The labels given for the validation rows, as positions among the classes.

        Returns
        -------
        label_map : dict or None
            The new label for rows of each class among the keys; None for any other
            label.
        """
        return None

    def measure(self, y_val, classes):
        """Return the goal as a function of the scores of validation rows.

        It serves surrogates that have scores, but cannot be differentiated.

        Parameters
        ----------
        y_val : ndarray of shape (n_val,) of int or None
            The labels of the validation rows, as positions among the classes.
        classes : ndarray of shape (n_classes,)
            The class labels.

        Returns
        -------
        measure : object or None
            Its method ``value(scores)`` takes scores of shape (n_val, n_outputs) and
            returns the value of the goal. None, the default: the goal needs a surrogate
            that can be differentiated.
        """
        return None

    def measure_rows(self, X_val, y_val, classes):
        """Return the goal as a function of the scores of given validation rows.

        It is what `measure` returns, unless a goal that reads more of the rows than
        their labels overrides it.

        Parameters
        ----------
        X_val : {ndarray, csr matrix, dataframe} of shape (n_val, n_features)
            The validation rows.
        y_val : ndarray of shape (n_val,) of int or None
            Their labels, as positions among the classes.
        classes : ndarray of shape (n_classes,)
            The class labels.

        Returns
        -------
        measure : object or None
        """
        return self.measure(y_val, classes)

    @abstractmethod
    def resolve(self, context):
        """Translate the goal into a function of the learnt parameters.

        Parameters
        ----------
        context : GoalContext
            The surrogate and the validation rows.

        Returns
        -------
        goal : object
            Its method ``at(learner, W)`` takes the learner and its parameters, of shape
            (n_parameters, n_outputs), and returns the value of the goal, a float that
            the attacker maximises, and its gradient, of the shape of W.

        Notes
        -----
        Behind scalers, which poison rows move, a goal on validation rows is resolved
        anew for each fit of the scalers, many times for its derivatives. The goals of
        :mod:`skpoison.bilevel.goals` know these, and are resolved once.
        """


def check_resolved(goal, resolved):
    """Check what the `resolve` of a goal has returned.

    Parameters
    ----------
    goal : BaseGoal
        The goal.
    resolved : object
        What its `resolve` has returned.

    Raises
    ------
    TypeError
        If it has no method `at`.
    """
    selects_features = getattr(resolved, "kind", None) == "features"
    if not selects_features and not callable(getattr(resolved, "at", None)):
        raise TypeError(
            f"`resolve` of {type(goal).__name__} must return an object with a method "
            f"at(learner, W); got {shown(resolved)}."
        )


def check_evaluation(goal, resolved, learner, shape):
    """Check what a goal from outside the package returns for some parameters.

    Parameters
    ----------
    goal : BaseGoal
        The goal.
    resolved : object
        What its `resolve` has returned.
    learner : Learner
        The learner.
    shape : tuple of int
        The shape of its parameters.

    Raises
    ------
    TypeError
        If it does not return a number and a gradient of that shape.
    """
    with np.errstate(all="ignore"):
        found = resolved.at(learner, np.ones(shape))
    is_pair = isinstance(found, tuple) and len(found) == 2
    if not is_pair or np.ndim(found[0]) != 0 or np.shape(found[1]) != shape:
        raise TypeError(
            f"`at` of {type(goal).__name__} must return a number and an array of the "
            f"shape of W, which is {shape}; got {shown(found)}."
        )


def check_label_map(goal, label_map, classes):
    """Check what the `label_map` of a goal has returned.

    Parameters
    ----------
    goal : BaseGoal
        The goal.
    label_map : object
        What it has returned.
    classes : ndarray of shape (n_classes,)
        The class labels.

    Raises
    ------
    TypeError
        If it is neither a dict nor None.
    ValueError
        If it does not map classes to different ones.
    """
    name = f"label_map of {type(goal).__name__}"
    if not isinstance(label_map, dict | None):
        raise TypeError(f"`{name}` must return a dict or None; got {shown(label_map)}.")
    if label_map is not None:
        wanted_codes(label_map, classes, name)


def check_rows_given(goal, is_given):
    """Check that validation rows are given if a goal needs them, and would be read.

    Parameters
    ----------
    goal : BaseGoal
        The goal.
    is_given : bool
        Whether `X_val` and `y_val` are.

    Raises
    ------
    ValueError
        If they are missing, or would be ignored.
    """
    if goal.requires_given_rows and not is_given:
        raise ValueError(
            f"`X_val` and `y_val` must be given to `fit_resample` for {goal!r}: "
            "the rows in question, and the labels or responses wanted for them."
        )
    if is_given and not goal.needs_validation:
        raise ValueError(
            f"`X_val` and `y_val` must be None for {goal!r}, which is not measured on "
            "any rows. Leave them out."
        )
