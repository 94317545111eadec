"""Runs a command on given cores and prints as JSON what that took; see process.py.

    measure_child.py CORES COMMAND...
"""
import json
import os
import subprocess
import sys
import tempfile
import time

with tempfile.TemporaryFile() as err:
    began = time.monotonic()
    child = subprocess.Popen(["taskset", "-c"] + sys.argv[1:], stdout=subprocess.DEVNULL, stderr=err)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.monotonic() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    err.seek(0)
    print(json.dumps({"status": child.returncode, "seconds": seconds, "user": usage.ru_utime,
                      "system": usage.ru_stime, "peak_mb": usage.ru_maxrss / 1024,
                      "err": err.read().decode("utf-8", "replace")}))
