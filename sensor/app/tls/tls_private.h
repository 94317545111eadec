/* Shared by the files of app/tls/ alone. */
#ifndef CIVICSHIELD_APP_TLS_PRIVATE_H
#define CIVICSHIELD_APP_TLS_PRIVATE_H

#include "common/base/cursor.h"
#include "sensor/app/tls/tls.h"

/* RFC 5246, section 6.2.3: the largest fragment with its protection. */
#define TLS_MAX_RECORD (16384 + 2048)
/* A handshake message longer than this is skipped: the largest certificate chains in use
 * are half of it. */
#define TLS_MAX_HANDSHAKE (128u * 1024)
/* So many records in one piece of a stream carry hardly any data: somebody plays. */
#define TLS_MAX_RECORDS_IN_PIECE 255
/* Certificates of one chain that are kept, names of one certificate, protocols offered. */
#define TLS_MAX_CERTIFICATES 32
#define TLS_MAX_NAMES 512
#define TLS_MAX_ALPNS 32
/* RFC 6066 says that a host name fits 16 bits; no resolver takes more than this. */
#define TLS_MAX_SNI 1024

/* X(identifier, name) */
#define TLS_EVENTS(X)                                                              \
    X(INVALID_SSLV2_HEADER, "invalid_sslv2_header")                                \
    X(INVALID_TLS_HEADER, "invalid_tls_header")                                    \
    X(INVALID_RECORD_VERSION, "invalid_record_version")                            \
    X(INVALID_RECORD_TYPE, "invalid_record_type")                                  \
    X(INVALID_RECORD_LENGTH, "invalid_record_length")                              \
    X(INVALID_HANDSHAKE_MESSAGE, "invalid_handshake_message")                      \
    X(HANDSHAKE_INVALID_LENGTH, "handshake_invalid_length")                        \
    X(INVALID_CERTIFICATE, "invalid_certificate")                                  \
    X(CERTIFICATE_INVALID_LENGTH, "certificate_invalid_length")                    \
    X(CERTIFICATE_INVALID_VERSION, "certificate_invalid_version")                  \
    X(CERTIFICATE_INVALID_SERIAL, "certificate_invalid_serial")                    \
    X(CERTIFICATE_INVALID_ALGORITHM, "certificate_invalid_algorithmidentifier")    \
    X(CERTIFICATE_INVALID_X509NAME, "certificate_invalid_x509name")                \
    X(CERTIFICATE_INVALID_DATE, "certificate_invalid_date")                        \
    X(CERTIFICATE_INVALID_EXTENSIONS, "certificate_invalid_extensions")            \
    X(CERTIFICATE_INVALID_DER, "certificate_invalid_der")                          \
    X(CERTIFICATE_INVALID_SUBJECT, "certificate_invalid_subject")                  \
    X(CERTIFICATE_INVALID_ISSUER, "certificate_invalid_issuer")                    \
    X(CERTIFICATE_INVALID_VALIDITY, "certificate_invalid_validity")                \
    X(TOO_MANY_NAMES, "too_many_subject_alternative_names")                        \
    X(ERROR_MESSAGE_ENCOUNTERED, "error_message_encountered")                      \
    X(INVALID_ALERT_MESSAGE, "invalid_alert_message")                              \
    X(INVALID_SSL_RECORD, "invalid_ssl_record")                                    \
    X(HEARTBEAT_MESSAGE, "heartbeat_message")                                      \
    X(INVALID_HEARTBEAT_MESSAGE, "invalid_heartbeat_message")                      \
    X(OVERFLOW_HEARTBEAT_MESSAGE, "overflow_heartbeat_message")                    \
    X(DATALEAK_HEARTBEAT_MISMATCH, "dataleak_heartbeat_mismatch")                  \
    X(MULTIPLE_SNI_EXTENSIONS, "multiple_sni_extensions")                          \
    X(INVALID_SNI_TYPE, "invalid_sni_type")                                        \
    X(INVALID_SNI_LENGTH, "invalid_sni_length")                                    \
    X(TOO_MANY_RECORDS, "too_many_records_in_packet")

enum tls_event {
#define X(id, name) TLS_EVENT_##id,
    TLS_EVENTS(X)
#undef X
    TLS_N_EVENTS
};

/* Servers of the first drafts of TLS 1.3 put its number into the old field; by it they are
 * told from the final version, which is negotiated elsewhere. */
enum tls_version { TLS_SSL2 = 0x0002, TLS_1_3 = 0x0304, TLS_1_3_EARLY = 0x7f01 };

/* TLS 1.3 or one of its drafts, those of one vendor included. */
static inline bool tls_is_13(uint16_t version)
{
    return version == TLS_1_3 || version >> 8 == 0x7f || version >> 8 == 0xfb;
}

/* A list of 16-bit codes as they stood on the wire, in the arena; GREASE (RFC 8701)
 * included. */
