/* Numbers of DHCP, SNMP, Kerberos and RFB, with those that are written as words. */
#include "rules/keywords/keywords.h"

static enum app_proto proto_of(enum rule_field f)
{
    switch (f) {
    case FIELD_DHCP_LEASETIME: case FIELD_DHCP_RENEWAL_TIME: case FIELD_DHCP_REBINDING_TIME:
        return APP_DHCP;
    case FIELD_SNMP_VERSION: case FIELD_SNMP_PDU_TYPE:
        return APP_SNMP;
    case FIELD_RFB_SECTYPE: case FIELD_RFB_SECRESULT:
        return APP_RFB;
    default:
        return APP_KRB5;
    }
}

bool auth_parse_number(struct draft *d, const struct keyword *row, struct slice v)
{
    return draft_need_app(d, proto_of((enum rule_field) row->argument))
           && number_parse_plain(d, row, v);
}

/* A number and nothing else. */
bool auth_parse_exact(struct draft *d, const struct keyword *row, struct slice v)
{
    uint64_t max = row->argument == FIELD_KRB5_MSG_TYPE ? UINT8_MAX : INT32_MAX, n;

    if (!draft_need_app(d, APP_KRB5)) {
        return false;
    }
    if (!number_parse(v, max, &n)) {
        return draft_error_at(d, v.bytes, "a number without a sign",
                              "\"%.*s\" is no value for %s", (int) v.size,
                              (const char *) v.bytes, row->name);
    }
    number_add(d, row, CMP_EQ, n, 0);
    return true;
}

/* What is no longer to be trusted is all but these (RFC 8429). */
static const uint32_t strong_encryptions[] = { 17, 18, 19, 20, 25, 26 };

static const struct { const char *name; int32_t number; } encryptions[] = {
    { "des-cbc-crc", 1 }, { "des-cbc-md4", 2 }, { "des-cbc-md5", 3 }, { "des3-cbc-md5", 5 },
    { "des3-cbc-sha1", 7 }, { "dsaWithSHA1-CmsOID", 9 }, { "md5WithRSAEncryption-CmsOID", 10 },
    { "sha1WithRSAEncryption-CmsOID", 11 }, { "rc2CBC-EnvOID", 12 },
    { "rsaEncryption-EnvOID", 13 }, { "rsaES-OAEP-ENV-OID", 14 },
    { "des-ede3-cbc-Env-OID", 15 }, { "des3-cbc-sha1-kd", 16 },
    { "aes128-cts-hmac-sha1-96", 17 }, { "aes256-cts-hmac-sha1-96", 18 },
    { "aes128-cts-hmac-sha256-128", 19 }, { "aes256-cts-hmac-sha384-192", 20 },
    { "rc4-hmac", 23 }, { "rc4-hmac-exp", 24 }, { "camellia128-cts-cmac", 25 },
    { "camellia256-cts-cmac", 26 }, { "subkey-keymaterial", 65 }, { "rc4-md4", -128 },
    { "rc4-plain2", -129 }, { "rc4-lm", -130 }, { "rc4-sha", -131 }, { "des-plain", -132 },
    { "rc4-hmac-OLD", -133 }, { "rc4-plain-OLD", -134 }, { "rc4-hmac-OLD-exp", -135 },
    { "rc4-plain-OLD-exp", -136 }, { "rc4-plain", -140 }, { "rc4-plain-exp", -141 },
};

static bool read_encryption(struct slice word, uint32_t *value)
{
    int64_t number;

    for (size_t i = 0; i < sizeof encryptions / sizeof *encryptions; i++) {
        if (slice_is(word, encryptions[i].name)) {
            *value = (uint32_t) encryptions[i].number;
            return true;
        }
    }
    if (!number_parse_signed(word, INT32_MIN, INT32_MAX, &number)) {
        return false;
    }
    *value = (uint32_t) number;
    return true;
}

/* The first value and more of them: any will do. */
static void add_values(struct draft *d, const struct keyword *row, const uint32_t *values,
                       size_t n, bool negated)
{
    struct rule_test *t = number_add(d, row, CMP_EQ, values[0], 0);

    t->negated = negated;
    t->n_names = n - 1;
    t->names = draft_alloc(d, n * sizeof *t->names);
    memcpy(t->names, values + 1, (n - 1) * sizeof *values);
}

#define MAX_ENCRYPTIONS 64u

/* "weak", "!weak", or names and numbers, any of which will do. */
bool auth_parse_encryption(struct draft *d, const struct keyword *row, struct slice v)
{
    uint32_t values[MAX_ENCRYPTIONS];
    size_t n = 0;
    struct slice part;

    if (!draft_need_app(d, APP_KRB5)) {
        return false;
    }
    if (slice_is(v, "weak") || slice_is(v, "!weak")) {
        add_values(d, row, strong_encryptions,
                   sizeof strong_encryptions / sizeof *strong_encryptions,
                   v.bytes[0] == 'w');
        return true;
    }
    while (slice_next(&v, ',', &part)) {
        while (part.size > 0) {         /* Blanks part them as well. */
            struct slice word = slice_word(&part);
            if (n == MAX_ENCRYPTIONS || !read_encryption(word, &values[n++])) {
                return draft_error_at(d, word.bytes, "weak, !weak, or for example rc4-hmac, 3",
                                      "\"%.*s\" is no encryption of a ticket",
                                      (int) word.size, (const char *) word.bytes);
            }
        }
    }
    if (n == 0) {
        return draft_error(d, NULL, "no encryption is named");
    }
    add_values(d, row, values, n, false);
    return true;
}

/* ok, fail, too_many, unknown, each with '!' or not; or a number as of other fields. */
bool auth_parse_result(struct draft *d, const struct keyword *row, struct slice v)
{
    static const char *const words[] = { "ok", "fail", "too_many", "unknown", NULL };
    bool negated = v.size > 0 && v.bytes[0] == '!';
    int index = word_index(slice_trim(slice_from(v, negated)), words);

    if (!draft_need_app(d, APP_RFB)) {
        return false;
    }
    if (index < 0) {
        return number_parse_plain(d, row, v);
    }
    number_add(d, row, index == 3 ? CMP_GE : CMP_EQ, (uint64_t) index, 0)->negated = negated;
    return true;
}
