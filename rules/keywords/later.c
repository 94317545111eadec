/* Keywords of the dialect that we know and do not support yet: most are of protocols whose
 * parsers come later.  A rule with one is refused with a clear word, and "requires:
 * keyword" says that they are missing. */
#include "rules/keywords/keywords.h"

/* X(keyword, why) */
#define LATER_KEYWORDS(X)                                               \
    X("app-layer-state", "a hook says it: alert tls:client_hello_done") \
    X("cip_service", "enip has no parser")                              \
    X("enip.cip_attribute", "enip has no parser")                       \
    X("enip.cip_class", "enip has no parser")                           \
    X("enip.cip_instance", "enip has no parser")                        \
    X("enip.cip_status", "enip has no parser")                          \
    X("enip.device_type", "enip has no parser")                         \
    X("enip.identity_status", "enip has no parser")                     \
    X("enip.product_code", "enip has no parser")                        \
    X("enip.product_name", "enip has no parser")                        \
    X("enip.protocol_version", "enip has no parser")                    \
    X("enip.revision", "enip has no parser")                            \
    X("enip.serial", "enip has no parser")                              \
    X("enip.state", "enip has no parser")                               \
    X("enip.status", "enip has no parser")                              \
    X("enip.vendor_id", "enip has no parser")                           \
    X("enip_command", "enip has no parser")                             \
    X("dnp3_data", "dnp3 has no parser")                                \
    X("dnp3_func", "dnp3 has no parser")                                \
    X("dnp3_obj", "dnp3 has no parser")                                 \
    X("http2.errorcode", "http2 has no parser")                         \
    X("http2.flags", "http2 has no parser")                             \
    X("http2.frametype", "http2 has no parser")                         \
    X("http2.header", "http2 has no parser")                            \
    X("http2.header_name", "http2 has no parser")                       \
    X("http2.priority", "http2 has no parser")                          \
    X("http2.settings", "http2 has no parser")                          \
    X("http2.size_update", "http2 has no parser")                       \
    X("http2.window", "http2 has no parser")                            \
    X("igmp.hdr", "IGMP is not decoded")                                \
    X("igmp.type", "IGMP is not decoded")                               \
    X("ike.chosen_sa_attribute", "ike has no parser")                   \
    X("ike.exchtype", "ike has no parser")                              \
    X("ike.init_spi", "ike has no parser")                              \
    X("ike.key_exchange_payload", "ike has no parser")                  \
    X("ike.key_exchange_payload_length", "ike has no parser")           \
    X("ike.nonce_payload", "ike has no parser")                         \
    X("ike.nonce_payload_length", "ike has no parser")                  \
    X("ike.resp_spi", "ike has no parser")                              \
    X("ike.vendor", "ike has no parser")                                \
    X("ldap.request.attribute_type", "ldap has no parser")              \
    X("ldap.request.dn", "ldap has no parser")                          \
    X("ldap.request.operation", "ldap has no parser")                   \
    X("ldap.responses.attribute_type", "ldap has no parser")            \
    X("ldap.responses.count", "ldap has no parser")                     \
    X("ldap.responses.dn", "ldap has no parser")                        \
    X("ldap.responses.message", "ldap has no parser")                   \
    X("ldap.responses.operation", "ldap has no parser")                 \
    X("ldap.responses.result_code", "ldap has no parser")               \
    X("lua", "rules run no scripts")                                    \
    X("luajit", "rules run no scripts")                                 \
    X("luaxform", "rules run no scripts")                               \
    X("mdns.answers.rrname", "mdns has no parser")                      \
    X("mdns.queries.rrname", "mdns has no parser")                      \
    X("mdns.response.rrname", "mdns has no parser")                     \
    X("modbus", "modbus has no parser")                                 \
    X("nfq_set_mark", "a tap changes no packet")                        \
    X("replace", "a tap changes no packet")                             \
    X("nfs.version", "nfs has no parser")                               \
    X("nfs_procedure", "nfs has no parser")                             \
    X("nfs_version", "nfs has no parser")                               \
    X("ntp.mode", "ntp has no parser")                                  \
    X("ntp.reference_id", "ntp has no parser")                          \
    X("ntp.stratum", "ntp has no parser")                               \
    X("ntp.version", "ntp has no parser")                               \
    X("pgsql.query", "pgsql has no parser")                             \
    X("quic.cyu.hash", "quic has no parser")                            \
    X("quic.cyu.string", "quic has no parser")                          \
    X("quic.sni", "quic has no parser")                                 \
    X("quic.version", "quic has no parser")                             \
    X("sctp.hdr", "headers of SCTP are no buffer")                      \
    X("template.buffer", "the protocol is an example")                  \
    X("tls.store", "certificates are not stored")                       \
    X("tls_store", "certificates are not stored")                       \
    X("websocket.flags", "websocket has no parser")                     \
    X("websocket.mask", "websocket has no parser")                      \
    X("websocket.opcode", "websocket has no parser")                    \
    X("websocket.payload", "websocket has no parser")

static bool parse_later(struct draft *d, const struct keyword *row, struct slice v)
{
    return draft_error(d, row->help, "keyword \"%s\" is not supported yet", row->name);
}

static const struct keyword rows[] = {
#define X(name, why) { name, KEYWORD_LATER, parse_later, 0, why },
    LATER_KEYWORDS(X)
#undef X
};
FAMILY(later_keywords, rows);
