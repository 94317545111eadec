/* The collector's side of an event: the unpacked message, its ECS document, the index
 * mappings.  The sensor's side is common/wire/event.h.  Pure functions: any thread. */
#ifndef CIVICSHIELD_WIRE_H
#define CIVICSHIELD_WIRE_H

#include <stdbool.h>

#include "common/base/strbuf.h"
#include "common/wire/civicshield_event.pb-c.h"
#include "common/wire/transport.pb-c.h"

/* The event as one ECS 8 document, appended to 'out': JSON on one line without a newline,
 * valid whatever bytes the message holds. */
void event_write_ecs(const Civicshield__Wire__V1__Event *, struct strbuf *out);

/* The event's identity as in event_id_write(), for the document's _id; false, with
 * nothing written, if the message has none or the sensor's name is not made of letters,
 * digits, '.', '_' and '-' (1 to 64 of them). */
bool event_message_id(const Civicshield__Wire__V1__Event *, struct strbuf *out);
/* The EVE name of its type; "unknown" for one that is not known here. */
const char *event_message_type(const Civicshield__Wire__V1__Event *);

/* {"version": n, "component_templates": {name: body for PUT _component_template/name}},
 * for Elasticsearch 7.17 and later without X-Pack.  Where a cluster knows flat_object and
 * not flattened (OpenSearch), that word has to be exchanged. */
extern const char wire_mappings_json[];
extern const unsigned wire_mappings_version;

#endif
