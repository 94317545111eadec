/* Rule text against the plan that it becomes, each also with every shorter prefix. */
#include "tests/unit/rules/rules_test.h"

static const struct { const char *rule, *dump; } cases[] = {
    { "alert tcp any any -> any any (msg:\"plain\"; content:\"abc\"; sid:1;)",
      "alert tcp any any -> any any\n"
      "  sid 1 gid 1 rev 0 priority 3 type stream stream\n"
      "  msg plain\n"
      "  in payload\n"
      "    content \"abc\" <- fast\n" },
    { "alert tcp any any -> any any (content:\"abc\"; depth:3; sid:2; rev:4;)",
      "alert tcp any any -> any any\n"
      "  sid 2 gid 1 rev 4 priority 3 type stream packet stream\n"
      "  in payload\n"
      "    content \"abc\" depth 3 <- fast\n" },
    { "alert tcp any any -> any any (content:\"abc\"; startswith; sid:3;)",
      "alert tcp any any -> any any\n"
      "  sid 3 gid 1 rev 0 priority 3 type stream packet stream\n"
      "  in payload\n"
      "    content \"abc\" startswith <- fast\n" },
    { "alert tcp any any -> any any (dsize:>5; content:\"abc\"; sid:4;)",
      "alert tcp any any -> any any\n"
      "  sid 4 gid 1 rev 0 priority 3 type packet packet\n"
      "  test dsize > 5\n"
      "  in payload\n"
      "    content \"abc\" <- fast\n" },
    { "alert tcp any any -> any any (flow:only_stream; content:\"abc\"; depth:9; sid"
      ":5;)",
      "alert tcp any any -> any any\n"
      "  sid 5 gid 1 rev 0 priority 3 type stream stream\n"
      "  flow only_stream\n"
      "  in payload\n"
      "    content \"abc\" depth 9 <- fast\n" },
    { "alert tcp-pkt any any -> any any (content:\"abc\"; sid:6;)",
      "alert tcp-pkt any any -> any any\n"
      "  sid 6 gid 1 rev 0 priority 3 type packet packet\n"
      "  in payload\n"
      "    content \"abc\" <- fast\n" },
    { "alert tcp any any -> any any (content:\"abc\"; stream_size:server,<,5; sid:7;"
      ")",
      "alert tcp any any -> any any\n"
      "  sid 7 gid 1 rev 0 priority 3 type stream packet stream\n"
      "  test stream_size server < 5\n"
      "  in payload\n"
      "    content \"abc\" <- fast\n" },
    { "alert udp any any -> any 53 (content:\"abc\"; sid:8;)",
      "alert udp any any -> any [53]\n"
      "  sid 8 gid 1 rev 0 priority 3 type packet packet\n"
      "  in payload\n"
      "    content \"abc\" <- fast\n" },
    { "alert ip 10.0.0.1 any -> any any (sid:9;)",
      "alert ip [10.0.0.1] any -> any any\n"
      "  sid 9 gid 1 rev 0 priority 3 type ip-only packet\n" },
    { "alert http any any -> any any (frame:http1.request; strip_whitespace; conten"
      "t:\"GET/\"; sid:9101;)",
      "alert app(http1) any any -> any any\n"
      "  sid 9101 gid 1 rev 0 priority 3 type frame packet\n"
      "  in frame http1.request | strip_whitespace\n"
      "    content \"GET/\" <- fast\n" },
    { "alert enip any any -> any any (frame:enip.item; content:\"abc\"; sid:9109;)",
      "alert app(enip) any any -> any any\n"
      "  sid 9109 gid 1 rev 0 priority 3 type frame packet\n"
      "  in frame enip.enip.item\n"
      "    content \"abc\" <- fast\n" },
    { "alert tcp any any -> any any (frame:smtp.stream; content:\"a b\"; sid:9103;)",
      "alert tcp(smtp) any any -> any any\n"
      "  sid 9103 gid 1 rev 0 priority 3 type stream stream\n"
      "  in payload\n"
      "    content \"a b\" <- fast\n" },
    { "alert http any any => any any (http.uri; content:\"/login\"; file.data: to_c"
      "lient; content:\"x\"; sid:9104;)",
      "alert app(http) any any => any any\n"
      "  sid 9104 gid 1 rev 0 priority 3 type tx packet\n"
      "  in http.uri\n"
      "    content \"/login\" <- fast\n"
      "  in file.data\n"
      "    content \"x\"\n" },
    { "alert tls:client_hello_done any any -> any any (tls.sni; content:\"example\""
      "; sid:9106;)",
      "alert app(tls) any any -> any any\n"
      "  sid 9106 gid 1 rev 0 priority 3 type tx packet on progress\n"
      "  flow to_server\n"
      "  in tls.sni\n"
      "    content \"example\" <- fast\n" },
    { "alert tcp:flow_start any any -> any any (dsize:0; sid:9107;)",
      "alert tcp any any -> any any\n"
      "  sid 9107 gid 1 rev 0 priority 3 type packet packet on flow start\n"
      "  test dsize = 0\n" },
    { "alert http any any -> any any (sid:10;)",
      "alert app(http) any any -> any any\n"
      "  sid 10 gid 1 rev 0 priority 3 type app packet\n" },
    { "alert pkthdr any any -> any any (decode-event:ipv4.pkt_too_small; sid:11;)",
      "alert pkthdr any any -> any any\n"
      "  sid 11 gid 1 rev 0 priority 3 type decode-event packet\n"
      "  test decode event ipv4.pkt_too_small\n" },
    { "alert tcp any any -> any any (content:\"one\"; http_uri; content:\"two\"; dis"
      "tance:3; within:9; http_uri; content:!\"x\"; sid:12;)",
      "alert tcp(http) any any -> any any\n"
      "  sid 12 gid 1 rev 0 priority 3 type tx stream\n"
      "  flow to_server\n"
      "  in payload\n"
      "    not content \"x\"\n"
      "  in http.uri\n"
      "    content \"one\"\n"
      "    content \"two\" distance 3 within 9 (relative) <- fast\n" },
    { "alert http any any -> any any (flow:established,to_server; http.method; conte"
      "nt:\"GET\"; http.uri; content:\"/a|0d 0A 3b|\\;\\\"\\\\\\:b\"; nocase; fast_p"
      "attern; pcre:\"/^x\\/y$/Ri\"; http.method; isdataat:!1,relative; sid:13;)",
      "alert app(http) any any -> any any\n"
      "  sid 13 gid 1 rev 0 priority 3 type tx packet\n"
      "  flow to_server\n"
      "  flow established\n"
      "  in http.method\n"
      "    content \"GET\"\n"
      "    not isdataat 1 (relative)\n"
      "  in http.uri\n"
      "    content \"/a|0d||0a|;;|22||5c|:b\" nocase fast_pattern <- fast\n"
      "    pcre /^x\\/y$/ options 8 (relative)\n" },
    { "alert http any any -> any any (http.uri; content:\"a\"; to_lowercase; dotpref"
      "ix; content:\".b\"; endswith; bsize:>3; sid:14;)",
      "alert app(http) any any -> any any\n"
      "  sid 14 gid 1 rev 0 priority 3 type tx packet\n"
      "  flow to_server\n"
      "  in http.uri\n"
      "    content \"a\"\n"
      "  in http.uri | to_lowercase | dotprefix\n"
      "    content \".b\" endswith <- fast\n"
      "    bsize > 3\n" },
    { "alert tcp any any -> any any (byte_extract:2,0,len,relative,little; byte_test"
      ":4,!&,0x10,len,string,hex; byte_jump:len,1,align,post_offset -2,multiplier 3;"
      " byte_math:bytes 2,offset 0,oper <<,rvalue len,result r; content:\"q\"; offse"
      "t:r; sid:15;)",
      "alert tcp any any -> any any\n"
      "  sid 15 gid 1 rev 0 priority 3 type stream packet stream\n"
      "  in payload\n"
      "    byte_extract bytes 2 offset 0 -> var0 little (relative)\n"
      "    not byte_test bytes 4 offset var0 any bit 16 hex\n"
      "    byte_jump bytes var0 offset 1 times 3 align then -2\n"
      "    byte_math bytes 2 offset 0 -> var1 < var0\n"
      "    content \"q\" offset var1 <- fast\n" },
    { "alert http any any -> any any (flowbits:isset,a|b; flowbits:set,c; flowbits:n"
      "oalert; flowint:n,+,2; flowint:n,>,m; flowint:k,isnotset; xbits:set,x,track i"
      "p_pair,expire 5; xbits:isset,y,track ip_src; hostbits:unset,h,dst; sid:16;)",
      "alert app(http) any any -> any any\n"
      "  sid 16 gid 1 rev 0 priority 3 type app packet noalert\n"
      "  test flowbit a or b\n"
      "  test flowint n > m\n"
      "  test flowint k is not set\n"
      "  test xbit y src\n"
      "  do flowbit set c\n"
      "  do flowint add n 2\n"
      "  do xbit set x 5 both\n"
      "  do hostbit unset h dst\n" },
    { "alert tcp any any -> any any (flags:S,12; fragbits:!M; ttl:<10; tos:!x10; id:"
      "5; ip_proto:!tcp; ipopts:lsrr; window:!55; seq:1; ack:0; tcp.mss:100-200; sid"
      ":17;)",
      "alert tcp any any -> any any\n"
      "  sid 17 gid 1 rev 0 priority 3 type packet packet\n"
      "  test tcp.flags masked 2 63\n"
      "  test not fragbits all bits 1\n"
      "  test ttl < 10\n"
      "  test tos != 16\n"
      "  test id = 5\n"
      "  test ip_proto != 6\n"
      "  test ipopts any bit 8\n"
      "  test tcp.window != 55\n"
      "  test tcp.seq = 1\n"
      "  test tcp.ack = 0\n"
      "  test tcp.mss between 100 200\n" },
    { "alert icmp any any -> any any (itype:8; icode:1<>9; icmp_id:7; icmp_seq:0; si"
      "d:18;)",
      "alert icmp any any -> any any\n"
      "  sid 18 gid 1 rev 0 priority 3 type packet packet\n"
      "  test itype = 8\n"
      "  test icode between 1 9\n"
      "  test icmp_id = 7\n"
      "  test icmp_seq = 0\n" },
    { "alert dns any any -> any any (dns.query; content:\"a\"; dns.query; content:\""
      "b\"; dns.opcode:!0; dns.rrtype:txt; sid:19;)",
      "alert app(dns) any any -> any any\n"
      "  sid 19 gid 1 rev 0 priority 3 type tx packet\n"
      "  flow to_server\n"
      "  test dns.opcode != 0\n"
      "  test dns.rrtype = 16\n"
      "  in dns.query\n"
      "    content \"a\"\n"
      "  in dns.query\n"
      "    content \"b\" <- fast\n" },
    { "alert tls any any -> any any (ssl_version:tls1.1,tls1.2; ssl_state:client_hel"
      "lo; tls.subject:!\"CN=x\"; tls.cert_chain_len:>2; sid:20;)",
      "alert app(tls) any any -> any any\n"
      "  sid 20 gid 1 rev 0 priority 3 type tx packet\n"
      "  test tls.version = 770 or 771\n"
      "  test ssl_state any bit 1\n"
      "  test tls.cert_chain_len > 2\n"
      "  in tls.cert_subject\n"
      "    not content \"CN=x\"\n" },
    { "alert tls any any -> any any (tls_cert_notafter:<2015-10; tls_cert_notbefore"
      ":2000-02-29<>2000-03-01T00:00:01; tls_cert_expired; tls_cert_valid; sid:120;)",
      "alert app(tls) any any -> any any\n"
      "  sid 120 gid 1 rev 0 priority 3 type tx packet\n"
      "  test tls_cert_notafter < 1443657600\n"
      "  test tls_cert_notbefore between 951782400 951868801\n"
      "  test tls_cert_expired = 1\n"
      "  test tls_cert_valid = 1\n" },
    { "alert ftp any any -> any any (ftp.mode:active; ftp.dynamic_port:1024-2000; ftp"
      ".reply_received:off; ftp.reply; content:\"a\"; ftp.completion_code; content:\"2"
      "\"; sid:170;)",
      "alert app(ftp) any any -> any any\n"
      "  sid 170 gid 1 rev 0 priority 3 type tx packet\n"
      "  flow to_client\n"
      "  test ftp.mode = 1\n"
      "  test ftp.dynamic_port between 1024 2000\n"
      "  test ftp.reply_received = 0\n"
      "  in ftp.reply\n"
      "    content \"a\"\n"
      "  in ftp.completion_code\n"
      "    content \"2\" <- fast\n" },
    { "alert mqtt any any -> any any (mqtt.type:!CONNACK; mqtt.qos:2; mqtt.flags:retain"
      ",!dup; mqtt.connect.flags:username,!will; mqtt.protocol_version:>3; mqtt.reason_c"
      "ode:128; mqtt.connack.session_present:true; mqtt.subscribe.topic; content:\"a\"; s"
      "id:172;)",
      "alert app(mqtt) any any -> any any\n"
      "  sid 172 gid 1 rev 0 priority 3 type tx packet\n"
      "  flow to_server\n"
      "  test mqtt.type != 2\n"
      "  test mqtt.qos = 2\n"
      "  test mqtt.flags masked 1 9\n"
      "  test mqtt.connect.flags masked 128 132\n"
      "  test mqtt.protocol_version > 3\n"
      "  test mqtt.reason_code = 128\n"
      "  test mqtt.connack.session_present = 1\n"
      "  in mqtt.subscribe.topic\n"
      "    content \"a\" <- fast\n" },
    { "alert ftp-data any any -> any any (ftpdata_command:stor; sid:171;)",
      "alert app(ftp-data) any any -> any any\n"
      "  sid 171 gid 1 rev 0 priority 3 type tx packet\n"
      "  test ftpdata_command = 2\n" },
    { "alert http any any -> any any (filename:\"Shell\"; fileext:\"EXE\"; filemagic"
      ":!\"PDF\"; filestore; filesize:>10kb; sid:21;)",
      "alert app(http) any any -> any any\n"
      "  sid 21 gid 1 rev 0 priority 3 type tx packet\n"
      "  test filesize > 10240\n"
      "  in file.name\n"
      "    content \"shell\" nocase <- fast\n"
      "  in file.name\n"
      "    content \".exe\" nocase endswith\n"
      "  in file.magic\n"
      "    not content \"pdf\" nocase\n"
      "  do filestore\n" },
    { "alert tcp any any -> any any (msg:\"m\"; classtype:trojan-activity; priority:"
      "7; reference:url,example.org/a; reference:cve,2020-1; metadata:a b, c d e, a "
      "f; target:dest_ip; gid:3; sid:22;)",
      "alert tcp any any -> any any\n"
      "  sid 22 gid 3 rev 0 priority 7 type packet packet\n"
      "  msg m\n"
      "  metadata {\"a\":[\"b\",\"f\"],\"c\":[\"d e\"]}\n"
      "  references [\"http://example.org/a\",\"http://cve.mitre.org/cgi-bin/cvename"
      ".cgi?name=2020-1\"]\n" },
    { "alert tcp any any -> any any (threshold:type limit, track by_src, count 1, se"
      "conds 60; tag:host,10,seconds,src; sid:23;)",
      "alert tcp any any -> any any\n"
      "  sid 23 gid 1 rev 0 priority 3 type packet packet\n"
      "  do tag 10 src\n"
      "  filter limit by_src count 1 seconds 60\n" },
    { "alert tcp any any -> any any (detection_filter:track by_dst, count 4, seconds"
      " 20; content:\"abc\"; sid:24;)",
      "alert tcp any any -> any any\n"
      "  sid 24 gid 1 rev 0 priority 3 type stream stream\n"
      "  test detection_filter\n"
      "  in payload\n"
      "    content \"abc\" <- fast\n"
      "  filter detection_filter by_dst count 4 seconds 20\n" },
    { "reject tcp any any <> any any (app-layer-protocol:!http,final; urilen:5<>9,ra"
      "w; sid:25;)",
      "reject tcp(http) any any <> any any\n"
      "  sid 25 gid 1 rev 0 priority 3 type tx packet\n"
      "  flow to_server\n"
      "  test not protocol http final\n"
      "  test urilen between 5 9 raw\n" },
    { "alert tcp any any -> any any (app-layer-event:http.missing_host_header; strea"
      "m-event:est_syn_resend; sid:26;)",
      "alert tcp(http) any any -> any any\n"
      "  sid 26 gid 1 rev 0 priority 3 type tx packet\n"
      "  test app event missing_host_header\n"
      "  test stream event est_syn_resend\n" },
    { "alert http any any -> any any (http.request_body; base64_decode:bytes 28,offs"
      "et 2,relative; base64_data; content:\"some\"; sid:27;)",
      "alert app(http) any any -> any any\n"
      "  sid 27 gid 1 rev 0 priority 3 type tx packet\n"
      "  flow to_server\n"
      "  in http.request_body\n"
      "    base64_decode bytes 28 offset 2 (relative)\n"
      "  in base64_data\n"
      "    content \"some\"\n" },
    { "alert tcp any any -> any any (pcre:\"/(?P<flow_a>x)(y)/smxAEGR\"; pcre:!\"/z/"
      "U\"; sid:28;)",
      "alert tcp(http) any any -> any any\n"
      "  sid 28 gid 1 rev 0 priority 3 type tx stream\n"
      "  flow to_server\n"
      "  in payload\n"
      "    pcre /(?P<flow_a>x)(y)/ options 800404b0 f:a (relative)\n"
      "  in http.uri\n"
      "    not pcre /z/ options 0\n" },
    { "alert http any any -> any any (http.cookie; absent; http.server; content:\"x"
      "\"; absent:or_else; sid:29;)",
      "alert app(http) any any -> any any\n"
      "  sid 29 gid 1 rev 0 priority 3 type tx packet\n"
      "  flow to_client\n"
      "  in http.cookie absent\n"
      "  in http.server absent or else\n"
      "    content \"x\"\n" },
    { "alert tcp any any -> any any (sameip; tcpv4-csum:invalid; geoip:src,US; iprep"
      ":src,cat,>,10; bypass; sid:30;)",
      "alert tcp any any -> any any\n"
      "  sid 30 gid 1 rev 0 priority 3 type packet packet\n"
      "  test sameip\n"
      "  test checksum = 1\n"
      "  test geoip src,US\n"
      "  test iprep src,cat,>,10\n"
      "  do bypass\n" },
    { "alert tcp [10.0.0.0/8,!10.1.0.0/16] ![80,443] -> [!192.0.2.0/24] 1024: (sid:3"
      "1;)",
      "alert tcp [10.0.0.0-10.0.255.255,10.2.0.0-10.255.255.255] [0:79,81:442,444:65"
      "535] -> [0.0.0.0-192.0.1.255,192.0.3.0-255.255.255.255,::-ffff:ffff:ffff:ffff"
      ":ffff:ffff:ffff:ffff] [1024:65535]\n"
      "  sid 31 gid 1 rev 0 priority 3 type packet packet\n" },
    { "alert http any any -> any any (content:\"GET\"; http_method; content:\"/index"
      ".html\"; fast_pattern:1,5; http_uri; content:!\"bad\"; http_header; sid:32;)",
      "alert app(http) any any -> any any\n"
      "  sid 32 gid 1 rev 0 priority 3 type tx packet\n"
      "  flow to_server\n"
      "  in http.method\n"
      "    content \"GET\"\n"
      "  in http.uri\n"
      "    content \"/index.html\" fast_pattern:1,5 <- fast\n"
      "  in http.header\n"
      "    not content \"bad\"\n" },
    /* "SMB" is longer, but stands in every message of the protocol. */
    { "alert tcp any any -> any 445 (content:\"SMB\"; content:\"x7|00|\"; sid:34;)",
      "alert tcp any any -> any [445]\n"
      "  sid 34 gid 1 rev 0 priority 3 type stream stream\n"
      "  in payload\n"
      "    content \"SMB\"\n"
      "    content \"x7|00|\" <- fast\n" },
    { "alert http any any -> any any (file_data; content:\"MZ\"; startswith; pkt_dat"
      "a; content:\"raw\"; sid:33;)",
      "alert app(http) any any -> any any\n"
      "  sid 33 gid 1 rev 0 priority 3 type tx stream\n"
      "  in file.data\n"
      "    content \"MZ\" startswith <- fast\n"
      "  in payload\n"
      "    content \"raw\"\n" },
};

