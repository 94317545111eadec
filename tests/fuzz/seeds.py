#!/usr/bin/env python3
"""Writes captures as seeds of the fuzz targets.

    tests/fuzz/seeds.py OUT CAPTURE_OR_FOLDER...

Every .pcap and .pcapng below the folders is read.  The payloads of each flow, in the order
of their packets and without repeats, become one input in OUT/TARGET/ of the targets of
session.h whose port it has; every capture's frames become one input of fuzz_decode; .rules
files become inputs of fuzz_rules; segments of a spool are made for fuzz_spool.  Inputs are
cut at 8 KiB.
"""
import hashlib
import struct
import sys
from pathlib import Path

MAX_INPUT = 8192
MAX_INPUTS = 400                # Of one target.

# Target: ports of its servers, and whether its first byte says TCP or UDP.
TARGETS = {
    "fuzz_dns": ({53, 5353}, True),
    "fuzz_ftp": ({21, 2121}, False),
    "fuzz_http": ({80, 81, 3128, 5000, 8000, 8080, 8081, 8888, 1080, 4443}, False),
    "fuzz_mqtt": ({1883}, False),
    "fuzz_smb": ({135, 139, 445, 1025, 1026, 1031, 49155, 49157}, True),
    "fuzz_smtp": ({25, 465, 587, 2525}, False),
    "fuzz_ssh": ({22, 2222}, False),
    "fuzz_tftp": ({69}, False),
    "fuzz_tls": ({443, 8443, 993, 995, 4433, 9443}, False),
    "fuzz_dhcp": ({67, 68}, False),
    "fuzz_krb5": ({88}, True),
    "fuzz_rdp": ({3389}, False),
    "fuzz_rfb": ({5900, 5901}, False),
    "fuzz_snmp": ({161, 162}, False),
    "fuzz_sip": ({5060, 5061}, True),
}
LINK_INDEX = {1: 0, 101: 1, 0: 2, 108: 3, 9: 4, 50: 5, 104: 6, 113: 7, 276: 8, 228: 9, 229: 10}
IP_AT = {1: 14, 101: 0, 12: 0, 228: 0, 229: 0, 113: 16, 276: 20, 0: 4, 108: 4}


def pcap_frames(data):
    order = "<" if data[:1] in (b"\xd4", b"\x4d") else ">"
    link = struct.unpack(order + "I", data[20:24])[0] & 0xffff
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack(order + "I", data[at + 8:at + 12])[0]
        yield link, data[at + 16:at + 16 + size]
        at += 16 + size


def pcapng_frames(data):
    order, links, at = "<", [], 0
    while at + 12 <= len(data):
        if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            links = []
        kind, size = struct.unpack(order + "II", data[at:at + 8])
        if size < 12:
            return
        if kind == 1:
            links.append(struct.unpack(order + "H", data[at + 8:at + 10])[0])
        elif kind == 6:
            interface, _, _, n = struct.unpack(order + "IIII", data[at + 8:at + 24])
            if interface < len(links):
                yield links[interface], data[at + 28:at + 28 + n]
        at += size


def frames(path):
    data = path.read_bytes()
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        yield from pcapng_frames(data)
    elif len(data) >= 24:
        yield from pcap_frames(data)


