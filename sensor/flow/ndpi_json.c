/* The "ndpi" object, in the form that nDPI's serializer gives it since 4.8, whichever
 * nDPI is linked: the head (protocol, breed, category, risks, confidence) is written here
 * from nDPI's tables; behind it stands the protocol's own object (ndpi_metadata.c). */
#include "sensor/flow/ndpi_private.h"

#define LITERAL(out, text) strbuf_put((out), (text), sizeof(text) - 1)

/* 'text' comes from the network by way of nDPI; what is no printable ASCII is dropped, as
 * nDPI's serializer drops it. */
static void put_text(struct strbuf *out, const char *text, size_t max)
{
    strbuf_putc(out, '"');
    for (size_t i = 0; i < max && text[i] != '\0'; i++) {
        if (text[i] == '"' || text[i] == '\\') {
            strbuf_putc(out, '\\');
        }
        if (text[i] >= ' ' && text[i] < 0x7f) {
            strbuf_putc(out, text[i]);
        }
    }
    strbuf_putc(out, '"');
}

/* A word from nDPI's own tables, which need no escape (the tests look at all of them). */
static void put_word(struct strbuf *out, const char *word)
{
    strbuf_putc(out, '"');
    strbuf_puts(out, word != NULL ? word : "");
    strbuf_putc(out, '"');
}

static void put_risk(struct strbuf *out, unsigned number)
{
    ndpi_risk_enum risk = (ndpi_risk_enum) number;
    const ndpi_risk_info *info = ndpi_risk2severity(risk);
    uint16_t client = 0, server = 0;
    uint16_t total = ndpi_risk2score((ndpi_risk) 1 << number, &client, &server);

    strbuf_putc(out, '"');
    strbuf_u64(out, number);
    LITERAL(out, "\":{\"risk\":");
    put_word(out, ndpi_risk2str(risk));
    LITERAL(out, ",\"severity\":");
    put_word(out, ndpi_severity2str(info != NULL ? info->severity : NDPI_RISK_LOW));
    LITERAL(out, ",\"risk_score\":{\"total\":");
    strbuf_u64(out, total);
    LITERAL(out, ",\"client\":");
    strbuf_u64(out, client);
    LITERAL(out, ",\"server\":");
    strbuf_u64(out, server);
    LITERAL(out, "}}");
}

static void put_risks(struct strbuf *out, ndpi_risk risks)
{
    const char *separator = "\"flow_risk\":{";

    for (unsigned i = 1; i < NDPI_MAX_RISK && risks >> i != 0; i++) {
        if ((risks >> i & 1) != 0) {
            strbuf_puts(out, separator);
            put_risk(out, i);
            separator = ",";
        }
    }
    if (*separator == ',') {
        LITERAL(out, "},");
    }
}

/* "TLS.Google" and "91.126", or the one alone where the other says nothing. */
static void put_proto(struct classifier *c, struct ndpi_proto proto)
{
    struct strbuf *out = &c->json;
    uint16_t master = proto.master_protocol, app = proto.app_protocol;
    bool has_master = master != NDPI_PROTOCOL_UNKNOWN && master != app;
    bool has_app = app != NDPI_PROTOCOL_UNKNOWN || !has_master;

    LITERAL(out, "\"proto\":\"");
    strbuf_puts(out, has_master ? ndpi_get_proto_name(c->module, master) : "");
    strbuf_puts(out, has_master && has_app ? "." : "");
    strbuf_puts(out, has_app ? ndpi_get_proto_name(c->module, app) : "");
    LITERAL(out, "\",\"proto_id\":\"");
    if (has_master) {
        strbuf_u64(out, master);
        strbuf_putc(out, '.');
    }
    strbuf_u64(out, app);
    strbuf_putc(out, '"');
}

static void put_head(struct classifier *c, const struct flow_ndpi *r)
{
    struct strbuf *out = &c->json;
    const struct ndpi_flow_struct *state = r->state;
    uint16_t by_ip = state->guessed_host_protocol_id;
    ndpi_protocol_breed_t breed = ndpi_get_proto_breed(c->module, r->proto.app_protocol);

    put_risks(out, state->risk);
    LITERAL(out, "\"confidence\":{\"");
    strbuf_u64(out, (unsigned) state->confidence);
    LITERAL(out, "\":");
    put_word(out, state->confidence < NDPI_CONFIDENCE_MAX
                      ? ndpi_confidence_get_name(state->confidence) : "");
    LITERAL(out, "},");
    put_proto(c, r->proto);
    LITERAL(out, ",\"proto_by_ip\":");
    put_word(out, ndpi_get_proto_name(c->module, by_ip));
    LITERAL(out, ",\"proto_by_ip_id\":");
    strbuf_u64(out, by_ip);
    LITERAL(out, ",\"encrypted\":");
    strbuf_putc(out, ndpi_is_encrypted_proto(c->module, r->proto) != 0 ? '1' : '0');
    LITERAL(out, ",\"breed\":");
    put_word(out, ndpi_get_proto_breed_name(c->module, breed));
    LITERAL(out, ",\"category_id\":");
    strbuf_u64(out, (unsigned) r->proto.category);
    LITERAL(out, ",\"category\":");
    put_word(out, ndpi_category_get_name(c->module, r->proto.category));
    if (state->host_server_name[0] != '\0') {
        LITERAL(out, ",\"hostname\":");
        put_text(out, state->host_server_name, sizeof state->host_server_name);
    }
}

void ndpi_json_write(struct classifier *c, const struct flow_ndpi *r)
{
    strbuf_clear(&c->json);
    strbuf_putc(&c->json, '{');
    put_head(c, r);
    ndpi_metadata_write(&c->json, r->state, r->proto);
    strbuf_putc(&c->json, '}');
}
