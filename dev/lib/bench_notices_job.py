"""Run the job of notices as a cron worker does, in a process of its own.

Usage: bench_notices_job.py CONFIG DATABASE

It takes the job as long as it is ready, as Odoo's worker would, and prints when it
begins, and in the end how long it took and how much memory.
"""

import json
import resource
import sys
import time

from bench_tools import Database, start_odoo


def get_peak():
    """Return the most memory that this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(config, database):
    """Run the job until nothing is left to do."""
    start_odoo(config)
    database = Database(database)
    jobs = database.registry["ir.cron"]
    before = get_peak()
    print("ready", flush=True)
    start = time.perf_counter()
    ready = True
    while ready:
        jobs._process_jobs(database.name)
        with database.begin() as env:
            ready = jobs._get_all_ready_jobs(env.cr)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "before": before, "peak": get_peak()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
