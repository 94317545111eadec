/* The vectors are those of the specification's baseline and of its reference
 * implementation. */
#include "tests/unit/flow/packets.h"

static const struct {
    uint8_t proto;
    const char *src, *dst;
    uint16_t sport, dport;      /* ICMP: type and code. */
    const char *seed0, *seed1;  /* NULL: not published. */
} vectors[] = {
    { IP_PROTO_TCP, "128.232.110.120", "66.35.250.204", 34855, 80,
      "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:3V71V58M3Ksw/yuFALMcW0LAHvc=" },
    { IP_PROTO_TCP, "66.35.250.204", "128.232.110.120", 80, 34855,
      "1:LQU9qZlK+B5F3KDmev6m5PMibrg=", "1:3V71V58M3Ksw/yuFALMcW0LAHvc=" },
    { IP_PROTO_TCP, "10.0.0.1", "10.0.0.2", 10, 11569,
      "1:SXBGMX1lBOwhhoDrZynfROxnhnM=", "1:HmBRGR+fUyXF4t8WEtal7Y0gEAo=" },
    { IP_PROTO_TCP, "2001:470:e5bf:dead:4957:2174:e82c:4887", "2607:f8b0:400c:c03::1a",
      63943, 25, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=", NULL },
    { IP_PROTO_TCP, "2607:f8b0:400c:c03::1a", "2001:470:e5bf:dead:4957:2174:e82c:4887",
      25, 63943, "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=", NULL },
    { IP_PROTO_UDP, "192.168.1.52", "8.8.8.8", 54585, 53,
      "1:d/FP5EW3wiY1vCndhwleRRKHowQ=", "1:Q9We8WO3piVF8yEQBNJF4uiSVrI=" },
    { IP_PROTO_UDP, "8.8.8.8", "192.168.1.52", 53, 54585,
      "1:d/FP5EW3wiY1vCndhwleRRKHowQ=", "1:Q9We8WO3piVF8yEQBNJF4uiSVrI=" },
    { IP_PROTO_SCTP, "192.168.170.8", "192.168.170.56", 7, 80,
      "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=", "1:Y1/0jQg6e+I3ZwZZ9LP65DNbTXU=" },
    { IP_PROTO_SCTP, "192.168.170.56", "192.168.170.8", 80, 7,
      "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=", "1:Y1/0jQg6e+I3ZwZZ9LP65DNbTXU=" },
    { IP_PROTO_SCTP, "192.168.170.8", "192.168.170.56", 7, 7,
      "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=", NULL },
    { IP_PROTO_ICMP, "192.168.0.89", "192.168.0.1", 8, 0,
      "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=", "1:03g6IloqVBdcZlPyX8r0hgoE7kA=" },
    { IP_PROTO_ICMP, "192.168.0.1", "192.168.0.89", 0, 0,
      "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=", "1:03g6IloqVBdcZlPyX8r0hgoE7kA=" },
    { IP_PROTO_ICMP, "192.168.0.89", "192.168.0.1", 20, 0,
      "1:3o2RFccXzUgjl7zDpqmY7yJi8rI=", "1:lCXHHxavE1Vq3oX9NH5ladQg02o=" },
    { IP_PROTO_ICMP, "192.168.0.89", "192.168.0.1", 20, 1,
      "1:tz/fHIDUHs19NkixVVoOZywde+I=", "1:Ie3wmFyxiEyikbsbcO03d2nh+PM=" },
    { IP_PROTO_ICMP, "10.0.0.1", "10.0.0.2", 11, 0,
      "1:YHxtAirCG//0OzkcVAukqKQN9xM=", NULL },
    { IP_PROTO_ICMPV6, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 0,
      "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=", "1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY=" },
    { IP_PROTO_ICMPV6, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 136, 0,
      "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=", "1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY=" },
    { IP_PROTO_ICMPV6, "fe80::260:97ff:fe07:69ea", "fe80::200:86ff:fe05:80da", 135, 0,
      "1:zavyT/cezQr1fmImYCwYnMXbgck=", NULL },
    { IP_PROTO_ICMPV6, "3ffe:501:1800:2345::2", "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0,
      "1:2ObVBgIn28oZvibYZhZMBgh7WdQ=", NULL },
    { IP_PROTO_ICMPV6, "3ffe:501:410:0:2c0:dfff:fe47:33e",
      "3ffe:507:0:1:200:86ff:fe05:80da", 1, 4, "1:hLZd0XGWojozrvxqE0dWB1iM6R0=", NULL },
    { IP_PROTO_ICMPV6, "3ffe:507:0:1:260:97ff:fe07:69ea",
      "3ffe:507:0:1:200:86ff:fe05:80da", 3, 0, "1:NdobDX8PQNJbAyfkWxhtL2Pqp5w=",
      "1:OlOWx9psIbBFi7lOCw/4MhlKR9M=" },
    { IP_PROTO_ICMPV6, "3ffe:507:0:1:200:86ff:fe05:80da",
      "3ffe:507:0:1:260:97ff:fe07:69ea", 3, 0, "1:/OGBt9BN1ofenrmSPWYicpij2Vc=",
      "1:Ij4ZxnC87/MXzhOjvH2vHu7LRmE=" },
    { IP_PROTO_ICMPV6, "3ffe:507:0:1:200:86ff:fe05:80da", "3ffe:501:0:1001::2", 128, 0,
      "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg=", NULL },
    { IP_PROTO_ICMPV6, "3ffe:501:0:1001::2", "3ffe:507:0:1:200:86ff:fe05:80da", 129, 0,
      "1:+TW+HtLHvV1xnGhV1lv7XoJrqQg=", NULL },
    { IP_PROTO_ICMPV6, "fe80::200:86ff:fe05:80da", "ff02::2", 133, 0,
      "1:hO+sN4H+MG5MY/8hIrXPqc4ZQz0=", NULL },
    { IP_PROTO_ICMPV6, "fe80::260:97ff:fe07:69ea", "ff02::1", 134, 0,
      "1:pkvHqCL88/tg1k4cPigmZXUtL00=", NULL },
    { 46, "10.1.24.4", "10.1.12.1", 0, 0,
      "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4=", "1:BK3BVW3U2eemuwVQVN3zd/GULno=" },
    { 46, "10.1.12.2", "10.1.12.1", 0, 0, "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw=", NULL },
};

static void published_vectors_come_out(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        bool is_icmp = vectors[i].proto == IP_PROTO_ICMP
                       || vectors[i].proto == IP_PROTO_ICMPV6;
        struct packet p = packet_of(vectors[i].proto, vectors[i].src,
                                    is_icmp ? 0 : vectors[i].sport, vectors[i].dst,
                                    is_icmp ? 0 : vectors[i].dport, START);
        struct flow_key key;
        char out[COMMUNITY_ID_SIZE];

        if (is_icmp) {
            p.icmp.type = (uint8_t) vectors[i].sport;
            p.icmp.code = (uint8_t) vectors[i].dport;
        }
        assert_true(flow_key_of_packet(&p, &key));
        flow_community_id(&key, 0, out);
        assert_string_equal(out, vectors[i].seed0);
        if (vectors[i].seed1 != NULL) {
            flow_community_id(&key, 1, out);
            assert_string_equal(out, vectors[i].seed1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors_come_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
