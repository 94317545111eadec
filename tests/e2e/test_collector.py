"""The collector between real sensors and a real Elasticsearch."""
import re
import signal
import subprocess
import threading
import time

import pytest

from support import collector, elastic, sensor
from support.collector import Certificates, Collector, identity, record

RULES = 'alert http any any -> any any (msg:"page"; http.uri; content:"index"; sid:1; rev:2; classtype:bad-unknown;)\n'


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"), "alpha", "beta")


@pytest.fixture(scope="session")
def foreign(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("foreign"), "alpha", authority="Another CA")


@pytest.fixture(scope="module")
def node(tmp_path_factory):
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


def replay(running, folder, *captures, sensor_name="alpha"):
    """Replays captures into the collector; the EVE records of the run."""
    rules = folder.parent / "x.rules"
    rules.write_text(RULES)
    captures = captures or (sensor.PCAPS / "http-browse.pcap",)
    found = []
    for capture in captures:
        out = folder / capture.stem
        done = sensor.run("-r", capture, "-S", rules, "-l", out, *running.sensor_options(sensor_name))
        assert done.returncode == 0, done.stderr
        assert "NOT balance" not in done.stderr
        found += sensor.events(out)
    return found


# ---- What arrives ----

def test_the_index_holds_the_events_of_the_eve_file_each_once(running, es, tmp_path):
    captures = [sensor.PCAPS / name for name in ("http-browse.pcap", "dns-ask.pcap", "tls-1.3.pcap", "ping.pcap")]
    events = replay(running, tmp_path / "out", *captures)
    documents = es.documents()
    assert {identity(e) for e in events} == set(documents)
    assert len(events) == len(documents) > 20
    for event in events:
        document = documents[identity(event)]
        assert document["event"]["dataset"] == "civicshield." + event["event_type"]
        assert document["event"]["kind"] == ("alert" if event["event_type"] == "alert" else "event")
        assert document["_index"] == "logs-civicshield.%s-default-%s" % (event["event_type"], event["timestamp"][:4])
        assert document["observer"]["name"] == "alpha"
        if "src_ip" in event:
            assert document["source"]["ip"] == event["src_ip"]
            assert document["destination"]["ip"] == event["dest_ip"]
    metrics = running.check_ledger()
    assert metrics["records_indexed_total"] == len(events)
    assert metrics["records_duplicate_total"] == 0


def test_fields_have_the_types_of_ecs(running, es, tmp_path):
    replay(running, tmp_path / "out")
    es.documents()
    fields = {"source.ip": "ip", "destination.ip": "ip", "source.port": "long", "@timestamp": "date",
              "event.kind": "keyword", "event.dataset": "keyword", "rule.name": "keyword",
              "network.community_id": "keyword", "http.response.status_code": "long"}
    found = es.client.field_caps(index="logs-civicshield", fields=",".join(fields))["fields"]
    assert {name: list(kinds) for name, kinds in found.items()} == {name: [kind] for name, kind in fields.items()}
    # The types are of use: a network matches, an aggregation by dataset counts.
    answer = es.client.search(index="logs-civicshield", body={
        "size": 0, "query": {"term": {"source.ip": "0.0.0.0/0"}},
        "aggs": {"by": {"terms": {"field": "event.dataset"}}}})
    assert "civicshield.http" in {b["key"] for b in answer["aggregations"]["by"]["buckets"]}


def test_a_second_replay_adds_nothing(running, es, tmp_path, certificates):
    first = replay(running, tmp_path / "first")
    before = es.documents()
    second = replay(running, tmp_path / "second")
    assert {identity(e) for e in first} == {identity(e) for e in second}
    assert running.check_ledger()["records_duplicate_total"] == 0      # The collector knew the run.
    assert running.stop() == 0
    # Another collector knows nothing: the index itself answers 409.
    with Collector(tmp_path, certificates, es.url) as other:
        other.wait_ready()
        replay(other, tmp_path / "third")
        metrics = other.check_ledger()
        assert metrics["records_duplicate_total"] == metrics["records_received_total"] == len(first)
        assert metrics["records_indexed_total"] == 0
    assert es.documents() == before


def test_two_sensors_are_told_apart(running, es, tmp_path):
    for name in ("alpha", "beta"):
        assert running.feed([(0, n, record()) for n in range(1, 101)], name=name)["acked"] == 100
    names = [d["_index"] for d in es.documents().values()]
    assert len(names) == 200
    assert {i.split("-")[0] for i in es.documents()} == {"alpha", "beta"}


