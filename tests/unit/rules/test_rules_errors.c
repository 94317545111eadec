/* Wrong rules against the message that their author reads. */
#include "tests/unit/rules/rules_test.h"

static const struct { const char *rule, *message; } cases[] = {
    { "alert udp any any -> any any (asn1:foo; sid:1;)",
      "t.rules:1:36: error: unknown or malformed option of asn1; bitstring_overflow, double"
      "_overflow, oversize_length 500, absolute_offset 0, relative_offset -5" },
    { "alert udp any any -> any any (asn1:oversize_length; sid:1;)",
      "t.rules:1:36: error: unknown or malformed option of asn1; bitstring_overflow, double"
      "_overflow, oversize_length 500, absolute_offset 0, relative_offset -5" },
    { "alert udp any any -> any any (asn1:bitstring_overflow, absolute_offset -5; sid:1;)",
      "t.rules:1:56: error: unknown or malformed option of asn1; bitstring_overflow, double"
      "_overflow, oversize_length 500, absolute_offset 0, relative_offset -5" },
    { "alert http any any -> any any (http.uri; content:\"a\"; asn1:double_overflow; sid:1;)",
      "t.rules:1:32: error: \"asn1\" is about single packets, http.uri about a transaction;"
      " make two rules and join them by a flowbit" },
    { "alert ip any any -> any any (iprep:src,test; sid:1;)",
      "t.rules:1:36: error: iprep is malformed; The address's reputation: src, dst, any or b"
      "oth, category, >, 100, or isset" },
    { "alert ip any any -> any any (iprep:either,test,>,5; sid:1;)",
      "t.rules:1:36: error: iprep is malformed; The address's reputation: src, dst, any or b"
      "oth, category, >, 100, or isset" },
    { "alert ip any any -> any any (iprep:src,test,isset,5; sid:1;)",
      "t.rules:1:36: error: iprep is malformed; The address's reputation: src, dst, any or b"
      "oth, category, >, 100, or isset" },
    { "alert ip any any -> any any (iprep:src,test,>,256; sid:1;)",
      "t.rules:1:36: error: iprep is malformed; The address's reputation: src, dst, any or b"
      "oth, category, >, 100, or isset" },
    { "alert ip any any -> any any (geoip:src,USA; sid:1;)",
      "t.rules:1:40: error: \"USA\" is no country; The address's country by two letters: src"
      ",US,DE; dst,!US; both; any" },
    { "alert ip any any -> any any (geoip:src; sid:1;)",
      "t.rules:1:36: error: geoip is malformed; The address's country by two letters: src,US"
      ",DE; dst,!US; both; any" },
    { "alert ssh any any -> any any (ssh.protoversion:2_compat; sid:1;)",
      "t.rules:1:31: error: \"ssh.protoversion\" is no longer there; use ssh.proto" },
    { "alert ssh any any -> any any (ssh.softwareversion:OpenSSH; sid:1;)",
      "t.rules:1:31: error: \"ssh.softwareversion\" is no longer there; use ssh.software" },
    { "alert ssh any any -> any any (ssh.hassh; content:\"abc\"; sid:1;)",
      "t.rules:1:31: error: the rule can never match: an MD5 is 32 hexadecimal digits" },
    { "alert tls any any -> any any (ja3.hash; content:\"0123456789abcdef0123456789abcdeg\"; "
      "sid:1;)",
      "t.rules:1:31: error: the rule can never match: an MD5 is 32 hexadecimal digits" },
    { "alert tcp any any -> any any (content:\"a\"; sid:1; contnt:\"x\";)",
      "t.rules:1:51: error: unknown keyword \"contnt\"; did you mean \"content\"?" },
    { "alert http any any -> any any (frame:request; content:\"a\"; sid:201;)",
      "t.rules:1:38: error: http has no frame \"request\"; frames are those of http1 "
      "and of http2" },
    { "alert tcp any any -> any any (frame:request; content:\"a\"; sid:202;)",
      "t.rules:1:37: error: no protocol is named for the frame \"request\"; for examp"
      "le: frame:tls.hdr" },
    { "alert tcp any any -> any any (frame:tls.hdx; content:\"a\"; sid:203;)",
      "t.rules:1:41: error: tls has no frame \"hdx\"; did you mean \"hdr\"?" },
    { "alert dns any any -> any any (frame:tls.hdr; content:\"a\"; sid:204;)",
      "t.rules:1:31: error: \"frame\" is of tls, but the rule is about dns" },
    { "alert tls any any -> any any (content:\"x\"; frame:hdr; content:\"a\"; sid:205"
      ";)",
      "t.rules:1:44: error: contents of the payload do not go with those of a frame; "
      "make two rules and join them by a flowbit" },
    { "alert tls any any -> any any (frame:hdr; content:\"a\"; tls.sni; content:\"b\""
      "; sid:206;)",
      "t.rules:1:31: error: what is asked of a transaction does not go with a frame; "
      "make two rules and join them by a flowbit" },
    { "alert tls any any -> any any (frame:hdr; sid:207;)",
      "t.rules:1:31: error: nothing is looked for in frame; name a content, pcre or t"
      "he like behind it" },
    { "alert udp any any -> any any (frame:dns.stream; content:\"a\"; sid:208;)",
      "t.rules:1:31: error: there are no streams over UDP" },
    { "alert http any any => any any (http.uri; content:\"a\"; sid:209;)",
      "t.rules:1:1: error: a rule with => needs buffers of the request and of the res"
      "ponse; -> is for rules about one side" },
    { "alert http any any => any any (http.uri; content:\"a\"; http.cookie; content:"
      "\"b\"; sid:210;)",
      "t.rules:1:55: error: http.cookie may be of either side, which => cannot tell a"
      "part" },
    { "alert http any any => any any (flow:to_server; http.uri; content:\"a\"; http.s"
      "tat_msg; content:\"b\"; sid:211;)",
      "t.rules:1:1: error: a rule with => is about both directions; leave to_server a"
      "nd to_client out" },
    { "alert http any any -> any any (file.data: to_cliend; content:\"a\"; sid:212;)",
      "t.rules:1:43: error: unknown side \"to_cliend\"; to_server or to_client" },
    { "alert tls:client_hello any any -> any any (sid:213;)",
      "t.rules:1:11: error: unknown hook \"client_hello\" of this protocol; did you m"
      "ean \"client_hello_done\"?" },
    { "alert tcp:flow_begin any any -> any any (sid:214;)",
      "t.rules:1:11: error: unknown hook \"flow_begin\" of this protocol" },
    { "alert http1:request_headers any any -> any any (http.uri; content:\"a\"; sid:2"
      "15;)",
      "t.rules:1:49: error: http.uri is not of the state that the hook names; its sta"
      "te is request_line" },
    { "alert http1:request_line any any -> any any (flow:to_client; sid:216;)",
      "t.rules:1:1: error: the rule can never match: its hook is of the other directi"
      "on than its flow" },
    { "alert tcp:flow_start any any -> any any (http.uri; content:\"a\"; sid:217;)",
      "t.rules:1:1: error: a hook of packets does not go with what is asked of http" },
    { "alert http1:request_line any any -> any any (dsize:1; sid:218;)",
      "t.rules:1:1: error: \"dsize\" is about single packets, the hook about a transa"
      "ction; make two rules and join them by a flowbit" },
    { "alert http any any -> any any (http.hos; content:\"a\"; sid:2;)",
      "t.rules:1:32: error: unknown keyword \"http.hos\"; did you mean \"http.host\""
      "?" },
    { "alrt tcp any any -> any any (sid:3;)",
      "t.rules:1:1: error: unknown action \"alrt\"; alert, pass, drop, reject, rejec"
      "tsrc, rejectdst, rejectboth or config" },
    { "alert htp any any -> any any (sid:4;)",
      "t.rules:1:7: error: unknown protocol \"htp\"; did you mean \"http\"?" },
    { "alert tcp any any >> any any (sid:5;)",
      "t.rules:1:19: error: unknown direction \">>\"; ->, <> or =>" },
    { "alert tcp $NOPE any -> any any (sid:6;)",
      "t.rules:1:12: error: this address variable is not defined; variables are set "
      "in vars.address-groups" },
    { "alert tcp !any any -> any any (sid:7;)",
      "t.rules:1:11: error: no address left; the negations take away everything" },
    { "alert tcp [10.0.0.1,!10.0.0.1] any -> any any (sid:8;)",
      "t.rules:1:11: error: no address left; the negations take away everything" },
    { "alert tcp any 70000 -> any any (sid:9;)",
      "t.rules:1:15: error: this is no port; a port from 0 to 65535, a range like 10"
      "24: or 80:90, $VARIABLE or [list] stands here" },
    { "alert tcp any 90:80 -> any any (sid:10;)",
      "t.rules:1:15: error: the range is wrong; it runs from the lower port to the h"
      "igher" },
    { "alert tcp any ![0:65535] -> any any (sid:11;)",
      "t.rules:1:15: error: no port left; the negations take away everything" },
    { "alert tcp 1.2.3.4/33 any -> any any (sid:12;)",
      "t.rules:1:11: error: the prefix is too long" },
    { "alert tcp [1.2.3.4 any -> any any (sid:13;)",
      "t.rules:1:11: error: a bracket is not closed" },
    { "alert tcp any any -> any any",
      "t.rules:1:29: error: no '(' behind the header; options stand in parentheses" },
    { "alert tcp any any -> any (sid:15;)",
      "t.rules:1:26: error: the header of the rule is too short; a header is: action"
      " protocol source ports -> destination ports" },
    { "alert tcp any any -> any any (sid:16)",
      "t.rules:1:31: error: an option without a semicolon behind it; each option end"
      "s with ';'" },
    { "alert tcp any any -> any any (msg:\"no sid\";)",
      "t.rules:1:1: error: a rule without sid; give it a number of its own: sid:1000"
      "001;" },
    { "alert tcp any any -> any any (content:\"|0z|\"; sid:18;)",
      "t.rules:1:41: error: this is no pair of digits; between bars stand pairs of h"
      "exadecimal digits: |0d 0a|" },
    { "alert tcp any any -> any any (content:\"|00\"; sid:19;)",
      "t.rules:1:40: error: a bar is not closed" },
    { "alert tcp any any -> any any (content:\"a\"b\"; sid:20;)",
      "t.rules:1:41: error: a quote within the content; write it as \\\" or |22|" },
    { "alert tcp any any -> any any (content:abc; sid:21;)",
      "t.rules:1:39: error: the value of \"content\" stands in quotes" },
    { "alert tcp any any -> any any (depth:5; sid:22;)",
      "t.rules:1:31: error: \"depth\" without a content in front of it; it stands be"
      "hind the content that it changes" },
    { "alert tcp any any -> any any (content:\"abc\"; depth:2; sid:23;)",
      "t.rules:1:46: error: depth: smaller than the content, so the rule can never m"
      "atch" },
    { "alert tcp any any -> any any (content:\"abc\"; within:2; sid:24;)",
      "t.rules:1:46: error: within: smaller than the content, so the rule can never "
      "match" },
    { "alert tcp any any -> any any (content:\"a\"; depth:9; distance:1; sid:25;)",
      "t.rules:1:53: error: distance: a content is either relative or has a place of"
      " its own" },
    { "alert tcp any any -> any any (content:\"a\"; offset:9; startswith; sid:26;)",
      "t.rules:1:54: error: startswith: another keyword says where the content stand"
      "s" },
    { "alert tcp any any -> any any (content:!\"a\"; offset:9; fast_pattern; sid:27;"
      ")",
      "t.rules:1:55: error: a negated content with a place is no fast_pattern" },
    { "alert tcp any any -> any any (content:\"abc\"; fast_pattern:2,2; sid:28;)",
      "t.rules:1:61: error: this part is not within the content" },
    { "alert tcp any any -> any any (content:\"a\"; fast_pattern; content:\"b\"; fas"
      "t_pattern; sid:29;)",
      "t.rules:1:71: error: a rule has one fast_pattern" },
    { "alert http any any -> any any (http.uri; sid:30;)",
      "t.rules:1:32: error: nothing is looked for in http.uri; name a content, pcre "
      "or the like behind it" },
    { "alert http any any -> any any (flow:to_client; http.uri; content:\"a\"; sid:3"
      "1;)",
      "t.rules:1:48: error: the rule can never match: http.uri is only in the direct"
      "ion to the server; flow:to_server" },
    { "alert http any any -> any any (http.uri; content:\"a\"; http.stat_code; conte"
      "nt:\"2\"; sid:32;)",
      "t.rules:1:55: error: the rule can never match: http.stat_code is of the other"
      " direction; make two rules and join them by a flowbit, or one with =>" },
    { "alert http any any -> any any (http.uri; content:\"a\"; dsize:5; sid:33;)",
      "t.rules:1:32: error: \"dsize\" is about single packets, http.uri about a tran"
      "saction; make two rules and join them by a flowbit" },
    { "alert tcp any any -> any any (flow:only_stream; dsize:5; content:\"a\"; sid:3"
      "4;)",
      "t.rules:1:1: error: \"dsize\" is about single packets; flow:only_stream and t"
      "cp-stream look at no single packet" },
    { "alert dns any any -> any any (http.uri; content:\"a\"; sid:35;)",
      "t.rules:1:31: error: \"http.uri\" is of http, but the rule is about dns" },
    { "alert icmp any any -> any any (http.uri; content:\"a\"; sid:36;)",
      "t.rules:1:32: error: \"http.uri\" needs http, which this protocol never carri"
      "es" },
    { "alert tcp any any -> any any (dsize:2; content:\"abc\"; sid:37;)",
      "t.rules:1:1: error: the rule can never match: dsize; the contents need more b"
      "ytes than dsize lets through" },
    { "alert http any any -> any any (http.uri; bsize:<3; content:\"abc\"; sid:38;)",
      "t.rules:1:32: error: the rule can never match: bsize of http.uri; its content"
      "s need more bytes than bsize lets through" },
    { "alert http any any -> any any (http.host; content:\"ABC\"; sid:39;)",
      "t.rules:1:32: error: the rule can never match: http.host is lower case: no up"
      "per-case letters in contents" },
    { "alert http any any -> any any (http.uri; to_lowercase; content:\"ABC\"; sid:4"
      "0;)",
      "t.rules:1:32: error: the rule can never match: to_lowercase leaves no upper-c"
      "ase letters" },
    { "alert http any any -> any any (http.uri; content:\"a\"; http_method; sid:41;)",
      "t.rules:1:55: error: \"http_method\" cannot stand behind a sticky buffer; nam"
      "e the buffer in front of its contents, or behind, not both" },
    { "alert tcp any any -> any any (pcre:\"/a(/\"; sid:42;)",
      "t.rules:1:36: error: the expression does not compile: missing closing parenth"
      "esis (at its character 3)" },
    { "alert tcp any any -> any any (pcre:\"abc\"; sid:43;)",
      "t.rules:1:37: error: an expression stands between slashes; for example: pcre:"
      "\"/^abc/i\"" },
    { "alert tcp any any -> any any (pcre:\"/a/q\"; sid:44;)",
      "t.rules:1:40: error: unknown flag 'q' of an expression" },
    { "alert tcp any any -> any any (byte_test:9,>,1,0; sid:45;)",
      "t.rules:1:31: error: 1 to 8 bytes can be read here" },
    { "alert tcp any any -> any any (byte_test:4,~,1,0; sid:46;)",
      "t.rules:1:43: error: unknown operator; one of < > = <= >= & ^, with ! in fron"
      "t or not" },
    { "alert tcp any any -> any any (byte_jump:4,nowhere; sid:47;)",
      "t.rules:1:43: error: unknown variable \"nowhere\"; byte_extract or byte_math "
      "of the same buffer makes variables, in front of their use" },
    { "alert tcp any any -> any any (ttl:300; sid:48;)",
      "t.rules:1:35: error: \"300\" is no value for ttl (at most 255); for example 5"
      ", !5, <5, >=5, 3-7" },
    { "alert tcp any any -> any any (flags:SX; sid:49;)",
      "t.rules:1:37: error: \"SX\" is no value for flags; for example S,12 or +SA or"
      " !A" },
    { "alert tcp any any -> any any (flow:to_server,to_client; sid:50;)",
      "t.rules:1:46: error: \"to_client\" does not go with what stands in front of i"
      "t" },
    { "alert tcp any any -> any any (flow:estblished; sid:51;)",
      "t.rules:1:36: error: unknown option \"estblished\" of flow; did you mean \"es"
      "tablished\"?" },
    { "alert tcp any any -> any any (flowbits:set,a|b; sid:52;)",
      "t.rules:1:44: error: only isset and isnotset take several names; write flowbi"
      "ts once for each bit" },
    { "alert tcp any any -> any any (flowbits:sett,a; sid:53;)",
      "t.rules:1:40: error: unknown command \"sett\"; set, unset, toggle, isset or i"
      "snotset" },
    { "alert tcp any any -> any any (threshold:type limit, track by_src, count 1; si"
      "d:54;)",
      "t.rules:1:31: error: threshold lacks a part; type limit, track by_src, count "
      "1, seconds 60" },
    { "alert tcp any any -> any any (decode-event:ipv4.pkt_to_small; sid:55;)",
      "t.rules:1:44: error: unknown event \"ipv4.pkt_to_small\"; did you mean \"ipv4"
      ".pkt_too_small\"?" },
    { "alert tcp any any -> any any (template.buffer; sid:57;)",
      "t.rules:1:31: error: keyword \"template.buffer\" is not supported yet; "
      "the protocol is an example" },
    { "alert dns any any -> any any (dns.query; dataset:set,x,type string,save ../up"
      "; sid:58;)",
      "t.rules:1:42: error: rules may not write datasets; datasets.rules.allow-write" },
    { "alert ip any any -> any any (ip.src; datarep:bad,>,5,type ip,load bad.json,format js"
      "on; sid:162;)",
      "t.rules:1:38: error: datarep reads no JSON; a value, a comma and a reputation"
      " a line" },
    { "alert dns any any -> any any (dns.query; dataset:isset,x,type string,load x.json,for"
      "mat json,value_key a,context_key b\"c; sid:163;)",
      "t.rules:1:118: error: context_key is a word of ASCII without quotes" },
    { "alert tcp any any -> any any (base64_data; content:\"a\"; sid:59;)",
      "t.rules:1:31: error: base64_data without base64_decode; base64_decode stands "
      "in front of it" },
    { "alert tcp any any -> any any (noalert:yes; sid:60;)",
      "t.rules:1:31: error: \"noalert\" takes no value" },
    { "alert tls any any -> any any (tls_cert_expired:yes; sid:160;)",
      "t.rules:1:31: error: \"tls_cert_expired\" takes no value" },
    { "alert tls any any -> any any (tls_cert_notafter:<2015-13; sid:161;)",
      "t.rules:1:49: error: \"<2015-13\" is no date for tls_cert_notafter; for exampl"
      "e <2015-10, >2015-10-22T23:59:59, 2015-10-01<>2015-10-22" },
    { "alert mqtt any any -> any any (mqtt.type:FOO; sid:175;)",
      "t.rules:1:42: error: \"FOO\" is no value for mqtt.type; for example 5, >3, 1-4" },
    { "alert mqtt any any -> any any (mqtt.qos:3; sid:176;)",
      "t.rules:1:41: error: \"3\" is no value for mqtt.qos; 0, 1 or 2" },
    { "alert mqtt any any -> any any (mqtt.flags:retain,foo; sid:177;)",
      "t.rules:1:50: error: \"foo\" is no value for mqtt.flags; retain, dup" },
    { "alert mqtt any any -> any any (mqtt.connack.session_present:yes; sid:178;)",
      "t.rules:1:61: error: \"yes\" is no value for mqtt.connack.session_present; true or "
      "false" },
    { "alert ftp any any -> any any (ftp.mode:xactive; sid:170;)",
      "t.rules:1:40: error: \"xactive\" is no value for ftp.mode; active or passive" },
    { "alert ftp any any -> any any (ftp.reply_received:yes yes; sid:171;)",
      "t.rules:1:50: error: \"yes yes\" is no value for ftp.reply_received; yes or no" },
    { "alert ftp any any -> any any (ftp.dynamic_port:65536; sid:172;)",
      "t.rules:1:48: error: \"65536\" is no port; for example 2121, >1023, 1024-65535" },
    { "alert ftp any any -> any any (ftp.dynamic_port:&5; sid:173;)",
      "t.rules:1:48: error: \"&5\" is no port; for example 2121, >1023, 1024-65535" },
    { "alert ftp-data any any -> any any (ftpdata_command:RETR; sid:174;)",
      "t.rules:1:52: error: \"RETR\" is no value for ftpdata_command; retr, stor, appe, "
      "stou, list, nlst, mlsd" },
    { "alert tcp any any -> any any (content; sid:61;)",
      "t.rules:1:31: error: \"content\" needs a value; Bytes to look for, in quotes;"
      " |0d 0a| is hexadecimal" },
    { "alert tcp any any -> any any (requires: version 8; sid:62;)",
      "t.rules:1:31: error: requires is malformed; for example: requires: version >="
      " 8.0.0, keyword xbits" },
    { "alert tcp any any -> any any (msg:\"a\"; msg:\"b\"; sid:64;)",
      "t.rules:1:40: error: \"msg\" stands twice in this rule" },
    { "alert tcp any any -> any any (classtype:nonsense; sid:65;)",
      "t.rules:1:31: warning: unknown classtype \"nonsense\": priority 3" },
    { "alert tcp any any -> any any (to_lowercase; content:\"a\"; sid:66;)",
      "t.rules:1:31: error: \"to_lowercase\" stands behind a sticky buffer; for exam"
      "ple: http.uri; to_lowercase;" },
    { "alert smtp any any -> any any (nfq_set_mark:0x1/0x1; sid:67;)",
      "t.rules:1:32: error: keyword \"nfq_set_mark\" is not supported yet; "
      "a tap changes no packet" },
};