static void rules_become_the_plans_that_the_table_says(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loaded l = load_text(cases[i].rule);
        struct strbuf dump = STRBUF_EMPTY;
        assert_int_equal(l.diag.n_errors, 0);
        assert_int_equal(l.set->n_rules, 1);
        rule_dump(l.set, l.set->rules[0], &dump);
        assert_string_equal(strbuf_cstr(&dump), cases[i].dump);
        strbuf_fini(&dump);
        unload(&l);
    }
}

/* In a heap buffer of exactly that size, so that the sanitizer sees an overread. */
static void every_prefix_of_a_rule_is_read_within_its_bounds(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t size = 0; size < strlen(cases[i].rule); size++) {
            char *exact = malloc(size > 0 ? size : 1);
            memcpy(exact, cases[i].rule, size);
            struct loaded l = load_bytes(exact, size);
            assert_int_equal(l.set->n_rules, 0);
            unload(&l);
            free(exact);
        }
    }
}

static void equal_addresses_and_metadata_are_one_object(void **state)
{
    struct loaded l = load_text(
        "alert tcp 10.0.0.0/8 1:5 -> any any (metadata:a b; sid:1;)\n"
        "alert tcp [10.0.0.0/9,10.128.0.0/9] [1,2:5] -> any any (metadata:a b; sid:2;)\n");

    assert_int_equal(l.set->n_rules, 2);
    assert_ptr_equal(l.set->rules[0]->src, l.set->rules[1]->src);
    assert_ptr_equal(l.set->rules[0]->sports, l.set->rules[1]->sports);
    assert_ptr_equal(l.set->rules[0]->metadata_json, l.set->rules[1]->metadata_json);
    unload(&l);
}

