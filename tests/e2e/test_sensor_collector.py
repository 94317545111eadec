"""The sensor's side of the link: a collector that is not there, certificates, lost connections."""
import os
import re
import time

import pytest

from support import captures, elastic, sensor
from support.collector import Collector, identity

BROWSE = sensor.PCAPS / "http-browse.pcap"


def options(address, ca, certificate, key, **more):
    values = dict({"address": address, "ca": ca, "certificate": certificate, "key": key}, **more)
    return [word for name, value in values.items()
            for word in ("--set", "collector.%s=%s" % (name.replace("_", "-"), value))]


def nobody():
    return "127.0.0.1:%d" % elastic.free_port()


# ---- Nobody there ----

def test_a_collector_that_is_not_there_is_said_and_status_1(tmp_path, certificates):
    address = nobody()
    start = time.monotonic()
    done = sensor.run("-r", BROWSE, "-l", tmp_path, *options(address, *certificates.of("alpha"),
                                                            finish_timeout="2s"))
    assert time.monotonic() - start < 20
    assert done.returncode == 1
    assert re.search(r'level=warn .*"no connection" address="%s"' % re.escape(address), done.stderr)
    assert "the collector has not acknowledged every event" in done.stderr
    figures = sensor.ledger(done.stderr)
    assert figures["held"] == figures["offered"] == figures["made"] == len(sensor.events(tmp_path)) > 0
    assert figures["acknowledged"] == 0


def test_a_signal_ends_the_wait_for_the_collector(tmp_path, certificates):
    live = sensor.Live("-r", BROWSE, "-l", tmp_path, *options(nobody(), *certificates.of("alpha")))
    sensor.wait_until(lambda: (tmp_path / "eve.json").exists() and sensor.events(tmp_path, "flow"),
                      what="the last events")
    time.sleep(0.5)
    assert live.process.poll() is None, "it does not wait"
    start = time.monotonic()
    status, err = live.stop()
    assert status == 1 and time.monotonic() - start < 8
    assert "has not acknowledged" in err


# ---- Certificates ----

def test_certificates_are_checked_before_the_first_packet(tmp_path, certificates, foreign):
    ca, certificate, key = certificates.of("alpha")
    text = tmp_path / "text.pem"
    text.write_text("no certificate\n")
    late = tmp_path / "late.pem"
    late.write_text("# a comment\n\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    rows = [
        ((ca, "", ""), "error: collector.certificate is needed"),
        (("", certificate, key), "error: collector.ca is needed"),
        ((ca, certificate, ""), "error: collector.key is needed"),
        ((tmp_path / "none.pem", certificate, key), "none.pem: error: cannot be opened: No such file"),
        ((ca, text, key), "text.pem:1:1: error: expected a certificate in PEM form"),
        ((ca, late, key), "late.pem:3:1: error: expected a certificate in PEM form"),
        ((ca, certificate, certificate), "alpha.pem:1:1: error: expected a private key in PEM form"),
        ((ca, certificate, foreign.of("alpha")[2]), "alpha.key:1:1: error: the key does not belong"),
    ]
    for files, expected in rows:
        for more in (["-r", BROWSE, "-l", tmp_path / "out"], ["-T"]):
            done = sensor.run(*more, *options(nobody(), *files))
            assert done.returncode == 2, (expected, done.stderr)
            assert expected in done.stderr
            assert not (tmp_path / "out").exists()


def test_the_sensor_is_called_what_its_certificate_says(tmp_path, certificates):
    mine = options(nobody(), *certificates.of("alpha"))
    done = sensor.run("-T", *mine, "--set", "sensor-name=beta")
    assert done.returncode == 2
    assert 'the certificate is for "alpha", but sensor-name is "beta"' in done.stderr
    assert sensor.run("-T", *mine, "--set", "sensor-name=alpha").returncode == 0


@pytest.mark.parametrize("who", ["the sensor's", "the collector's"])
def test_a_foreign_certificate_is_refused_on_either_side(tmp_path, running, es, certificates, foreign, who):
    own = certificates.of("alpha")
    other = foreign.of("alpha")
    files = (own[0], *other[1:]) if who == "the sensor's" else (other[0], *own[1:])
    done = sensor.run("-r", BROWSE, "-l", tmp_path / "out", *options(running.address, *files,
                                                                    finish_timeout="2s"))
    assert done.returncode == 1
    assert '"no connection"' in done.stderr
    assert sensor.ledger(done.stderr)["acknowledged"] == 0
    assert "a TLS handshake was refused" in running.log()
    assert running.metrics()['refused_total{reason="tls"}'] >= 1
    assert running.metrics()["records_received_total"] == 0 and es.documents() == {}


# ---- The connection is lost ----

def test_a_sensor_goes_on_where_it_was_when_the_collector_comes_back(tmp_path, certificates, es):
    """Killed twice while a replay runs: all events are there at the end, each once."""
    attack = sensor.PCAPS / "http-attack.pcap"
    speed = "%g" % (captures.duration(attack) / 5)
    collector = Collector(tmp_path, certificates, es.url)
    try:
        collector.wait_ready()
        live = sensor.Live("-r", attack, "-w", 2, "--speed", speed, "-l", tmp_path / "out",
                           *collector.sensor_options())
        for _ in range(2):
            sensor.wait_until(lambda: collector.metrics()["records_indexed_total"] > 0, 20, "a record")
            collector.kill()
            assert live.process.poll() is None, "it ended before: the test shows nothing"
            time.sleep(0.3)
            collector = Collector(tmp_path, certificates, es.url, port=collector.port)
        status, err = live.wait()
        assert status == 0, err
        assert err.count('"connected"') >= 2 and '"the connection was lost"' in err
        figures = sensor.ledger(err)
        assert figures["acknowledged"] == figures["offered"] and figures["held"] == figures["shed"] == 0
        events = sensor.events(tmp_path / "out")
        assert len(events) == len(set(map(identity, events)))
        assert set(map(identity, events)) == set(es.documents())
    finally:
        collector.kill()


def test_live_events_reach_the_index(tmp_path, running, es):
    """From a DPDK port to Elasticsearch."""
    if os.geteuid() != 0:
        pytest.fail("DPDK ports need root")
    live = sensor.Live("--eal", "--vdev=net_pcap0,rx_pcap=%s" % BROWSE, "-l", tmp_path / "out",
                       "--set", "capture.port.buffers=4096", "--set", "capture.port.descriptors=512",
                       *running.sensor_options())
    sensor.wait_until(lambda: running.metrics()["records_indexed_total"] > 0, 20, "a record")
    status, err = live.stop()
    assert status == 0, err
    assert set(es.documents()) == {identity(e) for e in sensor.events(tmp_path / "out")}
