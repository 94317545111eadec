"""Where the tests find their support, and the line that closes a run."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))


from support import elastic  # noqa: E402
from support.collector import Certificates, Collector  # noqa: E402


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"), "alpha", "beta")


@pytest.fixture(scope="session")
def foreign(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("foreign"), "alpha", authority="Another CA")


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """One Elasticsearch for all tests that do not stop it."""
    started = elastic.Elastic(tmp_path_factory.mktemp("elasticsearch")).start()
    yield started
    started.stop()


@pytest.fixture
def es(node):
    node.clear()
    return node


@pytest.fixture
def running(tmp_path, certificates, es):
    with Collector(tmp_path, certificates, es.url) as started:
        started.wait_ready()
        yield started
        assert started.stop() == 0, started.log()


class Count:
    """How many tests passed.  All that did not pass has failed: also a test that was skipped,
    that was never reached, whose file could not be read, or whose clean-up went wrong."""

    def __init__(self):
        self.passed, self.failed = set(), set()

    def pytest_collectreport(self, report):
        if not report.passed:
            self.failed.add(report.nodeid)

    def pytest_runtest_logreport(self, report):
        if not report.passed:
            self.failed.add(report.nodeid)
        elif report.when == "call":
            self.passed.add(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session):
        self.failed.update(item.nodeid for item in getattr(session, "items", ())
                           if item.nodeid not in self.passed)
        if self.failed or not self.passed:
            session.exitstatus = 1

    def pytest_unconfigure(self):
        print("%d passed, %d failed" % (len(self.passed - self.failed), len(self.failed)))


def pytest_configure(config):
    config.pluginmanager.register(Count(), "civicshield-count")
