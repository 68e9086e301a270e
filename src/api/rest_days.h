/* What an answer says about the days it is made of: how far they go, how many of those asked for are whole, which are not and why, what would fill them. */
#ifndef NILO_API_REST_DAYS_H
#define NILO_API_REST_DAYS_H

#include "api/rest_cache.h"
#include "query/query.h"

/** nilo_rest_days - appends the headers Nilometer-Data-Through, -Coverage, -Gaps and -Hint as "Name\0value\0", where the relation of the query is made of
 *  days: those of what its conditions ask for (nilo_query_asked()). How they stand is worked out once for each state of the store, workspace and such a choice,
 *  and kept in the cache. arena: of the request */
int nilo_rest_days(const struct nilo_api *api, struct nilo_rest_mark mark, const struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope,
                   struct nilo_arena *arena, struct nilo_buf *headers, struct nilo_err *err);

/** nilo_rest_header - appends a line, as nilo_answer_lines() takes them */
void nilo_rest_header(struct nilo_buf *headers, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
