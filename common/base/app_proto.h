/* Application protocols by the names that rule authors know: in rule headers, in
 * app-layer-protocol, in EVE's "app_proto".  One row a protocol; the order is free.  It
 * stands in base because rules and sensor both need it and neither may include the other. */
#ifndef CIVICSHIELD_BASE_APP_PROTO_H
#define CIVICSHIELD_BASE_APP_PROTO_H

#include <stddef.h>

/* X(identifier, rule and EVE name) */
#define APP_PROTOS(X)                        \
    X(UNKNOWN, "unknown")                    \
    X(FAILED, "failed")                      \
    X(HTTP1, "http1")                        \
    X(HTTP2, "http2")                        \
    X(HTTP, "http") /* Rules: either. */     \
    X(DOH2, "doh2")                          \
    X(FTP, "ftp")                            \
    X(FTP_DATA, "ftp-data")                  \
    X(SMTP, "smtp")                          \
    X(TLS, "tls")                            \
    X(SSH, "ssh")                            \
    X(IMAP, "imap")                          \
    X(POP3, "pop3")                          \
    X(JABBER, "jabber")                      \
    X(SMB, "smb")                            \
    X(DCERPC, "dcerpc")                      \
    X(IRC, "irc")                            \
    X(DNS, "dns")                            \
    X(MODBUS, "modbus")                      \
    X(ENIP, "enip")                          \
    X(DNP3, "dnp3")                          \
    X(NFS, "nfs")                            \
    X(NTP, "ntp")                            \
    X(TFTP, "tftp")                          \
    X(IKE, "ike")                            \
    X(KRB5, "krb5")                          \
    X(QUIC, "quic")                          \
    X(DHCP, "dhcp")                          \
    X(SIP, "sip")                            \
    X(RFB, "rfb")                            \
    X(MQTT, "mqtt")                          \
    X(PGSQL, "pgsql")                        \
    X(TELNET, "telnet")                      \
    X(WEBSOCKET, "websocket")                \
    X(LDAP, "ldap")                          \
    X(TEMPLATE, "template")                  \
    X(RDP, "rdp")                            \
    X(SNMP, "snmp")                          \
    X(BITTORRENT_DHT, "bittorrent-dht")      \
    X(SDP, "sdp")                            \
    X(MDNS, "mdns")                          \
    X(RDP_UDP, "rdp-udp")

enum app_proto {
#define X(id, name) APP_##id,
    APP_PROTOS(X)
#undef X
    APP_N_PROTOS
};

/* The name; "unknown" for a value out of range. */
const char *app_proto_name(enum app_proto);
/* By name of 'size' bytes, case ignored; APP_N_PROTOS if there is none. */
enum app_proto app_proto_by_name(const char *name, size_t size);

#endif
