"""What a sensor says is in Elasticsearch: the same events, each once, with types of use."""
from support import sensor
from support.collector import Collector, identity, record

RULES = ('alert http any any -> any any (msg:"page"; http.uri; content:"index"; sid:1; rev:2; '
         'classtype:bad-unknown;)\n')

# The identity (field 50) of an event of another sensor.
ANOTHER = b"\x92\x03\x13" + b"\x0a\x04beta" + b"\x11\x01" + bytes(7) + b"\x18\x00\x20\x05"


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


def test_the_index_holds_the_events_of_the_eve_file_each_once(running, es, tmp_path):
    captures = [sensor.PCAPS / (name + ".pcap") for name in ("http-browse", "dns-ask", "tls-1.3", "ping")]
    events = replay(running, tmp_path / "out", *captures)
    documents = es.documents()
    assert {identity(e) for e in events} == set(documents)
    assert len(events) == len(documents) > 20
    for event in events:
        document = documents[identity(event)]
        assert document["event"]["dataset"] == "civicshield." + event["event_type"]
        assert document["event"]["kind"] == ("alert" if event["event_type"] == "alert" else "event")
        assert document["_index"] == "logs-civicshield.%s-default-%s" % (
            event["event_type"], event["timestamp"][:4])
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
    # Of the objects that the fields stand in it tells as well.
    assert {name: list(found.get(name, ())) for name in fields} == \
        {name: [kind] for name, kind in fields.items()}
    # The types are of use: a network matches, an aggregation by dataset counts.
    answer = es.client.search(index="logs-civicshield", size=0, query={"term": {"source.ip": "10.77.0.0/24"}},
                              aggs={"by": {"terms": {"field": "event.dataset"}}})
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
                             mappings={"_routing": {"required": True}})
    records = [(0, 1, record()), (0, 2, b"\xff\xff\xff\xff"), (0, 3, b""), (0, 4, record(kind=13)),
               (0, 5, record() + ANOTHER), (0, 7, record())]
    assert running.feed(records)["acked"] == 6
    dead = es.documents("civicshield-dead-letter")
    reasons = {i: d["error"]["message"] for i, d in dead.items()}
    expected = {"2": "not an event of this schema", "3": "is empty", "4": "routing",
                "5": "identity is not that of its record"}
    assert set(reasons) == {"alpha-0000000000000001-0-" + n for n in expected}
    for number, reason in expected.items():
        assert reason in reasons["alpha-0000000000000001-0-" + number]
    assert dead["alpha-0000000000000001-0-2"]["event"]["original"] == "/////w=="
    assert set(es.documents()) == {"alpha-0000000000000001-0-1", "alpha-0000000000000001-0-7"}
    metrics = running.check_ledger()
    assert metrics["records_dead_letter_total"] == 4 and metrics["records_indexed_total"] == 2
