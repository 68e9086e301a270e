/* Tables of sources that the configuration publishes (`publish:`): service_role reads them under /rest/v1 like a relation, as they are at that moment. */
#ifndef NILO_API_PUBLISH_H
#define NILO_API_PUBLISH_H

#include "api/api.h"
#include "query/query.h"

struct nilo_config;
struct nilo_published;

/** nilo_publish_check - does a table have the name of one of our own relations? errors: NILO_ECONFIG */
int nilo_publish_check(const struct nilo_config *c, struct nilo_err *err);
/** nilo_publish_open - the published table of that name, its database open for reading, or *ret NULL where there is none of that name.
 *  workspace  whose connections count; "" = all
 *  errors     NILO_ESOURCE the database does not answer, or has no such table
 *  owner      caller, nilo_publish_close(); NULL is fine */
int nilo_publish_open(struct nilo_api *api, const char *name, const char *workspace, struct nilo_published **ret, struct nilo_err *err);
void nilo_publish_close(struct nilo_published *p);
/** nilo_publish_parse - a request of it (its query string); runs once, before nilo_publish_close(). owner: caller, nilo_query_free() */
int nilo_publish_parse(struct nilo_published *p, const char *text, size_t len, const struct nilo_request *request, struct nilo_query **ret,
                       struct nilo_notes *notes, struct nilo_err *err);
/** nilo_publish_relations - as relations, for the OpenAPI text: those of the workspace, those of databases that do not answer without columns. In
 *  the arena */
int nilo_publish_relations(struct nilo_api *api, const char *workspace, struct nilo_arena *arena, const struct nilo_relation ***ret, size_t *ret_n,
                           struct nilo_err *err);
/** nilo_publish_has - is there one of that name? */
bool nilo_publish_has(struct nilo_api *api, const char *name, const char *workspace);

#endif
