/* Old closed days: what drop and thin share. */
#ifndef NILO_CMD_OLD_H
#define NILO_CMD_OLD_H

#include "cmd/cmd_priv.h"

struct nilo__old {
    nilo_day until; /* the last day */
    bool dry_run;
    const char *author;
};
typedef int nilo__old_fn(void *self, struct nilo_store *s, const struct nilo_connection *c, const struct nilo__old *old, struct nilo_err *err);

/** nilo__old_age - each connection's days that are older than so many days in its workspace's zone; days <= 0: none */
int nilo__old_age(struct nilo_store *s, int64_t days, const char *author, nilo__old_fn *one, void *self, struct nilo_err *err);
/** nilo__old_days - as the command line says: --before, --workspace, --connection, --dry-run or --yes, --author
 *  done    what becomes of the days: "dropped"
 *  errors  NILO_EUSAGE, NILO_ENOENT no connection is meant, and what `one` gives */
int nilo__old_days(struct nilo_cmd_ctx *ctx, const char *done, nilo__old_fn *one, void *self, int *ret_connections, struct nilo_err *err);

struct nilo__old_count {
    const char *name;
    int64_t n;
};
/** nilo__old_report - the counts and dry_run, as JSON */
int nilo__old_report(struct nilo_cmd_ctx *ctx, const struct nilo__old_count *counts, size_t n, struct nilo_err *err);

#define NILO__OLD_OPTIONS(what)                                                                                        \
    {"before", "DAY", "only days before this one", false}, {"workspace", "W", "only connections of this workspace", false},        \
        {"connection", "NAME", "only this connection", false}, {"dry-run", NULL, "only say how " what " would go", false},          \
        {"yes", NULL, "do it", false}, {"author", "NAME", "who asked for it; default the login name", false}

#endif
