/* Shared by the files of app/smb/ alone. */
#ifndef CIVICSHIELD_APP_SMB_PRIVATE_H
#define CIVICSHIELD_APP_SMB_PRIVATE_H

#include "common/base/cursor.h"
#include "sensor/app/dcerpc/pdu.h"
#include "sensor/app/lookup.h"
#include "sensor/app/smb/smb.h"
#include "sensor/app/smb/table.h"
#include "sensor/app/transfer.h"

#define SMB1_HEADER_SIZE 32u
#define SMB2_HEADER_SIZE 64u
/* Records other than reads and writes are looked at whole, up to this size; what is kept
 * for them is below what the engine keeps at most. */
#define SMB_MAX_WHOLE_RECORD (512u * 1024)
/* Dialects of one negotiation, commands of one AndX chain. */
#define SMB_MAX_DIALECTS 64u
#define SMB_MAX_ANDX 32u
/* Names in one Kerberos principal. */
#define SMB_MAX_SNAMES 8u

/* X(identifier, name) */
#define SMB_EVENTS(X)                                                              \
    X(INTERNAL_ERROR, "internal_error")                                            \
    X(MALFORMED_DATA, "malformed_data")                                            \
    X(RECORD_OVERFLOW, "record_overflow")                                          \
    X(MALFORMED_NTLMSSP_REQUEST, "malformed_ntlmssp_request")                      \
    X(MALFORMED_NTLMSSP_RESPONSE, "malformed_ntlmssp_response")                    \
    X(DUPLICATE_NEGOTIATE, "duplicate_negotiate")                                  \
    X(NEGOTIATE_MALFORMED_DIALECTS, "negotiate_malformed_dialects")                \
    X(FILE_OVERLAP, "file_overlap")                                                \
    X(REQUEST_TO_CLIENT, "request_to_client")                                      \
    X(RESPONSE_TO_SERVER, "response_to_server")                                    \
    X(NEGOTIATE_MAX_READ_SIZE_TOO_LARGE, "negotiate_max_read_size_too_large")      \
    X(NEGOTIATE_MAX_WRITE_SIZE_TOO_LARGE, "negotiate_max_write_size_too_large")    \
    X(READ_REQUEST_TOO_LARGE, "read_request_too_large")                            \
    X(READ_RESPONSE_TOO_LARGE, "read_response_too_large")                          \
    X(READ_QUEUE_SIZE_EXCEEDED, "read_queue_size_exceeded")                        \
    X(READ_QUEUE_CNT_EXCEEDED, "read_queue_cnt_exceeded")                          \
    X(WRITE_REQUEST_TOO_LARGE, "write_request_too_large")                          \
    X(WRITE_QUEUE_SIZE_EXCEEDED, "write_queue_size_exceeded")                      \
    X(WRITE_QUEUE_CNT_EXCEEDED, "write_queue_cnt_exceeded")                        \
    X(UNUSUAL_NTLMSSP_ORDER, "unusual_ntlmssp_order")                              \
    X(TOO_MANY_TRANSACTIONS, "too_many_transactions")                              \
    X(TRUNCATED_FILE_DATA, "truncated_file_data")

enum smb_event {
#define X(id, name) SMB_EVENT_##id,
    SMB_EVENTS(X)
#undef X
    SMB_N_EVENTS
};

enum smb1_command {
    SMB1_CLOSE = 0x04, SMB1_RENAME = 0x07, SMB1_WRITE = 0x0b, SMB1_LOCKING_ANDX = 0x24,
    SMB1_TRANS = 0x25, SMB1_WRITE_AND_CLOSE = 0x2c, SMB1_OPEN_ANDX = 0x2d,
    SMB1_READ_ANDX = 0x2e, SMB1_WRITE_ANDX = 0x2f, SMB1_TRANS2 = 0x32,
    SMB1_TRANS2_SECONDARY = 0x33, SMB1_TREE_DISCONNECT = 0x71, SMB1_NEGOTIATE = 0x72,
    SMB1_SESSION_SETUP_ANDX = 0x73, SMB1_LOGOFF_ANDX = 0x74, SMB1_TREE_CONNECT_ANDX = 0x75,
    SMB1_NT_CREATE_ANDX = 0xa2, SMB1_NT_CANCEL = 0xa4, SMB1_NONE = 0xff,
};

enum smb2_command {
    SMB2_NEGOTIATE = 0, SMB2_SESSION_SETUP = 1, SMB2_TREE_CONNECT = 3,
    SMB2_TREE_DISCONNECT = 4, SMB2_CREATE = 5, SMB2_CLOSE = 6, SMB2_READ = 8, SMB2_WRITE = 9,
    SMB2_IOCTL = 11, SMB2_GET_INFO = 16, SMB2_SET_INFO = 17,
};

