"""Elasticsearch goes away, the collector stops or is killed: nothing is lost or doubled."""
import re
import signal
import threading
import time

from support import elastic, sensor
from support.collector import Collector, record


# ---- Elasticsearch is away ----

def test_elasticsearch_that_is_down_at_start_is_waited_for(tmp_path, certificates):
    node = elastic.Elastic(tmp_path / "node")
    with Collector(tmp_path, certificates, node.url) as running:
        assert running.get("/healthz") == (200, "ok\n")
        status, reason = running.get("/readyz")
        assert status == 503 and reason.startswith("elasticsearch: ")
        answers = []
        thread = threading.Thread(target=lambda: answers.append(
            running.feed([(0, n, record()) for n in range(1, 1001)], seconds=90)))
        thread.start()
        sensor.wait_until(lambda: running.metrics()["records_in_memory"] == 1000, 30, "the records in memory")
        status, reason = running.get("/readyz")
        assert status == 503 and "refused" in reason or "connect" in reason
        node.start()
        try:
            thread.join(100)
            assert answers and answers[0]["acked"] == 1000
            assert running.get("/readyz") == (200, "ready\n")
            assert len(node.documents()) == 1000
            assert running.check_ledger()["records_in_memory"] == 0
        finally:
            node.stop()


def test_a_restart_of_elasticsearch_loses_and_doubles_nothing(tmp_path, certificates):
    node = elastic.Elastic(tmp_path / "node").start()
    try:
        with Collector(tmp_path, certificates, node.url) as running:
            running.wait_ready()
            assert running.feed([(0, n, record()) for n in range(1, 501)])["acked"] == 500
            node.stop()
            answers = []
            thread = threading.Thread(target=lambda: answers.append(
                running.feed([(0, n, record()) for n in range(501, 1001)], seconds=90)))
            thread.start()
            sensor.wait_until(lambda: running.get("/readyz")[0] == 503, 30, "a collector that is not ready")
            node.start()
            thread.join(100)
            assert answers and answers[0]["acked"] == 500
            assert len(node.documents()) == 1000
            metrics = running.check_ledger()
            assert metrics["records_received_total"] == 1000
            assert metrics["records_indexed_total"] + metrics["records_duplicate_total"] == 1000
    finally:
        node.stop()


def test_without_room_sensors_wait_and_nothing_is_dropped(tmp_path, certificates):
    node = elastic.Elastic(tmp_path / "node")                           # Never started.
    with Collector(tmp_path, certificates, node.url, listen__memory="1mb", stop__timeout="1s") as running:
        answer = running.feed([(0, n, record()) for n in range(1, 20001)], seconds=2)
        metrics = running.metrics()
        assert answer["acked"] == 0
        assert 1000 < metrics["records_in_memory"] < 5000
        assert metrics["intake_pauses_total"] >= 1
        # A stop does not wait for ever, and says what was left.
        start = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - start < 15
        assert "left over" in running.log()


# ---- Stops ----

def test_sigterm_keeps_what_was_acknowledged_and_the_next_collector_goes_on(tmp_path, certificates, es):
    first = Collector(tmp_path, certificates, es.url, listen__memory="1mb")
    first.wait_ready()
    answers = []
    total = 20000
    thread = threading.Thread(target=lambda: answers.append(
        first.feed([(n % 2, n, record()) for n in range(1, total + 1)], workers=2, seconds=120)))
    thread.start()
    sensor.wait_until(lambda: first.metrics()["records_indexed_total"] > 1000, 30, "records in the index")
    assert first.stop(signal.SIGTERM) == 0
    ledger = dict(re.findall(r"(\w+)=(\d+)", [l for l in first.log().splitlines() if '"ledger"' in l][-1]))
    assert ledger["in_memory"] == "0"
    assert int(ledger["received"]) < total, "it took all before the stop: the test shows nothing"
    assert len(es.documents()) == int(ledger["indexed"]) == int(ledger["received"])
    with Collector(tmp_path, certificates, es.url, port=first.port) as second:
        thread.join(150)
        assert answers and answers[0]["acked"] == total and answers[0]["connections"] == 2
        assert len(es.documents()) == total
        metrics = second.check_ledger()
        assert metrics["records_indexed_total"] + int(ledger["indexed"]) == total


def test_a_killed_collector_loses_nothing_either(tmp_path, certificates, es):
    first = Collector(tmp_path, certificates, es.url, listen__memory="1mb")
    first.wait_ready()
    answers = []
    total = 20000
    thread = threading.Thread(target=lambda: answers.append(
        first.feed([(0, n, record()) for n in range(1, total + 1)], seconds=120)))
    thread.start()
    sensor.wait_until(lambda: first.metrics()["records_indexed_total"] > 1000, 30, "records in the index")
    first.kill()
    with Collector(tmp_path, certificates, es.url, port=first.port) as second:
        thread.join(150)
        assert answers and answers[0]["acked"] == total
        second.check_ledger()
        assert len(es.documents()) == total
