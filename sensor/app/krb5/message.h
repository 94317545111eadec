/* One Kerberos message, decoded as far as it is in the clear. */
#ifndef CIVICSHIELD_APP_KRB5_MESSAGE_H
#define CIVICSHIELD_APP_KRB5_MESSAGE_H

#include "sensor/app/krb5/krb5.h"

enum krb5_type {                /* RFC 4120, section 7.5.7: also the numbers of their tags. */
    KRB5_AS_REQ = 10, KRB5_AS_REP = 11, KRB5_TGS_REQ = 12, KRB5_TGS_REP = 13,
    KRB5_AP_REQ = 14, KRB5_AP_REP = 15, KRB5_ERROR = 30,
};

/* A PrincipalName has a few parts; more of them are nobody's name. */
#define KRB5_MAX_PARTS 32u

struct krb5_name {
    bool is_there;
    size_t n;
    struct slice parts[KRB5_MAX_PARTS];
};

struct krb5_message {
    unsigned type;              /* enum krb5_type, or another number. */
    struct krb5_name cname, sname;
    struct slice realm;         /* bytes NULL: none. */
    bool has_etype, has_ticket_etype, has_error;
    int32_t etype, ticket_etype, error;
};

/* Is this the beginning of a message: the application's tag, a sequence, version 5?
 * APP_PROBE_MORE when it may be. */
enum app_probe krb5_message_is_likely(struct slice bytes);
/* The number of the message's tag; 0: it has none. */
unsigned krb5_message_type(struct slice bytes);
/* Decodes requests, replies and errors; false: it is none of them, or malformed.  What 'm'
 * holds lies in 'bytes'. */
bool krb5_message_decode(struct slice bytes, struct krb5_message *m);

/* names.c: by the names that EVE and rules have; text of an unknown number from 'arena'. */
struct slice krb5_type_text(unsigned type, struct arena *);
struct slice krb5_etype_text(int32_t etype, struct arena *);
struct slice krb5_error_text(int32_t error, struct arena *);
/* All that is older than AES (RFC 8429). */
bool krb5_etype_is_weak(int32_t etype);

#endif