enum smb_status {
    SMB_STATUS_SUCCESS = 0, SMB_STATUS_PENDING = 0x103,
};
#define SMB2_PIPE_TRANSCEIVE 0x0011c017u      /* FSCTL: a write to a pipe and a read. */
#define SMB_STATUS_BUFFER_OVERFLOW 0x80000005u
#define SMB_STATUS_END_OF_FILE 0xc0000011u

/* One message of either version, its header read. */
struct smb_record {
    uint8_t version;            /* 1 or 2; 3 has the form of 2. */
    uint16_t command;
    bool is_response;
    uint32_t status;
    bool is_dos;                /* 'status' is an error class and a code. */
    bool is_unicode;            /* SMB 1. */
    uint64_t session, message;  /* SMB 1: user and multiplex id. */
    uint32_t tree;
    struct slice body;          /* Behind the header; of a partial one what is here. */
    uint32_t missing;           /* Bytes of it that are not here yet: a partial one. */
};

/* How a transaction is found by its answer: which of the header's ids count. */
enum smb_tx_key { SMB_KEY_NONE, SMB_KEY_CALL, SMB_KEY_HEADER, SMB_KEY_TREE };

enum smb_tx_kind {
    SMB_TX_GENERIC, SMB_TX_FILE, SMB_TX_TREE, SMB_TX_NEGOTIATE, SMB_TX_PIPE, SMB_TX_CREATE,
    SMB_TX_SESSION, SMB_TX_IOCTL, SMB_TX_RENAME, SMB_TX_SETINFO,
};

struct smb_file {
    enum direction dir;
    struct smb_fuid fuid;
    struct slice name, share;
    struct app_transfer transfer;
    uint64_t forget_ns;         /* After a gap: closed if nothing came before this. */
};
struct smb_tree {
    struct slice name;
    struct slice request_service, response_service;     /* SMB 1; bytes NULL: not seen. */
    bool is_pipe;
    uint8_t type;               /* SMB 2; 0: not seen. */
};
struct smb_negotiate {
    uint8_t version;
    struct slice *dialects;
    size_t n_dialects;
    struct slice client_guid, server_guid;
};
struct smb_pipe {               /* A call of DCE RPC. */
    uint16_t opnum, context;
    uint8_t request, response;  /* Types of PDUs. */
    bool has_request, has_response;
    uint32_t call_id;
    bool is_little;
    uint16_t n_frags[N_DIRECTIONS];
    struct app_bytes stub[N_DIRECTIONS];
};
struct smb_create {
    struct slice name;
    uint32_t disposition;
    bool is_delete, is_directory;
    uint32_t times[4];          /* Created, accessed, modified, changed: seconds since 1970. */
    uint64_t size;
    struct smb_fuid fuid;
};
struct smb_auth {
    bool has_ntlmssp;
    struct slice domain, user, host, version;   /* Version: bytes NULL if there is none. */
    bool is_odd_order;          /* The texts do not stand in the usual order. */
    bool has_kerberos;
    struct slice realm;
    struct slice snames[SMB_MAX_SNAMES];
    size_t n_snames;
};
struct smb_host { bool is_seen; struct slice os, lm; };
struct smb_session {
    struct smb_auth auth;
    struct smb_host hosts[N_DIRECTIONS];        /* SMB 1. */
};
struct smb_rename { struct slice from, to; struct smb_fuid fuid; };
struct smb_setinfo {
    struct slice name;
    struct smb_fuid fuid;
    uint16_t command, level;
    bool is_delete;
};

struct smb_tx {
    struct app_tx tx;           /* First. */
    /* In state->txs: by command and ids; by kind and what finds that kind; a PIPE also by its
     * message. */
    struct app_lookup_node by_ids, by_kind, by_message;
    uint8_t version;            /* 0: not known. */
    uint16_t command;
    bool has_status, is_dos;
    uint8_t error_class;
    uint32_t status;
    enum smb_tx_key key;
    uint64_t session, message;
    uint32_t tree;
    enum smb_tx_kind kind;
    union {
        struct smb_file file;
        struct smb_tree tree_connect;
        struct smb_negotiate negotiate;
        struct smb_pipe pipe;
        struct smb_create create;
        struct smb_session setup;
        uint32_t function;
        struct smb_rename rename;
        struct smb_setinfo setinfo;
    };
};

