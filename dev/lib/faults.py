"""Kill and cut off the server in the middle of work of many lines, and count.

Usage: faults.py CONFIG DATABASE KILLS CUTS LINES
"""

import sys

from bench_tools import print_load, start_odoo


def main(config, database, kills, cuts, lines):
    """Print the counts; exit with 1 where something was lost or done twice."""
    start_odoo(config)
    # Only now can the addon be imported.
    from odoo.addons.client_account.tests.faults import ADMIN, FaultRun
    from odoo.addons.client_account.tests.server import OdooServer

    print_load()
    server = OdooServer(database)
    try:
        server.start(*ADMIN)
        run = FaultRun(server, int(lines))
        run.run(int(kills), int(cuts))
        found = run.count()
    finally:
        server.close()
    print(
        f"{run.kills} kills and {run.cuts} cut connections during bulk credits, bulk "
        f"charges, an allocation and the expiry of {lines} lines each, beside "
        f"{run.small_charges} small charges, of which the slowest took "
        f"{max(run.waits):.2f} s and half took less than "
        f"{sorted(run.waits)[len(run.waits) // 2]:.2f} s."
    )
    for name, number in found.items():
        print(f"  {number} {name}")
    print_load()
    sys.exit(1 if any(found.values()) else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
