#include "sensor/output/output.h"

#include <stddef.h>

#define KEY(member) offsetof(struct output_conf, member)
#define SWITCH(key, member, def, help) { key, CONF_BOOL, KEY(member), def, 0, 0, help }

static const struct conf_key keys[] = {
    SWITCH("types.alert", alert, "yes", "Events of rules that matched"),
    SWITCH("types.anomaly", anomaly, "yes", "Events of malformed input"),
    SWITCH("types.flow", flow, "yes", "One event at the end of each flow"),
    SWITCH("types.netflow", netflow, "no", "One event for each direction of a flow"),
    SWITCH("types.fileinfo", fileinfo, "yes", "One event for each file seen"),
    SWITCH("types.stats", stats, "no", "Counters, in intervals"),
    SWITCH("types.frame", frame, "no", "Pieces of streams that protocols name: records, lines"),
    SWITCH("types.metadata", variables, "no", "Packets that rules set variables for"),
    SWITCH("types.http", http, "yes", "HTTP requests with their responses"),
    SWITCH("types.dns", dns, "yes", "DNS messages"),
    SWITCH("types.tls", tls, "yes", "TLS handshakes"),
    SWITCH("types.ssh", ssh, "yes", "SSH banners"),
    SWITCH("types.mqtt", mqtt, "yes", "MQTT messages"),
    SWITCH("types.tftp", tftp, "yes", "TFTP requests"),
    SWITCH("types.smtp", smtp, "yes", "Mails with their envelopes"),
    SWITCH("types.ftp", ftp, "yes", "FTP commands and the transfers that they start"),
    SWITCH("types.smb", smb, "yes", "SMB commands and files"),
    SWITCH("types.dcerpc", dcerpc, "yes", "DCE RPC calls"),
    SWITCH("types.dhcp", dhcp, "yes", "DHCP messages"),
    SWITCH("types.snmp", snmp, "yes", "SNMP messages"),
    SWITCH("types.krb5", krb5, "yes", "Kerberos requests, replies and errors"),
    SWITCH("types.rfb", rfb, "yes", "Sessions of VNC"),
    SWITCH("types.rdp", rdp, "yes", "How RDP sessions begin"),
    SWITCH("anomaly.decode", anomaly_decode, "yes", "Anomalies of packet headers"),
    SWITCH("anomaly.stream", anomaly_stream, "yes", "Anomalies of TCP sessions"),
    SWITCH("anomaly.applayer", anomaly_applayer, "yes",
           "Anomalies of application protocols"),
    SWITCH("alert.payload", payload, "no", "What the rule looked at, in base64"),
    SWITCH("alert.payload-printable", payload_printable, "no",
           "What the rule looked at, dots for what cannot be printed"),
    SWITCH("alert.packet", packet, "no", "The packet, in base64"),
    SWITCH("alert.http-body", http_body, "no", "HTTP bodies, in base64"),
    SWITCH("alert.http-body-printable", http_body_printable, "no",
           "HTTP bodies, dots for what cannot be printed"),
    SWITCH("alert.app-layer", app_layer, "yes", "The transaction that the rule matched in"),
    SWITCH("alert.tagged-packets", tagged_packets, "yes", "Packets that tags of rules ask for"),
    SWITCH("community-id", community_id, "yes", "The community id of the flow"),
    SWITCH("ethernet", ethernet, "no", "Link layer addresses"),
    SWITCH("ndpi", ndpi, "yes", "What nDPI says of the flow"),
    SWITCH("metadata", metadata, "yes", "Flowbits that rules have set"),
    SWITCH("http.headers", http_headers, "no",
           "All headers in http events, where app keeps them"),
    SWITCH("tls.extended", tls_extended, "yes",
           "More than subject, issuer and server name in tls events"),
    SWITCH("smtp.extended", smtp_extended, "yes",
           "More than addresses, attachments and URLs in smtp events"),
    SWITCH("smtp.md5", smtp_md5, "yes", "MD5 of subject and body in smtp events"),
};

const struct conf_section output_conf_section = { "outputs", keys,
                                                  sizeof keys / sizeof keys[0] };