def transport(link, frame):
    """(ip protocol, source, sport, destination, dport, sequence, payload) or None."""
    at = IP_AT.get(link)
    if at is None:
        return None
    while link == 1 and frame[at - 2:at] in (b"\x81\x00", b"\x88\xa8"):
        at += 4
    version = frame[at] >> 4 if len(frame) > at else 0
    if version == 4 and len(frame) >= at + 20:
        proto, l4 = frame[at + 9], at + (frame[at] & 15) * 4
        end = at + struct.unpack(">H", frame[at + 2:at + 4])[0] or len(frame)
        source, destination = frame[at + 12:at + 16], frame[at + 16:at + 20]
    elif version == 6 and len(frame) >= at + 40:
        proto, l4 = frame[at + 6], at + 40
        end = l4 + struct.unpack(">H", frame[at + 4:at + 6])[0]
        source, destination = frame[at + 8:at + 24], frame[at + 24:at + 40]
    else:
        return None
    head = 8 if proto == 17 else 20
    if proto not in (6, 17) or len(frame) < l4 + head:
        return None
    sport, dport = struct.unpack(">HH", frame[l4:l4 + 4])
    sequence = struct.unpack(">I", frame[l4 + 4:l4 + 8])[0]
    payload = l4 + (8 if proto == 17 else (frame[l4 + 12] >> 4) * 4)
    return proto, source, sport, destination, dport, sequence, frame[payload:end]


def pieces(direction, payload):
    for at in range(0, len(payload), 4095):
        part = payload[at:at + 4095]
        yield bytes([direction]) + struct.pack(">H", len(part)) + part


class Seeds:
    def __init__(self, out):
        self.out, self.counts = out, {}

    def write(self, target, data):
        if not data or self.counts.get(target, 0) >= MAX_INPUTS:
            return
        path = self.out / target / hashlib.sha256(data).hexdigest()[:16]
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            self.counts[target] = self.counts.get(target, 0) + 1

    def add_capture(self, path):
        flows, decode = {}, b""
        for link, frame in frames(path):
            if link in LINK_INDEX and len(decode) + len(frame) + 4 <= MAX_INPUT:
                decode += struct.pack(">BBH", LINK_INDEX[link], 0, len(frame)) + frame
            t = transport(link, frame)
            if t is None or not t[6]:
                continue
            proto, source, sport, destination, dport, sequence, payload = t
            key = frozenset(((source, sport), (destination, dport))), proto
            flow = flows.setdefault(key, {"client": (source, sport), "ports": {sport, dport},
                                          "seen": set(), "bytes": b""})
            if proto == 6 and ((source, sport), sequence) in flow["seen"]:
                continue
            flow["seen"].add(((source, sport), sequence))
            if len(flow["bytes"]) < MAX_INPUT:
                direction = 0 if (source, sport) == flow["client"] else 1
                flow["bytes"] += b"".join(pieces(direction, payload))
        self.write("fuzz_decode", decode)
        for (_, proto), flow in flows.items():
            for target, (ports, has_transport) in TARGETS.items():
                if ports & flow["ports"]:
                    first = bytes([proto == 6]) if has_transport else b""
                    self.write(target, first + flow["bytes"][:MAX_INPUT])

    def add_rules(self, path):
        lines = path.read_bytes().splitlines(keepends=True)
        for at in range(0, len(lines), 4):
            self.write("fuzz_rules", b"".join(lines[at:at + 4])[:MAX_INPUT])

    def add_spool(self):
        """Segments for fuzz_spool, which puts their sums right."""
        def record(position, payload):
            return struct.pack("<4sIIIQQQB7x", b"SPZ1", 0, len(payload), position % 3, position,
                               position, 1000 * position, position % 4) + payload + bytes(8)
        for mode in range(0, 8):
            records = [record(n, bytes([n]) * (n * 37 % 90)) for n in range(1, 9)]
            self.write("fuzz_spool", bytes([mode]) + b"".join(records))
            records[3] = bytes(60)
            self.write("fuzz_spool", bytes([mode]) + b"".join(records)[:-5])


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    seeds = Seeds(Path(sys.argv[1]))
    for name in sys.argv[2:]:
        root = Path(name)
        for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if path.suffix in (".pcap", ".pcapng", ".cap"):
                try:
                    seeds.add_capture(path)
                except struct.error as error:
                    print(f"{path}: cut off: {error}", file=sys.stderr)
            elif path.suffix == ".rules":
                seeds.add_rules(path)
    seeds.add_spool()
    for target, n in sorted(seeds.counts.items()):
        print(f"{target}: {n} inputs")


if __name__ == "__main__":
    main()