struct smb_side {
    uint32_t record_left;       /* Of the record at hand: bytes not seen, ... */
    uint32_t data_left;         /* ... the first of them the file's. */
    struct smb_fuid fuid;       /* That file. */
    bool must_resync;           /* Not at a record's start. */
    bool has_gap;               /* There was one. */
};

struct smb_state {
    struct app_session *session;
    const struct app_conf *conf;
    uint64_t now_ns;            /* Of the bytes at hand. */
    struct smb_side sides[N_DIRECTIONS];
    struct app_lookup txs;
    struct smb_table notes;     /* By message: names and files that an answer needs. */
    struct smb_table names;     /* By file. */
    struct smb_table offsets;   /* By message: file and place of a read. */
    struct smb_table trees;     /* By session and tree: share, flag: a pipe. */
    struct smb_table frags;     /* By tree and file: the first part of a PDU. */
    uint16_t dialect;           /* Of SMB 2; 0: see below. */
    uint8_t dialect_size;       /* 0: not known. */
    char dialect_name[63];      /* Of SMB 1. */
    uint32_t max_read, max_write;       /* As negotiated; 0: not known. */
    struct app_bytes ifaces;    /* struct dcerpc_iface: of the last bind. */
};

static inline struct smb_tx *smb_tx_of(const struct app_tx *tx)
{
    return (struct smb_tx *) (uintptr_t) tx;
}

/* record.c: the parser's parse(). */
enum app_result smb_parse(struct app_session *, const struct app_input *, size_t *consumed);

/* smb1.c, smb2.c: one whole record, or a partial one of smb_*_can_be_partial(). */
bool smb1_read_header(struct slice, struct smb_record *);
void smb1_take(struct smb_state *, const struct smb_record *);
/* smb1_request.c, smb1_response.c: one command of a chain, at 'at' of the body. */
void smb1_take_request(struct smb_state *, const struct smb_record *, uint16_t command,
                       size_t at);
void smb1_take_response(struct smb_state *, const struct smb_record *, uint16_t command,
                        size_t at);
static inline struct cursor smb1_cursor_at(const struct smb_record *r, size_t at)
{
    struct cursor c = cursor_of(r->body.bytes, r->body.size);

    cursor_skip(&c, at);
    return c;
}
bool smb1_take_partial(struct smb_state *, enum direction, const struct smb_record *);
/* Reads one record; '*rest' is what follows it in the chain. */
bool smb2_read_header(struct slice, struct smb_record *, struct slice *rest);
void smb2_take(struct smb_state *, const struct smb_record *);
/* smb2_request.c, smb2_response.c. */
void smb2_take_request(struct smb_state *, const struct smb_record *);
void smb2_take_response(struct smb_state *, const struct smb_record *);
struct smb_fuid smb2_read_fuid(struct cursor *);
bool smb2_take_partial(struct smb_state *, enum direction, const struct smb_record *);

/* smb1_trans.c */
void smb1_trans_request(struct smb_state *, const struct smb_record *);
void smb1_trans_response(struct smb_state *, const struct smb_record *);
/* True when it made a transaction; sets '*is_malformed'. */
bool smb1_trans2_request(struct smb_state *, const struct smb_record *, bool *is_malformed);

/* smb1_file.c: 'at' is where the command begins in the body. */
void smb1_write_request(struct smb_state *, const struct smb_record *, uint16_t command,
                        size_t at);
void smb1_read_response(struct smb_state *, const struct smb_record *, size_t at);
void smb1_close_file(struct smb_state *, const struct smb_fuid *, enum direction);
struct smb_fuid smb1_fuid(const uint8_t fid[2], const struct smb_record *);
/* A transaction of its own that says so. */
void smb1_malformed(struct smb_state *, const struct smb_record *);

/* smb2_file.c */
void smb2_write_request(struct smb_state *, const struct smb_record *);
void smb2_read_response(struct smb_state *, const struct smb_record *);
/* What is carried may be a PDU of DCE RPC, which is looked at whole; 'at' is where the bytes
 * begin in the body. */
bool smb2_may_be_pipe(struct smb_state *, const struct smb_record *, size_t at);
/* False when malformed. */
bool smb2_close_request(struct smb_state *, const struct smb_record *);

/* session.c */
void smb1_session_request(struct smb_state *, const struct smb_record *, size_t at);
void smb1_session_response(struct smb_state *, const struct smb_record *, size_t at);
void smb2_session_request(struct smb_state *, const struct smb_record *);
void smb2_session_response(struct smb_state *, const struct smb_record *);

/* auth.c: a security blob (RFC 4178, MS-NLMP, RFC 4120); texts from the transaction. */
void smb_auth_read(struct slice blob, struct arena *, struct smb_auth *);

