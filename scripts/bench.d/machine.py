"""The machine that figures come from: what it is, whether it is quiet, one benchmark at a time."""
import fcntl
import os
import sys

BUSY = 0.5                      # Load average past which figures are worth less.


def say(text):
    print("bench: " + text, file=sys.stderr, flush=True)


def take_lock(cache):
    """Held until the process ends; stops it when another benchmark runs."""
    cache.mkdir(parents=True, exist_ok=True)
    lock = open(cache / "bench.lock", "a", encoding="ascii")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("bench: another one is running on this machine; figures of both would be wrong")
    return lock


def load_average():
    return os.getloadavg()[0]


def warn_when_busy():
    """What others do on the machine, as a sentence for the tables; empty when it is quiet."""
    load = load_average()
    if load <= BUSY:
        return ""
    say("the machine is busy: load average %.1f; figures are worth less" % load)
    return "The machine was busy at the start: load average %.1f." % load


def describe():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        model = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return "%s, %d cores, %.0f GB" % (model, os.cpu_count(), memory)
