import re

import pytest

from skpoison.utils._optional import import_optional


def test_import_optional_gives_the_module():
    import json.decoder

    assert import_optional("json.decoder", extra="x", user="y") is json.decoder


def test_import_optional_names_the_extra():
    message = (
        "Drawing needs no_such_package, which is not installed: "
        "python -m pip install 'skpoison[plot]'"
    )
    with pytest.raises(ImportError, match=re.escape(message)):
        import_optional("no_such_package.part", extra="plot", user="Drawing")


def test_import_optional_without_extra():
    message = "which is not installed: python -m pip install no_such_package"
    with pytest.raises(ImportError, match=f"{message}$"):
        import_optional("no_such_package.part", user="Drawing")
