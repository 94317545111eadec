#!/usr/bin/env python3
"""Captures made by code: as many flows alive as asked for, packets of one size, or the captures
of pcaps/ over and over under other addresses.

    generate.py flows  --flows N [--packets P] [--total T] OUT
    generate.py sizes  --size BYTES [--flows N] [--packets P] [--total T] OUT
    generate.py repeat --total T OUT [CAPTURE...]

flows    N TCP sessions, P packets each (default 7): all shake hands, then each in turn asks and is
         answered over HTTP, again and again.  None ends, so all N are alive.  Fewer packets in all
         than T (default: none): the same sessions come again, 700 s later, when the old ones have
         timed out.
sizes    sessions (default 100) of P packets (default 32), one packet of each in turn; every data
         packet, in both directions, is a frame of BYTES
repeat   CAPTUREs (default: those of pcaps/) until there are T packets; each copy has addresses of
         its own and copies overlap in time

Each frame is a template; what differs from session to session (addresses) is written into
thousands of copies of it at once, so millions of packets take seconds.  Checksums are right,
but for 'repeat'.
"""
import argparse
import heapq
import pathlib
import struct

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
START = 1700000000
HANDSHAKE = 3                   # Packets
EXCHANGE = 4                    # Question, answer, acknowledgement, a window update of the server.
RECORD = 16                     # Bytes of a record's head in a pcap file.
ETHERNET = 14
BLOCK = 65536                   # Sessions whose last two bytes of the address differ.
BLOCKS_PER_SECOND = 15          # A packet each microsecond: 15 times 65,536 fit in a second.
GAP = 700                       # Seconds between two generations: longer than any timeout.
LOW = bytes(range(256)) * 256   # Byte 0 of 0..65535, then byte 1, and what complements them.
HIGH = b"".join(bytes([i]) * 256 for i in range(256))
NOT_LOW, NOT_HIGH = bytes(255 - b for b in LOW), bytes(255 - b for b in HIGH)
SYN, PUSH, ACK = 2, 8, 16


def pcap_head():
    return struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1)


def internet_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def tcp_frame(to_server, block, seq, ack, flags, payload):
    """One frame of session 0 of a block.  A client is 10.BLOCK.x.y, its server 198.51.x'.y', where
    x' and y' complement x and y: so the sums are those of all sessions of the block."""
    client, server = bytes([10, block, 0, 0]), bytes([198, 51, 255, 255])
    ends = (client, server) if to_server else (server, client)
    ports = (50000, 80) if to_server else (80, 50000)
    options = b"\x02\x04\x23\x00\x01\x03\x03\x0a" if flags & SYN else b""       # MSS 8960, window scale
    tcp = struct.pack(">HHIIBBHHH", *ports, seq, ack, (20 + len(options)) << 2, flags, 65535, 0, 0) + options + payload
    pseudo = ends[0] + ends[1] + struct.pack(">HH", 6, len(tcp))
    tcp = tcp[:16] + struct.pack(">H", internet_sum(pseudo + tcp)) + tcp[18:]
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0) + ends[0] + ends[1]
    head = head[:10] + struct.pack(">H", internet_sum(head)) + head[12:]
    macs = bytes.fromhex("020000000002020000000001" if to_server else "020000000001020000000002")
    return macs + b"\x08\x00" + head + tcp


def make_block(group, block, count, second, part):
    """Records of a group of packets, one behind the other, for each of 'count' sessions of a block;
    'part': which fifteenth of the second."""
    template, addresses = b"", []
    for turn in group:
        frame = tcp_frame(turn[0], block, *turn[1:])
        addresses.append((len(template), turn[0]))
        template += struct.pack("<IIII", second, part * BLOCK, len(frame), len(frame)) + frame
    records = bytearray(template * count)
    for at, to_server in addresses:
        ends = at + RECORD + ETHERNET + 12
        client, server = (ends, ends + 4) if to_server else (ends + 4, ends)
        for place, values in ((at + 4, LOW), (at + 5, HIGH),                    # Microseconds
                              (client + 2, HIGH), (client + 3, LOW), (server + 2, NOT_HIGH), (server + 3, NOT_LOW)):
            records[place::len(template)] = values[:count]
    return records


