/* A month of two channels as chance has it, and questions about it: for tests that ask the same at several times. */
#ifndef NILO_TESTS_QUERY_HISTORY_H
#define NILO_TESTS_QUERY_HISTORY_H

#include "base/buf.h"
#include "store/put.h"

enum { JAN = 20089, DAYS = 30 }; /* 2025-01-01 */

struct history {
    bool all_count; /* no run is taken out later */
    void (*look)(void *ctx, struct stores *s, int32_t day); /* in the morning of each day, after what was recorded; may be NULL */
    void *ctx;
};

/** history - fills the store, which has to be fresh */
void history(struct stores *s, uint64_t seed, const struct history *how);
struct nilo_connection history_channel(struct stores *s, int i);
/** history_ask - appends the answer as CSV. question: "relation?..." or "function name=value ..."; as_of NULL: now */
void history_ask(struct stores *s, const char *question, const char *as_of, struct nilo_buf *to);
/** history_moment - a time as it stands in an address */
void history_moment(nilo_us at, char out[NILO_US_TEXT]);

#endif
