"""Fail when the logs of the addon's installation hold a warning or an error.

Usage: check_log.py BASELINE LOG...

BASELINE is the log of the database that the addon was installed on. Its warnings
are Odoo's own, or the machine's, and are not counted again; since nothing but the
addon was installed after it, every other one is the addon's, also where Odoo's
own loggers report it and do not name the addon.
"""

import re
import sys
from pathlib import Path

LINE = re.compile(
    r"^\d{4}-\d\d-\d\d [\d:,]+ \d+ (?P<level>[A-Z]+) \S+ (?P<logger>\S+?): (?P<text>.*)"
)
COUNTED = {"WARNING", "ERROR", "CRITICAL"}


def read_entries(path):
    """Return what counts in the log, as (level, logger, whole text)."""
    entries = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        match = LINE.match(line)
        if match:
            entries.append((match["level"], match["logger"], match["text"]))
        elif entries:
            level, logger, text = entries[-1]
            entries[-1] = level, logger, f"{text}\n{line}"
    return [entry for entry in entries if entry[0] in COUNTED]


def essence(entry):
    """Return the entry without what differs from run to run."""
    return tuple(re.sub(r"\d+", "#", part) for part in entry)


def main(baseline, *logs):
    """Print what counts; return the exit status."""
    known = set()
    if Path(baseline).exists():
        known = {essence(entry) for entry in read_entries(Path(baseline))}
    count = 0
    for log in map(Path, logs):
        for entry in read_entries(log):
            if essence(entry) not in known:
                count += 1
                print(f"{log.name}: {': '.join(entry)}", file=sys.stderr)
    if count:
        print(
            f"Error: the addon's installation and update logged {count}"
            " warning(s) or error(s).",
            file=sys.stderr,
        )
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
