/* Certificates as OpenSSL's decoder gives them when it is told what to decode: all that the
 * standard says (RFC 5280, section 4.1), so that what is malformed is refused, but nothing
 * that follows from it.  d2i_X509() would make a usable key of the public key, and a
 * canonical form of the names for looking up issuers; that is nine tenths of its time, and
 * nobody asks for it here. */
#ifndef CIVICSHIELD_APP_TLS_X509_H
#define CIVICSHIELD_APP_TLS_X509_H

#include <openssl/x509.h>
#include <stdint.h>

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

/* NULL when the bytes do not begin with a certificate. */
struct x509 *x509_read(const uint8_t *bytes, size_t size);
void x509_free(struct x509 *);          /* NULL is fine. */

#endif
