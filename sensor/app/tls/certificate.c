/* X.509 (RFC 5280), read by OpenSSL, written as rule authors know it. */
#include "common/base/civil.h"
#include "sensor/app/tls/tls_private.h"
#include "sensor/app/tls/x509.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#define MAX_NAME_TEXT 4096      /* Of a subject or issuer; a longer one is cut. */

struct name_text {
    char bytes[MAX_NAME_TEXT];
    size_t size;
};

static void put(struct name_text *t, const void *bytes, size_t size)
{
    size_t room = sizeof t->bytes - t->size;

    size = size < room ? size : room;
    memcpy(t->bytes + t->size, bytes, size);
    t->size += size;
}

static void puts_text(struct name_text *t, const char *text)
{
    put(t, text, strlen(text));
}

/* The short forms in use; others by their long names, or their numbers. */
static void put_attribute(struct name_text *t, const ASN1_OBJECT *object)
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
            puts_text(t, short_names[i].name);
            return;
        }
    }
    if (nid != NID_undef) {
        puts_text(t, OBJ_nid2ln(nid));
    } else if (OBJ_obj2txt(number, sizeof number, object, 1) > 0) {
        puts_text(t, number);
    }
}

/* False where a string of characters is none of its kind: no certificate then.  Other values
 * are left out. */
static bool put_value(struct name_text *t, const ASN1_STRING *value)
{
    const unsigned long characters = B_ASN1_UTF8STRING | B_ASN1_BMPSTRING
                                     | B_ASN1_UNIVERSALSTRING | B_ASN1_PRINTABLESTRING
                                     | B_ASN1_T61STRING | B_ASN1_IA5STRING
                                     | B_ASN1_VISIBLESTRING;
    unsigned char *utf8 = NULL;
    int size = ASN1_STRING_to_UTF8(&utf8, value);

    if (size >= 0) {
        put(t, utf8, (size_t) size);
    }
    OPENSSL_free(utf8);
    return size >= 0 || (ASN1_tag2bit(ASN1_STRING_type(value)) & characters) == 0;
}

/* "C=US, O=Example, CN=www.example.org"; parts of one set are joined by " + ". */
static bool read_name(struct arena *arena, const x509_name *name, struct slice *text)
{
    struct name_text t = { .size = 0 };
    bool is_first = true;

    for (int i = 0; i < OPENSSL_sk_num(name); i++) {
        const STACK_OF(X509_NAME_ENTRY) *set = OPENSSL_sk_value(name, i);
        for (int j = 0; j < sk_X509_NAME_ENTRY_num(set); j++) {
            const X509_NAME_ENTRY *e = sk_X509_NAME_ENTRY_value(set, j);
            if (!is_first) {
                puts_text(&t, j > 0 ? " + " : ", ");
            }
            is_first = false;
            put_attribute(&t, X509_NAME_ENTRY_get_object(e));
            puts_text(&t, "=");
            if (!put_value(&t, X509_NAME_ENTRY_get_data(e))) {
                return false;
            }
        }
    }
    *text = t.size > 0 ? arena_copy(arena, t.bytes, t.size) : slice_text("");
    return true;
}

/* "00:9F:..." or "00:9f:...". */
static struct slice hex_text(struct arena *arena, const uint8_t *bytes, size_t size,
                             const char *digits)
{
    char *text = size > 0 ? arena_alloc(arena, size * 3) : NULL;

    if (text == NULL) {
        return slice_of(NULL, 0);
    }
    for (size_t i = 0; i < size; i++) {
        text[3 * i] = digits[bytes[i] >> 4];
        text[3 * i + 1] = digits[bytes[i] & 15];
        text[3 * i + 2] = ':';
    }
    return slice_of(text, size * 3 - 1);
}

/* The bytes of the number as its DER has them: a positive one may begin with a zero. */
static struct slice serial_text(struct arena *arena, const ASN1_INTEGER *serial)
{
    unsigned char *der = NULL;
    int size = i2d_ASN1_INTEGER(serial, &der);
    struct slice text = slice_of(NULL, 0);

    /* Tag and size; RFC 5280 allows 20 bytes, so the size is one byte in any real one. */
    if (size > 2 && der[1] < 0x80 && (int) der[1] == size - 2) {
        text = hex_text(arena, der + 2, der[1], "0123456789ABCDEF");
    }
    OPENSSL_free(der);
    return text;
}

