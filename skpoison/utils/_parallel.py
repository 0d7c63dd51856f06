"""How results of parallel calls come back."""

from joblib.parallel import get_active_backend


def return_as():
    """Return how results come back: one by one, if the backend can do that.

    Those of multiprocessing and of ray cannot: all results come at the end.

    Returns
    -------
    return_as : {"generator", "list"}
        For the parameter of the same name of joblib's `Parallel`.
    """
    backend, _ = get_active_backend()
    return "generator" if backend.supports_return_generator else "list"
