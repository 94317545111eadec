"""Which captures the benchmark reads, and what is in them.

Captures are made by other processes, so that this one stays small: a child's peak memory, as the
system tells it, is never less than its parent's."""
import os
import pathlib
import struct
import subprocess
import sys

from machine import say

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
MADE_PACKETS = 800000           # Of the capture that is made where there is no other.
QUICK_PACKETS = 4000


def generate(out, kind, *options):
    """Calls generate.py unless 'out' is there, of its present version; options as on its command
    line."""
    if not out.exists() or out.stat().st_mtime < (HERE / "generate.py").stat().st_mtime:
        say("making %s" % out.name)
        out.parent.mkdir(parents=True, exist_ok=True)
        part = out.with_suffix(".part")
        subprocess.run([sys.executable, str(HERE / "generate.py"), kind] + [str(o) for o in options] + [str(part)],
                       check=True, stdout=subprocess.DEVNULL)
        part.rename(out)
    return out


def unpack_mix(data, out):
    """The capture of BENCH_DATA: its mix, four times under other addresses."""
    say("making %s" % out.name)
    mix = out.parent / "mix"
    mix.mkdir(parents=True, exist_ok=True)
    subprocess.run(["zstd", "-q", "-d", "-f", str(data / "mix.pcap.zst"), "-o", str(mix / "mix.pcap")], check=True)
    subprocess.run([sys.executable, str(data / "make_bench_pcap.py"), "--src", str(mix), "--replicas", "4",
                    "--max-frame", "1514", "--max-packets-per-file", "100000000",
                    "--max-bytes-per-file", "100000000000", "-o", str(out)],
                   check=True, stdout=subprocess.DEVNULL)


def standard(cache, quick):
    """The capture of most measurements: that of BENCH_DATA, or the captures of pcaps/ repeated."""
    if quick:
        return generate(cache / ("pcaps-%d.pcap" % QUICK_PACKETS), "repeat", "--total", QUICK_PACKETS)
    data = pathlib.Path(os.environ.get("BENCH_DATA", TOP.parent / "shared" / "bench"))
    made = cache / "bench.pcap"
    if not made.exists() and (data / "mix.pcap.zst").exists():
        unpack_mix(data, made)
    if made.exists():
        return made
    say("no BENCH_DATA: the captures of pcaps/, repeated, stand in for it")
    return generate(cache / ("pcaps-%d.pcap" % MADE_PACKETS), "repeat", "--total", MADE_PACKETS)


def measure(path):
    """(packets, bytes on the wire) of a pcap file."""
    packets = size = 0
    with open(path, "rb") as capture:
        order = "<" if capture.read(24)[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        record = struct.Struct(order + "IIII")
        while len(head := capture.read(16)) == 16:
            _, _, kept, wire = record.unpack(head)
            capture.seek(kept, 1)
            packets, size = packets + 1, size + wire
    return packets, size


def write_first_packet(capture, path):
    """A capture of one packet: a run on it costs what loading does; none is an error to some."""
    with open(capture, "rb") as whole:
        head = whole.read(24 + 16)
        order = "<" if head[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
        path.write_bytes(head + whole.read(struct.unpack(order + "I", head[32:36])[0]))
    return path
