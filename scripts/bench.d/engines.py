"""How this sensor and its peer are called, so that both do the same."""
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import builds
from builds import TOP

HERE = pathlib.Path(__file__).resolve().parent
FAIR_TYPES = {"alert", "flow", "http", "dns", "tls"}       # What the peer's configuration has on.
PEER_CACHE = ["--set", "detect.sgh-mpm-caching=yes", "--set", "detect.sgh-mpm-caching-path={cache}"]


def sensor_path():
    path = pathlib.Path(os.environ.get("SENSOR") or builds.build(builds.SENSOR))
    if not path.exists():
        sys.exit("bench: no sensor at %s" % path)
    return path


def fair_settings(sensor):
    """Options that leave the outputs on that the peer has on, of all that the sensor knows."""
    shown = subprocess.run([str(sensor), "--dump-config"], check=True, stdout=subprocess.PIPE, text=True).stdout
    types = dict(re.findall(r"^# outputs\.types\.([\w-]+): (yes|no)$", shown, re.MULTILINE))
    if not FAIR_TYPES <= set(types):
        sys.exit("bench: the sensor has no outputs.types.%s" % ", ".join(sorted(FAIR_TYPES - set(types))))
    options = []
    for name, default in sorted(types.items()):
        wanted = "yes" if name in FAIR_TYPES else "no"
        if default != wanted:
            options += ["--set", "outputs.types.%s=%s" % (name, wanted)]
    return options


class Sensor:
    """'options': more of the sensor's own; 'cache': where it keeps compiled patterns."""

    def __init__(self, name, options=(), cache=None, path=None):
        self.name, self.cache = name, cache
        self.path = path or sensor_path()
        self.options = fair_settings(self.path) + list(options)

    def command(self, capture, rules, out):
        cache = ["--set", "detect.cache=%s" % (self.cache or "no")]
        return [self.path, "-q", "-k", "none", "-r", capture, "-l", out, "-S", rules] + self.options + cache


class Peer:
    def __init__(self, command, cache):
        self.name, self.words, self.cache = "peer", command, cache

    def command(self, capture, rules, out):
        cache = [word.format(cache=self.cache) for word in PEER_CACHE]
        return self.words + ["-r", capture, "-l", out, "-S", rules, "--runmode", "single", "-k", "none"] + cache


def find_peer(may_install):
    """Words of the peer's command: PEER, an installed Suricata with our configuration for it, or
    the one beside the tree, which installs itself when it is first called; None: there is none."""
    if "PEER" in os.environ:
        return shlex.split(os.environ["PEER"]) or None
    if shutil.which("suricata"):
        return ["suricata", "-c", str(HERE / "peer.yaml")]
    beside = TOP.parent / "shared" / "peer" / "suricata8"
    root = pathlib.Path(os.environ.get("SURICATA8_ROOT", os.path.expanduser("~/.cache/suricata8")))
    if beside.exists() and (may_install or (root / "usr" / "bin" / "suricata").exists()):
        return [str(beside)]
    return None
