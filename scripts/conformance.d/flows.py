"""EVE on standard input; a line for each flow on standard output, as flow scorers take it.

The expectations write IPv6 addresses as inet_ntop() of some systems does: short (RFC 5952),
and "::" for a single group of zeros as well.  Protocols have nDPI's names for them.
"""
import ipaddress
import json
import re
import sys

PROTOCOLS = {"IPV6-ICMP": "ICMPV6"}


def short(address):
    text = str(ipaddress.ip_address(address))
    if "::" not in text:
        text = re.sub(r":0(?=:)", ":", text, count=1) if ":0:" in text else text
        text = re.sub(r":0$", "::", text) if "::" not in text else text
    return text


def protocol(name):
    return PROTOCOLS.get(name.upper(), name)


for line in sys.stdin:
    event = json.loads(line)
    if event["event_type"] == "flow":
        print(json.dumps({
            "l4": protocol(event["proto"]),
            "src": short(event["src_ip"]), "dst": short(event["dest_ip"]),
            "sport": event.get("src_port", 0), "dport": event.get("dest_port", 0),
            "proto": event.get("ndpi", {}).get("proto", "Unknown")}))
