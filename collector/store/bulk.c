#include "collector/store/bulk.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "common/base/alloc.h"
#include "common/base/clock.h"

/* After so many such errors a document is given up. */
#define MAX_ERRORS 8
/* Of a refused document so much is kept. */
#define MAX_ORIGINAL (256u << 10)

struct bulk *bulk_create(void)
{
    return xcalloc(1, sizeof(struct bulk));
}

void bulk_destroy(struct bulk *bulk)
{
    if (bulk != NULL) {
        strbuf_fini(&bulk->body);
        free(bulk->items);
        free(bulk);
    }
}

static struct bulk_item *new_item(struct bulk *bulk, const struct receipt *receipt)
{
    struct bulk_item *item;

    bulk->items = xgrow(bulk->items, bulk->n, &bulk->cap, sizeof *bulk->items);
    item = &bulk->items[bulk->n++];
    memset(item, 0, sizeof *item);
    item->receipt = *receipt;
    item->start = bulk->body.size;
    return item;
}

/* Names of indices and ids are made of letters that JSON takes as they are. */
static void put_action(struct bulk *bulk, struct bulk_item *item, struct slice index,
                       struct slice id)
{
    struct strbuf *b = &bulk->body;

    strbuf_puts(b, "{\"create\":{\"_index\":\"");
    strbuf_put(b, index.bytes, index.size);
    strbuf_puts(b, "\",\"_id\":\"");
    item->id_start = (uint32_t) (b->size - item->start);
    item->id_size = (uint32_t) id.size;
    strbuf_put(b, id.bytes, id.size);
    strbuf_puts(b, "\"}}\n");
    item->action_size = (uint32_t) (b->size - item->start);
}

void bulk_add(struct bulk *bulk, const struct store_document *document,
              const struct receipt *receipt)
{
    struct bulk_item *item = new_item(bulk, receipt);

    put_action(bulk, item, document->index, document->id);
    strbuf_put(&bulk->body, document->json.bytes, document->json.size);
    strbuf_putc(&bulk->body, '\n');
    item->size = bulk->body.size - item->start;
}

/* As a JSON string if it is text that JSON can hold, else as base64. */
static json_t *make_original(struct slice bytes, const char **encoding)
{
    json_t *text = json_stringn((const char *) bytes.bytes, bytes.size);

    *encoding = "text";
    if (text == NULL) {
        struct strbuf b = STRBUF_EMPTY;

        strbuf_base64(&b, bytes.bytes, bytes.size);
        text = json_stringn(b.text, b.size);
        strbuf_fini(&b);
        *encoding = "base64";
    }
    return text;
}

/* A reason may have been cut within a character. */
static json_t *make_message(const char *reason)
{
    json_t *message = json_string(reason);

    if (message == NULL) {
        char *plain = xstrdup(reason);

        for (char *c = plain; *c != '\0'; c++) {
            *c = (unsigned char) *c >= 0x80 ? '?' : *c;
        }
        message = json_string(plain);
        free(plain);
    }
    return message;
}

static json_t *make_dead_letter(const char *reason, struct slice document,
                                const struct receipt *receipt, uint64_t now_ns)
{
    char now[CLOCK_TEXT_SIZE], epoch[17];
    const char *encoding;
    size_t kept = document.size < MAX_ORIGINAL ? document.size : MAX_ORIGINAL;
    json_t *root = json_object(), *event = json_object(), *error = json_object();
    json_t *ours = json_object(), *observer = json_object();

    clock_format_utc(now_ns, 3, "Z", now);
    snprintf(epoch, sizeof epoch, "%016llx",
             (unsigned long long) session_epoch(receipt->session));
    json_object_set_new(root, "@timestamp", json_string(now));
    json_object_set_new(event, "kind", json_string("pipeline_error"));
    json_object_set_new(event, "original",
                        make_original(slice_of(document.bytes, kept), &encoding));
    json_object_set_new(root, "event", event);
    json_object_set_new(error, "message", make_message(reason));
    json_object_set_new(root, "error", error);
    json_object_set_new(observer, "name", json_string(session_sensor(receipt->session)));
    json_object_set_new(root, "observer", observer);
    json_object_set_new(ours, "epoch", json_string(epoch));
    json_object_set_new(ours, "worker", json_integer((json_int_t) receipt->worker));
    json_object_set_new(ours, "number", json_integer((json_int_t) receipt->number));
    json_object_set_new(ours, "original_encoding", json_string(encoding));
    json_object_set_new(ours, "original_bytes", json_integer((json_int_t) document.size));
    json_object_set_new(root, "civicshield", ours);
    return root;
}

void bulk_add_dead_letter(struct bulk *bulk, struct slice id, const char *reason,
                          struct slice document, const struct receipt *receipt,
                          uint64_t now_ns)
{
    json_t *root = make_dead_letter(reason, document, receipt, now_ns);
    char *text = json_dumps(root, JSON_COMPACT);
    struct bulk_item *item = new_item(bulk, receipt);

    put_action(bulk, item, slice_text(STORE_DEAD_LETTER_INDEX), id);
    strbuf_puts(&bulk->body, text != NULL ? text : "{}");
    strbuf_putc(&bulk->body, '\n');
    item->size = bulk->body.size - item->start;
    item->is_dead_letter = true;
    free(text);
    json_decref(root);
}

bool bulk_item_may_try_again(struct bulk *bulk, size_t i)
{
    return ++bulk->items[i].n_errors < MAX_ERRORS;
}

void bulk_add_item(struct bulk *bulk, const struct bulk *from, size_t i)
{
    const struct bulk_item *old = &from->items[i];
    struct bulk_item *item = new_item(bulk, &old->receipt);
    size_t start = item->start;

    *item = *old;
    item->start = start;
    strbuf_put(&bulk->body, from->body.text + old->start, old->size);
}

struct slice bulk_item_id(const struct bulk *bulk, size_t i)
{
    const struct bulk_item *item = &bulk->items[i];

    return slice_of(bulk->body.text + item->start + item->id_start, item->id_size);
}

struct slice bulk_item_document(const struct bulk *bulk, size_t i)
{
    const struct bulk_item *item = &bulk->items[i];

    return slice_of(bulk->body.text + item->start + item->action_size,
                    item->size - item->action_size - 1);
}