def write_sessions(path, groups, flows, total):
    """'groups': lists of packets, each (to server?, seq, ack, flags, payload); every session sends
    the packets of a group in one go, and no session the next group before all have sent this."""
    written, generation_start = 0, START
    per_flow = sum(map(len, groups))
    with open(path, "wb", buffering=1 << 22) as out:
        out.write(pcap_head())
        while written == 0 or written + flows * per_flow // 2 < total:
            step = 0
            for group in groups:
                for block in range((flows + BLOCK - 1) // BLOCK):
                    count = min(BLOCK, flows - block * BLOCK)
                    out.write(make_block(group, block, count, generation_start + step // BLOCKS_PER_SECOND,
                                         step % BLOCKS_PER_SECOND))
                    step += 1
            written += flows * per_flow
            generation_start += step // BLOCKS_PER_SECOND + GAP
    return written


def turns_of(pieces, packets):
    """The packets of a session whose sides say 'pieces', (to server?, payload), each packet
    acknowledging all before it; behind the last piece acknowledgements alone."""
    turns = [(True, 1000, 0, SYN, b""), (False, 5000, 1001, SYN | ACK, b""), (True, 1001, 5001, ACK, b"")]
    seq = {True: 1001, False: 5001}
    to_server = False
    for i in range(packets - len(turns)):
        to_server, payload = pieces[i] if i < len(pieces) else (not to_server, b"")
        turns.append((to_server, seq[to_server], seq[not to_server], ACK | PUSH if payload else ACK, payload))
        seq[to_server] += len(payload)
    return turns[:packets]


def text(size):
    """Bytes without meaning that are the same each time."""
    words = b" ".join(b"%x" % (i * 2654435761 & 0xffffffff) for i in range(size // 5 + 2))
    return words[:size]


def flow_turns(packets):
    request = b"GET /index.html HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n"
    body = b"<html><body>%s</body></html>" % text(120)
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    return turns_of([(True, request), (False, answer), (True, b""), (False, b"")] * packets, packets)


def message(start, size):
    """An HTTP message of 'size' bytes, and how many of them are its head."""
    head = start + b"Content-Type: text/plain\r\nContent-Length: %07d\r\n\r\n"
    length = max(0, size - len(head % 0))
    return (head % length) + text(length), len(head % 0)


def size_turns(size, packets):
    """Both sides send an HTTP message, cut into pieces that make frames of 'size' bytes: the head
    of the request first, then in turn."""
    room = max(1, size - 54)
    n = packets - 3
    request, head = message(b"POST /up HTTP/1.1\r\nHost: example.com\r\n", n * room)
    n_ahead = -(-head // room)
    each = (n - n_ahead + 1) // 2
    request = message(b"POST /up HTTP/1.1\r\nHost: example.com\r\n", (n_ahead + each) * room)[0]
    answer = message(b"HTTP/1.1 200 OK\r\n", each * room)[0]
    pieces = [(True, request[i * room:(i + 1) * room]) for i in range(n_ahead)]
    for i in range(each):
        pieces += [(False, answer[i * room:(i + 1) * room]),
                   (True, request[(n_ahead + i) * room:(n_ahead + i + 1) * room])]
    return turns_of(pieces, packets)


# ---- The captures of pcaps/, again and again ----

def read_pcap(path):
    """[(seconds, frame)] of a pcap file with Ethernet; another link: none."""
    data = path.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    fraction = 1e9 if data[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1e6
    record = struct.Struct(order + "IIII")
    frames, at = [], 24
    if struct.unpack(order + "I", data[20:24])[0] & 0xffff != 1:
        return frames
    while at + RECORD <= len(data):
        seconds, part, kept, _ = record.unpack_from(data, at)
        frames.append((seconds + part / fraction, data[at + RECORD:at + RECORD + kept]))
        at += RECORD + kept
    return frames


def with_other_addresses(frame, copy):
    """The third byte of IPv4 addresses and one of IPv6 tell the copies apart, another one when
    there are more than 256."""
    frame = bytearray(frame)
    low, high = copy & 0xff, copy >> 8 & 0xff
    if frame[12:14] == b"\x08\x00":
        for at in (ETHERNET + 12, ETHERNET + 16):
            frame[at + 2] ^= low
            frame[at + 3] ^= high
    elif frame[12:14] == b"\x86\xdd":
        for at in (ETHERNET + 8, ETHERNET + 24):
            frame[at + 6] ^= low
            frame[at + 5] ^= high
    return bytes(frame)


def write_repeated(path, sources, total):
    captures = [frames for frames in map(read_pcap, sources) if frames]

    def copy_of(number, frames, start):
        first = frames[0][0]
        return ((start + (seconds - first), number, i, with_other_addresses(frame, number))
                for i, (seconds, frame) in enumerate(frames))

    per_copy = sum(map(len, captures))
    copies = max(1, (total + per_copy - 1) // per_copy)
    streams = [copy_of(c, frames, START + 0.37 * c + 0.05 * i)
               for c in range(copies) for i, frames in enumerate(captures)]
    written = 0
    with open(path, "wb", buffering=1 << 20) as out:
        out.write(pcap_head())
        for seconds, _, _, frame in heapq.merge(*streams):
            if written == total:
                break
            out.write(struct.pack("<IIII", int(seconds), int(seconds % 1 * 1e6), len(frame), len(frame)) + frame)
            written += 1
    return written


def main():
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = cli.add_subparsers(dest="kind", required=True)
    for kind, flows, packets in (("flows", None, 7), ("sizes", 100, 32)):
        one = kinds.add_parser(kind)
        one.add_argument("--flows", type=int, default=flows, required=flows is None)
        one.add_argument("--packets", type=int, default=packets)
        one.add_argument("--total", type=int, default=0)
        one.add_argument("out", type=pathlib.Path)
        if kind == "sizes":
            one.add_argument("--size", type=int, required=True)
    repeat = kinds.add_parser("repeat")
    repeat.add_argument("--total", type=int, required=True)
    repeat.add_argument("out", type=pathlib.Path)
    repeat.add_argument("captures", type=pathlib.Path, nargs="*")
    opt = cli.parse_args()
    if opt.kind == "repeat":
        written = write_repeated(opt.out, opt.captures or sorted((TOP / "pcaps").glob("*.pcap")), opt.total)
    else:
        turns = flow_turns(opt.packets) if opt.kind == "flows" else size_turns(opt.size, opt.packets)
        each = EXCHANGE if opt.kind == "flows" else 1
        groups = [turns[:HANDSHAKE]] + [turns[i:i + each] for i in range(HANDSHAKE, len(turns), each)]
        written = write_sessions(opt.out, groups, opt.flows, opt.total)
    print("%s: %d packets" % (opt.out, written))


if __name__ == "__main__":
    main()
