#include "sensor/app/digest.h"

#include "sensor/app/app_private.h"

void app_digests_create(EVP_MD_CTX *digests[APP_N_DIGESTS])
{
    const EVP_MD *const kinds[] = { EVP_md5(), EVP_sha1(), EVP_sha256() };

    for (int i = 0; i < APP_N_DIGESTS; i++) {
        digests[i] = EVP_MD_CTX_new();
        if (digests[i] == NULL || EVP_DigestInit_ex(digests[i], kinds[i], NULL) != 1) {
            EVP_MD_CTX_free(digests[i]);
            digests[i] = NULL;
        }
    }
}

void app_digests_destroy(EVP_MD_CTX *digests[APP_N_DIGESTS])
{
    for (int i = 0; i < APP_N_DIGESTS; i++) {
        EVP_MD_CTX_free(digests[i]);
    }
}

size_t app_digest(struct app_engine *e, enum app_digest kind, const void *bytes, size_t size,
                  uint8_t out[APP_DIGEST_MAX])
{
    EVP_MD_CTX *digest = e->digests[kind];
    unsigned n = 0;

    /* Begun without a kind, it is begun anew. */
    if (digest == NULL || EVP_DigestInit_ex(digest, NULL, NULL) != 1
        || EVP_DigestUpdate(digest, bytes, size) != 1
        || EVP_DigestFinal_ex(digest, out, &n) != 1) {
        return 0;
    }
    return n;
}

EVP_MD_CTX *app_digest_open(struct app_engine *e, enum app_digest kind)
{
    const EVP_MD_CTX *known = e->digests[kind];
    EVP_MD_CTX *digest = known != NULL ? EVP_MD_CTX_new() : NULL;

    /* A copy has what was looked up; the name alone would be looked up again. */
    if (digest != NULL
        && (EVP_MD_CTX_copy_ex(digest, known) != 1
            || EVP_DigestInit_ex(digest, NULL, NULL) != 1)) {
        EVP_MD_CTX_free(digest);
        digest = NULL;
    }
    return digest;
}
