#include "common/wire/event.h"

#include "common/wire/json.h"

const char *event_type_name(enum event_type type)
{
    switch (type) {
#define X(id, value, name, priority) \
    case EVENT_##id:                 \
        return name;
        EVENT_TYPES(X)
#undef X
    case EVENT_NONE:
        break;
    }
    return "unknown";
}

enum event_type event_type_by_name(const char *name)
{
/* The first letter alone rules most of them out. */
#define X(id, value, text, priority)                         \
    if (name[0] == text[0] && strcmp(name, text) == 0) {     \
        return EVENT_##id;                                   \
    }
    EVENT_TYPES(X)
#undef X
    return EVENT_NONE;
}

unsigned event_type_priority(enum event_type type)
{
    switch (type) {
#define X(id, value, name, priority) \
    case EVENT_##id:                 \
        return priority;
        EVENT_TYPES(X)
#undef X
    case EVENT_NONE:
        break;
    }
    return 0;
}

void event_id_write(const struct event_id *id, struct strbuf *b)
{
    size_t start = b->size;

    json_event_id(b, id->sensor, id->epoch, id->worker, id->number);
    /* Without the quotes; a sensor's name is made of letters that need no escape. */
    memmove(b->text + start, b->text + start + 1, b->size - start - 2);
    b->size -= 2;
}
