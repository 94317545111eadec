"""The program that runs a capture through some of the sensor's stages (tests/bench), built when it
is first needed."""
import json
import os
import pathlib
import subprocess
import sys

from engines import TOP
from machine import say

FOLDER = pathlib.Path(os.environ.get("BENCH_BUILD", TOP / "build-bench"))
TARGET = "tests/bench/civicshield-stages"


def build(target):
    """Path of 'target', up to date, of a release build in a folder of its own."""
    if not (FOLDER / "build.ninja").exists():
        say("building %s" % target)
        done = subprocess.run(["meson", "setup", str(FOLDER), str(TOP), "--buildtype=release", "-Dtests=false",
                               "-Dbench=true"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        if done.returncode != 0:
            sys.exit("bench: meson: " + done.stdout[-2000:])
    done = subprocess.run(["ninja", "-C", str(FOLDER), target], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode != 0:
        sys.exit("bench: ninja: " + done.stdout[-2000:])
    return FOLDER / target


def program():
    return pathlib.Path(os.environ["STAGES"]) if os.environ.get("STAGES") else build(TARGET)


def run(path, stage, capture, core, options):
    """What the program says of one run: see tests/bench/stages.c."""
    command = ["taskset", "-c", str(core), path, stage, "-k", "none", "-r", capture] + options
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        sys.exit("bench: stage %s ended with status %d: %s" % (stage, done.returncode, done.stderr[-2000:]))
    return json.loads(done.stdout.splitlines()[-1])
