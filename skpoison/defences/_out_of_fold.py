"""Splitters, and groups, of defences that judge rows by models of other rows."""

from copy import copy
from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.metadata_routing import (
    MethodMapping,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.validation import check_consistent_length

from skpoison.defences._folds import stratified_folds
from skpoison.utils._splitters import needs_groups
from skpoison.utils._texts import shown
from skpoison.utils._validation import InstanceWith


class JudgesOutOfFoldMixin:
    """Mixin of defences with a parameter `cv`, which also have a `random_state`.

    `cv` is a number of stratified folds or a splitter of scikit-learn. What the
    splitter needs to know of each row (`groups`) comes with the parameters of `fit`:
    with metadata routing those that the splitter requests, without it `groups` alone.
    """

    _cv_constraints = (
        Interval(Integral, 2, None, closed="left"),
        InstanceWith(["split", "get_n_splits"]),
    )
    _fit_params_without_routing = ("groups",)

    def _fit_params(self, fit_params, rows, trusted):
        """Collect the metadata for the fit of the estimator, and for the splitter."""
        if not _routing_enabled():
            groups = fit_params.pop("groups", None)
            split_params = {} if groups is None else {"groups": groups}
            if split_params and not self._has_splitter():
                raise ValueError(
                    "groups must be given with a splitter that keeps them together, "
                    f"such as cv=GroupKFold(5); got cv={shown(self.cv)}."
                )
        elif self._has_splitter():
            own = {"sample_weight": rows.sample_weight, "trusted": trusted}
            given = fit_params | {k: v for k, v in own.items() if v is not None}
            split_params = process_routing(self, "fit", **given)["splitter"]["split"]
        else:
            split_params = {}
        # Until the end of the fit, when `_end_fit` forgets them.
        self._split_params = {}
        for name, values in split_params.items():
            check_consistent_length(rows.y, values)
            self._split_params[name] = np.asarray(values)[rows.present]
        return super()._fit_params(fit_params, rows, trusted)

    def _end_fit(self):
        """Forget the groups: they are as long as the data."""
        vars(self).pop("_split_params", None)

    def _folds(self, X, codes, rows):
        """Return the training and the test rows of each fold.

        Parameters
        ----------
        X : {ndarray, csr matrix, dataframe} of shape (n_judged, n_features)
            The rows to be judged.
        codes : ndarray of shape (n_judged,) of int
            Their labels: 0 to n_classes - 1, each of at least two rows.
        rows : ndarray of shape (n_judged,) of int
            Their positions among the rows whose weight is not 0.

        Returns
        -------
        folds : list of pairs of ndarray of int
            Positions among the rows to be judged.
        """
        if not self._has_splitter():
            return stratified_folds(codes, self.cv, self.random_state)
        splitter = self.cv
        if self.random_state is not None and _lacks_seed(splitter):
            splitter = copy(splitter)
            stream = check_random_state(self.random_state)
            splitter.random_state = stream.randint(np.iinfo(np.int32).max)
        params = {name: values[rows] for name, values in self._split_params.items()}
        if needs_groups(splitter) and "groups" not in params:
            raise ValueError(
                f"groups must be given to fit for cv={shown(self.cv)}; got none. Give "
                "fit(X, y, groups=groups), in a Pipeline under the name of the step "
                "(step__groups=groups); with metadata routing, by the name groups "
                "alone."
            )
        return list(splitter.split(X, codes, **params))

    def _has_splitter(self):
        return not isinstance(self.cv, Integral)

    def get_metadata_routing(self):
        """Return the metadata routing.

        Returns
        -------
        routing : MetadataRouter
        """
        router = super().get_metadata_routing()
        if self._has_splitter():
            mapping = MethodMapping().add(caller="fit", callee="split")
            router.add(splitter=self.cv, method_mapping=mapping)
        return router


def _lacks_seed(splitter):
    return getattr(splitter, "random_state", 0) is None
