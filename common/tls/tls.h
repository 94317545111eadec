/* Certificates and keys of both ends of the wire: read and checked before gRPC sees them,
 * so that a mistake is one line with the name of the file and not a failed handshake.
 *
 * Linking this room also raises the least protocol version of every connection that gRPC
 * makes to TLS 1.3 (see tls13.c).  Used at start, by one thread. */
#ifndef CIVICSHIELD_TLS_H
#define CIVICSHIELD_TLS_H

#include <stdbool.h>

#include "common/base/diag.h"

/* Longest name of a sensor or collector; it becomes part of document ids. */
#define TLS_NAME_SIZE 64

/* Three PEM files as text, NUL-terminated and owned; the key is wiped by tls_files_fini(). */
struct tls_files {
    char *ca;
    char *certificate;          /* The chain, own certificate first. */
    char *key;
    char name[TLS_NAME_SIZE];   /* See tls_name_check(): of the own certificate. */
};

/* Reads the files and checks that each is PEM, that the key belongs to the certificate,
 * that the certificate is valid now and that its name can serve.  Every problem goes to
 * 'diag' with the file it is in; then false, and 'out' is empty. */
bool tls_files_read(const char *ca, const char *certificate, const char *key,
                    struct tls_files *out, struct diag *diag);
void tls_files_fini(struct tls_files *);

/* True for a name that may stand in a document id: 1 to 63 of [A-Za-z0-9._-], a letter or
 * digit first.  The name is the subject's common name, or the first DNS name when the
 * subject has none. */
bool tls_name_check(const char *name);

/* True once the minimum version is known to be in force: the function that sets it is the
 * one that the gRPC library would find.  A program that finds false must not listen. */
bool tls_minimum_is_13(void);

#endif