def test_what_cannot_be_indexed_goes_to_the_dead_letter_index(running, es):
    # An index that wants a routing value refuses every document of ours with 400.
    es.client.indices.create(index="logs-civicshield.ssh-default-2023",
                             body={"mappings": {"_routing": {"required": True}}})
    records = [(0, 1, record()), (0, 2, b"\xff\xff\xff\xff"), (0, 3, b""), (0, 4, record(kind=13)),
               (0, 5, record() + b"\xf2\x01\x08" + b"\x0a\x04beta\x10\x01"), (0, 7, record())]
    assert running.feed(records)["acked"] == 6
    dead = es.documents("civicshield-dead-letter")
    assert {i.rsplit("-", 1)[1]: d["error"]["message"] for i, d in dead.items()} == {
        "2": "the record is not an event of this schema", "3": "the record is empty",
        "4": dead["alpha-0000000000000001-0-4"]["error"]["message"],
        "5": dead["alpha-0000000000000001-0-5"]["error"]["message"]}
    assert "routing" in dead["alpha-0000000000000001-0-4"]["error"]["message"]
    assert dead["alpha-0000000000000001-0-2"]["event"]["original"] == "/////w=="
    assert set(es.documents()) == {"alpha-0000000000000001-0-1", "alpha-0000000000000001-0-7"}
    metrics = running.check_ledger()
    assert metrics["records_dead_letter_total"] == 4 and metrics["records_indexed_total"] == 2


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
        answer = running.feed([(0, n, record()) for n in range(1, 20001)], seconds=3)
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
    first = Collector(tmp_path, certificates, es.url)
    first.wait_ready()
    answers = []
    total = 60000
    thread = threading.Thread(target=lambda: answers.append(
        first.feed([(n % 2, n, record()) for n in range(1, total + 1)], workers=2, seconds=120)))
    thread.start()
    sensor.wait_until(lambda: first.metrics()["records_indexed_total"] > 1000, 30, "records in the index")
    assert first.stop(signal.SIGTERM) == 0
    ledger = dict(re.findall(r"(\w+)=(\d+)", [l for l in first.log().splitlines() if "msg=\"ledger\"" in l][-1]))
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
    first = Collector(tmp_path, certificates, es.url)
    first.wait_ready()
    answers = []
    total = 60000
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


# ---- Who may come in ----

def openssl(running, *arguments):
    done = subprocess.run(["openssl", "s_client", "-connect", running.address, "-alpn", "h2", *arguments],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=30, check=False)
    return done.returncode, done.stdout


def test_tls_1_2_is_refused_and_1_3_is_not(running, certificates):
    ca, certificate, key = certificates.of("alpha")
    own = ["-CAfile", ca, "-cert", certificate, "-key", key, "-verify_return_error"]
    status, text = openssl(running, "-tls1_3", *own)
    assert status == 0 and "TLSv1.3" in text and "Verification: OK" in text
    for version in ("-tls1_2", "-tls1_1"):
        status, text = openssl(running, version, "-cipher", "ALL:@SECLEVEL=0", *own)
        assert status != 0 and "alert" in text
        assert "Cipher is (NONE)" in text
    assert running.metrics()['refused_total{reason="tls"}'] >= 2


def test_a_foreign_or_missing_certificate_is_refused_and_logged(running, es, certificates, foreign):
    before = running.metrics()['refused_total{reason="tls"}']
    # It trusts this collector, and shows a certificate of another authority.
    class Mixed:
        @staticmethod
        def of(name):
            return (certificates.of(name)[0], *foreign.of(name)[1:])
    answer = running.feed([(0, 1, record())], seconds=2, certificates=Mixed)
    assert answer["acked"] == 0 and answer["connections"] == 0
    after = running.metrics()['refused_total{reason="tls"}']
    assert after > before
    assert "a TLS handshake was refused" in running.log() and "certificate verify failed" in running.log()
    openssl(running, "-tls1_3", "-CAfile", certificates.of("alpha")[0])
    sensor.wait_until(lambda: running.metrics()['refused_total{reason="tls"}'] > after, 10, "the refusal")
    assert "peer did not return a certificate" in running.log()
    assert es.documents() == {}


# ---- Configuration ----

def test_a_wrong_configuration_is_one_line_with_its_place_and_status_2(tmp_path, certificates, foreign):
    ca, certificate, key = certificates.of("collector")
    good = "tls:\n  ca: %s\n  certificate: %s\n  key: %s\n" % (ca, certificate, key)
    path = tmp_path / "collector.yaml"
    rows = [
        (good + "listen:\n  prt: 1\n", r'%s:6:3: error: .*"listen\.prt".*listen\.port' % path),
        (good + "listen:\n  port: 70000\n", r"%s:6:\d+: error: " % path),
        (good + "elasticsearch:\n  url: ftp://x\n", r"%s:6:\d+: error: elasticsearch\.url: expected" % path),
        (good + "index:\n  period: week\n", r"%s:6:\d+: error: .*day" % path),
        (good + "tls: [\n", r"%s:\d+:\d+: error: " % path),
        ("tls:\n  ca: %s\n  certificate: %s\n  key: /nonexistent\n" % (ca, certificate), r"/nonexistent: error: "),
        ("tls:\n  ca: %s\n  certificate: %s\n  key: %s\n" % (ca, certificate, foreign.of("collector")[2]),
         r"collector\.key: error: the key does not belong"),
        ("", r"error: tls\.ca is needed"),
    ]
    for text, pattern in rows:
        path.write_text(text)
        for arguments in (["-c", path], ["-T", "-c", path]):
            done = collector.run(*arguments)
            assert done.returncode == 2, (text, done.stderr)
            assert re.search(pattern, done.stderr), (pattern, done.stderr)
    path.write_text(good)
    done = collector.run("-T", "-c", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_port_that_is_taken_is_an_error(running, certificates, tmp_path):
    ca, certificate, key = certificates.of("collector")
    done = collector.run("--set", "tls.ca=" + ca, "--set", "tls.certificate=" + certificate, "--set", "tls.key=" + key,
                         "--set", "listen.port=%d" % running.port, "--set", "http.port=0")
    assert done.returncode == 1 and "is it in use" in done.stderr


def test_help_version_and_defaults_go_to_standard_output(tmp_path):
    for word in ("--help", "--version"):
        done = collector.run(word)
        assert done.returncode == 0 and "civicshield-collector" in done.stdout and not done.stderr
    done = collector.run("--print-defaults")
    assert done.returncode == 0 and "elasticsearch" in done.stdout
    assert collector.run("--nonsense").returncode == 2
    assert collector.run("word").returncode == 2
