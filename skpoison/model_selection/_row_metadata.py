"""Row metadata: which of it goes where, and what inserted rows get.

`trusted`, `groups` and `sample_weight` have one entry a row. With metadata routing
enabled, each consumer requests what it needs. Without it, `trusted` goes to the attack,
`groups` to the splitters that take groups (that of the folds, and that of the
attacker's validation rows), `trusted` also to a search on trusted rows, and every other
parameter to the `fit` of the estimators.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.validation import has_fit_parameter

from skpoison.utils._splitters import needs_groups, takes_groups, takes_trusted

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
    split, by_groups = _route_groups(params, splitter, consumers["fit_resample"])
    for_attacks = {}
    for key, value in params.items():
        if attacks and key.rpartition("__")[2] == "trusted":
            for_attacks["trusted"] = value
        elif attacks and not estimators:
            raise ValueError(
                f"params must be parameters of the attacks: without metadata routing, "
                f"attacks take only 'trusted' and 'groups'; got {key!r}."
            )
    return RoutedParams(
        split=split,
        fit_resample={
            name: for_attacks | by_groups.get(name, {})
            for name in consumers["fit_resample"]
        },
        fit={
            name: _for_fit(params, estimator, attacks)
            for name, estimator in consumers["fit"].items()
        },
        score={name: {} for name in consumers["score"]},
    )


def _route_groups(params, splitter, attacks):
    """Take the groups out of the parameters, for the splitters that take groups.

    Returns
    -------
    split : dict
        Parameters of the splitter of the folds.
    by_groups : dict of str to dict
        Parameters of the attacks that divide their validation rows by groups.
    """
    if splitter is None:  # the poison is there already
        return {}, {}
    if "groups" not in params:
        if needs_groups(splitter):
            raise ValueError(
                f"groups must be given for cv={splitter!r}: the group of each row, as "
                "params={'groups': groups}, or as fit(X, y, groups=groups) of a report."
            )
        return {}, {}
    groups = {"groups": params.pop("groups")}
    by_groups = {
        name: groups
        for name, attack in attacks.items()
        if takes_groups(attack.get_params(deep=False).get("validation"))
    }
    split = groups if takes_groups(splitter) else {}
    if not (split or by_groups):
        raise ValueError(
            f"groups must not be given for cv={splitter!r}, which takes none. Take a "
            "splitter that does, such as cv=GroupKFold(5), or leave them out."
        )
    return split, by_groups


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
    if key == "trusted" and is_trusted_search(estimator):
        return key
    return key if has_fit_parameter(estimator, key) else None


def is_trusted_search(estimator):
    """Return whether an estimator is a search whose splitter takes a trusted mask.

    Parameters
    ----------
    estimator : estimator
        The estimator.

    Returns
    -------
    is_trusted_search : bool
    """
    return isinstance(estimator, BaseSearchCV) and takes_trusted(estimator.cv)


def fit_with_params(estimator, X, y, params):
    """Fit an estimator.

    Without metadata routing, a search would not pass `trusted` on to its splitter: the
    splitter is called here.

    Parameters
    ----------
    estimator : estimator
        The estimator.
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        The training rows.
    y : array-like of shape (n_samples,)
        Their labels.
    params : dict
        Parameters of `fit`, aligned with the rows.

    Returns
    -------
    estimator : estimator
        The same one, fitted.
    """
    if is_trusted_search(estimator) and not _routing_enabled():
        trusted = params.pop("trusted", None)
        estimator.set_params(cv=list(estimator.cv.split(X, y, trusted=trusted)))
    return estimator.fit(X, y, **params)


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
