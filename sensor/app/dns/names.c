/* Names of record types and response codes (IANA's registry of DNS parameters). */
#include "sensor/app/dns/message.h"

static const struct {
    uint16_t type;
    const char *name;
} types[] = {
    { 1, "A" }, { 2, "NS" }, { 3, "MD" }, { 4, "MF" }, { 5, "CNAME" }, { 6, "SOA" },
    { 7, "MB" }, { 8, "MG" }, { 9, "MR" }, { 10, "NULL" }, { 11, "WKS" }, { 12, "PTR" },
    { 13, "HINFO" }, { 14, "MINFO" }, { 15, "MX" }, { 16, "TXT" }, { 17, "RP" },
    { 18, "AFSDB" }, { 19, "X25" }, { 20, "ISDN" }, { 21, "RT" }, { 22, "NSAP" },
    { 23, "NSAPPTR" }, { 24, "SIG" }, { 25, "KEY" }, { 26, "PX" }, { 27, "GPOS" },
    { 28, "AAAA" }, { 29, "LOC" }, { 30, "NXT" }, { 33, "SRV" }, { 34, "ATMA" },
    { 35, "NAPTR" }, { 36, "KX" }, { 37, "CERT" }, { 38, "A6" }, { 39, "DNAME" },
    { 41, "OPT" }, { 42, "APL" }, { 43, "DS" }, { 44, "SSHFP" }, { 45, "IPSECKEY" },
    { 46, "RRSIG" }, { 47, "NSEC" }, { 48, "DNSKEY" }, { 49, "DHCID" }, { 50, "NSEC3" },
    { 51, "NSEC3PARAM" }, { 52, "TLSA" }, { 55, "HIP" }, { 59, "CDS" }, { 60, "CDNSKEY" },
    { 65, "HTTPS" }, { 99, "SPF" }, { 249, "TKEY" }, { 250, "TSIG" }, { 254, "MAILA" },
    { 255, "ANY" }, { 256, "URI" },
};

/* The others are written as their numbers, as rule authors' tools expect. */
static const char *const rcodes[] = {
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
    "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE",
};

static struct slice number(unsigned value, struct arena *arena)
{
    return slice_text(arena_printf(arena, "%u", value));
}

struct slice dns_type_name(uint16_t type, struct arena *arena)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].type == type) {
            return slice_text(types[i].name);
        }
    }
    return number(type, arena);
}

struct slice dns_rcode_name(unsigned rcode, struct arena *arena)
{
    return rcode < sizeof rcodes / sizeof *rcodes ? slice_text(rcodes[rcode])
                                                  : number(rcode, arena);
}
