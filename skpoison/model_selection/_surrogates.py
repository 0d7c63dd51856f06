"""Surrogates of the attacks of a report.

The attacker knows what the victim learns: an attack that is given no surrogate takes
the undefended estimator, if it can. Otherwise its poison is crafted for its default
surrogate and harms the estimator by transfer.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skpoison.attacks import GradientInsertion, GradientModification
from skpoison.attacks._base import BaseSurrogateAttack
from skpoison.attacks._goal_attack import BaseGoalAttack
from skpoison.attacks._tuned import (
    harms_by_errors,
    is_search,
    settings,
    split_search,
    with_setting,
)
from skpoison.goals._errors import resolve_goal
from skpoison.model_selection._encoded import EncodedAttack, keeps_columns
from skpoison.surrogates import as_training_problem
from skpoison.surrogates._scalers import as_scaling_step, split_scalers

DEFAULT_SURROGATE = LogisticRegression.__name__
# They write numbers into the features, and no encoder can be undone.
WRITE_FEATURES = GradientInsertion, GradientModification


@dataclass(frozen=True)
class InformedAttack:
    """An attack that knows what it can about the victim.

    Parameters
    ----------
    attack : sampler
        The attack, with a surrogate.
    crafted_for : str
        The estimator that its poison is crafted for, if that is another one than the
        undefended estimator; otherwise an empty text.
    """

    attack: Any
    crafted_for: str = ""


def inform(attack, estimator, y):
    """Give an attack the undefended estimator as its surrogate, if that can be one.

    Parameters
    ----------
    attack : sampler
        The attack. A surrogate that it has already is kept: with an encoder in it, the
        attack is behind the encoder. An attack that takes none, or is not derived from
        this package's, stays as it is.
    estimator : estimator
        The undefended estimator.
    y : array-like of shape (n_samples,)
        The labels or responses.

    Returns
    -------
    informed : InformedAttack
    """
    if not isinstance(attack, BaseSurrogateAttack):
        return InformedAttack(attack)
    given = attack.surrogate
    if given is not None:
        known = _knowing(attack, given, _n_classes(given, y)) or attack
        return InformedAttack(
            known, "" if repr(given) == repr(estimator) else _name(given)
        )
    known = _knowing(attack, estimator, _n_classes(estimator, y))
    if known is not None:
        return InformedAttack(known)
    encoder, _ = passed_encoder(attack, estimator)
    name = DEFAULT_SURROGATE
    if is_regressor(estimator) and not attack._needs_classifier:
        # Without a regressor as its surrogate an attack is one on classes.
        ridge = Ridge()
        attack = _with_surrogate(attack, make_pipeline(StandardScaler(), ridge))
        name = _name(ridge)
    if encoder is not None:
        attack = EncodedAttack(attack, encoder)
    return InformedAttack(attack, f"{name} (transfer)")


def _knowing(attack, surrogate, n_classes):
    """Return an attack with a surrogate, behind its encoder if that is the only way.

    None if the surrogate cannot be attacked.
    """
    if is_search(surrogate) and not _can_be_tuned(attack, surrogate):
        return None
    can_be_any = attack._only_surrogate_reads and is_classifier(surrogate)
    # A single fit of the whole is no matter; a search by gradients is much faster than
    # one by fits, even behind an encoder.
    by_scores = can_be_any and not isinstance(attack, BaseGoalAttack)
    if by_scores or _is_attackable(attack, surrogate, n_classes):
        return _with_surrogate(attack, surrogate)
    encoder, rest = passed_encoder(attack, surrogate)
    if encoder is not None and _is_attackable(attack, rest, n_classes):
        return EncodedAttack(_with_surrogate(attack, rest), encoder)
    return _with_surrogate(attack, surrogate) if can_be_any else None


def passed_encoder(attack, estimator):
    """Split a pipeline behind its encoder, if an attack can be behind it.

    Parameters
    ----------
    attack : sampler
        The attack.
    estimator : estimator
        The pipeline.

    Returns
    -------
    encoder : Pipeline or None
        As :func:`split_encoder` returns it; None if the attack writes features that
        the encoder does not keep.
    rest : estimator
        The estimator behind it.
    """
    encoder, rest = split_encoder(estimator)
    if isinstance(attack, WRITE_FEATURES) and encoder is not None:
        encoder = encoder if keeps_columns(encoder) else None
    return encoder, rest


def refits(attack, y):
    """Return whether an attack searches by fits of its surrogate, thousands of them.

    Parameters
    ----------
    attack : sampler
        The attack.
    y : array-like of shape (n_samples,)
        The labels or responses.

    Returns
    -------
    refits : bool
    """
    surrogate = getattr(attack, "surrogate", None)
    return (
        isinstance(attack, BaseGoalAttack)
        and surrogate is not None
        and attack._only_surrogate_reads
        and not _all_differentiable(surrogate, _n_classes(surrogate, y))
    )


def _n_classes(estimator, y):
    """Return the number of classes; None for a regressor."""
    if not is_classifier(estimator):
        return None
    y = np.asarray(y)
    return y.shape[1] if y.ndim == 2 else np.unique(y).shape[0]


def _is_attackable(attack, estimator, n_classes):
    """Return whether an attack by gradients can have the estimator as surrogate."""
    fits = is_classifier(estimator) or not attack._needs_classifier
    return fits and _all_differentiable(estimator, n_classes)


def _all_differentiable(estimator, n_classes):
    """Return whether an estimator is differentiable, in each setting of a search."""
    tried = [estimator]
    if is_search(estimator):
        tried = [with_setting(estimator, each) for each in _settings(estimator)]
    return all(is_differentiable(each, n_classes) for each in tried)


def _can_be_tuned(attack, surrogate):
    """Return whether an attack can be on a victim that tunes its parameters."""
    if isinstance(attack, BaseGoalAttack) and not harms_by_errors(
        resolve_goal(attack.goal)
    ):
        return False
    try:
        _settings(surrogate)
    except ValueError:  # The search does not say what it tries.
        return False
    return True


def _settings(surrogate):
    # What an attack draws by its own seed is of the same kind as this.
    return settings(split_search(surrogate)[1], np.random.RandomState(0))


def _with_surrogate(attack, surrogate):
    return clone(attack).set_params(surrogate=surrogate)


def is_differentiable(estimator, n_classes):
    """Return whether the training of an estimator can be differentiated.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    n_classes : int or None
        Number of classes; None for a regressor.

    Returns
    -------
    is_differentiable : bool
    """
    try:
        as_training_problem(split_scalers(estimator)[1], n_classes)
    except (TypeError, ValueError):
        return False
    return True


def split_encoder(estimator):
    """Split a pipeline behind the last step that is neither scaler nor estimator.

    Parameters
    ----------
    estimator : estimator
        The estimator.

    Returns
    -------
    encoder : Pipeline or None
        The steps up to the last one that is not a scaler; None if there is none.
    rest : estimator
        The scalers and the estimator behind it.
    """
    if not isinstance(estimator, Pipeline):
        return None, estimator
    n_first = 0
    for i, (_, step) in enumerate(estimator.steps[:-1], start=1):
        if not _is_scaler(step):
            n_first = i
    first = estimator.steps[:n_first]
    if not all(hasattr(step, "transform") or step in _NOTHING for _, step in first):
        return None, estimator  # a sampler among them changes the rows
    return (estimator[:n_first] if first else None), estimator[n_first:]


_NOTHING = "passthrough", None


def _is_scaler(step):
    try:
        as_scaling_step(step)
    except TypeError:
        return step in _NOTHING
    return True


def _name(estimator):
    if isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return type(estimator).__name__