/* pipe.c: PDUs of DCE RPC.  'status' of the answer. */
void smb_pipe_write(struct smb_state *, const struct smb_record *, struct slice pdu);
void smb_pipe_read(struct smb_state *, const struct smb_record *, uint32_t status,
                   const struct smb_fuid *, struct slice pdu);
/* Does the file's name say that it speaks DCE RPC? */
bool smb_pipe_is_dcerpc(struct smb_state *, const struct smb_fuid *);
bool smb_pipe_probe(struct slice bytes);
void smb_pipe_keep(struct smb_state *, const struct smb_record *, const struct smb_fuid *,
                   struct slice pdu);
void smb_pipe_free(struct smb_tx *);

/* files.c: chunks of files. */
struct smb_chunk {
    const struct smb_fuid *fuid;
    struct slice name, share;
    uint64_t offset;
    uint32_t size;
    struct slice bytes;         /* Of it, those that are here. */
};
/* The chunk goes to the file's transaction; NULL: it has none (yet), or no room. */
struct smb_tx *smb_file_find(struct smb_state *, const struct smb_fuid *, enum direction,
                             bool must_be_open);
struct smb_tx *smb_file_new(struct smb_state *, enum direction, const struct smb_chunk *);
void smb_file_chunk(struct smb_state *, struct smb_tx *, const struct smb_chunk *);
/* Notes what of the chunk is still to come in the record at hand.  False, with an event, when
 * that is more than the record has: the chunk is then left alone. */
bool smb_file_expect(struct smb_state *, enum direction, const struct smb_record *,
                     const struct smb_chunk *);
void smb_file_data(struct smb_state *, enum direction, struct slice bytes, uint32_t gap);
/* Behind a gap: what was asked in 'dir' is done, for its answer may be lost; files to which
 * nothing comes for a minute are closed. */
void smb_files_check(struct smb_state *, enum direction dir);

/* tx.c */
struct smb_tx *smb_tx_new(struct smb_state *, enum smb_tx_kind, uint8_t version,
                          uint16_t command);
/* As above, with the ids of 'r' that 'key' asks for; the request is done. */
struct smb_tx *smb_tx_for(struct smb_state *, enum smb_tx_kind, const struct smb_record *,
                          uint16_t command, enum smb_tx_key key);
void smb_tx_set_key(struct smb_tx *, const struct smb_record *, enum smb_tx_key);
/* To be called when anything has changed that smb_tx_find() and the like ask for: ids, key,
 * version, command, kind, and of a kind what finds it (a file, a call of DCE RPC). */
void smb_tx_index(struct smb_tx *);
struct smb_tx *smb_tx_find(struct smb_state *, uint16_t command, const struct smb_record *,
                           enum smb_tx_key);
struct smb_tx *smb_tx_find_kind(struct smb_state *, enum smb_tx_kind,
                                const struct smb_record *, enum smb_tx_key);
struct smb_tx *smb_tx_find_negotiate(struct smb_state *, uint8_t version);
/* The call of DCE RPC with this id; 'message' of the record counts if it 'is_exchange'. */
struct smb_tx *smb_tx_find_call(struct smb_state *, const struct smb_record *,
                                uint32_t call_id, bool is_exchange);
struct smb_tx *smb_tx_last(struct smb_state *);
void smb_tx_set_done(struct smb_tx *, enum direction);
void smb_tx_set_status(struct smb_tx *, uint32_t status, bool is_dos);
/* Done in both directions with the status of 'r'. */
void smb_tx_answer(struct smb_tx *, const struct smb_record *);
void smb_tx_set_event(struct smb_tx *, enum smb_event);
/* Of the session: told with its last transaction. */
void smb_set_event(struct smb_state *, enum smb_event);

/* A copy without its NULs: so are names of UTF-16 told. */
struct slice smb_strip(struct slice, struct arena *);
/* Seconds since 1970 of a FILETIME (MS-DTYP, section 2.3.3); 0 before. */
uint32_t smb_time(uint64_t filetime);
struct smb_key smb_key_of(uint8_t kind, const struct smb_record *);
struct smb_key smb_key_of_file(const struct smb_fuid *);
struct smb_key smb_key_of_tree(const struct smb_record *);
/* The tree was disconnected. */
void smb_tree_forget(struct smb_state *, const struct smb_record *);
/* Kinds of keys in 'notes'. */
enum { SMB_NOTE_NAME, SMB_NOTE_FILE };

/* fill.c */
void smb_fill(const struct app_tx *, enum direction, struct event *, struct arena *);

#endif