/* The best content is long, of rare bytes and in a small buffer; an author's choice wins. */
static void the_content_to_find_a_rule_by_is_chosen_well(void **state)
{
    static const struct { const char *options, *pattern; } table[] = {
        { "content:\"abc\"; content:\"abcdefgh\"; ", "abcdefgh" },
        { "content:\"abcdefgh\"; content:\"xyz\"; fast_pattern; ", "xyz" },
        { "content:!\"abcdefghijkl\"; content:\"xyz\"; ", "xyz" },
        { "content:\"|00 00 00 00 00 00 00 00|\"; content:\"|8b 1f e9|\"; ", "\x8b\x1f\xe9" },
        { "http.method; content:\"OPTIONS\"; http.uri; content:\"/a.php\"; ", "/a.php" },
        { "content:\"abcdefghijklmnop\"; http.uri; content:\"/ab.php\"; ", "/ab.php" },
        { "content:\"abcdefghijklmnop\"; http.uri; content:\"/\"; ", "abcdefghijklmnop" },
        { "file.data; content:\"abcdefghijk\"; http.server; content:\"Jetty\"; ", "Jetty" },
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct strbuf text = STRBUF_EMPTY;
        strbuf_printf(&text, "alert tcp any any -> any any (%s sid:1;)", table[i].options);
        struct loaded l = load_text(strbuf_cstr(&text));
        assert_int_equal(l.set->n_rules, 1);
        const struct rule *r = l.set->rules[0];
        assert_true(r->fast_buffer >= 0);
        assert_true(slice_is(r->buffers[r->fast_buffer].ops[r->fast_op].content.pattern,
                             table[i].pattern));
        unload(&l);
        strbuf_fini(&text);
    }
}

