/* Kerberos: messages in, a transaction each with its EVE form out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/krb5/krb5.h"
#include "tests/unit/app/talks.h"

/* KDC-REQ, user@REALM.T for krbtgt/R; the same without a client's name. */
#define AS_REQ \
    "jr0p\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a\xa4" "d0b\xa0\x07\x03\x05\x00@" \
    "\x80\x00\x00\xa1\x11" "0\x0f\xa0\x03\x02\x01\x01\xa1\x08" "0\x06\x1b\x04user" \
    "\xa2\x09\x1b\x07REALM.T\xa3\x16" "0\x14\xa0\x03\x02\x01\x02\xa1\x0d" "0\x0b" \
    "\x1b\x06krbtgt\x1b\x01R\xa5\x11\x18\x0f" "20200101000000Z\xa7\x04\x02\x02" \
    "09\xa8\x08" "0\x06\x02\x01\x12\x02\x01\x17"
#define TGS_REQ \
    "l_0]\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0c\xa4Q0O\xa0\x07\x03\x05\x00@\x80" \
    "\x00\x00\xa2\x09\x1b\x07REALM.T\xa3\x16" "0\x14\xa0\x03\x02\x01\x02\xa1\x0d" \
    "0\x0b\x1b\x06krbtgt\x1b\x01R\xa5\x11\x18\x0f" "20200101000000Z\xa7\x04\x02" \
    "\x02" "09\xa8\x08" "0\x06\x02\x01\x12\x02\x01\x17"
/* KDC-REP in aes256 with a ticket for host/srv in rc4; the other way round. */
#define AS_REP \
    "k\x81\x85" "0\x81\x82\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0b\xa3\x09\x1b" \
    "\x07REALM.T\xa4\x11" "0\x0f\xa0\x03\x02\x01\x01\xa1\x08" "0\x06\x1b\x04user" \
    "\xa5@a>0<\xa0\x03\x02\x01\x05\xa1\x05\x1b\x03R.T\xa2\x16" "0\x14\xa0\x03\x02" \
    "\x01\x02\xa1\x0d" "0\x0b\x1b\x04host\x1b\x03srv\xa3\x16" "0\x14\xa0\x03\x02" \
    "\x01\x17\xa1\x03\x02\x01\x02\xa2\x08\x04\x06" "cipher\xa6\x16" "0\x14\xa0" \
    "\x03\x02\x01\x12\xa1\x03\x02\x01\x02\xa2\x08\x04\x06" "cipher"
#define TGS_REP \
    "m\x81\x8c" "0\x81\x89\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0d\xa3\x09\x1b" \
    "\x07REALM.T\xa4\x18" "0\x16\xa0\x03\x02\x01\x01\xa1\x0f" "0\x0d\x1b\x04user" \
    "\x1b\x05" "admin\xa5@a>0<\xa0\x03\x02\x01\x05\xa1\x05\x1b\x03R.T\xa2\x16" "0" \
    "\x14\xa0\x03\x02\x01\x02\xa1\x0d" "0\x0b\x1b\x04host\x1b\x03srv\xa3\x16" "0" \
    "\x14\xa0\x03\x02\x01\x12\xa1\x03\x02\x01\x02\xa2\x08\x04\x06" "cipher\xa6" \
    "\x16" "0\x14\xa0\x03\x02\x01\x17\xa1\x03\x02\x01\x02\xa2\x08\x04\x06" "ciphe" \
    "r"
/* KRB-ERROR 25 for krbtgt/R; 60 with a client's name and realm. */
#define ERROR_PREAUTH \
    "~I0G\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x1e\xa4\x11\x18\x0f" "2020010100000" \
    "0Z\xa5\x03\x02\x01{\xa6\x03\x02\x01\x19\xa9\x06\x1b\x04SR.T\xaa\x16" "0\x14" \
    "\xa0\x03\x02\x01\x02\xa1\x0d" "0\x0b\x1b\x06krbtgt\x1b\x01R"
#define ERROR_GENERIC \
    "~c0a\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x1e\xa4\x11\x18\x0f" "2020010100000" \
    "0Z\xa5\x03\x02\x01{\xa6\x03\x02\x01<\xa7\x05\x1b\x03X.Y\xa8\x11" "0\x0f\xa0" \
    "\x03\x02\x01\x01\xa1\x08" "0\x06\x1b\x04user\xa9\x06\x1b\x04SR.T\xaa\x16" "0" \
    "\x14\xa0\x03\x02\x01\x02\xa1\x0d" "0\x0b\x1b\x06krbtgt\x1b\x01R"
