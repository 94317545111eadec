"""The machine that figures come from: what it is, whether it is quiet, one benchmark at a time."""
import fcntl
import os
import sys
import time

BUSY = 0.1                      # Of a core, used by others: past it figures are worth less.
LOOK_SECONDS = 0.5


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


def used_ticks():
    """Ticks of all cores since the machine's start that were not idle."""
    with open("/proc/stat", encoding="ascii") as stat:
        user, nice, system, _, _, *others = map(int, stat.readline().split()[1:9])
    return user + nice + system + sum(others)


def warn_when_busy():
    """What others do on the machine while this process rests, as a sentence for the tables; empty
    when it is quiet.  The load average alone would count what was measured just before."""
    before, began = used_ticks(), time.monotonic()
    time.sleep(LOOK_SECONDS)
    cores = (used_ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - began)
    if cores <= BUSY:
        return ""
    load = os.getloadavg()[0]
    say("the machine is busy: others use %.1f cores, load average %.1f; figures are worth less" % (cores, load))
    return "The machine was busy at the start: others used %.1f cores, the load average was %.1f." % (cores, load)


def describe():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        model = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return "%s, %d cores, %.0f GB" % (model, os.cpu_count(), memory)
