"""One run of a program on one core, by the operating system's own account.

The program is started by measure_child.py, a small process of its own: peak memory, as the system
tells it, is never less than that of the process that started the program."""
import collections
import json
import pathlib
import shutil
import subprocess
import sys

HELPER = pathlib.Path(__file__).resolve().parent / "measure_child.py"
Run = collections.namedtuple("Run", "seconds user system peak_mb alerts err")


def count_alerts(folder):
    alerts = 0
    for eve in folder.glob("eve.json"):
        with open(eve, "rb") as lines:
            alerts += sum(b'"event_type":"alert"' in line for line in lines)
    return alerts


def start(command, core):
    return subprocess.Popen([sys.executable, "-ES", str(HELPER), str(core)] + [str(word) for word in command],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def finish(child, out, allowed=(0,)):
    """Waits for what start() gave; a program that fails ends the benchmark."""
    told = child.communicate()[0]
    if child.returncode != 0:
        sys.exit("bench: %s could not be run" % child.args[4])
    f = json.loads(told)
    if f["status"] not in allowed:
        sys.exit("bench: %s ended with status %d: %s" % (" ".join(child.args[4:]), f["status"], f["err"][-2000:]))
    return Run(f["seconds"], f["user"], f["system"], f["peak_mb"], count_alerts(out), f["err"])


def less_loading(whole, load):
    """What a run took beyond loading.  One that is hardly longer says little: at least a twentieth of
    it is taken for the packets."""
    return max(whole - load, whole / 20, 1e-6)


def run(command, out, core):
    """Runs 'command', which writes into the folder 'out', emptied before."""
    empty(out)
    return finish(start(command, core), out)


def empty(folder):
    folder = pathlib.Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
