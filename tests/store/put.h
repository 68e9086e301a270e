/* One value into a store by way of store.h alone: what the tests of the store below record need. */
#ifndef NILO_TESTS_STORE_PUT_H
#define NILO_TESTS_STORE_PUT_H

#include "store/stores.h"

struct put {
    const char *external_id;
    int kind;         /* enum nilo_entity_kind */
    int32_t win, day; /* day: days since 1970 */
    int32_t metric;
    int64_t value;
    enum nilo_absence absence;
    enum nilo_provenance provenance; /* 0: observed */
    nilo_us captured_at;             /* 0: noon UTC of day */
    const char *meta;
    enum nilo_outcome outcome; /* out */
    int64_t run;               /* out */
};

/** put_all - a run with these values in its own transaction, logged as completed; they come in key order */
void put_all(struct stores *s, const struct nilo_connection *c, struct nilo_policy policy, struct put *p, size_t n);
/** put - one value by a plain push; returns what happened */
enum nilo_outcome put(struct stores *s, const struct nilo_connection *c, const char *external_id, int32_t day, int32_t metric, int64_t value);
/** put_close - the connection's days close until then */
void put_close(struct stores *s, const struct nilo_connection *c, int32_t until);
struct nilo_entity_ref put_entity(struct stores *s, const struct nilo_connection *c, const char *external_id);

#endif