/* KRB-ERROR of a number that has no name, KDC-REP of a number below zero. */
#define ERROR_77 \
    "~I0G\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x1e\xa4\x11\x18\x0f" "2020010100000" \
    "0Z\xa5\x03\x02\x01{\xa6\x03\x02\x01M\xa9\x06\x1b\x04SR.T\xaa\x16" "0\x14\xa0" \
    "\x03\x02\x01\x02\xa1\x0d" "0\x0b\x1b\x06krbtgt\x1b\x01R"
#define AS_REP_OLD \
    "k\x81\x87" "0\x81\x84\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0b\xa3\x09\x1b" \
    "\x07REALM.T\xa4\x11" "0\x0f\xa0\x03\x02\x01\x01\xa1\x08" "0\x06\x1b\x04user" \
    "\xa5" "Aa\x3f" "0=\xa0\x03\x02\x01\x05\xa1\x05\x1b\x03R.T\xa2\x16" "0\x14" \
    "\xa0\x03\x02\x01\x02\xa1\x0d" "0\x0b\x1b\x04host\x1b\x03srv\xa3\x17" "0\x15" \
    "\xa0\x04\x02\x02\xfe\xd4\xa1\x03\x02\x01\x02\xa2\x08\x04\x06" "cipher\xa6" \
    "\x17" "0\x15\xa0\x04\x02\x02\xff{\xa1\x03\x02\x01\x02\xa2\x08\x04\x06" "ciph" \
    "er"
/* AP-REQ of which only the beginning is read. */
#define AP_REQ \
    "n\x10" "0\x0e\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0e\xa2\x02xx"
#define MANY_PARTS \
    "j\x82\x01" "40\x82\x01" "0\xa1\x03\x02\x01\x05\xa2\x03\x02\x01\x0a\xa4\x82" \
    "\x01\"0\x82\x01\x1e\xa0\x07\x03\x05\x00@\x80\x00\x00\xa1\x81\xcc" "0\x81\xc9" \
    "\xa0\x03\x02\x01\x01\xa1\x81\xc1" "0\x81\xbe\x1b\x02p0\x1b\x02p1\x1b\x02p2" \
    "\x1b\x02p3\x1b\x02p4\x1b\x02p5\x1b\x02p6\x1b\x02p7\x1b\x02p8\x1b\x02p9\x1b" \
    "\x03p10\x1b\x03p11\x1b\x03p12\x1b\x03p13\x1b\x03p14\x1b\x03p15\x1b\x03p16" \
    "\x1b\x03p17\x1b\x03p18\x1b\x03p19\x1b\x03p20\x1b\x03p21\x1b\x03p22\x1b\x03p2" \
    "3\x1b\x03p24\x1b\x03p25\x1b\x03p26\x1b\x03p27\x1b\x03p28\x1b\x03p29\x1b\x03p" \
    "30\x1b\x03p31\x1b\x03p32\x1b\x03p33\x1b\x03p34\x1b\x03p35\x1b\x03p36\x1b\x03" \
    "p37\x1b\x03p38\x1b\x03p39\xa2\x09\x1b\x07REALM.T\xa3\x16" "0\x14\xa0\x03\x02" \
    "\x01\x02\xa1\x0d" "0\x0b\x1b\x06krbtgt\x1b\x01R\xa5\x11\x18\x0f" "2020010100" \
    "0000Z\xa7\x04\x02\x02" "09\xa8\x08" "0\x06\x02\x01\x12\x02\x01\x17"
#define SIZED(bytes, size) "\0\0\0" size bytes

static const struct talk_kind udp = { "krb5", 88, true }, tcp = { "krb5", 88, false };

