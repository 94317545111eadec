/* Numbers of RFC 3961, RFC 4120 and their registries by name. */
#include "sensor/app/krb5/message.h"

static const struct { int32_t etype; const char *name; } etypes[] = {
    { 1, "des-cbc-crc" }, { 2, "des-cbc-md4" }, { 3, "des-cbc-md5" }, { 5, "des3-cbc-md5" },
    { 7, "des3-cbc-sha1" }, { 9, "dsaWithSHA1-CmsOID" }, { 10, "md5WithRSAEncryption-CmsOID" },
    { 11, "sha1WithRSAEncryption-CmsOID" }, { 12, "rc2CBC-EnvOID" },
    { 13, "rsaEncryption-EnvOID" }, { 14, "rsaES-OAEP-ENV-OID" },
    { 15, "des-ede3-cbc-Env-OID" }, { 16, "des3-cbc-sha1-kd" },
    { 17, "aes128-cts-hmac-sha1-96" }, { 18, "aes256-cts-hmac-sha1-96" },
    { 19, "aes128-cts-hmac-sha256-128" }, { 20, "aes256-cts-hmac-sha384-192" },
    { 23, "rc4-hmac" }, { 24, "rc4-hmac-exp" }, { 25, "camellia128-cts-cmac" },
    { 26, "camellia256-cts-cmac" }, { 65, "subkey-keymaterial" }, { -128, "rc4-md4" },
    { -129, "rc4-plain2" }, { -130, "rc4-lm" }, { -131, "rc4-sha" }, { -132, "des-plain" },
    { -133, "rc4-hmac-OLD" }, { -134, "rc4-plain-OLD" }, { -135, "rc4-hmac-OLD-exp" },
    { -136, "rc4-plain-OLD-exp" }, { -140, "rc4-plain" }, { -141, "rc4-plain-exp" },
};

static const char *const errors[] = {
    "KDC_ERR_NONE", "KDC_ERR_NAME_EXP", "KDC_ERR_SERVICE_EXP", "KDC_ERR_BAD_PVNO",
    "KDC_ERR_C_OLD_MAST_KVNO", "KDC_ERR_S_OLD_MAST_KVNO", "KDC_ERR_C_PRINCIPAL_UNKNOWN",
    "KDC_ERR_S_PRINCIPAL_UNKNOWN", "KDC_ERR_PRINCIPAL_NOT_UNIQUE", "KDC_ERR_NULL_KEY",
    "KDC_ERR_CANNOT_POSTDATE", "KDC_ERR_NEVER_VALID", "KDC_ERR_POLICY", "KDC_ERR_BADOPTION",
    "KDC_ERR_ETYPE_NOSUPP", "KDC_ERR_SUMTYPE_NOSUPP", "KDC_ERR_PADATA_TYPE_NOSUPP",
    "KDC_ERR_TRTYPE_NOSUPP", "KDC_ERR_CLIENT_REVOKED", "KDC_ERR_SERVICE_REVOKED",
    "KDC_ERR_TGT_REVOKED", "KDC_ERR_CLIENT_NOTYET", "KDC_ERR_SERVICE_NOTYET",
    "KDC_ERR_KEY_EXPIRED", "KDC_ERR_PREAUTH_FAILED", "KDC_ERR_PREAUTH_REQUIRED",
    "KDC_ERR_SERVER_NOMATCH", "KDC_ERR_MUST_USE_USER2USER", "KDC_ERR_PATH_NOT_ACCEPTED",
    "KDC_ERR_SVC_UNAVAILABLE", NULL, "KRB_AP_ERR_BAD_INTEGRITY", "KRB_AP_ERR_TKT_EXPIRED",
    "KRB_AP_ERR_TKT_NYV", "KRB_AP_ERR_REPEAT", "KRB_AP_ERR_NOT_US", "KRB_AP_ERR_BADMATCH",
    "KRB_AP_ERR_SKEW", "KRB_AP_ERR_BADADDR", "KRB_AP_ERR_BADVERSION", "KRB_AP_ERR_MSG_TYPE",
    "KRB_AP_ERR_MODIFIED", "KRB_AP_ERR_BADORDER", NULL, "KRB_AP_ERR_BADKEYVER",
    "KRB_AP_ERR_NOKEY", "KRB_AP_ERR_MUT_FAIL", "KRB_AP_ERR_BADDIRECTION", "KRB_AP_ERR_METHOD",
    "KRB_AP_ERR_BADSEQ", "KRB_AP_ERR_INAPP_CKSUM", "KRB_AP_PATH_NOT_ACCEPTED",
    "KRB_ERR_RESPONSE_TOO_BIG", NULL, NULL, NULL, NULL, NULL, NULL, NULL, "KRB_ERR_GENERIC",
    "KRB_ERR_FIELD_TOOLONG", "KDC_ERROR_CLIENT_NOT_TRUSTED", "KDC_ERROR_KDC_NOT_TRUSTED",
    "KDC_ERROR_INVALID_SIG", "KDC_ERR_KEY_TOO_WEAK", "KDC_ERR_CERTIFICATE_MISMATCH",
    "KRB_AP_ERR_NO_TGT", "KDC_ERR_WRONG_REALM", "KRB_AP_ERR_USER_TO_USER_REQUIRED",
    "KDC_ERR_CANT_VERIFY_CERTIFICATE", "KDC_ERR_INVALID_CERTIFICATE",
    "KDC_ERR_REVOKED_CERTIFICATE", "KDC_ERR_REVOCATION_STATUS_UNKNOWN",
    "KDC_ERR_REVOCATION_STATUS_UNAVAILABLE", "KDC_ERR_CLIENT_NAME_MISMATCH",
    "KDC_ERR_KDC_NAME_MISMATCH",
};

struct slice krb5_type_text(unsigned type, struct arena *arena)
{
    switch (type) {
    case KRB5_AS_REQ: return slice_text("KRB_AS_REQ");
    case KRB5_AS_REP: return slice_text("KRB_AS_REP");
    case KRB5_TGS_REQ: return slice_text("KRB_TGS_REQ");
    case KRB5_TGS_REP: return slice_text("KRB_TGS_REP");
    case KRB5_AP_REQ: return slice_text("KRB_AP_REQ");
    case KRB5_AP_REP: return slice_text("KRB_AP_REP");
    case KRB5_ERROR: return slice_text("KRB_ERROR");
    default: return slice_text(arena_printf(arena, "MessageType(%u)", type));
    }
}

struct slice krb5_etype_text(int32_t etype, struct arena *arena)
{
    for (size_t i = 0; i < sizeof etypes / sizeof *etypes; i++) {
        if (etypes[i].etype == etype) {
            return slice_text(etypes[i].name);
        }
    }
    return slice_text(arena_printf(arena, "EncryptionType(%d)", etype));
}

struct slice krb5_error_text(int32_t error, struct arena *arena)
{
    if (error >= 0 && (size_t) error < sizeof errors / sizeof *errors
        && errors[error] != NULL) {
        return slice_text(errors[error]);
    }
    return slice_text(arena_printf(arena, "ErrorCode(%d)", error));
}

bool krb5_etype_is_weak(int32_t etype)
{
    return !((etype >= 17 && etype <= 20) || etype == 25 || etype == 26);
}
