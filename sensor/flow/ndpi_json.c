/* The "ndpi" object, in the form that nDPI's serializer gives it since 4.8, whichever
 * nDPI is linked: the head (protocol, breed, category, risks, confidence) is written here
 * from nDPI's tables; the protocol's own object ("tls", "dns", "http", "quic", ...) is
 * nDPI's text as it is. */
#include "sensor/flow/ndpi_private.h"

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

static void put_member(struct strbuf *out, const char *name, const char *text)
{
    strbuf_printf(out, ",\"%s\":", name);
    put_text(out, text != NULL ? text : "", SIZE_MAX);
}

static void put_risk(struct strbuf *out, unsigned number)
{
    ndpi_risk_enum risk = (ndpi_risk_enum) number;
    const ndpi_risk_info *info = ndpi_risk2severity(risk);
    uint16_t client = 0, server = 0;
    uint16_t total = ndpi_risk2score((ndpi_risk) 1 << number, &client, &server);

    strbuf_printf(out, "\"%u\":{\"risk\":", number);
    put_text(out, ndpi_risk2str(risk), SIZE_MAX);
    strbuf_puts(out, ",\"severity\":");
    put_text(out, ndpi_severity2str(info != NULL ? info->severity : NDPI_RISK_LOW),
             SIZE_MAX);
    strbuf_printf(out, ",\"risk_score\":{\"total\":%u,\"client\":%u,\"server\":%u}}",
                  total, client, server);
}

static void put_risks(struct strbuf *out, ndpi_risk risks)
{
    const char *separator = "\"flow_risk\":{";

    for (unsigned i = 1; i < NDPI_MAX_RISK; i++) {
        if ((risks >> i & 1) != 0) {
            strbuf_puts(out, separator);
            put_risk(out, i);
            separator = ",";
        }
    }
    if (*separator == ',') {
        strbuf_puts(out, "},");
    }
}

static void put_head(struct classifier *c, const struct flow_ndpi *r)
{
    struct strbuf *out = &c->json;
    const struct ndpi_flow_struct *state = r->state;
    uint16_t master = r->proto.master_protocol, app = r->proto.app_protocol;
    uint16_t by_ip = state->guessed_host_protocol_id;
    char name[64];

    put_risks(out, state->risk);
    strbuf_printf(out, "\"confidence\":{\"%u\":", (unsigned) state->confidence);
    put_text(out, state->confidence < NDPI_CONFIDENCE_MAX
                      ? ndpi_confidence_get_name(state->confidence) : "", SIZE_MAX);
    strbuf_puts(out, "},\"proto\":");
    put_text(out, ndpi_protocol2name(c->module, r->proto, name, sizeof name), SIZE_MAX);
    strbuf_puts(out, ",\"proto_id\":\"");
    if (master != NDPI_PROTOCOL_UNKNOWN && master != app) {
        strbuf_printf(out, "%u.", master);
    }
    strbuf_printf(out, "%u\"", app);
    put_member(out, "proto_by_ip", ndpi_get_proto_name(c->module, by_ip));
    strbuf_printf(out, ",\"proto_by_ip_id\":%u,\"encrypted\":%u", by_ip,
                  ndpi_is_encrypted_proto(c->module, r->proto) != 0);
    put_member(out, "breed", ndpi_get_proto_breed_name(
                                 c->module, ndpi_get_proto_breed(c->module, app)));
    strbuf_printf(out, ",\"category_id\":%u", (unsigned) r->proto.category);
    put_member(out, "category", ndpi_category_get_name(c->module, r->proto.category));
    if (state->host_server_name[0] != '\0') {
        strbuf_puts(out, ",\"hostname\":");
        put_text(out, state->host_server_name, sizeof state->host_server_name);
    }
}

/* Finds the end of the object that starts at text[0]; 0 if it is not whole. */
static size_t object_size(const char *text, size_t size)
{
    unsigned depth = 0;
    bool is_in_string = false;

    for (size_t i = 0; i < size; i++) {
        if (is_in_string) {
            if (text[i] == '\\') {
                i++;            /* What is escaped ends nothing. */
            } else {
                is_in_string = text[i] != '"';
            }
        } else if (text[i] == '"') {
            is_in_string = true;
        } else if (text[i] == '{') {
            depth++;
        } else if (text[i] == '}' && --depth == 0) {
            return i + 1;
        }
    }
    return 0;
}

/* nDPI 4.2 writes {"ndpi": {HEAD},"tls": {...}}: takes what stands behind the head. */
static void put_metadata(struct classifier *c, const struct flow_ndpi *r)
{
    static const char start[] = "{\"ndpi\": ";
    const size_t start_size = sizeof start - 1;
    uint32_t size = 0;

    ndpi_reset_serializer(&c->serializer);
    if (ndpi_dpi2json(c->module, r->state, r->proto, &c->serializer) != 0) {
        return;
    }
    const char *text = ndpi_serializer_get_buffer(&c->serializer, &size);
    if (text == NULL || size < start_size || memcmp(text, start, start_size) != 0
        || object_size(text, size) != size) {
        return;
    }
    size_t head = object_size(text + start_size, size - start_size);
    if (head != 0 && start_size + head < size && text[start_size + head] == ',') {
        strbuf_put(&c->json, text + start_size + head, size - 1 - start_size - head);
    }
}

void ndpi_json_write(struct classifier *c, const struct flow_ndpi *r)
{
    strbuf_clear(&c->json);
    strbuf_putc(&c->json, '{');
    put_head(c, r);
    put_metadata(c, r);
    strbuf_putc(&c->json, '}');
}
