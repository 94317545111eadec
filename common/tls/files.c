#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "common/base/alloc.h"
#include "common/tls/tls.h"

/* No certificate chain that people use comes near this. */
#define MAX_FILE_SIZE (1u << 20)

static char *read_file(const char *path, struct diag *diag)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t size;

    if (file == NULL) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "cannot be opened: %s", strerror(errno));
        return NULL;
    }
    text = xmalloc(MAX_FILE_SIZE + 1);
    size = fread(text, 1, MAX_FILE_SIZE + 1, file);
    if (ferror(file)) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "cannot be read: %s", strerror(errno));
        size = SIZE_MAX;
    } else if (size > MAX_FILE_SIZE) {
        diag_add(diag, DIAG_ERROR, path, 0, 0, NULL, "is too large for a PEM file");
        size = SIZE_MAX;
    }
    fclose(file);
    if (size == SIZE_MAX) {
        free(text);
        return NULL;
    }
    text[size] = '\0';
    return text;
}

/* The line of a PEM file that a complaint about its content is about. */
static unsigned find_begin(const char *text)
{
    const char *begin = strstr(text, "-----BEGIN");
    unsigned line = 1;

    for (; begin != NULL && text < begin; text++) {
        line += *text == '\n';
    }
    return line;
}

static X509 *parse_certificate(const char *path, const char *text, struct diag *diag)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    if (certificate == NULL) {
        diag_add(diag, DIAG_ERROR, path, find_begin(text), 1, NULL,
                 "expected a certificate in PEM form");
    }
    BIO_free(bio);
    ERR_clear_error();
    return certificate;
}

/* A key that is encrypted would otherwise make OpenSSL ask on the terminal. */
static int give_no_passphrase(char *buffer, int size, int is_writing, void *state)
{
    (void) buffer, (void) size, (void) is_writing, (void) state;
    return -1;
}

static EVP_PKEY *parse_key(const char *path, const char *text, struct diag *diag)
{
    BIO *bio = BIO_new_mem_buf(text, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, give_no_passphrase, NULL);

    if (key == NULL) {
        diag_add(diag, DIAG_ERROR, path, find_begin(text), 1, NULL,
                 "expected a private key in PEM form, without a passphrase");
    }
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

static void check_validity(const char *path, unsigned line, const X509 *certificate,
                           struct diag *diag)
{
    if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) {
        diag_add(diag, DIAG_ERROR, path, line, 1, NULL, "the certificate has expired");
    } else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0) {
        diag_add(diag, DIAG_ERROR, path, line, 1, NULL, "the certificate is not valid yet");
    }
}

static void copy_text(const ASN1_STRING *from, char name[TLS_NAME_SIZE])
{
    int size = ASN1_STRING_length(from);

    name[0] = '\0';
    if (size > 0 && size < TLS_NAME_SIZE) {
        memcpy(name, ASN1_STRING_get0_data(from), (size_t) size);
        name[size] = '\0';
        if (strlen(name) != (size_t) size) {
            name[0] = '\0';             /* A NUL inside: not a name that we trust. */
        }
    }
}

static void read_name(const X509 *certificate, char name[TLS_NAME_SIZE])
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    GENERAL_NAMES *names;

    name[0] = '\0';
    if (at >= 0) {
        copy_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), name);
        return;
    }
    names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *each = sk_GENERAL_NAME_value(names, i);

        if (each->type == GEN_DNS) {
            copy_text(each->d.dNSName, name);
            break;
        }
    }
    GENERAL_NAMES_free(names);
}

bool tls_name_check(const char *name)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strlen(name);

    return len >= 1 && len < TLS_NAME_SIZE && strspn(name, letters) == len
           && strchr("._-", name[0]) == NULL;
}

static void check_pair(const char *certificate_path, const char *key_path,
                       struct tls_files *files, struct diag *diag)
{
    X509 *certificate = parse_certificate(certificate_path, files->certificate, diag);
    EVP_PKEY *key = parse_key(key_path, files->key, diag);

    if (certificate != NULL) {
        unsigned line = find_begin(files->certificate);
        check_validity(certificate_path, line, certificate, diag);
        read_name(certificate, files->name);
        if (!tls_name_check(files->name)) {
            diag_add(diag, DIAG_ERROR, certificate_path, line, 1, NULL,
                     "expected a common name of 1 to 63 letters, digits, '.', '_' or '-'");
        }
        if (key != NULL && X509_check_private_key(certificate, key) != 1) {
            diag_add(diag, DIAG_ERROR, key_path, find_begin(files->key), 1, NULL,
                     "the key does not belong to the certificate %s", certificate_path);
        }
    }
    ERR_clear_error();
    X509_free(certificate);
    EVP_PKEY_free(key);
}

bool tls_files_read(const char *ca, const char *certificate, const char *key,
                    struct tls_files *out, struct diag *diag)
{
    size_t n_errors = diag->n_errors;

    memset(out, 0, sizeof *out);
    out->ca = read_file(ca, diag);
    out->certificate = read_file(certificate, diag);
    out->key = read_file(key, diag);
    if (out->ca != NULL) {
        X509_free(parse_certificate(ca, out->ca, diag));
    }
    if (out->certificate != NULL && out->key != NULL) {
        check_pair(certificate, key, out, diag);
    }
    if (diag->n_errors != n_errors) {
        tls_files_fini(out);
        return false;
    }
    return true;
}

void tls_files_fini(struct tls_files *files)
{
    free(files->ca);
    free(files->certificate);
    if (files->key != NULL) {
        OPENSSL_cleanse(files->key, strlen(files->key));
        free(files->key);
    }
    memset(files, 0, sizeof *files);
}
