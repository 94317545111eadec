/* Which parsers there are, in the order in which they are asked. */
#include "sensor/app/dcerpc/dcerpc.h"
#include "sensor/app/dhcp/dhcp.h"
#include "sensor/app/dns/dns.h"
#include "sensor/app/ftp/ftp.h"
#include "sensor/app/http/http.h"
#include "sensor/app/known.h"
#include "sensor/app/krb5/krb5.h"
#include "sensor/app/mqtt/mqtt.h"
#include "sensor/app/parser.h"
#include "sensor/app/rdp/rdp.h"
#include "sensor/app/rfb/rfb.h"
#include "sensor/app/sip/sip.h"
#include "sensor/app/smb/smb.h"
#include "sensor/app/smtp/smtp.h"
#include "sensor/app/snmp/snmp.h"
#include "sensor/app/ssh/ssh.h"
#include "sensor/app/tftp/tftp.h"
#include "sensor/app/tls/tls.h"

const struct app_parser *const app_parsers[] = {
    &http_parser,
    &dns_tcp_parser,
    &dns_udp_parser,
    &tls_parser,
    &smb_parser,
    &dcerpc_tcp_parser,
    &dcerpc_udp_parser,
    &ssh_parser,
    &ftp_parser,
    &ftp_data_parser,
    &tftp_parser,
    &rfb_parser,
    &rdp_parser,
    &krb5_tcp_parser,
    &krb5_udp_parser,
    &dhcp_parser,
    &snmp_parser,
    &mqtt_parser,
    &sip_udp_parser,
    &sip_tcp_parser,
    &smtp_parser,
    /* Those that have no parser, the ones with the weakest marks last. */
#define X(id, name, tcp, udp, first) &known_##name,
    KNOWN_PROTOS(X)
#undef X
    NULL
};
