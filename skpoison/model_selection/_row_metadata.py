"""Row metadata: which of it goes where, and what inserted rows get.

`trusted` and `sample_weight` have one entry a row. With metadata routing enabled, each
consumer requests what it needs. Without it, `trusted` goes to the attack, and every
parameter goes to the `fit` of the estimators.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.validation import has_fit_parameter

# The values of inserted rows.
PADDING = {"trusted": False, "sample_weight": 1.0}


@dataclass(frozen=True)
class RoutedParams:
    """Parameters by the method that they go to.

    Parameters
    ----------
    split : dict
        Parameters of the splitter.
    fit_resample, fit, score : dict of str to dict
        Parameters of each attack, estimator and scorer, by its name.
    """

    split: dict = field(default_factory=dict)
    fit_resample: dict = field(default_factory=dict)
    fit: dict = field(default_factory=dict)
    score: dict = field(default_factory=dict)


def route_params(params, *, splitter=None, attacks=None, estimators=None, scorers=None):
    """Return which parameters go where.

    Parameters
    ----------
    params : dict or None
        The parameters by name.
    splitter : cross-validation generator, default=None
        Makes the folds. None: the folds are there already.
    attacks : dict of str to sampler, default=None
        The attacks. None: the poison has been crafted already.
    estimators : dict of str to estimator, default=None
        The estimators.
    scorers : dict of str to callable, default=None
        The scorer of each estimator.

    Returns
    -------
    routed : RoutedParams

    Raises
    ------
    ValueError
        If a parameter is not taken, and metadata routing is not enabled.
    TypeError
        If a parameter is not requested, and metadata routing is enabled.
    """
    consumers = {
        "fit_resample": attacks or {},
        "fit": estimators or {},
        "score": scorers or {},
    }
    if params and _routing_enabled():
        return _requested(params, splitter, consumers)
    params = dict(params or {})
    split = {}
    if splitter is not None and "groups" in params:
        split["groups"] = params.pop("groups")
    for_attacks = {}
    for key, value in params.items():
        if attacks and key.rpartition("__")[2] == "trusted":
            for_attacks["trusted"] = value
        elif attacks and not estimators:
            raise ValueError(
                f"params must be parameters of the attacks: without metadata routing, "
                f"attacks take only 'trusted'; got {key!r}."
            )
    return RoutedParams(
        split=split,
        fit_resample=dict.fromkeys(consumers["fit_resample"], for_attacks),
        fit={
            name: _for_fit(params, estimator, attacks)
            for name, estimator in consumers["fit"].items()
        },
        score={name: {} for name in consumers["score"]},
    )


def _requested(params, splitter, consumers):
    """Return the parameters that splitter, attacks, estimators and scorers request."""
    router = MetadataRouter(owner="skpoison.model_selection")
    if splitter is not None:
        router.add(
            splitter=splitter,
            method_mapping=MethodMapping().add(caller="fit", callee="split"),
        )
    for method, objects in consumers.items():
        router.add(
            **{f"{method} {name}": consumer for name, consumer in objects.items()},
            method_mapping=MethodMapping().add(caller="fit", callee=method),
        )
    routed = process_routing(router, "fit", **params)
    by_method = {
        method: {name: routed[f"{method} {name}"][method] for name in objects}
        for method, objects in consumers.items()
    }
    split = {} if splitter is None else routed["splitter"]["split"]
    return RoutedParams(split=split, **by_method)


def _for_fit(params, estimator, attacks):
    """Return the parameters that the fit of an estimator takes, by its own names."""
    taken = {}
    for key, value in params.items():
        name = _name_in_fit(key, estimator)
        if name is not None:
            taken[name] = value
        elif key != "trusted" or not attacks:
            raise ValueError(
                f"params must be parameters of the fit of {estimator!r}; got {key!r}. "
                "For a step of a Pipeline, write step__name, or enable metadata "
                "routing."
            )
    return taken


def _name_in_fit(key, estimator):
    """Return the name under which the fit of the estimator takes a parameter."""
    if isinstance(estimator, Pipeline):
        if "__" in key:
            return key
        last_name, last_step = estimator.steps[-1]
        return f"{last_name}__{key}" if has_fit_parameter(last_step, key) else None
    return key if has_fit_parameter(estimator, key) else None


def align_params(params, attack, n_samples, n_out):
    """Align row metadata of the training rows with the poisoned rows.

    Parameters
    ----------
    params : dict
        Parameters of `fit`. Those with `n_samples` entries are row metadata.
    attack : sampler
        The fitted attack.
    n_samples : int
        Number of training rows.
    n_out : int
        Number of rows after the attack.

    Returns
    -------
    aligned : dict
        Entries of deleted rows are deleted. For inserted rows, `trusted` is padded with
        False and `sample_weight` with 1.

    Raises
    ------
    ValueError
        If the attack inserts rows and their value is not known.
    """
    return {
        key: _align(key, value, attack, n_samples, n_out)
        if _is_row_metadata(value, n_samples)
        else value
        for key, value in params.items()
    }


def _is_row_metadata(value, n_samples):
    is_sized = hasattr(value, "__len__") and not isinstance(value, str | Mapping)
    return is_sized and len(value) == n_samples


def _align(key, value, attack, n_samples, n_out):
    deleted = getattr(attack, "deletion_mask_", None)
    if deleted is not None:
        return np.asarray(value)[~deleted]
    if n_out == n_samples:
        return value
    name = key.rpartition("__")[2]
    if name not in PADDING or n_out < n_samples:
        raise ValueError(
            f"params must not hold {key!r} with one entry a row if the attack changes "
            "the number of rows: the values of inserted rows are known only for "
            f"{' and '.join(PADDING)}."
        )
    return np.append(np.asarray(value), np.full(n_out - n_samples, PADDING[name]))
