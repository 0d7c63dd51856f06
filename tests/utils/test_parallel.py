from joblib import parallel_config

from skpoison.utils._parallel import return_as


def test_backends_that_return_results_one_by_one():
    assert return_as() == "generator"
    with parallel_config("multiprocessing"):
        assert return_as() == "list"
