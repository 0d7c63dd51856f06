"""Checks of the contracts that every attack and every defence keeps.

They complement the checks of scikit-learn and imbalanced-learn. They rely on the public
contract alone, so that they also serve attacks and defences that do not derive from the
base classes of this package.
"""

from functools import partial

from sklearn.base import is_regressor

from skpoison.utils._attack_checks import (
    ATTACK_CHECKS,
    LABEL_CHECKS,
    takes_responses,
)
from skpoison.utils._defence_checks import CLASSIFIER_CHECKS, DEFENCE_CHECKS


def check_estimator(estimator):
    """Check that an attack or a defence keeps the contracts of this package.

    Parameters
    ----------
    estimator : estimator
        An instance of an attack, which is a sampler with a `budget`, or of a defence,
        which is a meta-estimator with an `inlier_mask_`. If it has a `random_state`,
        set it. Leave out parameters that name labels, such as `class_map`: the checks
        have their own labels.

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
        Instances of attacks and defences.

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
    """Yield the checks that apply to an attack or a defence.

    Parameters
    ----------
    estimator : estimator
        An instance of an attack or a defence.

    Yields
    ------
    estimator : estimator
        The instance given.
    check : callable
        Takes the estimator, and raises an AssertionError if it fails.

    Raises
    ------
    TypeError
        If the estimator is neither an attack nor a defence.
    """
    is_attack = hasattr(estimator, "fit_resample")
    if not is_attack and not hasattr(estimator, "estimator"):
        raise TypeError(
            "estimator must be an instance of an attack, with fit_resample, or of a "
            f"defence, with a parameter named estimator; got {estimator!r}."
        )
    checks = ATTACK_CHECKS if is_attack else DEFENCE_CHECKS
    if takes_responses(estimator):
        checks = [check for check in checks if check not in LABEL_CHECKS]
    elif not is_attack and is_regressor(estimator):
        checks = [check for check in checks if check not in CLASSIFIER_CHECKS]
    name = type(estimator).__name__
    for check in checks:
        yield estimator, partial(check, name)
