"""Captures made by code, of what hardly any real one shows: clocks that are set back, frames
with a wrong date, one conversation in several tunnels.  run.py replays each with one and
with four workers."""
import ipaddress
import random
import struct

HOUR = 3600
START = 1700000000


def udp(sport, dport, data=b"x"):
    return struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data


def ipv4(src, dst, proto, data, number=0, offset=0, more=False):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(data), number, more << 13 | offset // 8, 64,
                       proto, 0) + ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed
    total = sum(struct.unpack(">10H", head))
    total = (total & 0xffff) + (total >> 16)
    return head[:10] + struct.pack(">H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + head[12:] + data


def ethernet(data, kind=0x0800):
    return bytes.fromhex("020000000001020000000002") + struct.pack(">H", kind) + data


def pcap(path, packets):
    """Writes [(seconds, bytes)]."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for seconds, content in packets:
            out.write(struct.pack("<IIII", int(seconds), int(seconds % 1 * 1e6), len(content), len(content))
                      + content)


def restless_clock():
    """Many hosts that ask now and then, about as often as a flow times out: some rest for
    hours.  The clock is set back by most of a day, later goes on by hours at once, and now
    and then one frame is dated years ahead or behind."""
    choose = random.Random(1)
    now, packets = START, []
    for step in range(3000):
        now += choose.random() * 2
        if step == 1000:
            now -= 19 * HOUR
        elif step == 2000:
            now += 2 * HOUR
        host = choose.randrange(24) if step % 700 > 100 else choose.randrange(4)
        ends = "10.0.%d.1" % host, "10.1.%d.2" % host
        there = choose.random() < 0.9
        frame = ethernet(ipv4(*(ends if there else ends[::-1]), 17, udp(*((1000, 2000) if there else (2000, 1000)))))
        stray = {300: 366 * 24 * HOUR, 301: -50 * HOUR, 1400: 9 * HOUR, 2500: 3000 * 24 * HOUR}.get(step, 0)
        packets.append((now + stray, frame))
    return packets


def late_fragments():
    """Datagrams in two fragments, the second of which comes late: before and behind the
    timeout, while the clock is set back and other hosts go on."""
    choose = random.Random(2)
    now, packets, open_ones = START, [], []
    for step in range(2000):
        now += choose.random() * 3
        if step % 500 == 499:
            now -= 5 * HOUR
        src, data = "10.2.%d.1" % choose.randrange(24), udp(7, 9, bytes(24))
        if choose.random() < 0.5 or not open_ones:
            packets.append((now, ethernet(ipv4(src, "10.3.0.1", 17, data[:16], step, 0, True))))
            open_ones.append((src, step, data[16:]))
        else:
            src, number, rest = open_ones.pop(choose.randrange(len(open_ones)))
            packets.append((now, ethernet(ipv4(src, "10.3.0.1", 17, rest, number, 16))))
    return packets


def tunnels():
    """One conversation in tunnels between many pairs of hosts: IP in IP, GRE, VXLAN, a tunnel
    in a tunnel; and both directions in one."""
    asks = ipv4("10.4.0.1", "10.4.0.2", 17, udp(1000, 2000))
    answers = ipv4("10.4.0.2", "10.4.0.1", 17, udp(2000, 1000, b"answer"))
    vxlan = struct.pack(">BxxxI", 8, 7 << 8)
    now, packets = START, []
    for host in range(12):
        ends = "192.0.2.%d" % (host + 1), "198.51.100.%d" % (host + 1)
        for src, dst, inner in (*ends, asks), (*ends[::-1], answers), (*ends, asks):
            around = [ipv4(src, dst, 4, inner),
                      ipv4(src, dst, 47, struct.pack(">HH", 0, 0x0800) + inner),
                      ipv4(src, dst, 17, udp(5000, 4789, vxlan + ethernet(inner))),
                      ipv4(src, dst, 4, ipv4("203.0.113.1", "203.0.113.2", 4, inner))]
            for packet in around:
                now += 0.01
                packets.append((now, ethernet(packet)))
    return packets


def fragments_together():
    """Questions to name servers in two fragments each, one datagram right behind the other: what
    was put together for one must not be lost to the next."""
    packets = []
    for number in range(200):
        label = b"name-%03d" % number
        asked = udp(5000, 53, struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + bytes([len(label)]) + label
                    + b"\x07example\0" + struct.pack(">HH", 1, 1))
        src = "10.6.0.%d" % (number + 1)
        packets.append((START + number / 1000, ethernet(ipv4(src, "10.7.0.1", 17, asked[:24], number, 0, True))))
        packets.append((START + number / 1000, ethernet(ipv4(src, "10.7.0.1", 17, asked[24:], number, 24))))
    return packets


CAPTURES = {"restless-clock": restless_clock, "late-fragments": late_fragments, "tunnels": tunnels,
            "fragments-together": fragments_together}
