"""The program that runs a capture through some of the sensor's stages: tests/bench/stages.c."""
import json
import subprocess
import sys

from builds import STAGES, build


def run(stage, capture, core, options):
    """What the program says of one run."""
    command = ["taskset", "-c", core, build(STAGES), stage, "-k", "none", "-r", capture] + options
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        sys.exit("bench: stage %s ended with status %d: %s" % (stage, done.returncode, done.stderr[-2000:]))
    return json.loads(done.stdout.splitlines()[-1])