static const struct talk_case talks[] = {
    { "a request", { C(AS_REQ) },
      { "\"krb5\":{\"msg_type\":\"KRB_AS_REQ\",\"cname\":\"user\",\"realm\":\"REALM.T\","
        "\"sname\":\"krbtgt/R\",\"encryption\":\"<none>\",\"weak_encryption\":false}",
        "0 krb5_msg_type=10", "!krb5.ticket_encryption", "loggable 10", "!  event " } },
    { "a request without a client's name", { C(TGS_REQ) },
      { "\"msg_type\":\"KRB_TGS_REQ\",\"cname\":\"<empty>\"" } },
    { "a reply", { C(AS_REQ), S(AS_REP) },
      { "\"msg_type\":\"KRB_AS_REP\",\"cname\":\"user\",\"realm\":\"REALM.T\","
        "\"sname\":\"host/srv\",\"encryption\":\"aes256-cts-hmac-sha1-96\","
        "\"weak_encryption\":false,\"ticket_encryption\":\"rc4-hmac\","
        "\"ticket_weak_encryption\":true}",
        "1 krb5.ticket_encryption=23", "1 krb5.cname[0]=user", "1 krb5.sname[0]=host",
        "1 krb5.sname[1]=srv", "!event weak_encryption" } },
    { "a reply in a weak cipher", { C(TGS_REQ), S(TGS_REP) },
      { "event weak_encryption", "\"cname\":\"user/admin\"",
        "\"encryption\":\"rc4-hmac\",\"weak_encryption\":true",
        "\"ticket_weak_encryption\":false" } },
    { "ciphers with numbers below zero", { C(AS_REQ), S(AS_REP_OLD) },
      { "\"encryption\":\"rc4-hmac-OLD\"", "\"ticket_encryption\":\"EncryptionType(-300)\"",
        "1 krb5.ticket_encryption=4294966996" } },
    { "an error names the request that it answers", { C(AS_REQ), S(ERROR_PREAUTH) },
      { "\"msg_type\":\"KRB_ERROR\",\"failed_request\":\"KRB_AS_REQ\","
        "\"error_code\":\"KDC_ERR_PREAUTH_REQUIRED\",\"cname\":\"<empty>\","
        "\"realm\":\"<empty>\",\"sname\":\"krbtgt/R\"", "1 krb5_err_code=25" } },
    { "an error that answers a request that makes no event", { C(AP_REQ), S(ERROR_GENERIC) },
      { "\"failed_request\":\"KRB_AP_REQ\",\"error_code\":\"KRB_ERR_GENERIC\","
        "\"cname\":\"user\",\"realm\":\"X.Y\"", "!KRB_AP_REQ\",\"cname" } },
    { "an error that answers nothing", { S(ERROR_77) },
      { "\"failed_request\":\"UNKNOWN\",\"error_code\":\"ErrorCode(77)\"" } },
    { "a second error answers nothing", { C(AS_REQ), S(ERROR_PREAUTH), S(ERROR_77) },
      { "\"failed_request\":\"UNKNOWN\",\"error_code\":\"ErrorCode(77)\"" } },
    { "a name of many parts is cut", { C(MANY_PARTS) }, { "p0/p1/p2/", "/p31\"", "!p32" } },
    { "garbage behind a request", { C(AS_REQ), C("garbage garbage"), C(AS_REQ) },
      { "tx 1 done", "!tx 2" } },
    { "a request whose names are cut short", { C(AS_REQ), C("\x6a\x04\x30\x02\xa1\x00") },
      { "!tx 1" } },
};

static const struct talk_case streams[] = {
    { "messages behind their sizes", { C(SIZED(AS_REQ, "\x74")), S(SIZED(AS_REP, "\x88")) },
      { "KRB_AS_REQ", "KRB_AS_REP", "!failed 1" } },
    { "two in one piece", { C(SIZED(AS_REQ, "\x74") SIZED(AS_REQ, "\x74")) }, { "tx 1 done" } },
    { "an empty one is passed over", { C(SIZED(AS_REQ, "\x74") SIZED("", "\0")
                                         SIZED(AS_REQ, "\x74")) }, { "tx 1 done" } },
    { "one that is too long is passed over",
      { C(SIZED(AS_REQ, "\x74")), C("\x10\0\0\0" "xxxxxxxxxxxxxxxxxxxx"), C("xxxxxxxxxxxx"),
        S(SIZED(ERROR_PREAUTH, "\x4b")) },
      { "KDC_ERR_PREAUTH_REQUIRED", "!failed 1" } },
    { "a gap ends it", { C(SIZED(AS_REQ, "\x74")), GAP(TO_SERVER, 5),
                         C(SIZED(AS_REQ, "\x74")) }, { "failed 1", "!tx 1" } },
};

static void messages_leave_what_the_table_says(void **state)
{
    for (size_t i = 0; i < sizeof talks / sizeof *talks; i++) {
        check_talk(&talks[i], &udp);
    }
}

static void streams_of_messages_leave_what_the_table_says(void **state)
{
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        check_talk(&streams[i], &tcp);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_leave_what_the_table_says),
        cmocka_unit_test(streams_of_messages_leave_what_the_table_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
