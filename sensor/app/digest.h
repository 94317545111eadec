/* MD5, SHA-1 and SHA-256 by OpenSSL, which looks a digest up by its name, under a lock, for
 * each that is begun anew.  An engine has it looked up once. */
#ifndef CIVICSHIELD_APP_DIGEST_H
#define CIVICSHIELD_APP_DIGEST_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct app_engine;

enum app_digest { APP_MD5, APP_SHA1, APP_SHA256, APP_N_DIGESTS };
#define APP_DIGEST_MAX 32               /* Bytes of the longest. */

/* Of one piece of memory, into 'out'; returns its size in bytes, 0 when it cannot be made. */
size_t app_digest(struct app_engine *, enum app_digest, const void *bytes, size_t size,
                  uint8_t out[APP_DIGEST_MAX]);
/* One that is begun, for EVP_DigestUpdate() and its like; NULL when it cannot be made. */
EVP_MD_CTX *app_digest_open(struct app_engine *, enum app_digest);

#endif
