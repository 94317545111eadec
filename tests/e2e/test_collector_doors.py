"""Who may come in to the collector, and what it says of its own configuration."""
import re
import subprocess

from support import collector, sensor
from support.collector import record


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
    before = running.metrics()['refused_total{reason="tls"}']
    for number, version in enumerate(("-tls1_2", "-tls1_1"), 1):
        status, text = openssl(running, version, "-cipher", "ALL:@SECLEVEL=0", *own)
        assert status != 0 and "Cipher is (NONE)" in text and "BEGIN CERTIFICATE" not in text
        sensor.wait_until(lambda: running.metrics()['refused_total{reason="tls"}'] == before + number, 10,
                          "the refusal")
    assert "unsupported protocol" in running.log().lower()


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
        (good + "listen:\n  prt: 1\n", r'%s:6:8: error: .*"listen\.prt".*listen\.port' % path),
        (good + "listen:\n  port: 70000\n", r"%s:6:\d+: error: " % path),
        (good + "elasticsearch:\n  url: ftp://x\n", r"%s:6:\d+: error: elasticsearch\.url: expected" % path),
        (good + "index:\n  period: week\n", r"%s:6:\d+: error: .*day" % path),
        (good + "tls: [\n", r"%s:\d+:\d+: error: " % path),
        ("tls:\n  ca: %s\n  certificate: %s\n  key: /nonexistent\n" % (ca, certificate),
         r"/nonexistent: error: "),
        ("tls:\n  ca: %s\n  certificate: %s\n  key: %s\n" % (ca, certificate, foreign.of("collector")[2]),
         r"collector\.key:1:1: error: the key does not belong"),
        ("", r"error: tls\.ca is needed"),
    ]
    for text, pattern in rows:
        path.write_text(text)
        for arguments in (["-c", path], ["-T", "-c", path]):
            done = collector.run(*arguments)
            assert done.returncode == 2, (text, done.stderr)
            assert re.search(pattern, done.stderr), (pattern, done.stderr)
            # One line for each thing that is wrong: without a configuration three are missing.
            assert done.stderr.count("\n") == (1 if text else 3), done.stderr
    path.write_text(good)
    done = collector.run("-T", "-c", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_port_that_is_taken_is_an_error(running, certificates, tmp_path):
    ca, certificate, key = certificates.of("collector")
    done = collector.run("--set", "tls.ca=" + ca, "--set", "tls.certificate=" + certificate,
                         "--set", "tls.key=" + key, "--set", "http.port=0",
                         "--set", "listen.port=%d" % running.port)
    assert done.returncode == 1 and "is it in use" in done.stderr


def test_help_version_and_defaults_go_to_standard_output(tmp_path):
    for word in ("--help", "--version"):
        done = collector.run(word)
        assert done.returncode == 0 and "civicshield-collector" in done.stdout and not done.stderr
    done = collector.run("--print-defaults")
    assert done.returncode == 0 and "elasticsearch" in done.stdout
    assert collector.run("--nonsense").returncode == 2
    assert collector.run("word").returncode == 2
