/* X.509 (RFC 5280), read by OpenSSL, written as rule authors know it. */
#include "common/base/civil.h"
#include "sensor/app/tls/tls_private.h"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
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

static void put_value(struct name_text *t, const ASN1_STRING *value)
{
    unsigned char *utf8 = NULL;
    int size = ASN1_STRING_to_UTF8(&utf8, value);

    if (size >= 0) {
        put(t, utf8, (size_t) size);
    }
    OPENSSL_free(utf8);
}

/* "C=US, O=Example, CN=www.example.org"; parts of one set are joined by " + ". */
static struct slice name_text(struct arena *arena, const X509_NAME *name)
{
    struct name_text t = { .size = 0 };
    int last_set = -1;

    for (int i = 0; i < X509_NAME_entry_count(name); i++) {
        const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);
        int set = X509_NAME_ENTRY_set(e);

        if (i > 0) {
            puts_text(&t, set == last_set ? " + " : ", ");
        }
        last_set = set;
        put_attribute(&t, X509_NAME_ENTRY_get_object(e));
        puts_text(&t, "=");
        put_value(&t, X509_NAME_ENTRY_get_data(e));
    }
    return t.size > 0 ? arena_copy(arena, t.bytes, t.size) : slice_text("");
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
static struct slice serial_text(struct arena *arena, const X509 *x)
{
    unsigned char *der = NULL;
    int size = i2d_ASN1_INTEGER((ASN1_INTEGER *) (uintptr_t) X509_get0_serialNumber(x),
                                &der);
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

static void read_names(struct tls_tx *tx, struct tls_certificate *c, const X509 *x)
{
    int is_critical = -1;
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, &is_critical, NULL);

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

void tls_certificate_read(struct tls_tx *tx, struct tls_certificate *c)
{
    struct arena *arena = &tx->tx.arena;
    const unsigned char *at = c->der[0].bytes;
    unsigned char sha1[EVP_MAX_MD_SIZE];
    unsigned sha1_size = 0;

    if (EVP_Digest(c->der[0].bytes, c->der[0].size, sha1, &sha1_size, EVP_sha1(), NULL)
        == 1) {
        c->fingerprint = hex_text(arena, sha1, sha1_size, "0123456789abcdef");
    }
    X509 *x = d2i_X509(NULL, &at, (long) c->der[0].size);
    if (x == NULL) {
        tls_set_event(tx, TLS_EVENT_INVALID_CERTIFICATE);
        tls_set_event(tx, TLS_EVENT_CERTIFICATE_INVALID_DER);
        ERR_clear_error();
        return;
    }
    c->subject = name_text(arena, X509_get_subject_name(x));
    c->issuer = name_text(arena, X509_get_issuer_name(x));
    c->serial = serial_text(arena, x);
    c->not_before = time_text(arena, X509_get0_notBefore(x), &c->begins);
    c->not_after = time_text(arena, X509_get0_notAfter(x), &c->ends);
    if (c->serial.bytes == NULL) {
        tls_set_event(tx, TLS_EVENT_CERTIFICATE_INVALID_SERIAL);
    }
    c->has_dates = c->not_before.bytes != NULL && c->not_after.bytes != NULL;
    if (!c->has_dates) {
        tls_set_event(tx, TLS_EVENT_CERTIFICATE_INVALID_DATE);
    }
    if (X509_get_version(x) > 2) {
        tls_set_event(tx, TLS_EVENT_CERTIFICATE_INVALID_VERSION);
    }
    read_names(tx, c, x);
    X509_free(x);
    ERR_clear_error();
}
