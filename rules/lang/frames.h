/* The one table of frames: pieces of a stream or datagram that an application protocol
 * names, such as a request, a record or its header.  The compiler resolves
 * "frame:PROTOCOL.NAME" here, a parser opens frames by their identifiers
 * (sensor/app/frame.h), the engine looks patterns up in them.  A new frame is one row here
 * and one call in the parser. */
#ifndef CIVICSHIELD_RULES_FRAMES_H
#define CIVICSHIELD_RULES_FRAMES_H

#include "common/base/app_proto.h"
#include "common/base/slice.h"

/* X(identifier, protocol, name).  Besides, each protocol over TCP has "stream": all that a
 * side sends. */
#define RULE_FRAMES(X)                               \
    X(HTTP1_REQUEST, HTTP1, "request")               \
    X(HTTP1_RESPONSE, HTTP1, "response")             \
    X(SMTP_COMMAND_LINE, SMTP, "command_line")       \
    X(SMTP_DATA, SMTP, "data")                       \
    X(SMTP_RESPONSE_LINE, SMTP, "response_line")     \
    X(TLS_PDU, TLS, "pdu")                           \
    X(TLS_HDR, TLS, "hdr")                           \
    X(TLS_DATA, TLS, "data")                         \
    X(TLS_ALERT, TLS, "alert")                       \
    X(TLS_HEARTBEAT, TLS, "heartbeat")               \
    X(TLS_SSL2_HDR, TLS, "ssl2.hdr")                 \
    X(TLS_SSL2_PDU, TLS, "ssl2.pdu")                 \
    X(SSH_RECORD_HDR, SSH, "record.hdr")             \
    X(SSH_RECORD_DATA, SSH, "record.data")           \
    X(SSH_RECORD_PDU, SSH, "record.pdu")             \
    X(SMB_NBSS_PDU, SMB, "nbss.pdu")                 \
    X(SMB_NBSS_HDR, SMB, "nbss.hdr")                 \
    X(SMB_NBSS_DATA, SMB, "nbss.data")               \
    X(SMB1_PDU, SMB, "smb1.pdu")                     \
    X(SMB1_HDR, SMB, "smb1.hdr")                     \
    X(SMB1_DATA, SMB, "smb1.data")                   \
    X(SMB2_PDU, SMB, "smb2.pdu")                     \
    X(SMB2_HDR, SMB, "smb2.hdr")                     \
    X(SMB2_DATA, SMB, "smb2.data")                   \
    X(SMB3_PDU, SMB, "smb3.pdu")                     \
    X(SMB3_HDR, SMB, "smb3.hdr")                     \
    X(SMB3_DATA, SMB, "smb3.data")                   \
    X(DCERPC_PDU, DCERPC, "pdu")                     \
    X(DCERPC_HDR, DCERPC, "hdr")                     \
    X(DCERPC_DATA, DCERPC, "data")                   \
    X(DNS_PDU, DNS, "pdu")                           \
    X(ENIP_HDR, ENIP, "hdr")                         \
    X(ENIP_DATA, ENIP, "data")                       \
    X(ENIP_PDU, ENIP, "pdu")                         \
    X(ENIP_CIP, ENIP, "cip")                         \
    X(ENIP_ITEM, ENIP, "enip.item")                  \
    X(NFS_RPC_PDU, NFS, "rpc.pdu")                   \
    X(NFS_RPC_HDR, NFS, "rpc.hdr")                   \
    X(NFS_RPC_DATA, NFS, "rpc.data")                 \
    X(NFS_RPC_CREDS, NFS, "rpc.creds")               \
    X(NFS_PDU, NFS, "nfs.pdu")                       \
    X(NFS_STATUS, NFS, "nfs.status")                 \
    X(NFS4_PDU, NFS, "nfs4.pdu")                     \
    X(NFS4_HDR, NFS, "nfs4.hdr")                     \
    X(NFS4_OPS, NFS, "nfs4.ops")                     \
    X(NFS4_STATUS, NFS, "nfs4.status")               \
    X(SIP_PDU, SIP, "pdu")                           \
    X(SIP_REQUEST_LINE, SIP, "request.line")         \
    X(SIP_RESPONSE_LINE, SIP, "response.line")       \
    X(SIP_REQUEST_HEADERS, SIP, "request.headers")   \
    X(SIP_RESPONSE_HEADERS, SIP, "response.headers") \
    X(SIP_REQUEST_BODY, SIP, "request.body")         \
    X(SIP_RESPONSE_BODY, SIP, "response.body")       \
    X(RFB_PDU, RFB, "pdu")                           \
    X(MQTT_PDU, MQTT, "pdu")                         \
    X(MQTT_HEADER, MQTT, "header")                   \
    X(MQTT_DATA, MQTT, "data")                       \
    X(TELNET_PDU, TELNET, "pdu")                     \
    X(TELNET_CTL, TELNET, "ctl")                     \
    X(TELNET_DATA, TELNET, "data")                   \
    X(WEBSOCKET_HEADER, WEBSOCKET, "header")         \
    X(WEBSOCKET_PDU, WEBSOCKET, "pdu")               \
    X(WEBSOCKET_DATA, WEBSOCKET, "data")             \
    X(LDAP_PDU, LDAP, "pdu")                         \
    X(HTTP2_HDR, HTTP2, "hdr")                       \
    X(HTTP2_DATA, HTTP2, "data")                     \
    X(HTTP2_PDU, HTTP2, "pdu")                       \
    X(DOH2_HDR, DOH2, "hdr")                         \
    X(DOH2_DATA, DOH2, "data")                       \
    X(DOH2_PDU, DOH2, "pdu")                         \
    X(MDNS_PDU, MDNS, "pdu")

enum frame_id {
    FRAME_STREAM,               /* Of any protocol. */
#define X(id, proto, name) FRAME_##id,
    RULE_FRAMES(X)
#undef X
    N_FRAMES
};

/* By its name in the protocol, letter for letter; N_FRAMES if there is none. */
enum frame_id frame_by_name(enum app_proto, struct slice name);
/* Without its protocol: "pdu", "stream". */
const char *frame_name(enum frame_id);
/* APP_UNKNOWN for FRAME_STREAM. */
enum app_proto frame_proto(enum frame_id);

#endif
