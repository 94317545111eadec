/* Keywords of the dialect that we know and do not support yet: most are of protocols whose
 * parsers come later.  A rule with one is refused with a clear word, and "requires:
 * keyword" says that they are missing. */
#include "rules/keywords/keywords.h"

/* X(keyword) */
#define LATER_KEYWORDS(X) \
    X("app-layer-state") X("cip_service") \
    X("dhcp.leasetime") X("dhcp.rebinding_time") X("dhcp.renewal_time") X("dnp3_data") \
    X("dnp3_func") X("dnp3_obj") \
    X("enip.cip_attribute") \
    X("enip.cip_class") X("enip.cip_instance") X("enip.cip_status") \
    X("enip.device_type") X("enip.identity_status") X("enip.product_code") \
    X("enip.product_name") X("enip.protocol_version") X("enip.revision") \
    X("enip.serial") X("enip.state") X("enip.status") X("enip.vendor_id") \
    X("enip_command") X("http2.errorcode") X("http2.flags") \
    X("http2.frametype") X("http2.header") X("http2.header_name") X("http2.priority") \
    X("http2.settings") X("http2.size_update") X("http2.window") X("igmp.hdr") \
    X("igmp.type") X("ike.chosen_sa_attribute") X("ike.exchtype") X("ike.init_spi") \
    X("ike.key_exchange_payload") X("ike.key_exchange_payload_length") \
    X("ike.nonce_payload") X("ike.nonce_payload_length") X("ike.resp_spi") \
    X("ike.vendor") X("krb5.cname") X("krb5.sname") X("krb5.ticket_encryption") \
    X("krb5_err_code") X("krb5_msg_type") X("ldap.request.attribute_type") \
    X("ldap.request.dn") X("ldap.request.operation") \
    X("ldap.responses.attribute_type") X("ldap.responses.count") \
    X("ldap.responses.dn") X("ldap.responses.message") X("ldap.responses.operation") \
    X("ldap.responses.result_code") X("lua") X("luajit") X("luaxform") \
    X("mdns.answers.rrname") X("mdns.queries.rrname") X("mdns.response.rrname") \
    X("modbus") X("nfq_set_mark") X("nfs.version") X("nfs_procedure") \
    X("nfs_version") X("ntp.mode") X("ntp.reference_id") X("ntp.stratum") \
    X("ntp.version") X("pgsql.query") X("quic.cyu.hash") \
    X("quic.cyu.string") X("quic.sni") X("quic.version") X("replace") X("rfb.name") \
    X("rfb.secresult") X("rfb.sectype") X("sctp.hdr") X("sdp.attribute") \
    X("sdp.bandwidth") X("sdp.connection_data") X("sdp.email") X("sdp.encryption_key") \
    X("sdp.media.connection_data") X("sdp.media.encryption_key") X("sdp.media.media") \
    X("sdp.media.media_info") X("sdp.origin") X("sdp.phone_number") \
    X("sdp.repeat_time") X("sdp.session_info") X("sdp.session_name") X("sdp.time") \
    X("sdp.timezone") X("sdp.uri") X("sip.content_length") X("sip.content_type") \
    X("sip.from") X("sip.method") X("sip.protocol") X("sip.request_line") \
    X("sip.response_line") X("sip.stat_code") X("sip.stat_msg") X("sip.to") \
    X("sip.uri") X("sip.user_agent") X("sip.via") X("snmp.community") \
    X("snmp.pdu_type") X("snmp.usm") X("snmp.version") X("template.buffer") \
    X("tls.store") X("tls_store") X("websocket.flags") X("websocket.mask") \
    X("websocket.opcode") X("websocket.payload")

static bool parse_later(struct draft *d, const struct keyword *row, struct slice v)
{
    return draft_error(d, NULL, "keyword \"%s\" is not supported yet", row->name);
}

static const struct keyword rows[] = {
#define X(name) { name, KEYWORD_LATER, parse_later, 0, "Not supported yet" },
    LATER_KEYWORDS(X)
#undef X
};
FAMILY(later_keywords, rows);