/* "2018-11-28T00:00:00" and the same in seconds; empty when it is no date. */
static struct slice time_text(struct arena *arena, const ASN1_TIME *time, int64_t *seconds)
{
    struct tm tm;

    if (ASN1_TIME_to_tm(time, &tm) != 1) {
        return slice_of(NULL, 0);
    }
    *seconds = civil_seconds(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                             tm.tm_min, tm.tm_sec);
    return slice_text(arena_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02d",
                                   tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                                   tm.tm_min, tm.tm_sec));
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
    case GEN_IPADD: {
        const unsigned char *bytes = ASN1_STRING_get0_data(name->d.iPAddress);
        int size = ASN1_STRING_length(name->d.iPAddress);
        if (size == 4 || size == 16) {
            struct ip_addr ip = size == 4 ? ip_v4(bytes) : ip_v6(bytes);
            char out[IP_TEXT_SIZE];
            return arena_copy(arena, out, ip_format(&ip, false, out));
        }
        break;
    }
    default:
        break;
    }
    return text != NULL && ASN1_STRING_length(text) > 0
               ? arena_copy(arena, ASN1_STRING_get0_data(text),
                            (size_t) ASN1_STRING_length(text))
               : slice_of(NULL, 0);
}

static void read_names(struct tls_tx *tx, struct tls_certificate *c,
                       const STACK_OF(X509_EXTENSION) *extensions)
{
    int is_critical = -1;
    GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, &is_critical,
                                          NULL);

    if (names == NULL) {
        if (is_critical >= 0) {
            tls_set_event(tx, TLS_EVENT_CERTIFICATE_INVALID_EXTENSIONS);
        }
        return;
    }
    int n = sk_GENERAL_NAME_num(names);
    if (n > TLS_MAX_NAMES) {
        tls_set_event(tx, TLS_EVENT_TOO_MANY_NAMES);
        n = TLS_MAX_NAMES;
    }
    c->names = arena_alloc(&tx->tx.arena, (size_t) n * sizeof *c->names);
    for (int i = 0; i < n && c->names != NULL; i++) {
        struct slice text = general_name_text(&tx->tx.arena,
                                              sk_GENERAL_NAME_value(names, i));
        if (text.bytes != NULL) {
            c->names[c->n_names++] = text;
        }
    }
    GENERAL_NAMES_free(names);
}

static void read_body(struct tls_tx *tx, struct tls_certificate *c,
                      const struct x509_body *body)
{
    struct arena *arena = &tx->tx.arena;

    c->serial = serial_text(arena, &body->serial);
    c->not_before = time_text(arena, body->validity->notBefore, &c->begins);
    c->not_after = time_text(arena, body->validity->notAfter, &c->ends);
    if (c->serial.bytes == NULL) {
        tls_set_event(tx, TLS_EVENT_CERTIFICATE_INVALID_SERIAL);
    }
    c->has_dates = c->not_before.bytes != NULL && c->not_after.bytes != NULL;
    if (!c->has_dates) {
        tls_set_event(tx, TLS_EVENT_CERTIFICATE_INVALID_DATE);
    }
    if (ASN1_INTEGER_get(body->version) > 2) {
        tls_set_event(tx, TLS_EVENT_CERTIFICATE_INVALID_VERSION);
    }
    read_names(tx, c, body->extensions);
}

void tls_certificate_read(struct tls_tx *tx, struct tls_certificate *c)
{
    struct arena *arena = &tx->tx.arena;
    struct slice subject, issuer;
    unsigned char sha1[EVP_MAX_MD_SIZE];
    unsigned sha1_size = 0;

    if (EVP_Digest(c->der[0].bytes, c->der[0].size, sha1, &sha1_size, EVP_sha1(), NULL)
        == 1) {
        c->fingerprint = hex_text(arena, sha1, sha1_size, "0123456789abcdef");
    }
    struct x509 *x = x509_read(c->der[0].bytes, c->der[0].size);
    if (x == NULL || !read_name(arena, x->body.issuer, &issuer)
        || !read_name(arena, x->body.subject, &subject)) {
        tls_set_event(tx, TLS_EVENT_INVALID_CERTIFICATE);
        tls_set_event(tx, TLS_EVENT_CERTIFICATE_INVALID_DER);
    } else {
        c->issuer = issuer;
        c->subject = subject;
        read_body(tx, c, &x->body);
    }
    x509_free(x);
    ERR_clear_error();
}
