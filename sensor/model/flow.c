#include "sensor/model/flow.h"

enum direction flow_direction(const struct flow *f, const struct packet *p)
{
    bool as_first = p->sport == f->key.sport && p->dport == f->key.dport
                    && ip_equal(&p->src, &f->key.src) && ip_equal(&p->dst, &f->key.dst);

    return as_first == !f->is_swapped ? TO_SERVER : TO_CLIENT;
}
