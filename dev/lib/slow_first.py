"""A pytest plugin: the slow tests go first.

Classes go to the workers one after the other; a slow one that is left to the end keeps
a single worker busy while the others wait.
"""

# Endings of the names of files whose tests take a browser or a server of their own.
SLOW_FILES = ("_races", "_random", "_tours", "_screens", "_security")


def pytest_collection_modifyitems(items):
    """Sort the tests by how slow their files are, and leave their order otherwise."""
    items.sort(key=lambda item: not item.path.stem.endswith(SLOW_FILES))
