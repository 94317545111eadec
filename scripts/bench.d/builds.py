"""The release build that is measured: a folder of its own, made when it is first needed."""
import functools
import os
import pathlib
import subprocess
import sys

from machine import say

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDER = pathlib.Path(os.environ.get("BENCH_BUILD", TOP / "build-bench"))
SENSOR = "sensor/civicshield-sensor"
STAGES = "tests/bench/civicshield-stages"
FEED = "tests/bench/civicshield-feed"


def call(*command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        sys.exit("bench: %s: %s" % (command[0], done.stdout[-2000:]))


@functools.lru_cache(None)
def build(target):
    """Path of 'target', up to date."""
    if not (FOLDER / "build.ninja").exists():
        say("building in %s, which takes some minutes" % FOLDER.name)
        call("meson", "setup", FOLDER, TOP, "--buildtype=release", "-Db_lto=true", "-Dtests=false", "-Dbench=true")
    call("ninja", "-C", FOLDER, target)
    return FOLDER / target
