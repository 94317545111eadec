/* Messages of SMB and DCE RPC, put together by tests: little-endian numbers, headers, and
 * records around them. */
#ifndef CIVICSHIELD_TEST_SMB_MESSAGES_H
#define CIVICSHIELD_TEST_SMB_MESSAGES_H

#include "common/base/strbuf.h"

#define ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define RAW(b, literal) strbuf_put((b), (literal), sizeof(literal) - 1)

static inline void put_le(struct strbuf *b, uint64_t value, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++) {
        strbuf_putc(b, (char) (value >> (8 * i)));
    }
}

static inline void put_zeros(struct strbuf *b, size_t n)
{
    while (n-- != 0) {
        strbuf_putc(b, '\0');
    }
}

static inline void put_utf16(struct strbuf *b, const char *text)
{
    for (; *text != '\0'; text++) {
        strbuf_putc(b, *text);
        strbuf_putc(b, '\0');
    }
}

/* Around a message: a record. */
static inline void put_record(struct strbuf *out, const struct strbuf *message)
{
    strbuf_putc(out, '\0');
    strbuf_putc(out, (char) (message->size >> 16));
    strbuf_putc(out, (char) (message->size >> 8));
    strbuf_putc(out, (char) message->size);
    strbuf_put(out, message->text, message->size);
}

struct smb2_header {
    uint16_t command;
    bool is_response;
    uint32_t status, tree;
    uint64_t message, session;
};

static inline void put_smb2(struct strbuf *b, struct smb2_header h)
{
    RAW(b, "\xfeSMB");
    put_le(b, 64, 2);
    put_le(b, 1, 2);
    put_le(b, h.status, 4);
    put_le(b, h.command, 2);
    put_le(b, 1, 2);
    put_le(b, h.is_response, 4);
    put_le(b, 0, 4);
    put_le(b, h.message, 8);
    put_le(b, 0, 4);
    put_le(b, h.tree, 4);
    put_le(b, h.session, 8);
    put_zeros(b, 16);
}

struct smb1_header {
    uint8_t command;
    bool is_response;
    uint32_t status;
    uint16_t tree, user, multiplex;
};

static inline void put_smb1(struct strbuf *b, struct smb1_header h)
{
    RAW(b, "\xffSMB");
    put_le(b, h.command, 1);
    put_le(b, h.status, 4);
    put_le(b, h.is_response ? 0x80 : 0, 1);
    put_le(b, 0xc000, 2);                       /* Unicode, NT status. */
    put_zeros(b, 12);
    put_le(b, h.tree, 2);
    put_le(b, 1, 2);
    put_le(b, h.user, 2);
    put_le(b, h.multiplex, 2);
}

/* A PDU of DCE RPC with its header; 'flags' 3: first and last fragment. */
static inline void put_pdu(struct strbuf *b, uint8_t type, uint8_t flags, uint32_t call_id,
                           const void *body, size_t size)
{
    put_le(b, 5, 2);
    put_le(b, type, 1);
    put_le(b, flags, 1);
    put_le(b, 0x10, 4);                         /* Little-endian. */
    put_le(b, 16 + size, 2);
    put_le(b, 0, 2);
    put_le(b, call_id, 4);
    strbuf_put(b, body, size);
}

/* 367abb81-9844-35f1-ad32-98f038001003 */
#define SVCCTL "\x81\xbb\x7a\x36\x44\x98\xf1\x35\xad\x32\x98\xf0\x38\x00\x10\x03"
#define NDR "\x04\x5d\x88\x8a\xeb\x1c\xc9\x11\x9f\xe8\x08\x00\x2b\x10\x48\x60\2\0\0\0"
/* One context, number 0, version 2.0; and what accepts it. */
#define BIND "\xb8\x10\xb8\x10\0\0\0\0\1\0\0\0" "\0\0\1\0" SVCCTL "\2\0\0\0" NDR
#define BINDACK "\xb8\x10\xb8\x10\1\0\0\0\4\0abc\0\0\0" "\1\0\0\0" "\0\0\0\0" NDR
#define REQUEST(opnum, stub) "\x10\0\0\0\0\0" opnum stub
#define RESPONSE(stub) "\x08\0\0\0\0\0\0\0" stub

#endif
