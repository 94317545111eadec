#include "collector/normalize/normalize.h"

#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/wire/event.h"

static const char *const periods[] = { "day", "month", "year", NULL };

#define KEY(member) offsetof(struct normalize_conf, member)
static const struct conf_key keys[] = {
    { "namespace", CONF_TEXT, KEY(namespace), "default", 0, 0,
      "part of the name of every index, to keep sites apart", NULL },
    { "period", CONF_CHOICE, KEY(period), "year", 0, 0,
      "how much time one index covers", periods },
};

const struct conf_section normalize_section = {
    "index", keys, sizeof keys / sizeof keys[0]
};

bool normalize_check(const struct normalize_conf *conf, const struct conf_node *root,
                     struct diag *diag)
{
    const struct conf_node *node = conf_tree_find(root, "index.namespace");
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_.";
    size_t len = conf->namespace != NULL ? strlen(conf->namespace) : 0;

    if (len == 0 || len > 64 || strspn(conf->namespace, letters) != len) {
        diag_add(diag, DIAG_ERROR, node != NULL ? node->file : NULL,
                 node != NULL ? node->line : 0, node != NULL ? node->column : 0, NULL,
                 "index.namespace: expected 1 to 64 of a-z, 0-9, '_' and '.'");
        return false;
    }
    return true;
}

void document_fini(struct document *document)
{
    strbuf_fini(&document->index);
    strbuf_fini(&document->id);
    strbuf_fini(&document->json);
}

void normalize_id(const struct receipt *receipt, struct strbuf *id)
{
    struct event_id own = {
        .sensor = slice_text(session_sensor(receipt->session)),
        .epoch = session_epoch(receipt->session),
        .worker = receipt->worker,
        .number = receipt->number,
    };

    event_id_write(&own, id);
}

void normalize_index(const struct normalize_conf *conf, const char *type,
                     uint64_t timestamp_ns, struct strbuf *index)
{
    static const char *const forms[] = { "%Y.%m.%d", "%Y.%m", "%Y" };
    time_t seconds = (time_t) (timestamp_ns / NS_PER_SEC);
    char period[16];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(period, sizeof period, forms[conf->period], &tm);
    strbuf_printf(index, "logs-civicshield.%s-%s-%s", type, conf->namespace, period);
}

/* A sensor cannot speak for another, nor for another run or record of its own.  An event
 * without an identity gets that of its record. */
static bool is_own_identity(const Civicshield__Wire__V1__Event *event,
                            const struct receipt *receipt)
{
    const Civicshield__Wire__V1__EventId *id = event->id;
    struct slice sensor;

    if (id == NULL) {
        return true;
    }
    sensor = slice_of(id->sensor.data, id->sensor.len);
    return id->has_sensor && slice_is(sensor, session_sensor(receipt->session))
           && id->has_epoch && id->epoch == session_epoch(receipt->session)
           && id->has_worker && id->worker == receipt->worker
           && id->has_number && id->number == receipt->number;
}

/* For an event that says nothing of where it is from: its document names its source all the
 * same. */
static void write_with_identity(const Civicshield__Wire__V1__Event *event,
                                const struct receipt *receipt, struct strbuf *json)
{
    Civicshield__Wire__V1__Event own = *event;
    Civicshield__Wire__V1__EventId id = CIVICSHIELD__WIRE__V1__EVENT_ID__INIT;
    const char *sensor = session_sensor(receipt->session);

    id.has_sensor = id.has_epoch = id.has_worker = id.has_number = true;
    id.sensor = (ProtobufCBinaryData) { strlen(sensor), (uint8_t *) sensor };
    id.epoch = session_epoch(receipt->session);
    id.worker = receipt->worker;
    id.number = receipt->number;
    own.id = &id;
    event_write_ecs(&own, json);
}

bool normalize_event(const struct normalize_conf *conf,
                     const Civicshield__Wire__V1__Event *event,
                     const struct receipt *receipt, struct document *document,
                     const char **reason)
{
    strbuf_clear(&document->index);
    strbuf_clear(&document->id);
    strbuf_clear(&document->json);
    normalize_id(receipt, &document->id);
    if (!event->has_timestamp) {
        *reason = "the event has no timestamp";
        return false;
    }
    if (!is_own_identity(event, receipt)) {
        *reason = "the event's identity is not that of its record";
        return false;
    }
    normalize_index(conf, event_message_type(event), event->timestamp, &document->index);
    if (event->id != NULL) {
        event_write_ecs(event, &document->json);
    } else {
        write_with_identity(event, receipt, &document->json);
    }
    return true;
}
