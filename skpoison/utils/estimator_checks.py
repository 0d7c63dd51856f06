"""Checks of the contracts of attacks, defences and feasible sets.

They complement those of scikit-learn and imbalanced-learn. They rely on the public
contract only, so that they apply to an attack or a defence that derives from the base
classes of this package as well as to one that does not.
"""

from functools import partial

from sklearn.base import is_regressor

from skpoison.utils._attack_checks import (
    ATTACK_CHECKS,
    LABEL_CHECKS,
    takes_responses,
)
from skpoison.utils._defence_checks import CLASSIFIER_CHECKS, DEFENCE_CHECKS
from skpoison.utils._feasible_set_checks import SET_CHECKS
from skpoison.utils._input_checks import INPUT_CHECKS
from skpoison.utils._trusting import trusting
from skpoison.utils._validation import check_instance

__all__ = ["check_estimator", "estimator_checks_generator", "parametrize_with_checks"]


def check_estimator(estimator):
    """Check that an attack, a defence or a feasible set keeps its contract.

    Parameters
    ----------
    estimator : estimator
        An instance of an attack (a sampler with a `budget`), of a defence (a
        meta-estimator with an `inlier_mask_`) or of a feasible set. Set its
        `random_state`, if it has one. Leave out parameters that name labels, such as
        `class_map`: the checks use their own labels. A defence that needs trusted
        rows says so by a true class attribute `_requires_trusted`: half of the rows are
        then trusted in checks that are not about trusted rows. Feasible sets are fitted
        to 6 features: two of a one-hot category, two counts and two real numbers.

    Raises
    ------
    AssertionError
        By the first check that fails.

    See Also
    --------
    parametrize_with_checks : The same checks as pytest tests.

    Examples
    --------
    >>> from skpoison.attacks import RandomLabelFlip
    >>> from skpoison.utils.estimator_checks import check_estimator
    >>> check_estimator(RandomLabelFlip(random_state=0))
    """
    for instance, check in estimator_checks_generator(estimator):
        check(instance)


def parametrize_with_checks(estimators):
    """Run a pytest test once for each estimator and check.

    Parameters
    ----------
    estimators : list of estimators
        Instances of attacks, defences and feasible sets.

    Returns
    -------
    decorator : pytest.MarkDecorator
        For a test with the arguments `estimator` and `check`.

    See Also
    --------
    check_estimator : The same checks in one call, without pytest.

    Examples
    --------
    >>> from skpoison.attacks import RandomLabelFlip
    >>> from skpoison.utils.estimator_checks import parametrize_with_checks
    >>> @parametrize_with_checks([RandomLabelFlip(random_state=0)])
    ... def test_contracts(estimator, check):
    ...     check(estimator)
    """
    import pytest

    return pytest.mark.parametrize(
        ("estimator", "check"),
        [
            pytest.param(
                estimator, check, id=f"{type(estimator).__name__}-{check.func.__name__}"
            )
            for each in estimators
            for estimator, check in estimator_checks_generator(each)
        ],
    )


def estimator_checks_generator(estimator):
    """Yield the checks that apply to an attack, a defence or a feasible set.

    Parameters
    ----------
    estimator : estimator
        An instance of an attack, a defence or a feasible set.

    Yields
    ------
    estimator : estimator
        The instance given, or, if it needs trusted rows, one that trusts some.
    check : callable
        Takes the estimator and raises an AssertionError if it fails.

    Raises
    ------
    TypeError
        If there are no checks for such an object.
    ValueError
        If it is a class.
    """
    check_instance(estimator, "estimator")
    estimator = trusting(estimator)
    if hasattr(estimator, "fit_resample"):
        checks = ATTACK_CHECKS + INPUT_CHECKS
    elif hasattr(estimator, "project") and hasattr(estimator, "contains"):
        checks = SET_CHECKS
    elif hasattr(estimator, "estimator"):
        checks = DEFENCE_CHECKS + INPUT_CHECKS
        if is_regressor(estimator):
            checks = [check for check in checks if check not in CLASSIFIER_CHECKS]
    else:
        raise TypeError(
            "estimator must be an instance of an attack (it has `fit_resample`), of a "
            "defence (it has a parameter `estimator`) or of a feasible set (it has "
            f"`project` and `contains`); got {estimator!r}."
        )
    if takes_responses(estimator):
        checks = [check for check in checks if check not in LABEL_CHECKS]
    name = type(estimator).__name__
    for check in checks:
        yield estimator, partial(check, name)
