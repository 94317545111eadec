/* Which parsers there are, in the order in which they are asked. */
#include "sensor/app/dns/dns.h"
#include "sensor/app/http/http.h"
#include "sensor/app/parser.h"

const struct app_parser *const app_parsers[] = {
    &http_parser,
    &dns_tcp_parser,
    &dns_udp_parser,
    NULL
};
