/* Certificates are read in two ways that agree: plain.c reads what nearly all are like, and
 * x509.c, by OpenSSL, whatever is not. */
#ifndef CIVICSHIELD_APP_TLS_CERTIFICATE_H
#define CIVICSHIELD_APP_TLS_CERTIFICATE_H

#include "sensor/app/tls/tls_private.h"

struct certificate_date {
    bool is_date;
    int year, month, day, hour, minute, second;
};

/* What is told of a certificate; its slices are in the arena or in its DER. */
struct certificate_body {
    struct slice subject, issuer;       /* Text: "C=US, O=Example, CN=www.example.org". */
    struct slice serial;                /* As its DER has it; NULL when it is too long. */
    struct certificate_date begins, ends;
    int64_t version;                    /* Less one. */
    struct slice *names;                /* Alternative names of the subject, as text. */
    size_t n_names;
    bool has_too_many_names, has_bad_names;
};

#define CERTIFICATE_MAX_NAME 4096       /* Of a subject or issuer; a longer one is cut. */
struct certificate_name {
    char bytes[CERTIFICATE_MAX_NAME];
    size_t size;
};
void certificate_name_put(struct certificate_name *, const void *bytes, size_t size);

/* A name that is an address, as text; NULL when it has not the size of one. */
struct slice certificate_address(struct arena *, const uint8_t *bytes, size_t size);

/* plain.c: false, with nothing told, where only OpenSSL can say what it is. */
bool certificate_read_plain(struct arena *, struct slice der, struct certificate_body *);

/* x509.c: false when there is no certificate at the beginning. */
bool certificate_read_x509(struct arena *, struct slice der, struct certificate_body *);
/* What an attribute is called, by the DER of its OID; false when that is none. */
bool certificate_name_put_oid(struct certificate_name *, struct slice der);

#endif