struct tls_codes {
    struct slice raw;
};

static inline size_t tls_codes_count(struct tls_codes c)
{
    return c.raw.size / 2;
}

static inline uint16_t tls_codes_at(struct tls_codes c, size_t i)
{
    return (uint16_t) (c.raw.bytes[2 * i] << 8 | c.raw.bytes[2 * i + 1]);
}

static inline bool tls_is_grease(uint16_t code)
{
    return (code & 0x0f0f) == 0x0a0a && code >> 8 == (code & 0xff);
}

/* A ClientHello or ServerHello (RFC 8446, sections 4.1.2 and 4.1.3). */
struct tls_hello {
    bool is_seen, is_sslv2;
    bool has_extensions, has_session_id, has_ticket, has_sni;
    uint16_t version;           /* As the old field has it. */
    uint16_t selected;          /* Server: by supported_versions, else 0. */
    uint16_t cipher;            /* Server's choice. */
    struct slice random;        /* 32 bytes. */
    struct tls_codes ciphers, groups, signatures, versions;
    uint16_t *extensions;       /* Their types in order. */
    size_t n_extensions;
    struct slice formats;       /* EC point formats, a byte each. */
    struct slice sni;           /* Bytes NULL: none. */
    struct slice alpns[TLS_MAX_ALPNS];
    size_t n_alpns;
};

struct tls_certificate {
    struct slice der[TLS_MAX_CERTIFICATES];
    size_t n;                   /* Kept. */
    size_t n_chain;             /* There were. */
    bool is_seen;
    /* Of the first; text in the arena. */
    struct slice subject, issuer, serial, fingerprint, not_before, not_after;
    bool has_dates;
    int64_t begins, ends;       /* The same in seconds since 1970. */
    struct slice *names;
    size_t n_names;
};

struct tls_side {
    struct app_bytes handshake; /* Of a message that its record does not hold whole. */
    uint32_t skip;              /* Bytes of a message too long to keep. */
    bool is_encrypted;          /* From here on nothing can be read. */
    bool has_app_data;          /* Records of application data have begun. */
    bool must_resync;           /* Behind a gap: not at a record's start. */
    bool has_gap;               /* What was not seen may have been sent. */
    uint32_t left;              /* Encrypted, for frames: bytes of the record being passed. */
    struct tls_hello hello;
    struct tls_certificate certificate;
    size_t heartbeat_size;      /* Of the last request seen in the clear; 0: none. */
};

struct tls_tx {
    struct app_tx tx;
    struct tls_side sides[N_DIRECTIONS];
    uint16_t version;           /* Settled, or as the client offered it; 0: not known. */
    uint32_t states;            /* enum tls_state bits: what has been seen. */
    bool is_resumed;
    bool is_retried;            /* The server asked for another hello. */
    bool is_flight_over;        /* The server said that its hello is done. */
    bool wants_certificate;     /* ... and asked for the client's. */
    bool is_complete;           /* The handshake is over, or the session is. */
    bool is_over;               /* The session is. */
    struct slice ja3, ja3_hash, ja3s, ja3s_hash, ja4;
};

/* As "ssl_state" has them. */
enum tls_state {
    TLS_SEEN_CLIENT_HELLO = 1, TLS_SEEN_SERVER_HELLO = 2, TLS_SEEN_CLIENT_KEY = 4,
    TLS_SEEN_SERVER_KEY = 8, TLS_SEEN_UNKNOWN = 16,
};

static inline struct tls_tx *tls_tx_of(const struct app_tx *tx)
{
    return (struct tls_tx *) (uintptr_t) tx;
}

static inline void tls_set_event(struct tls_tx *tx, enum tls_event event)
{
    app_tx_set_event(&tx->tx, event);
}

/* record.c: the parser's parse(). */
enum app_result tls_parse(struct app_session *, const struct app_input *, size_t *consumed);

/* handshake.c: one whole message without its header of four bytes. */
void tls_take_message(struct tls_tx *, enum direction, uint8_t type, struct slice body);
/* The body of an SSLv2 ClientHello, behind its type. */
bool tls_take_sslv2_hello(struct tls_tx *, struct slice body);

/* hello.c: false when malformed. */
bool tls_hello_read(struct tls_tx *, enum direction, struct slice body, struct tls_hello *);

/* fingerprint.c: into tx->ja3 and its like, from the hellos. */
void tls_make_ja3(struct tls_tx *);
void tls_make_ja3s(struct tls_tx *);
void tls_make_ja4(struct tls_tx *);

/* certificate.c: reads the first of 'c->der' into the texts of 'c'. */
void tls_certificate_read(struct tls_tx *, struct tls_certificate *c);

/* "TLS 1.2"; of an unknown version its number, from 'arena'. */
struct slice tls_version_text(uint16_t version, struct arena *);

#endif
