/* Certificates by OpenSSL's decoder, which is told what to decode: all that the standard says
 * (RFC 5280, section 4.1), so that what is malformed is refused, but nothing that follows from
 * it.  d2i_X509() would make a usable key of the public key, and a canonical form of the names
 * for looking up issuers; that is nine tenths of its time, and nobody asks for it here. */
#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "sensor/app/tls/certificate.h"

/* ---- What is decoded ---- */

struct x509_key {
    X509_ALGOR algorithm;
    ASN1_BIT_STRING bits;
};

/* A name: sets of attributes (STACK_OF(X509_NAME_ENTRY)) in order. */
typedef OPENSSL_STACK x509_name;

struct x509_body {
    ASN1_INTEGER *version;      /* Less one; NULL where it is the first. */
    ASN1_INTEGER serial;
    X509_ALGOR algorithm;
    x509_name *issuer, *subject;
    X509_VAL *validity;
    struct x509_key key;
    ASN1_BIT_STRING *issuer_id, *subject_id;
    STACK_OF(X509_EXTENSION) *extensions;
};

struct x509 {
    struct x509_body body;
    X509_ALGOR algorithm;
    ASN1_BIT_STRING signature;
};

ASN1_SEQUENCE(x509_key) = {
    ASN1_EMBED(struct x509_key, algorithm, X509_ALGOR),
    ASN1_EMBED(struct x509_key, bits, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END_name(struct x509_key, x509_key)

ASN1_ITEM_TEMPLATE(x509_attributes) =
    ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SET_OF, 0, attributes, X509_NAME_ENTRY)
static_ASN1_ITEM_TEMPLATE_END(x509_attributes)

ASN1_ITEM_TEMPLATE(x509_name) =
    ASN1_EX_TEMPLATE_TYPE(ASN1_TFLG_SEQUENCE_OF, 0, name, x509_attributes)
static_ASN1_ITEM_TEMPLATE_END(x509_name)

ASN1_SEQUENCE(x509_body) = {
    ASN1_EXP_OPT(struct x509_body, version, ASN1_INTEGER, 0),
    ASN1_EMBED(struct x509_body, serial, ASN1_INTEGER),
    ASN1_EMBED(struct x509_body, algorithm, X509_ALGOR),
    ASN1_SIMPLE(struct x509_body, issuer, x509_name),
    ASN1_SIMPLE(struct x509_body, validity, X509_VAL),
    ASN1_SIMPLE(struct x509_body, subject, x509_name),
    ASN1_EMBED(struct x509_body, key, x509_key),
    ASN1_IMP_OPT(struct x509_body, issuer_id, ASN1_BIT_STRING, 1),
    ASN1_IMP_OPT(struct x509_body, subject_id, ASN1_BIT_STRING, 2),
    ASN1_EXP_SEQUENCE_OF_OPT(struct x509_body, extensions, X509_EXTENSION, 3),
} static_ASN1_SEQUENCE_END_name(struct x509_body, x509_body)

ASN1_SEQUENCE(x509) = {
    ASN1_EMBED(struct x509, body, x509_body),
    ASN1_EMBED(struct x509, algorithm, X509_ALGOR),
    ASN1_EMBED(struct x509, signature, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END_name(struct x509, x509)

/* ---- Names ---- */

static void put_text(struct certificate_name *t, const char *text)
{
    certificate_name_put(t, text, strlen(text));
}

/* The short forms in use; others by their long names, or their numbers. */
static void put_attribute(struct certificate_name *t, const ASN1_OBJECT *object)
{
    static const struct {
        int nid;
        const char *name;
    } short_names[] = {
        { NID_commonName, "CN" }, { NID_countryName, "C" }, { NID_localityName, "L" },
        { NID_stateOrProvinceName, "ST" }, { NID_organizationName, "O" },
        { NID_organizationalUnitName, "OU" }, { NID_domainComponent, "DC" },
        { NID_pkcs9_emailAddress, "Email" },
    };
    int nid = OBJ_obj2nid(object);
    char number[128];

    for (size_t i = 0; i < sizeof short_names / sizeof *short_names; i++) {
        if (short_names[i].nid == nid) {
            put_text(t, short_names[i].name);
            return;
        }
    }
    if (nid != NID_undef) {
        put_text(t, OBJ_nid2ln(nid));
    } else if (OBJ_obj2txt(number, sizeof number, object, 1) > 0) {
        put_text(t, number);
    }
}

bool certificate_name_put_oid(struct certificate_name *t, struct slice der)
{
    const unsigned char *at = der.bytes;
    ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &at, (long) der.size);

    if (object == NULL) {
        ERR_clear_error();
        return false;
    }
    put_attribute(t, object);
    ASN1_OBJECT_free(object);
    return true;
}

/* False where a string of characters is none of its kind: no certificate then.  Other values
 * are left out. */
static bool put_value(struct certificate_name *t, const ASN1_STRING *value)
{
    const unsigned long characters = B_ASN1_UTF8STRING | B_ASN1_BMPSTRING
                                     | B_ASN1_UNIVERSALSTRING | B_ASN1_PRINTABLESTRING
                                     | B_ASN1_T61STRING | B_ASN1_IA5STRING
                                     | B_ASN1_VISIBLESTRING;
    unsigned char *utf8 = NULL;
    int size = ASN1_STRING_to_UTF8(&utf8, value);

    if (size >= 0) {
        certificate_name_put(t, utf8, (size_t) size);
    }
    OPENSSL_free(utf8);
    return size >= 0 || (ASN1_tag2bit(ASN1_STRING_type(value)) & characters) == 0;
}

/* Parts of one set are joined by " + ". */
static bool read_name(struct arena *arena, const x509_name *name, struct slice *text)
{
    struct certificate_name t;
    bool is_first = true;

    t.size = 0;
    for (int i = 0; i < OPENSSL_sk_num(name); i++) {
        const STACK_OF(X509_NAME_ENTRY) *set = OPENSSL_sk_value(name, i);
        for (int j = 0; j < sk_X509_NAME_ENTRY_num(set); j++) {
            const X509_NAME_ENTRY *e = sk_X509_NAME_ENTRY_value(set, j);
            if (!is_first) {
                put_text(&t, j > 0 ? " + " : ", ");
            }
            is_first = false;
            put_attribute(&t, X509_NAME_ENTRY_get_object(e));
            put_text(&t, "=");
            if (!put_value(&t, X509_NAME_ENTRY_get_data(e))) {
                return false;
            }
        }
    }
    *text = t.size > 0 ? arena_copy(arena, t.bytes, t.size) : slice_text("");
    return true;
}

static struct slice general_name_text(struct arena *arena, const GENERAL_NAME *name)
{
    const ASN1_STRING *text = NULL;

    switch (name->type) {
    case GEN_DNS:
        text = name->d.dNSName;
        break;
    case GEN_EMAIL:
        text = name->d.rfc822Name;
        break;
    case GEN_URI:
        text = name->d.uniformResourceIdentifier;
        break;
    case GEN_IPADD:
        return certificate_address(arena, ASN1_STRING_get0_data(name->d.iPAddress),
                                   (size_t) ASN1_STRING_length(name->d.iPAddress));
    default:
        break;
    }
    return text != NULL && ASN1_STRING_length(text) > 0
               ? arena_copy(arena, ASN1_STRING_get0_data(text),
                            (size_t) ASN1_STRING_length(text))
               : slice_of(NULL, 0);
}

static void read_names(struct arena *arena, const STACK_OF(X509_EXTENSION) *extensions,
                       struct certificate_body *out)
{
    int is_critical = -1;
    GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, &is_critical,
                                          NULL);

    if (names == NULL) {
        out->has_bad_names = is_critical >= 0;
        return;
    }
    int n = sk_GENERAL_NAME_num(names);
    if (n > TLS_MAX_NAMES) {
        out->has_too_many_names = true;
        n = TLS_MAX_NAMES;
    }
    out->names = arena_alloc(arena, (size_t) n * sizeof *out->names);
    for (int i = 0; i < n && out->names != NULL; i++) {
        struct slice text = general_name_text(arena, sk_GENERAL_NAME_value(names, i));
        if (text.bytes != NULL) {
            out->names[out->n_names++] = text;
        }
    }
    GENERAL_NAMES_free(names);
}

/* ---- The body ---- */

static struct slice read_serial(struct arena *arena, const ASN1_INTEGER *serial)
{
    unsigned char *der = NULL;
    int size = i2d_ASN1_INTEGER(serial, &der);
    struct slice bytes = slice_of(NULL, 0);

    /* Tag and size; RFC 5280 allows 20 bytes, so the size is one byte in any real one. */
    if (size > 2 && der[1] < 0x80 && (int) der[1] == size - 2) {
        bytes = arena_copy(arena, der + 2, der[1]);
    }
    OPENSSL_free(der);
    return bytes;
}

static struct certificate_date read_date(const ASN1_TIME *time)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) != 1) {
        return (struct certificate_date) { .is_date = false };
    }
    return (struct certificate_date) {
        .is_date = true,
        .year = tm.tm_year + 1900, .month = tm.tm_mon + 1, .day = tm.tm_mday,
        .hour = tm.tm_hour, .minute = tm.tm_min, .second = tm.tm_sec,
    };
}

bool certificate_read_x509(struct arena *arena, struct slice der,
                           struct certificate_body *out)
{
    const unsigned char *at = der.bytes;
    struct x509 *x = (struct x509 *) ASN1_item_d2i(NULL, &at, (long) der.size,
                                                   ASN1_ITEM_rptr(x509));

    *out = (struct certificate_body) { .version = 0 };
    bool is_sound = x != NULL && read_name(arena, x->body.issuer, &out->issuer)
                    && read_name(arena, x->body.subject, &out->subject);
    if (is_sound) {
        out->version = ASN1_INTEGER_get(x->body.version);
        out->serial = read_serial(arena, &x->body.serial);
        out->begins = read_date(x->body.validity->notBefore);
        out->ends = read_date(x->body.validity->notAfter);
        read_names(arena, x->body.extensions, out);
    }
    ASN1_item_free((ASN1_VALUE *) x, ASN1_ITEM_rptr(x509));
    ERR_clear_error();
    return is_sound;
}
