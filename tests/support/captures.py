"""Capture files that tests make of those in pcaps/."""
import struct


def frames(path):
    """[(nanoseconds, wire size, bytes)] of a little-endian pcap file."""
    data = path.read_bytes()
    magic, = struct.unpack_from("<I", data)
    unit = {0xa1b2c3d4: 1000, 0xa1b23c4d: 1}[magic]
    found, at = [], 24
    while at < len(data):
        seconds, part, size, wire = struct.unpack_from("<IIII", data, at)
        found.append((seconds * 10**9 + part * unit, wire, data[at + 16:at + 16 + size]))
        at += 16 + size
    return found


def block(kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def pcapng(path, packets, link_type=1):
    """Writes packets with nanoseconds as pcapng (draft-ietf-opsawg-pcapng): a section, an
    interface, enhanced packet blocks, and a block that nobody knows in between."""
    data = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    data += block(1, struct.pack("<HHI", link_type, 0, 0) + struct.pack("<HHB3xHH", 9, 1, 9, 0, 0))
    data += block(0x0BAD0BAD, b"of another program")
    for time_ns, wire, content in packets:
        data += block(6, struct.pack("<IIIII", 0, time_ns >> 32, time_ns & 0xffffffff, len(content), wire)
                      + content)
    path.write_bytes(data)


def pcap(path, packets, link_type=1):
    """Writes packets as pcap with nanoseconds."""
    data = struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, link_type)
    for time_ns, wire, content in packets:
        data += struct.pack("<IIII", time_ns // 10**9, time_ns % 10**9, len(content), wire) + content
    path.write_bytes(data)


def duration(path):
    """Seconds between the first and the last frame."""
    times = [time_ns for time_ns, _, _ in frames(path)]
    return (max(times) - min(times)) / 1e9
