"""A plugin of pytest for `test_kit.py`: it collects only the tests whose class and name the command line has.

pytest collects all tests of a class to find one. The broken adapters are 60 classes of 600 tests each.
"""

import pytest

_named = pytest.StashKey[frozenset[tuple[str, str]]]()


def pytest_configure(config: pytest.Config) -> None:
    """Read the command line's arguments, such as `broken_adapters.py::TestCutsOff::test_a_cursor[1]`."""
    parts = [argument.partition("[")[0].split("::") for argument in config.args]
    config.stash[_named] = frozenset((each[1], each[2]) for each in parts if len(each) == 3)


def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str) -> list[pytest.Item] | None:
    """No test for a name that was not asked for; else pytest makes it."""
    if isinstance(collector, pytest.Class) and (collector.name, name) not in collector.config.stash[_named]:
        return []
    return None
