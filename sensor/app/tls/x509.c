#include "sensor/app/tls/x509.h"

#include <limits.h>
#include <openssl/asn1t.h>

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

struct x509 *x509_read(const uint8_t *bytes, size_t size)
{
    return (struct x509 *) ASN1_item_d2i(NULL, &bytes, (long) size, ASN1_ITEM_rptr(x509));
}

void x509_free(struct x509 *x)
{
    ASN1_item_free((ASN1_VALUE *) x, ASN1_ITEM_rptr(x509));
}
