"""Compare two runs of the same tests, from their JUnit reports.

Usage: compare_results.py WITHOUT.xml WITH.xml

It prints the counts of both and the tests that pass in the first only, and
fails when there is one, or when the first run passed no test at all.
"""

import sys
from collections import Counter
from xml.etree import ElementTree

# Tests that fail with the addon on purpose, and why.
INTENDED = {
    "test_credit_limit_access": "it shows a salesperson figures of a client, which "
    "here only those see who may see balances",
}


def read_outcomes(path):
    """Return the outcome of each test in the report; its worst one wins."""
    order = ["passed", "skipped", "failed"]
    outcomes = {}
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            outcome = "failed"
        elif case.find("skipped") is not None:
            outcome = "skipped"
        else:
            outcome = "passed"
        outcomes[name] = max(outcome, outcomes.get(name, outcome), key=order.index)
    return outcomes


def main(path_without, path_with):
    """Print the comparison; return the exit status."""
    without_addon, with_addon = read_outcomes(path_without), read_outcomes(path_with)
    for label, outcomes in (
        ("Without the addon", without_addon),
        ("With the addon", with_addon),
    ):
        count = Counter(outcomes.values())
        print(
            f"{label}: {count['passed']} passed, {count['failed']} failed,"
            f" {count['skipped']} skipped."
        )
    passed = [name for name, outcome in without_addon.items() if outcome == "passed"]
    lost = [name for name in passed if with_addon.get(name) != "passed"]
    for name in [name for name in lost if name.rpartition(".")[2] in INTENDED]:
        lost.remove(name)
        print(f"On purpose fails {name}: {INTENDED[name.rpartition('.')[2]]}.")
    for name in lost:
        print(f"The addon breaks {name} ({with_addon.get(name, 'not run')}).")
    if not passed:
        print("No test passed without the addon: the comparison says nothing.")
    elif not lost:
        print("The addon breaks none of them.")
    return 1 if lost or not passed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
