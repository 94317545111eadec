/* The one table of inspected buffers: what a sticky buffer (or an older content modifier)
 * names.  The compiler resolves names here, an application parser or the packet delivers
 * the bytes, the engine looks patterns up in them.  A new buffer is one row here and one
 * case in the parser that delivers it. */
#ifndef CIVICSHIELD_RULES_BUFFERS_H
#define CIVICSHIELD_RULES_BUFFERS_H

#include "common/base/app_proto.h"

enum buffer_flag {
    BUFFER_TS = 1,          /* There is one in the direction to the server, ... */
    BUFFER_TC = 2,          /* ... to the client. */
    BUFFER_BOTH = 3,
    BUFFER_MULTI = 4,       /* A transaction may have several: each is inspected alone. */
    BUFFER_GROWS = 8,       /* Arrives piece by piece: bodies, files. */
    BUFFER_PACKET = 16,     /* Of one packet: needs no application parser. */
    BUFFER_MODIFIER = 32,   /* The older name stands behind its content; without this flag
                             * it is another name of the sticky buffer. */
    BUFFER_SIDED = 64,      /* The keyword may say which side: "file.data: to_client". */
    BUFFER_VALUED = 128,    /* The keyword has a value and a function of its own. */
};

/* X(identifier, name, older name or NULL, protocol, flags) */
#define RULE_BUFFERS(X)                                                                    \
    /* Payload: of the packet and of the reassembled stream; where no buffer is named. */  \
    X(PAYLOAD, "pkt_data", NULL, UNKNOWN, BUFFER_BOTH | BUFFER_PACKET)                     \
    X(IPV4_HDR, "ipv4.hdr", NULL, UNKNOWN, BUFFER_BOTH | BUFFER_PACKET)                    \
    X(IPV6_HDR, "ipv6.hdr", NULL, UNKNOWN, BUFFER_BOTH | BUFFER_PACKET)                    \
    X(TCP_HDR, "tcp.hdr", NULL, UNKNOWN, BUFFER_BOTH | BUFFER_PACKET)                      \
    X(UDP_HDR, "udp.hdr", NULL, UNKNOWN, BUFFER_BOTH | BUFFER_PACKET)                      \
    X(ICMPV4_HDR, "icmpv4.hdr", NULL, UNKNOWN, BUFFER_BOTH | BUFFER_PACKET)                \
    X(ICMPV6_HDR, "icmpv6.hdr", NULL, UNKNOWN, BUFFER_BOTH | BUFFER_PACKET)                \
    X(IP_SRC, "ip.src", NULL, UNKNOWN, BUFFER_BOTH | BUFFER_PACKET)                        \
    X(IP_DST, "ip.dst", NULL, UNKNOWN, BUFFER_BOTH | BUFFER_PACKET)                        \
    /* What base64_decode made of another buffer. */                                       \
    X(BASE64_DATA, "base64_data", NULL, UNKNOWN, BUFFER_BOTH | BUFFER_PACKET)              \
    X(HTTP_URI, "http.uri", "http_uri", HTTP, BUFFER_TS | BUFFER_MODIFIER)                 \
    X(HTTP_URI_RAW, "http.uri.raw", "http_raw_uri", HTTP, BUFFER_TS | BUFFER_MODIFIER)     \
    X(HTTP_METHOD, "http.method", "http_method", HTTP, BUFFER_TS | BUFFER_MODIFIER)        \
    X(HTTP_HOST, "http.host", "http_host", HTTP, BUFFER_TS | BUFFER_MODIFIER)              \
    X(HTTP_HOST_RAW, "http.host.raw", "http_raw_host", HTTP, BUFFER_TS | BUFFER_MODIFIER)  \
    X(HTTP_USER_AGENT, "http.user_agent", "http_user_agent", HTTP,                         \
      BUFFER_TS | BUFFER_MODIFIER)                                                         \
    X(HTTP_REFERER, "http.referer", "http_referer", HTTP, BUFFER_TS)                       \
    X(HTTP_ACCEPT, "http.accept", "http_accept", HTTP, BUFFER_TS)                          \
    X(HTTP_ACCEPT_ENC, "http.accept_enc", "http_accept_enc", HTTP, BUFFER_TS)              \
    X(HTTP_ACCEPT_LANG, "http.accept_lang", "http_accept_lang", HTTP, BUFFER_TS)           \
    X(HTTP_CONNECTION, "http.connection", "http_connection", HTTP,                         \
      BUFFER_BOTH | BUFFER_SIDED)                                                          \
    X(HTTP_CONTENT_TYPE, "http.content_type", "http_content_type", HTTP,                   \
      BUFFER_BOTH | BUFFER_SIDED)                                                          \
    X(HTTP_CONTENT_LEN, "http.content_len", "http_content_len", HTTP, BUFFER_BOTH)         \
    X(HTTP_COOKIE, "http.cookie", "http_cookie", HTTP, BUFFER_BOTH | BUFFER_MODIFIER)      \
    X(HTTP_HEADER, "http.header", "http_header", HTTP, BUFFER_BOTH | BUFFER_MODIFIER)      \
    X(HTTP_HEADER_RAW, "http.header.raw", "http_raw_header", HTTP,                         \
      BUFFER_BOTH | BUFFER_MODIFIER)                                                       \
    X(HTTP_HEADER_NAMES, "http.header_names", "http_header_names", HTTP, BUFFER_BOTH)      \
    X(HTTP_REQUEST_HEADER, "http.request_header", NULL, HTTP, BUFFER_TS | BUFFER_MULTI)    \
    X(HTTP_RESPONSE_HEADER, "http.response_header", NULL, HTTP, BUFFER_TC | BUFFER_MULTI)  \
    X(HTTP_PROTOCOL, "http.protocol", "http_protocol", HTTP, BUFFER_BOTH)                  \
    X(HTTP_START, "http.start", "http_start", HTTP, BUFFER_BOTH)                           \
    X(HTTP_REQUEST_LINE, "http.request_line", "http_request_line", HTTP, BUFFER_TS)        \
    X(HTTP_RESPONSE_LINE, "http.response_line", "http_response_line", HTTP, BUFFER_TC)     \
    X(HTTP_REQUEST_BODY, "http.request_body", "http_client_body", HTTP,                    \
      BUFFER_TS | BUFFER_GROWS | BUFFER_MODIFIER)                                          \
    X(HTTP_RESPONSE_BODY, "http.response_body", "http_server_body", HTTP,                  \
      BUFFER_TC | BUFFER_GROWS | BUFFER_MODIFIER)                                          \
    X(HTTP_STAT_CODE, "http.stat_code", "http_stat_code", HTTP,                            \
      BUFFER_TC | BUFFER_MODIFIER)                                                         \
    X(HTTP_STAT_MSG, "http.stat_msg", "http_stat_msg", HTTP, BUFFER_TC | BUFFER_MODIFIER)  \
    X(HTTP_SERVER, "http.server", NULL, HTTP, BUFFER_TC)                                   \
    X(HTTP_LOCATION, "http.location", NULL, HTTP, BUFFER_TC)                               \
    X(FILE_DATA, "file.data", "file_data", UNKNOWN,                                        \
      BUFFER_BOTH | BUFFER_MULTI | BUFFER_GROWS | BUFFER_SIDED)                            \
    X(FILE_NAME, "file.name", NULL, UNKNOWN, BUFFER_BOTH | BUFFER_MULTI | BUFFER_SIDED)    \
    X(FILE_MAGIC, "file.magic", NULL, UNKNOWN, BUFFER_BOTH | BUFFER_MULTI | BUFFER_SIDED)  \
    /* A piece of the stream or datagram that its protocol names (rules/lang/frames.h). */ \
    X(FRAME, "frame", NULL, UNKNOWN, BUFFER_BOTH | BUFFER_GROWS | BUFFER_VALUED)           \
    X(DNS_QUERY, "dns.query", "dns_query", DNS, BUFFER_TS | BUFFER_MULTI)                  \
    X(DNS_QUERY_NAME, "dns.query.name", NULL, DNS, BUFFER_BOTH | BUFFER_MULTI)             \
    X(DNS_QUERIES_RRNAME, "dns.queries.rrname", NULL, DNS, BUFFER_BOTH | BUFFER_MULTI)     \
    X(DNS_ANSWER_NAME, "dns.answer.name", NULL, DNS, BUFFER_BOTH | BUFFER_MULTI)           \
    X(DNS_ANSWERS_RRNAME, "dns.answers.rrname", NULL, DNS, BUFFER_TC | BUFFER_MULTI)       \
    X(DNS_AUTHORITIES_RRNAME, "dns.authorities.rrname", NULL, DNS,                         \
      BUFFER_BOTH | BUFFER_MULTI)                                                          \
    X(DNS_ADDITIONALS_RRNAME, "dns.additionals.rrname", NULL, DNS,                         \
      BUFFER_BOTH | BUFFER_MULTI)                                                          \
    /* All names of a response: of its questions, of its records, and in their data. */    \
    X(DNS_RESPONSE_RRNAME, "dns.response.rrname", NULL, DNS, BUFFER_TC | BUFFER_MULTI)     \
    X(TLS_SNI, "tls.sni", "tls_sni", TLS, BUFFER_TS)                                       \
    X(TLS_CERT_SUBJECT, "tls.cert_subject", "tls_cert_subject", TLS, BUFFER_BOTH)          \
    X(TLS_CERT_ISSUER, "tls.cert_issuer", "tls_cert_issuer", TLS, BUFFER_BOTH)             \
    X(TLS_CERT_SERIAL, "tls.cert_serial", "tls_cert_serial", TLS, BUFFER_BOTH)             \
    X(TLS_CERT_FINGERPRINT, "tls.cert_fingerprint", "tls_cert_fingerprint", TLS,           \
      BUFFER_BOTH)                                                                         \
    X(TLS_SUBJECTALTNAME, "tls.subjectaltname", NULL, TLS, BUFFER_BOTH | BUFFER_MULTI)     \
    X(TLS_CERTS, "tls.certs", NULL, TLS, BUFFER_BOTH | BUFFER_MULTI)                       \
    X(TLS_ALPN, "tls.alpn", NULL, TLS, BUFFER_BOTH | BUFFER_MULTI)                         \
    X(TLS_RANDOM, "tls.random", NULL, TLS, BUFFER_BOTH)                                    \
    X(TLS_RANDOM_TIME, "tls.random_time", NULL, TLS, BUFFER_BOTH)                          \
    X(TLS_RANDOM_BYTES, "tls.random_bytes", NULL, TLS, BUFFER_BOTH)                        \
    X(JA3_HASH, "ja3.hash", "ja3_hash", TLS, BUFFER_TS)                                    \
    X(JA3_STRING, "ja3.string", "ja3_string", TLS, BUFFER_TS)                              \
    X(JA3S_HASH, "ja3s.hash", NULL, TLS, BUFFER_TC)                                        \
    X(JA3S_STRING, "ja3s.string", NULL, TLS, BUFFER_TC)                                    \
    X(JA4_HASH, "ja4.hash", NULL, TLS, BUFFER_TS)                                          \
    X(SSH_PROTO, "ssh.proto", "ssh_proto", SSH, BUFFER_BOTH)                               \
    X(SSH_SOFTWARE, "ssh.software", "ssh_software", SSH, BUFFER_BOTH)                      \
    X(SSH_HASSH, "ssh.hassh", NULL, SSH, BUFFER_TS)                                        \
    X(SSH_HASSH_STRING, "ssh.hassh.string", NULL, SSH, BUFFER_TS)                          \
    X(SSH_HASSH_SERVER, "ssh.hassh.server", NULL, SSH, BUFFER_TC)                          \
    X(SSH_HASSH_SERVER_STRING, "ssh.hassh.server.string", NULL, SSH, BUFFER_TC)            \
    X(SMTP_HELO, "smtp.helo", NULL, SMTP, BUFFER_TS)                                       \
    X(SMTP_MAIL_FROM, "smtp.mail_from", NULL, SMTP, BUFFER_TS)                             \
    X(SMTP_RCPT_TO, "smtp.rcpt_to", NULL, SMTP, BUFFER_TS | BUFFER_MULTI)                  \
    X(EMAIL_FROM, "email.from", NULL, SMTP, BUFFER_TS)                                     \
    X(EMAIL_TO, "email.to", NULL, SMTP, BUFFER_TS)                                         \
    X(EMAIL_CC, "email.cc", NULL, SMTP, BUFFER_TS)                                         \
    X(EMAIL_SUBJECT, "email.subject", NULL, SMTP, BUFFER_TS)                               \
    X(EMAIL_DATE, "email.date", NULL, SMTP, BUFFER_TS)                                     \
    X(EMAIL_MESSAGE_ID, "email.message_id", NULL, SMTP, BUFFER_TS)                         \
    X(EMAIL_X_MAILER, "email.x_mailer", NULL, SMTP, BUFFER_TS)                             \
    X(EMAIL_URL, "email.url", NULL, SMTP, BUFFER_TS | BUFFER_MULTI)                        \
    X(EMAIL_RECEIVED, "email.received", NULL, SMTP, BUFFER_TS | BUFFER_MULTI)              \
    X(FTP_COMMAND, "ftp.command", NULL, FTP, BUFFER_TS)                                    \
    X(FTP_COMMAND_DATA, "ftp.command_data", NULL, FTP, BUFFER_TS)                          \
    X(FTP_REPLY, "ftp.reply", NULL, FTP, BUFFER_TC | BUFFER_MULTI)                         \
    X(FTP_COMPLETION_CODE, "ftp.completion_code", NULL, FTP, BUFFER_TC | BUFFER_MULTI)     \
    X(SNMP_COMMUNITY, "snmp.community", NULL, SNMP, BUFFER_BOTH)                           \
    X(SNMP_USM, "snmp.usm", NULL, SNMP, BUFFER_BOTH)                                       \
    X(KRB5_CNAME, "krb5.cname", "krb5_cname", KRB5, BUFFER_TC | BUFFER_MULTI)              \
    X(KRB5_SNAME, "krb5.sname", "krb5_sname", KRB5, BUFFER_TC | BUFFER_MULTI)              \
    X(RFB_NAME, "rfb.name", NULL, RFB, BUFFER_TC)                                          \
    X(MQTT_CONNECT_CLIENTID, "mqtt.connect.clientid", NULL, MQTT, BUFFER_TS)               \
    X(MQTT_CONNECT_USERNAME, "mqtt.connect.username", NULL, MQTT, BUFFER_TS)               \
    X(MQTT_CONNECT_PASSWORD, "mqtt.connect.password", NULL, MQTT, BUFFER_TS)               \
    X(MQTT_CONNECT_PROTOCOL_STRING, "mqtt.connect.protocol_string", NULL, MQTT, BUFFER_TS) \
    X(MQTT_CONNECT_WILLTOPIC, "mqtt.connect.willtopic", NULL, MQTT, BUFFER_TS)             \
    X(MQTT_CONNECT_WILLMESSAGE, "mqtt.connect.willmessage", NULL, MQTT, BUFFER_TS)         \
    X(MQTT_PUBLISH_TOPIC, "mqtt.publish.topic", NULL, MQTT, BUFFER_BOTH)                   \
    X(MQTT_PUBLISH_MESSAGE, "mqtt.publish.message", NULL, MQTT, BUFFER_BOTH)               \
    X(MQTT_SUBSCRIBE_TOPIC, "mqtt.subscribe.topic", NULL, MQTT, BUFFER_TS | BUFFER_MULTI)  \
    X(MQTT_UNSUBSCRIBE_TOPIC, "mqtt.unsubscribe.topic", NULL, MQTT,                        \
      BUFFER_TS | BUFFER_MULTI)                                                            \
    X(SIP_METHOD, "sip.method", NULL, SIP, BUFFER_TS)                                      \
    X(SIP_URI, "sip.uri", NULL, SIP, BUFFER_TS)                                            \
    X(SIP_REQUEST_LINE, "sip.request_line", NULL, SIP, BUFFER_TS)                          \
    X(SIP_RESPONSE_LINE, "sip.response_line", NULL, SIP, BUFFER_TC)                        \
    X(SIP_STAT_CODE, "sip.stat_code", NULL, SIP, BUFFER_TC)                                \
    X(SIP_STAT_MSG, "sip.stat_msg", NULL, SIP, BUFFER_TC)                                  \
    X(SIP_PROTOCOL, "sip.protocol", NULL, SIP, BUFFER_BOTH)                                \
    X(SIP_FROM, "sip.from", NULL, SIP, BUFFER_BOTH | BUFFER_MULTI)                         \
    X(SIP_TO, "sip.to", NULL, SIP, BUFFER_BOTH | BUFFER_MULTI)                             \
    X(SIP_VIA, "sip.via", NULL, SIP, BUFFER_BOTH | BUFFER_MULTI)                           \
    X(SIP_USER_AGENT, "sip.user_agent", NULL, SIP, BUFFER_BOTH | BUFFER_MULTI)             \
    X(SIP_CONTENT_TYPE, "sip.content_type", NULL, SIP, BUFFER_BOTH | BUFFER_MULTI)         \
    X(SIP_CONTENT_LENGTH, "sip.content_length", NULL, SIP, BUFFER_BOTH | BUFFER_MULTI)     \
    X(SDP_ORIGIN, "sdp.origin", NULL, SIP, BUFFER_BOTH)                                    \
    X(SDP_SESSION_NAME, "sdp.session_name", NULL, SIP, BUFFER_BOTH)                        \
    X(SDP_SESSION_INFO, "sdp.session_info", NULL, SIP, BUFFER_BOTH)                        \
    X(SDP_URI, "sdp.uri", NULL, SIP, BUFFER_BOTH)                                          \
    X(SDP_EMAIL, "sdp.email", NULL, SIP, BUFFER_BOTH)                                      \
    X(SDP_PHONE_NUMBER, "sdp.phone_number", NULL, SIP, BUFFER_BOTH)                        \
    X(SDP_CONNECTION_DATA, "sdp.connection_data", NULL, SIP, BUFFER_BOTH)                  \
    X(SDP_BANDWIDTH, "sdp.bandwidth", NULL, SIP, BUFFER_BOTH | BUFFER_MULTI)               \
    X(SDP_TIME, "sdp.time", NULL, SIP, BUFFER_BOTH | BUFFER_MULTI)                         \
    X(SDP_REPEAT_TIME, "sdp.repeat_time", NULL, SIP, BUFFER_BOTH | BUFFER_MULTI)           \
    X(SDP_TIMEZONE, "sdp.timezone", NULL, SIP, BUFFER_BOTH)                                \
    X(SDP_ENCRYPTION_KEY, "sdp.encryption_key", NULL, SIP, BUFFER_BOTH)                    \
    X(SDP_ATTRIBUTE, "sdp.attribute", NULL, SIP, BUFFER_BOTH | BUFFER_MULTI)               \
    X(SDP_MEDIA_MEDIA, "sdp.media.media", NULL, SIP, BUFFER_BOTH | BUFFER_MULTI)           \
    X(SDP_MEDIA_MEDIA_INFO, "sdp.media.media_info", NULL, SIP,                             \
      BUFFER_BOTH | BUFFER_MULTI)                                                          \
    X(SDP_MEDIA_CONNECTION_DATA, "sdp.media.connection_data", NULL, SIP,                   \
      BUFFER_BOTH | BUFFER_MULTI)                                                          \
    X(SDP_MEDIA_ENCRYPTION_KEY, "sdp.media.encryption_key", NULL, SIP,                     \
      BUFFER_BOTH | BUFFER_MULTI)                                                          \
    X(SMB_NAMED_PIPE, "smb.named_pipe", "smb_named_pipe", SMB, BUFFER_TS)                  \
    X(SMB_SHARE, "smb.share", "smb_share", SMB, BUFFER_TS)                                 \
    X(SMB_NTLMSSP_USER, "smb.ntlmssp_user", NULL, SMB, BUFFER_TS)                          \
    X(SMB_NTLMSSP_DOMAIN, "smb.ntlmssp_domain", NULL, SMB, BUFFER_TS)                      \
    X(DCERPC_STUB_DATA, "dcerpc.stub_data", "dce_stub_data", DCERPC,                       \
      BUFFER_BOTH | BUFFER_GROWS)

enum buffer_id {
#define X(id, name, legacy, proto, flags) BUFFER_##id,
    RULE_BUFFERS(X)
#undef X
    N_BUFFERS
};

struct buffer_info {
    const char *name;
    const char *legacy;         /* Or NULL; BUFFER_MODIFIER says of which kind. */
    enum app_proto proto;       /* APP_UNKNOWN: any, or none. */
    unsigned flags;             /* enum buffer_flag. */
};

/* The row of 'id', which is in range. */
const struct buffer_info *buffer_info(enum buffer_id id);

#endif
