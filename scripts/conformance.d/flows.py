"""EVE on standard input; a line for each flow on standard output, as flow scorers take it."""
import ipaddress
import json
import sys


def short(address):
    return str(ipaddress.ip_address(address))


for line in sys.stdin:
    event = json.loads(line)
    if event["event_type"] == "flow":
        print(json.dumps({
            "l4": event["proto"], "src": short(event["src_ip"]), "dst": short(event["dest_ip"]),
            "sport": event.get("src_port", 0), "dport": event.get("dest_port", 0),
            "proto": event.get("ndpi", {}).get("proto", "Unknown")}))