static void each_phase_has_a_dump(void **state)
{
    static const char text[] = "# a comment\n#alert tcp any any -> any any (sid:9;)\n"
                               "alert tcp any [1,!2] -> $X any (sid:1; \\\n"
                               "    msg:\"a\\;b\"; odd;)\n";
    struct strbuf out = STRBUF_EMPTY;

    rules_dump_lines(text, sizeof text - 1, &out);
    assert_string_equal(strbuf_cstr(&out),
                        "2: disabled alert tcp any any -> any any (sid:9;)\n"
                        "3: rule alert tcp any [1,!2] -> $X any (sid:1;  msg:\"a\\;b\"; odd;)\n");
    strbuf_clear(&out);
    rules_dump_tokens(text, sizeof text - 1, &out);
    assert_string_equal(strbuf_cstr(&out),
                        "3: <alert> <tcp> <any> <[1,!2]> <->> <$X> <any>\n"
                        "  sid = 1\n  msg = \"a\\;b\"\n  odd\n");
    strbuf_clear(&out);
    rules_dump_tree(text, sizeof text - 1, &out);
    assert_string_equal(strbuf_cstr(&out),
                        "3: any [1, !2] $X any\n  sid: The rule's number\n"
                        "  msg: What the alert says\n  odd: unknown\n");
    strbuf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_become_the_plans_that_the_table_says),
        cmocka_unit_test(every_prefix_of_a_rule_is_read_within_its_bounds),
        cmocka_unit_test(equal_addresses_and_metadata_are_one_object),
        cmocka_unit_test(the_content_to_find_a_rule_by_is_chosen_well),
        cmocka_unit_test(each_phase_has_a_dump),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
