/* Compatibility sets: the record under the table names that existing apps know. Each set is a file with its relations; each relation is a view of one of the
 * store's. A set is published where it is bound: to one workspace and connection, or, where its tables name their tenant themselves (brand_id,
 * workspace_id, organizationId), to every workspace of the reader. The binding lies in the store (from `compat:` of the configuration), so that whoever reads
 * the store sees the same tables. */
#ifndef NILO_QUERY_COMPAT_H
#define NILO_QUERY_COMPAT_H

#include "query/query.h"

struct nilo_compat_set {
    const char *name; /* youtube, studio, creator, analytics */
    const char *doc;
    bool tenant; /* its tables name their tenant: it can be bound without a workspace */
    const struct nilo_relation *relations;
    size_t n;
};
extern const struct nilo_compat_set *const nilo_compat_sets[]; /* NULL-terminated */
const struct nilo_compat_set *nilo_compat_set_find(const char *name);
/* A relation of any set by its name, published or not; NULL = no such. */
const struct nilo_relation *nilo_compat_relation(const char *name);

/* Where a set's rows are. */
struct nilo_compat {
    bool tenant;          /* every workspace of the reader; else this one: */
    int64_t workspace;
    char workspace_name[256];
    char connection[256]; /* "" = any */
    bool numbers;         /* ids of the app are JSON numbers, where they are whole ones */
};
/** nilo_compat_find - how the set is bound in this store. *ret_bound false: it is not published */
int nilo_compat_find(struct nilo_store *s, const char *set, struct nilo_compat *ret, bool *ret_bound, struct nilo_err *err);
/** nilo_compat_bind - publishes it; in a transaction. workspace NULL: by its tenant column. connection NULL: any; one that
 *  does not exist yet has no rows
 *  errors  NILO_EINVAL the set has no tenant column; NILO_ENOENT there is no such workspace */
int nilo_compat_bind(struct nilo_store *s, const char *set, const char *workspace, const char *connection, struct nilo_err *err);
/** nilo_compat_numbers - are the app's ids numbers? In a transaction; holds for whatever the set is bound to */
int nilo_compat_numbers(struct nilo_store *s, const char *set, bool numbers, struct nilo_err *err);
int nilo_compat_unbind(struct nilo_store *s, const char *set, struct nilo_err *err);

#endif
