"""Goals that are measured on the attacker's validation rows.

Which errors shall the victim make?
"""

from abc import abstractmethod
from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skpoison.bilevel.goals import MeanLoss, OnObjective, OnRows, SmoothedError
from skpoison.bilevel.losses import Squared
from skpoison.goals._base import BaseGoal
from skpoison.utils._class_map import wanted_codes
from skpoison.utils._texts import shown

# Sharpness of the smoothed error if none is given.
SHARPNESS = 4.0


class BaseErrorGoal(BaseGoal):
    """Base class of goals on the errors of the victim.

    A subclass implements `_wanted`.
    """

    kind = "errors"
    _parameter_constraints: dict = {
        "loss": [StrOptions({"error", "surrogate", "objective"})],
        "sharpness": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(self, loss="error", sharpness=None):
        self.loss = loss
        self.sharpness = sharpness

    def check(self, classes):
        """Check the parameters of the goal.

        Parameters
        ----------
        classes : ndarray of shape (n_classes,) or None
            The class labels; None if y holds responses.

        Raises
        ------
        ValueError
            If a parameter is invalid, or `sharpness` is given but nothing is smoothed.
        """
        super().check(classes)
        if self.sharpness is None or (self.loss == "error" and classes is not None):
            return
        why = "y holds responses" if classes is None else f"loss={self.loss!r}"
        raise ValueError(
            f"`sharpness` of {type(self).__name__} must be None if {why}, because only "
            f"the error of class labels is smoothed; got {self.sharpness!r}."
        )

    @abstractmethod
    def _wanted(self, y_val, classes):
        """Return labels or responses, and the sign of the loss measured for them.

        The sign is 1 if the attacker maximises the loss of these labels, -1 if they
        minimise it.
        """

    def measure(self, y_val, classes):
        """Return the smoothed error as a function of the scores of validation rows.

        It serves surrogates that have scores, but cannot be differentiated.

        Parameters
        ----------
        y_val : ndarray of shape (n_val,) of int
            The labels of the validation rows, as positions among the classes.
        classes : ndarray of shape (n_classes,)
            The class labels.

        Returns
        -------
        measure : SmoothedError or None
            None for another loss than "error".
        """
        if self.loss != "error":
            return None
        codes, sign = self._wanted(y_val, classes)
        sharpness = SHARPNESS if self.sharpness is None else self.sharpness
        return SmoothedError(codes, float(sharpness), sign)

    def resolve(self, context):
        """Translate the goal into a function of the learnt parameters.

        Parameters
        ----------
        context : GoalContext
            The surrogate and the validation rows.

        Returns
        -------
        goal : OnRows or OnObjective

        Raises
        ------
        ValueError
            If the surrogate has no such loss.
        """
        problem, classes = context.training_problem, context.classes
        if self.loss == "error" and classes is not None:
            return OnRows(context.X_val, self.measure(context.y_val, classes))
        wanted, sign = self._wanted(context.y_val, classes)
        if self.loss == "objective":
            rows = problem.rows(context.X_val, wanted, classes=classes)
            return OnObjective(rows, sign)
        loss = Squared() if self.loss == "error" else self._loss_of(problem.learner)
        return OnRows(context.X_val, MeanLoss(loss, problem.encode(wanted), sign))

    def _loss_of(self, learner):
        loss = getattr(learner, "loss", None)
        if loss is None:
            raise ValueError(
                f"`loss` of {type(self).__name__} must be 'error' for a surrogate "
                f"whose learner has no attribute `loss`, such as {shown(learner)}; got "
                f"{self.loss!r}."
            )
        return loss


class ErrorGeneric(BaseErrorGoal):
    r"""The victim shall make errors, no matter which.

    Availability attacks and indiscriminate attacks are other names for this goal. On
    validation rows :math:`x_j` with labels :math:`y_j` the attacker maximises

    .. math::

        A = \frac1m \sum_j \ell(f(x_j), y_j) .

    Parameters
    ----------
    loss : {"error", "surrogate", "objective"}, default="error"
        The loss :math:`\ell`. "error": a smoothed zero-one loss, which is bounded; for
        responses, half the squared error. "surrogate": the surrogate's own training
        loss, as in [1]_. "objective": the surrogate's own objective on the validation
        rows, penalty included, as in [2]_.
    sharpness : float, default=None
        Slope of the smoothed zero-one loss, which approaches the zero-one loss as it
        grows: scores are scaled to a root mean square margin of 1 and multiplied by it.
        (The scores of a single validation row are not scaled.) Only for class labels
        and ``loss="error"``. None: 4.0 there.

    See Also
    --------
    ErrorSpecific : Confuse certain classes.
    TargetLabels : Give each validation row a label of its own.

    References
    ----------
    .. [1] L. Muñoz-González, B. Biggio, A. Demontis, A. Paudice, V. Wongrassamee,
       E. C. Lupu, F. Roli, "Towards poisoning of deep learning algorithms with
       back-gradient optimization", AISec 2017.
    .. [2] H. Xiao, B. Biggio, G. Brown, G. Fumera, C. Eckert, F. Roli, "Is feature
       selection secure against training data poisoning?", ICML 2015.

    Examples
    --------
    >>> from skpoison.attacks import GradientInsertion
    >>> from skpoison.goals import ErrorGeneric
    >>> attack = GradientInsertion(goal=ErrorGeneric(sharpness=8.0))
    >>> attack.get_params()["goal__sharpness"]
    8.0
    """

    can_be_overshot = False

    def _wanted(self, y_val, classes):
        return y_val, 1


class ErrorSpecific(BaseErrorGoal):
    r"""The victim shall take rows of certain classes for rows of certain others.

    The attacker minimises the loss :math:`\ell` for the labels wanted, which are the
    true ones for rows of all other classes (Equation 5 of [1]_).

    Parameters
    ----------
    class_map : dict
        The label wanted for rows of each class among its keys, such as ``{8: 3}``.
    loss : {"error", "surrogate", "objective"}, default="error"
        The loss :math:`\ell`, as in :class:`ErrorGeneric`.
    sharpness : float, default=None
        Slope of the smoothed zero-one loss, as in :class:`ErrorGeneric`.

    See Also
    --------
    TargetLabels : Give each validation row a label of its own.

    References
    ----------
    .. [1] L. Muñoz-González, B. Biggio, A. Demontis, A. Paudice, V. Wongrassamee,
       E. C. Lupu, F. Roli, "Towards poisoning of deep learning algorithms with
       back-gradient optimization", AISec 2017.

    Examples
    --------
    >>> from skpoison.attacks import GradientInsertion
    >>> from skpoison.goals import ErrorSpecific
    >>> attack = GradientInsertion(goal=ErrorSpecific({8: 3}))

    or, in short, ``GradientInsertion(goal={8: 3})``.
    """

    _parameter_constraints: dict = {
        **BaseErrorGoal._parameter_constraints,
        "class_map": [dict],
    }

    def __init__(self, class_map, loss="error", sharpness=None):
        super().__init__(loss, sharpness)
        self.class_map = class_map

    def check(self, classes):
        """Check the parameters of the goal.

        Parameters
        ----------
        classes : ndarray of shape (n_classes,) or None
            The class labels; None if y holds responses.

        Raises
        ------
        ValueError
            If a parameter is invalid, y holds responses, or `class_map` does not map
            classes of y to different ones.
        """
        super().check(classes)
        if classes is None:
            raise ValueError(
                "`goal` must not name classes if y holds responses; got "
                f"{shown(self.class_map)}. Take TargetLabels(), and give rows as "
                "`X_val` and the responses wanted for them as `y_val`."
            )
        wanted_codes(self.class_map, classes)

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
        label_map : dict
            The classes to be confused get each other's labels.
        """
        back = {target: source for source, target in self.class_map.items()}
        return back | self.class_map

    def _wanted(self, y_val, classes):
        codes = wanted_codes(self.class_map, classes)
        codes = np.where(codes < 0, np.arange(classes.shape[0]), codes)
        return codes[y_val], -1


class TargetLabels(BaseErrorGoal):
    r"""The victim shall give certain rows certain labels or responses.

    The rows are those given as `X_val` to `fit_resample`, the labels or responses
    wanted are those given as `y_val`. With a single row it is a targeted attack. The
    attacker minimises the loss :math:`\ell`.

    Parameters
    ----------
    loss : {"error", "surrogate", "objective"}, default="error"
        The loss :math:`\ell`, as in :class:`ErrorGeneric`.
    sharpness : float, default=None
        Slope of the smoothed zero-one loss, as in :class:`ErrorGeneric`.

    See Also
    --------
    ErrorSpecific : Names classes instead of rows.

    Examples
    --------
    The first row of iris, a setosa, shall be taken for a versicolor:

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skpoison.attacks import GradientInsertion
    >>> from skpoison.goals import TargetLabels
    >>> X, y = load_iris(return_X_y=True)
    >>> attack = GradientInsertion(
    ...     LogisticRegression(), 0.3, goal=TargetLabels(), random_state=0
    ... )
    >>> out = attack.fit_resample(X[1:], y[1:], X_val=X[:1], y_val=[1])
    >>> LogisticRegression(max_iter=1000).fit(*out).predict(X[:1])
    array([1])
    """

    requires_given_rows = True

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
            All rows get the label wanted if there is only one; None otherwise.
        """
        wanted = np.unique(y_val)
        if wanted.shape[0] > 1:
            return None
        target = classes[wanted[0]]
        return {label: target for label in classes.tolist() if label != target}

    def _wanted(self, y_val, classes):
        return y_val, -1


def resolve_goal(goal):
    """Return the goal that a shortcut stands for.

    Parameters
    ----------
    goal : "error-generic", dict or BaseGoal
        The goal.

    Returns
    -------
    goal : BaseGoal
    """
    if isinstance(goal, dict):
        return ErrorSpecific(goal)
    return ErrorGeneric() if isinstance(goal, str) else goal
