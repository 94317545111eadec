"""Growth with the size of packets: generated sessions whose data packets all have one size."""
import captures
import growth
import plots as svg
import tables

SIZES = (64, 128, 256, 512, 1024, 1500, 9000)
QUICK_SIZES = (64, 1500)
PACKETS, BYTES = 600000, 600e6  # At most, of each capture.


def make(bench, size):
    total = 2000 if bench.quick else int(min(PACKETS, BYTES / size))
    return captures.generate(bench.cache / ("size-%d-%d.pcap" % (size, total)), "sizes", "--size", size, "--total", total)


def measure(bench):
    loads = growth.Loads(bench)
    none, many = growth.no_rules(bench), growth.all_rules(bench)
    engines = [("civicshield, all rules", growth.sensor(bench), many), ("civicshield, no rules", growth.sensor(bench), none)]
    engines += [("peer, all rules", peer, many) for peer in growth.peers(bench)]
    points = []
    for size in QUICK_SIZES if bench.quick else SIZES:
        capture = make(bench, size)
        packets, volume = captures.measure(capture)
        cases = {"%s, %d bytes" % (name, size): (engine, rules) for name, engine, rules in engines}
        found = growth.in_turn(bench, "sizes", cases, lambda case: growth.rate(
            bench, loads, case[0], capture, case[1], packets)[0])
        for (name, _, _), rates in zip(engines, found.values()):
            points.append({"size": size, "mean": volume / packets, "engine": name, "rates": rates})
        capture.unlink()
    return {"points": points, "rules": len(bench.rules())}


def by_engine(data, value):
    series = {}
    for p in data["points"]:
        series.setdefault(p["engine"], []).append((p["size"], [value(p, rate) for rate in p["rates"]]))
    return series


def gigabits(point, rate):
    return rate * point["mean"] * 8e-9


def render(data):
    rows = [[format(p["size"], ","), "%.0f" % p["mean"], p["engine"], tables.spread(p["rates"]),
             "%.2f" % gigabits(p, tables.median(p["rates"]))] for p in data["points"]]
    return ("TCP sessions of 32 packets, 100 at a time, an HTTP message each way; 'all' rules are %s.\n\n"
            % format(data["rules"], ",")
            + tables.table(["bytes of a data packet", "mean", "engine", "packets/s", "Gbit/s"], rows))


def plots(data):
    label = "bytes of a data packet"
    return {"sizes-packets": svg.lines("Packets/s by packet size", label, "packets/s", by_engine(data, lambda p, r: r),
                                       log_x=True),
            "sizes-gbit": svg.lines("Gbit/s by packet size", label, "Gbit/s", by_engine(data, gigabits), log_x=True)}
