"""What the benchmarks share: databases, rounds and their statistics."""

import contextlib
import gc
import os
import random
import statistics
import threading
import time

import odoo.tools
from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry

RESAMPLES = 2000
SEED = 19


def start_odoo(config):
    """Make Odoo usable in this process; only its warnings are printed."""
    odoo.tools.config.parse_config(
        ["--config", config, "--log-level=warn", "--log-handler=py.warnings:ERROR"],
        setup_logging=True,
    )


class Database:
    """One of the databases that are measured, all of them open in this process."""

    def __init__(self, name):
        self.name = name
        self.registry = Registry(name)
        with self.begin() as env:
            self.user_id = env.ref("base.user_admin").id

    @contextlib.contextmanager
    def begin(self, user_id=SUPERUSER_ID):
        """Open a transaction with nothing in cache; it is committed at the end."""
        with self.registry.cursor() as cr:
            yield api.Environment(cr, user_id, {})

    def settle(self):
        """Let the planner know what is in the tables, as autovacuum would."""
        with self.registry.cursor() as cr:
            cr.connection.autocommit = True
            try:
                cr.execute("VACUUM ANALYZE")
            finally:
                cr.connection.autocommit = False


def timed(function, *arguments):
    """Return the seconds that a call takes, without a pause of the collector."""
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        function(*arguments)
        return time.perf_counter() - start
    finally:
        gc.enable()


@contextlib.contextmanager
def recorded_queries():
    """Give the list to which each query of this thread is added with its values."""
    thread = threading.current_thread()
    queries = []
    thread.query_hooks = [
        lambda cr, query, params, start, delay: queries.append((query, params))
    ]
    try:
        yield queries
    finally:
        del thread.query_hooks


def run_rounds(measures, count, warm_up=3):
    """Run all measures in each round, in an order that chance decides.

    What the machine does meanwhile then falls on all of them alike.

    :param measures: {name: function that returns seconds, or a tuple}
    :return: {name: list of results, one of each round}
    """
    dice = random.Random(SEED)
    results = {name: [] for name in measures}
    names = list(measures)
    for number in range(-warm_up, count):
        if number == 0:
            # What lives this long stays: collecting before each measure is then cheap.
            gc.collect()
            gc.freeze()
        dice.shuffle(names)
        for name in names:
            result = measures[name]()
            if number >= 0:
                results[name].append(result)
    gc.unfreeze()
    return results


def paired_ratio(numerators, denominators):
    """Return the median of the ratios of pairs and its 95 % interval, by bootstrap."""
    ratios = [up / down for up, down in zip(numerators, denominators, strict=True)]
    dice = random.Random(SEED)
    medians = sorted(
        statistics.median(dice.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES)
    )
    edge = RESAMPLES // 40
    return statistics.median(ratios), medians[edge], medians[-edge - 1]


def verdict(figure, target):
    """Return the words that say whether a figure is within its target."""
    return f"target {target:g}, {'met' if figure <= target else 'MISSED'}"


def print_ratio(label, numerators, denominators, target=None):
    """Print a paired ratio on a line of its own."""
    ratio, low, high = paired_ratio(numerators, denominators)
    line = f"  {label}: {ratio:.3f} (95 %: {low:.3f} to {high:.3f})"
    print(line + (f"; {verdict(ratio, target)}" if target else ""), flush=True)


def print_load():
    """Print how busy the machine is beside the benchmark."""
    one, five, fifteen = os.getloadavg()
    print(
        f"Load of the machine, which has {os.cpu_count()} processors, over 1, 5 and 15"
        f" minutes: {one:.2f}, {five:.2f}, {fifteen:.2f}.",
        flush=True,
    )
