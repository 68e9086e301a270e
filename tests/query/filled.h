/* A store with a bit of everything in it, the same on either engine: two workspaces that use the same external ids, owners, windows,
 * amendments, hidden and missing values, a metric of the app with its metadata, runs that failed, numbers at the edges of 64 bits. */
#ifndef NILO_TESTS_QUERY_FILLED_H
#define NILO_TESTS_QUERY_FILLED_H

#include "support/nilo_test.h"

#include "query/query.h"

struct filled {
    enum nilo_db_engine engine;
    struct nilo_virtual_clock clock;
    struct nilo_seeded_random random;
    struct nilo_env env;
    struct nilo_store *store;
    int64_t a, b; /* ids of the workspaces acme and beta */
    struct nilo_err err;
    struct nilo_notes notes;
};

#define FILLED_NOW "2025-03-10T12:00:00Z"

/** filled_open - made and filled; -1 where there is no PostgreSQL */
int filled_open(struct filled *f, enum nilo_db_engine engine);
void filled_close(struct filled *f);

/** filled_get - the answer as text; owner: caller, free(). NULL: it failed, f->err and f->notes say how */
char *filled_get(struct filled *f, const struct nilo_scope *scope, enum nilo_format format, const struct nilo_request *request,
                 const char *text);
/** filled_call - "function name=value&name=value", likewise */
char *filled_call(struct filled *f, const struct nilo_scope *scope, enum nilo_format format, const struct nilo_request *request,
                  const char *text);
/* A text with "?" or without blanks is a get, "name key=value&..." or "name()" a call. */
char *filled_ask(struct filled *f, const struct nilo_scope *scope, enum nilo_format format, const struct nilo_request *request,
                 const char *text);

#endif
