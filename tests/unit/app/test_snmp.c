/* SNMP: messages in, a transaction each with its EVE form out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sensor/app/snmp/snmp.h"
#include "tests/unit/app/talks.h"

#define GET_V1 \
    "0#\x02\x01\x00\x04\x06public\xa0\x16\x02\x01\x01\x02\x01\x00\x02\x01\x00" "0" \
    "\x0b" "0\x09\x06\x05+\x06\x01\x02\x01\x05\x00"
#define GET_NEXT_V2 \
    "0,\x02\x01\x01\x04\x07private\xa1\x1e\x02\x01\x01\x02\x01\x00\x02\x01\x00" \
    "0\x13" "0\x09\x06\x05+\x06\x01\x02\x01\x05\x00" "0\x06\x06\x02\x00\x01\x05" \
    "\x00"
#define RESPONSE_V2 \
    "0\x13\x02\x01\x01\x04\x01x\xa2\x0b\x02\x01\x01\x02\x01\x02\x02\x01\x00" "0" \
    "\x00"
#define RESPONSE_ERROR_7 \
    "0\x1e\x02\x01\x01\x04\x01x\xa2\x16\x02\x01\x01\x02\x01\x07\x02\x01\x00" "0" \
    "\x0b" "0\x09\x06\x05+\x06\x01\x02\x01\x05\x00"
#define BULK_V2 \
    "0\x1e\x02\x01\x01\x04\x01x\xa5\x16\x02\x01\x01\x02\x01\x03\x02\x01\x0a" "0" \
    "\x0b" "0\x09\x06\x05+\x06\x01\x02\x01\x05\x00"
#define BULK_V1 \
    "0\x1e\x02\x01\x00\x04\x01x\xa5\x16\x02\x01\x01\x02\x01\x00\x02\x01\x00" "0" \
    "\x0b" "0\x09\x06\x05+\x06\x01\x02\x01\x05\x00"
#define TRAP_V1 \
    "00\x02\x01\x00\x04\x06public\xa4#\x06\x05+\x06\x01\x02\x01@\x04\x01\x02\x03" \
    "\x04\x02\x01\x02\x02\x01\x00" "C\x01\x01" "0\x0b" "0\x09\x06\x05+\x06\x01" \
    "\x02\x01\x05\x00"
#define TRAP_ODD \
    "00\x02\x01\x00\x04\x06public\xa4#\x06\x05+\x06\x01\x02\x01@\x04\x01\x02\x03" \
    "\x04\x02\x01\x09\x02\x01\x00" "C\x01\x01" "0\x0b" "0\x09\x06\x05+\x06\x01" \
    "\x02\x01\x05\x00"
#define TRAP_BAD_ADDRESS \
    "0.\x02\x01\x00\x04\x06public\xa4!\x06\x05+\x06\x01\x02\x01@\x02\x01\x02\x02" \
    "\x01\x02\x02\x01\x00" "C\x01\x01" "0\x0b" "0\x09\x06\x05+\x06\x01\x02\x01" \
    "\x05\x00"
#define GET_V3 \
    "0J\x02\x01\x03" "0\x0e\x02\x01\x01\x02\x03\x00\xff\xe3\x04\x01\x04\x02\x01" \
    "\x03\x04\x16" "0\x14\x04\x03" "eng\x02\x01\x01\x02\x01\x02\x04\x03usr\x04" \
    "\x00\x04\x00" "0\x1d\x04\x01" "e\x04\x00\xa0\x16\x02\x01\x01\x02\x01\x00\x02" \
    "\x01\x00" "0\x0b" "0\x09\x06\x05+\x06\x01\x02\x01\x05\x00"
#define ENCRYPTED_V3 \
    "01\x02\x01\x03" "0\x0e\x02\x01\x01\x02\x03\x00\xff\xe3\x04\x01\x07\x02\x01" \
    "\x03\x04\x16" "0\x14\x04\x03" "eng\x02\x01\x01\x02\x01\x02\x04\x03usr\x04" \
    "\x00\x04\x00\x04\x04xxxx"
#define MODEL_1_V3 \
    "0J\x02\x01\x03" "0\x0e\x02\x01\x01\x02\x03\x00\xff\xe3\x04\x01\x04\x02\x01" \
    "\x01\x04\x16" "0\x14\x04\x03" "eng\x02\x01\x01\x02\x01\x02\x04\x03usr\x04" \
    "\x00\x04\x00" "0\x1d\x04\x01" "e\x04\x00\xa0\x16\x02\x01\x01\x02\x01\x00\x02" \
    "\x01\x00" "0\x0b" "0\x09\x06\x05+\x06\x01\x02\x01\x05\x00"
#define BAD_USM_V3 \
    "08\x02\x01\x03" "0\x0e\x02\x01\x01\x02\x03\x00\xff\xe3\x04\x01\x04\x02\x01" \
    "\x03\x04\x04junk0\x1d\x04\x01" "e\x04\x00\xa0\x16\x02\x01\x01\x02\x01\x00" \
    "\x02\x01\x00" "0\x0b" "0\x09\x06\x05+\x06\x01\x02\x01\x05\x00"
#define VERSION_9 \
    "0\x1e\x02\x01\x09\x04\x01x\xa0\x16\x02\x01\x01\x02\x01\x00\x02\x01\x00" "0" \
    "\x0b" "0\x09\x06\x05+\x06\x01\x02\x01\x05\x00"
#define BAD_VARS \
    "0\x18\x02\x01\x00\x04\x01x\xa0\x10\x02\x01\x01\x02\x01\x00\x02\x01\x00" "0" \
    "\x05" "0\x03\x02\x01\x01"
#define OIDS \
    "0>\x02\x01\x01\x04\x01x\xa0" "6\x02\x01\x01\x02\x01\x00\x02\x01\x00" "0+0" \
    "\x05\x06\x01(\x05\x00" "0\x05\x06\x01Q\x05\x00" "0\x07\x06\x03\x88" "7\x03" \
    "\x05\x00" "0\x0a\x06\x06+\xff\xff\xff\xff\x7f\x05\x00" "0\x06\x06\x02+\x81" \
    "\x05\x00"

static const struct talk_kind snmp = { "snmp", 161, true };

static const struct talk_case talks[] = {
    { "a request of version 1", { C(GET_V1) },
      { "\"snmp\":{\"version\":1,\"pdu_type\":\"get_request\",\"vars\":[\"1.3.6.1.2.1\"],"
        "\"community\":\"public\"}", "0 snmp.version=1", "0 snmp.pdu_type=0",
        "0 snmp.community[0]=public", "!1 snmp", "loggable 10" } },
    { "a request of version 2", { C(GET_NEXT_V2) },
      { "\"version\":2,\"pdu_type\":\"get_next_request\",\"vars\":[\"1.3.6.1.2.1\",\"0.0.1\"]" } },
    { "a response with an error", { C(GET_NEXT_V2), S(RESPONSE_V2) },
      { "\"pdu_type\":\"response\",\"error\":\"NoSuchName\",\"community\":\"x\"}",
        "1 snmp.pdu_type=2" } },
    { "an error without a name", { S(RESPONSE_ERROR_7) }, { "\"error\":\"ErrorStatus(7)\"" } },
    { "a bulk request has counts instead of errors", { C(BULK_V2) },
      { "\"get_bulk_request\",\"vars\"", "!error" } },
    { "version 1 knows no bulk request", { C(GET_V1), C(BULK_V1) },
      { "tx 1 done 11\n  event malformed_data", "!bulk" } },
    { "a trap of version 1", { C(TRAP_V1) },
      { "\"pdu_type\":\"trap_v1\",\"trap_type\":\"linkDown\",\"trap_oid\":\"1.3.6.1.2.1\","
        "\"trap_address\":\"1.2.3.4\",\"vars\":" } },
    { "a trap without a name", { C(TRAP_ODD) }, { "\"trap_type\":\"TrapType(9)\"" } },
    { "a trap of half an address", { C(TRAP_BAD_ADDRESS) }, { "event malformed_data" } },
    { "version 3 in the clear", { C(GET_V3) },
      { "\"snmp\":{\"version\":3,\"pdu_type\":\"get_request\",\"vars\":[\"1.3.6.1.2.1\"],"
        "\"usm\":\"usr\"}", "0 snmp.usm[0]=usr" } },
    { "version 3 encrypted", { C(ENCRYPTED_V3) },
      { "\"snmp\":{\"version\":3,\"pdu_type\":\"encrypted\"}", "0 snmp.usm[0]=usr",
        "!0 snmp.pdu_type" } },
    { "another model of security", { C(MODEL_1_V3) },
      { "event unknown_security_model", "\"pdu_type\":\"get_request\"", "!usm" } },
    { "parameters of security that are none", { C(BAD_USM_V3) }, { "event malformed_data" } },
    { "versions that change", { C(GET_V1), C(GET_NEXT_V2) },
      { "tx 1 done 11\n  event version_mismatch", "\"version\":1,\"pdu_type\":\"get_next" } },
    { "a version that there is not", { C(GET_V1), C(VERSION_9) },
      { "tx 1 done 11\n  event malformed_data" } },
    { "variables that are none", { C(BAD_VARS) }, { "event malformed_data", "loggable 10" } },
    { "object identifiers of all kinds", { C(OIDS) },
      { "\"vars\":[\"1.0\",\"2.1\",\"2.999.3\",\"1.3.34359738367\",\"1.3\"]" } },
    { "what is something else is not taken for it", { C("\x30\x05garbage") },
      { "proto unknown" } },
};

static void talks_leave_what_the_table_says(void **state)
{
    for (size_t i = 0; i < sizeof talks / sizeof *talks; i++) {
        check_talk(&talks[i], &snmp);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(talks_leave_what_the_table_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
