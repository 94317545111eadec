/* What the generated ECS writer and ecs.c share. */
#ifndef CIVICSHIELD_WIRE_ECS_PRIVATE_H
#define CIVICSHIELD_WIRE_ECS_PRIVATE_H

#include "common/wire/event_derived.h"
#include "common/wire/json.h"
#include "common/wire/wire.h"

/* Fills every member of 'out'; its slices point into the message, into 'out' itself and
 * into constants. */
void ecs_derive(const Civicshield__Wire__V1__Event *, struct ecs_derived *out);

static inline struct slice bytes_of(const ProtobufCBinaryData *data)
{
    return slice_of(data->data, data->len);
}

static inline bool is_ip(const ProtobufCBinaryData *data)
{
    return data->len == 4 || data->len == 16;
}

/* 'flattened' fields take objects and lists of them, 20 levels deep by default. */
static inline bool is_json(const ProtobufCBinaryData *data)
{
    return data->len >= 2 && (data->data[0] == '{' || data->data[0] == '[')
           && json_is_valid_to(bytes_of(data), 16);
}

/* A keyword takes a list of texts; that the first is one is as far as this looks. */
static inline bool is_json_texts(const ProtobufCBinaryData *data)
{
    return is_json(data) && data->data[0] == '[' && data->data[1] == '"';
}

/* A 'long' of the index has 63 bits; a value beyond would cost the whole document. */
static inline void put_number(struct strbuf *b, uint64_t value)
{
    strbuf_u64(b, value <= INT64_MAX ? value : INT64_MAX);
}

static inline void put_number_text(struct strbuf *b, uint64_t value)
{
    strbuf_putc(b, '"');
    strbuf_u64(b, value);
    strbuf_putc(b, '"');
}

static inline void put_ip(struct strbuf *b, const ProtobufCBinaryData *data)
{
    struct ip_addr ip = data->len == 4 ? ip_v4(data->data) : ip_v6(data->data);

    json_ip(b, &ip, false);
}

/* ECS: "00-00-5E-00-53-23". */
static inline void put_mac(struct strbuf *b, const ProtobufCBinaryData *data)
{
    static const char digits[] = "0123456789ABCDEF";

    strbuf_putc(b, '"');
    for (size_t i = 0; i < data->len && i < 6; i++) {
        if (i != 0) {
            strbuf_putc(b, '-');
        }
        strbuf_putc(b, digits[data->data[i] >> 4]);
        strbuf_putc(b, digits[data->data[i] & 15]);
    }
    strbuf_putc(b, '"');
}

#endif
