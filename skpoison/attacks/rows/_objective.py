"""The objective of an attack on rows: its goal minus its penalties."""

from skpoison.penalties._base import check_charge


class PoisonObjective:
    """Goal minus penalties as a function of poison rows.

    Parameters
    ----------
    problems : list of BilevelProblem
        The goal is the mean over them, one for each fold of the validation data.
    penalties : list of BasePenalty
        What is subtracted; fitted.
    start : PoisonRows
        The initial rows.
    """

    def __init__(self, problems, penalties, start):
        self.problems, self.penalties, self.start = problems, penalties, start

    def __call__(self, rows, n_fixed, *, leave_plateaus=True):
        """Compute the objective, and where to move rows.

        Parameters
        ----------
        rows : PoisonRows
            The poison rows; the first ones of all, for a sequential schedule.
        n_fixed : int
            Number of rows that are held fixed, the first ones.
        leave_plateaus : bool, default=True
            Whether rows on which the goal does not depend are given a direction that
            leads to where it does; the gradient otherwise.

        Returns
        -------
        value : float
            The objective.
        in_features : ndarray of shape (n_rows - n_fixed, n_features)
            Its gradient in the features of the rows that are not fixed.
        in_responses : ndarray of shape (n_rows - n_fixed,)
            Its gradient in their responses.
        """
        indices = slice(n_fixed, None)
        parts = [
            problem.differentiate(
                rows.X, rows.y, indices, leave_plateaus=leave_plateaus
            )
            for problem in self.problems
        ]
        value, in_features, in_responses = parts[0]
        if len(parts) > 1:  # not copied without need: on large data that takes time
            value, in_features, in_responses = (
                sum(part) / len(parts) for part in zip(*parts, strict=True)
            )
        for charge, of_features, of_responses in self._charges(rows):
            value = value - charge
            in_features = in_features - of_features[indices]
            in_responses = in_responses - of_responses[indices]
        return value, in_features, in_responses

    def charge(self, rows):
        """Compute the sum of the penalties.

        Parameters
        ----------
        rows : PoisonRows
            The poison rows.

        Returns
        -------
        charge : float
        """
        return float(sum(charge for charge, _, _ in self._charges(rows)))

    def _charges(self, rows):
        """Yield each penalty and its gradients."""
        start = self.start[: len(rows)]
        for penalty in self.penalties:
            found = penalty.value_and_gradient(rows.X, rows.y, start.X, start.y)
            check_charge(penalty, found, rows.X, rows.y)
            yield found

    def diagnostics(self):
        """Return how accurate the last gradient is, at worst over the folds.

        Returns
        -------
        diagnostics : dict
        """
        parts = [problem.diagnostics() for problem in self.problems]
        return {
            name: value if isinstance(value, str) else max(part[name] for part in parts)
            for name, value in parts[0].items()
        }
