"""What does every attack obey, and every defence?

These checks stand beside those of scikit-learn and imbalanced-learn. They ask only for
the public contract, so that they serve an attack or a defence that derives from the
base classes of this package as well as one that does not.
"""

from functools import partial

from skpoison.utils._attack_checks import (
    ATTACK_CHECKS,
    LABEL_CHECKS,
    takes_responses,
)
from skpoison.utils._defence_checks import DEFENCE_CHECKS


def check_estimator(estimator):
    """Check that an attack or a defence keeps the contracts of this package.

    Parameters
    ----------
    estimator : estimator
        An instance of an attack, that is of a sampler with a `budget`, or of a
        defence, that is of a classifier with an `inlier_mask_`. Where it has a
        `random_state`, give it one. Parameters that name labels, such as `class_map`,
        must be left out: the checks have labels of their own.

    Raises
    ------
    AssertionError
        If a contract is broken: by the first check that fails.

    See Also
    --------
    parametrize_with_checks : The same checks as tests of pytest.

    Examples
    --------
    >>> from skpoison.attacks import RandomLabelFlip
    >>> from skpoison.utils.estimator_checks import check_estimator
    >>> check_estimator(RandomLabelFlip(random_state=0))
    """
    for instance, check in estimator_checks_generator(estimator):
        check(instance)


def parametrize_with_checks(estimators):
    """Make a test of pytest run once for each estimator and check.

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
    check_estimator : The same checks by one call, without pytest.

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
        Takes the estimator and raises an AssertionError where it fails.
    """
    is_attack = hasattr(estimator, "fit_resample")
    if not is_attack and not hasattr(estimator, "estimator"):
        raise TypeError(
            f"{estimator!r} is neither an attack, with fit_resample, nor a defence "
            "around an estimator: there is nothing to check. Give an instance."
        )
    checks = ATTACK_CHECKS if is_attack else DEFENCE_CHECKS
    if takes_responses(estimator):
        checks = [check for check in checks if check not in LABEL_CHECKS]
    name = type(estimator).__name__
    for check in checks:
        yield estimator, partial(check, name)
