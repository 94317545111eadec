/* The http event: one for a request with its response. */
#include "common/wire/event.h"
#include "sensor/app/http/http.h"

static struct slice field_text(const struct http_tx *tx, enum direction dir,
                               enum http_field field)
{
    const struct http_header *h = http_find(&tx->msgs[dir], field);
    return h != NULL ? h->value : slice_of(NULL, 0);
}

static struct slice present(struct slice s)
{
    return s.size != 0 ? s : slice_of(NULL, 0);
}

/* The media type alone, without its parameters. */
static struct slice media_type(struct slice value)
{
    const uint8_t *end = value.size != 0 ? memchr(value.bytes, ';', value.size) : NULL;
    return present(end != NULL
                       ? http_trim(slice_of(value.bytes, (size_t) (end - value.bytes)))
                       : value);
}

static const struct event_header *list_headers(const struct http_message *m,
                                               struct arena *scratch, size_t *n)
{
    struct event_header *list = m->n_headers != 0
                                    ? arena_alloc(scratch, m->n_headers * sizeof *list)
                                    : NULL;

    for (size_t i = 0; list != NULL && i < m->n_headers; i++) {
        list[i].name = m->headers[i].name;
        list[i].value = m->headers[i].value;
    }
    *n = list != NULL ? m->n_headers : 0;
    return list;
}

/* "bytes 0-67/68" as an object; what is not understood is only "raw". */
static struct slice content_range(struct slice value, struct arena *scratch)
{
    struct strbuf text = STRBUF_EMPTY;
    struct http_range r;

    if (value.size == 0) {
        return slice_of(NULL, 0);
    }
    strbuf_puts(&text, "{\"raw\":\"");
    for (size_t i = 0; i < value.size && i < 256; i++) {
        uint8_t c = value.bytes[i];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\') {
            strbuf_printf(&text, "\\u%04x", c);
        } else {
            strbuf_putc(&text, (char) c);
        }
    }
    strbuf_putc(&text, '"');
    if (http_range_read(value, &r)) {
        strbuf_printf(&text, ",\"start\":%ju,\"end\":%ju", (uintmax_t) r.start,
                      (uintmax_t) r.end);
        if (r.has_size) {
            strbuf_printf(&text, ",\"size\":%ju", (uintmax_t) r.size);
        }
    }
    strbuf_putc(&text, '}');
    struct slice copy = arena_copy(scratch, text.text, text.size);
    strbuf_fini(&text);
    return copy;
}

void http_fill(const struct app_tx *app_tx, enum direction dir, struct event *event,
               struct arena *scratch)
{
    const struct http_tx *tx = http_tx_of(app_tx);
    const struct http_message *request = &tx->msgs[TO_SERVER];
    const struct http_message *response = &tx->msgs[TO_CLIENT];
    struct event_http *h = arena_alloc(scratch, sizeof *h);

    if (h == NULL) {
        return;
    }
    h->hostname = present(tx->host);
    h->has_http_port = tx->port != 0;
    h->http_port = tx->port;
    h->url = present(tx->uri_raw);
    h->http_user_agent = present(field_text(tx, TO_SERVER, HTTP_FIELD_USER_AGENT));
    h->http_content_type = media_type(field_text(tx, TO_CLIENT, HTTP_FIELD_CONTENT_TYPE));
    h->content_range = content_range(field_text(tx, TO_CLIENT, HTTP_FIELD_CONTENT_RANGE),
                                     scratch);
    h->http_refer = present(field_text(tx, TO_SERVER, HTTP_FIELD_REFERER));
    h->http_method = present(tx->method);
    h->protocol = present(request->protocol);
    if (tx->status != 0) {
        h->has_status = true;
        h->status = (uint64_t) tx->status;
    } else {
        h->status_string = present(tx->status_text);
    }
    if (tx->status >= 300 && tx->status <= 399) {
        h->redirect = present(field_text(tx, TO_CLIENT, HTTP_FIELD_LOCATION));
    }
    h->has_length = true;
    h->length = response->body.wire_size + response->body.framing_size;
    h->request_headers = list_headers(request, scratch, &h->n_request_headers);
    h->response_headers = list_headers(response, scratch, &h->n_response_headers);
    event->http = h;
}
