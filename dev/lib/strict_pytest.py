"""A pytest plugin: a skipped test and a run without a test are failures too."""

import pytest


class StrictRun:
    """Remember what ran and judge it at the end."""

    def __init__(self):
        self.executed = 0
        self.skipped = []

    def pytest_runtest_logreport(self, report):
        """Count the tests that ran and note those that did not."""
        if report.skipped:
            self.skipped.append(report.nodeid)
        elif report.when == "call":
            self.executed += 1

    def pytest_collectreport(self, report):
        """Note the modules that skipped themselves."""
        if report.skipped:
            self.skipped.append(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session):
        """Fail the run that would have passed."""
        if session.config.option.collectonly:
            return
        if session.exitstatus == 0 and (self.skipped or not self.executed):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        """Say why the run fails although no test did."""
        if terminalreporter.config.option.collectonly:
            return
        for nodeid in self.skipped:
            terminalreporter.write_line(f"Skipped, which is a failure here: {nodeid}")
        if not self.executed:
            terminalreporter.write_line("No test ran, which is a failure here.")


class StrictWorker:
    """Make failures of modules that skip themselves: workers report those alone."""

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self):
        """Fail what would be skipped."""
        report = yield
        if report.skipped:
            report.outcome = "failed"
            report.longrepr = f"Skipped, which is a failure here: {report.nodeid}"
        return report


def pytest_configure(config):
    """Judge the run as a whole, in the main process; workers tell it what they see."""
    is_worker = hasattr(config, "workerinput")
    strict = StrictWorker() if is_worker else StrictRun()
    config.pluginmanager.register(strict, "strict_run")
