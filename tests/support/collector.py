"""Runs civicshield-collector in tests."""
import os
import pathlib
import signal
import subprocess
import time
import urllib.error
import urllib.request

from support.sensor import wait_until

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("CIVICSHIELD_BUILD", TOP / "build-test"))
COLLECTOR = BUILD / "collector" / "civicshield-collector"
FEED = BUILD / "tests" / "support" / "feed"
# No proxy, whatever the environment says: all of this is on loopback.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Certificates:
    """What scripts/make-certs makes: an authority, the collector, sensors."""

    def __init__(self, folder, *sensors, authority="Test CA"):
        self.folder = pathlib.Path(folder)
        subprocess.run([str(TOP / "scripts" / "make-certs"), str(folder), *sensors, "--ca-name", authority],
                       check=True, timeout=60)

    def of(self, name):
        """(ca, certificate, key) as paths"""
        return tuple(str(self.folder / file) for file in ("ca.pem", name + ".pem", name + ".key"))


def run(*arguments, timeout=60):
    """Runs to the end; returns the finished process with text output."""
    return subprocess.run([str(COLLECTOR), *map(str, arguments)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout,
                          check=False)


class Collector:
    """A collector that runs until it is told to stop.  'settings' are dotted keys."""

    def __init__(self, folder, certificates, url, port=0, **settings):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificates = certificates
        ca, certificate, key = certificates.of("collector")
        values = {"tls.ca": ca, "tls.certificate": certificate, "tls.key": key, "elasticsearch.url": url,
                  "listen.port": port, "http.port": 0, "elasticsearch.bulk-delay": "50ms"}
        values.update({k.replace("__", ".").replace("_", "-"): v for k, v in settings.items()})
        self.log_path = self.folder / ("collector-%d.log" % time.monotonic_ns())
        ports = self.folder / "ports"
        ports.unlink(missing_ok=True)
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [str(COLLECTOR), "--port-file", str(ports),
                 *(word for k, v in values.items() for word in ("--set", "%s=%s" % (k, v)))],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        try:
            wait_until(lambda: ports.exists() or self.process.poll() is not None, 30, "the port file")
            assert self.process.poll() is None, self.log()
        except AssertionError:
            self.kill()
            raise
        found = dict(line.split() for line in ports.read_text().splitlines())
        self.port, self.http_port = int(found["listen"]), int(found["http"])
        self.address = "127.0.0.1:%d" % self.port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def get(self, path):
        """(status, text)"""
        try:
            with OPENER.open("http://127.0.0.1:%d%s" % (self.http_port, path), timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metrics(self):
        """{name with labels, without the common prefix: value}"""
        text = self.get("/metrics")[1]
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#"]
        return {name.removeprefix("civicshield_collector_"): int(value) for name, value in lines}

    def check_ledger(self):
        """Nothing moves any more: what came in must be accounted for.  Returns the metrics."""
        def balanced():
            m = self.metrics()
            out = sum(m["records_%s_total" % n] for n in ("indexed", "duplicate", "dead_letter", "discarded"))
            return m if m["records_received_total"] == out + m["records_in_memory"] else None
        return wait_until(balanced, 10, "a ledger that balances")

    def wait_ready(self, seconds=60):
        wait_until(lambda: self.get("/readyz")[0] == 200, seconds, "a collector that is ready")

    def sensor_options(self, name="alpha"):
        """What civicshield-sensor wants to speak to this collector."""
        ca, certificate, key = self.certificates.of(name)
        return ["--set", "collector.address=" + self.address, "--set", "collector.ca=" + ca,
                "--set", "collector.certificate=" + certificate, "--set", "collector.key=" + key]

    def feed(self, records, name="alpha", epoch=1, workers=1, seconds=30, certificates=None):
        """Sends [(worker, number, bytes)] as a sensor would; returns {'offered', 'acked', 'connections'}."""
        text = "".join("%d %d %s\n" % (w, n, b.hex()) for w, n, b in records)
        done = subprocess.run([str(FEED), self.address, *(certificates or self.certificates).of(name),
                               "%x" % epoch, str(workers), str(seconds)],
                              input=text, stdout=subprocess.PIPE, text=True, timeout=seconds + 60,
                              check=False)
        assert done.returncode in (0, 1), done
        words = done.stdout.split()
        return {words[i]: int(words[i + 1]) for i in range(0, len(words), 2)}

    def stop(self, number=signal.SIGTERM, timeout=60):
        """The exit status."""
        self.process.send_signal(number)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the collector did not stop: " + self.log())

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def record(seconds=1700000000, kind=11):
    """The bytes of the smallest event: a time and a type (11: dns), see common/wire/events.toml."""
    return b"\x09" + (seconds * 10**9).to_bytes(8, "little") + b"\x30" + bytes([kind])


def identity(event):
    """The id that the document of an EVE record has."""
    return event["civicshield"]["id"]