static void wrong_rules_are_refused_with_place_and_remedy(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loaded l = load_text(cases[i].rule);
        char *text = print_first(&l.diag);
        assert_string_equal(text, cases[i].message);
        assert_int_equal(l.set->n_refused, l.diag.n_errors > 0);
        assert_int_equal(l.set->n_rules, l.diag.n_errors == 0);
        free(text);
        unload(&l);
    }
}

static void a_dataset_is_loaded_where_it_is_named_first(void **state)
{
    struct loaded l = load_text(
        "alert dns any any -> any any (dns.query; dataset:isset,x,type string; sid:1;)\n"
        "alert dns any any -> any any (dns.query; dataset:isset,x; sid:2;)\n"
        "alert dns any any -> any any (dns.query; dataset:isset,x,type string,load y; sid:3;)");
    char *text = print_first(&l.diag);

    assert_string_equal(text, "t.rules:3:42: error: dataset \"x\" is not loaded from there; "
                              "load it where it is named first");
    assert_int_equal(l.set->n_loaded, 2);
    free(text);
    unload(&l);
}

static void every_error_of_a_rule_is_reported(void **state)
{
    struct loaded l = load_text("alert tcp any any -> any any (ttl:999; foo:1; sid:1; "
                                "content:\"|0|\";)");

    assert_int_equal(l.diag.n_errors, 3);
    assert_int_equal(l.set->n_refused, 1);
    unload(&l);
}

static void an_error_in_a_continued_line_names_the_line_in_the_file(void **state)
{
    struct loaded l = load_text("# first\nalert tcp any any -> any any (sid:1; \\\n"
                                "   msg:\"a\"; \\\n  ttl:999;)\n");

    assert_int_equal(l.diag.n, 1);
    assert_int_equal(l.diag.messages[0].line, 4);
    assert_int_equal(l.diag.messages[0].column, 7);
    unload(&l);
}

static void good_rules_load_beside_wrong_ones(void **state)
{
    struct loaded l = load_text("alert tcp any any -> any any (sid:1;)\nnonsense\n"
                                "alert tcp any any -> any any (sid:2;)\n");

    assert_int_equal(l.set->n_loaded, 2);
    assert_int_equal(l.set->n_refused, 1);
    unload(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_rules_are_refused_with_place_and_remedy),
        cmocka_unit_test(a_dataset_is_loaded_where_it_is_named_first),
        cmocka_unit_test(every_error_of_a_rule_is_reported),
        cmocka_unit_test(an_error_in_a_continued_line_names_the_line_in_the_file),
        cmocka_unit_test(good_rules_load_beside_wrong_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
