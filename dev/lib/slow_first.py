"""A pytest plugin: what is slow goes first, and races after one another.

Classes go to the workers one after the other; a slow one that is left to the end keeps
a single worker busy while the others wait. Races take more than one processor each: two
at once would have their callers wait, and try again, for want of one.
"""

import pytest

# Endings of the names of files whose tests take a browser or a server of their own.
RACES = ("_races", "_concurrency")
SLOW = ("_random", "_tours", "_screens", "_security")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Sort the tests by how slow their files are, and leave their order otherwise; the
    tests of one class stay together, as they share what it has set up."""
    items.sort(key=lambda item: not item.path.stem.endswith(RACES + SLOW))
    for item in items:
        is_race = item.path.stem.endswith(RACES)
        group = "races" if is_race else f"{item.path.stem}.{item.cls.__name__}"
        item.add_marker(pytest.mark.xdist_group(group))
