/* One write after the other to a store of either engine, as `METHOD relation?query | Prefer | body`, and what came of it as one line:
 * "201 [{...}]", or "409 23505 message / details / hint". */
#ifndef NILO_TESTS_WRITE_WRITTEN_H
#define NILO_TESTS_WRITE_WRITTEN_H

#include "store/stores.h"

#include "write/write.h"

struct say {
    const char *what; /* "POST daily_metrics?select=value" */
    const char *prefer;
    const char *body;
    const char *answer; /* expected; a trailing * stands for any rest */
};

/* role: of the writer; workspace: made where it is absent. The answer stays until the next call. */
const char *written(struct stores *s, enum nilo_role role, const char *workspace, const char *what, const char *prefer, const char *body);
void written_all(struct stores *s, const struct say *says, size_t n); /* as service_role of the workspace w; fails the test at the first that differs */
/* What query answers to the same reader. */
const char *asked(struct stores *s, const char *workspace, const char *what);
void stores_at(struct stores *s, const char *iso); /* moves the clock there, or on */

#endif
