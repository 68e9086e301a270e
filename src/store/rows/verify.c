/* Is the store whole? What the engine says of its file, then the checks that must find nothing. Stops at the first finding: doctor lists them all. */
#include <stdio.h>
#include <string.h>

#include "store/rows/check.h"

/* A server looks after its own pages. */
static int check_file(struct nilo_store *s, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int got;
    if (nilo_db_engine(s->db) != NILO_DB_SQLITE)
        return 0;
    if (nilo__query(s, &stmt, err, "PRAGMA integrity_check(1)", 0, NULL) < 0 || (got = nilo_db_row(stmt, err)) < 0)
        return -1;
    const char *said = got == 1 ? nilo_db_column_text(stmt, 0) : NULL;
    bool whole = said != NULL && strcmp(said, "ok") == 0;
    if (!whole)
        nilo_err_set(err, NILO_ECORRUPT, "the store %s is damaged: %.300s; restore a backup", s->target, said != NULL ? said : "nothing can be read");
    nilo_db_reset(stmt);
    return whole ? 0 : -1;
}

struct first {
    struct nilo_store *s;
    const struct nilo_check *check;
    struct nilo_err *err;
};

static int tell(void *ctx, const struct nilo_finding *f)
{
    const struct first *first = ctx;
    char where[600];
    snprintf(where, sizeof where, "%s%.200s%s%.40s%s%.60s%s%.12s", f->item != NULL ? ": item " : "", f->item != NULL ? f->item : "",
             f->item != NULL && f->connection != NULL ? " of connection " : "", f->item != NULL && f->connection != NULL ? f->connection : "",
             f->metric != NULL ? ", " : "", f->metric != NULL ? f->metric : "", f->day != NULL ? ", " : "", f->day != NULL ? f->day : "");
    nilo_err_set(first->err, NILO_ECORRUPT, "the store %s holds %s%s: %.200s; %s", first->s->target, first->check->finds, where,
                 f->text != NULL ? f->text : "", first->check->todo);
    return 1;
}

static int check_record(struct nilo_store *s, nilo_step_fn *step, void *ctx, struct nilo_err *err)
{
    for (size_t i = 0; i < nilo_checks_n; i++) {
        struct first first = {s, &nilo_checks[i], err};
        if (step != NULL)
            step(ctx, nilo_checks[i].name, (int64_t)i, (int64_t)nilo_checks_n);
        if (nilo_checks[i].level == NILO_CHECK_WRONG && nilo_store_check(s, &nilo_checks[i], tell, &first, err) != 0)
            return -1;
    }
    return 0;
}

int nilo_store_verify(struct nilo_store *s, nilo_step_fn *step, void *ctx, struct nilo_err *err)
{
    if (nilo_store_begin(s, err) < 0)
        return -1;
    if (step != NULL && nilo_db_engine(s->db) == NILO_DB_SQLITE)
        step(ctx, "pages", 0, 0);
    int rc = check_file(s, err) < 0 || check_record(s, step, ctx, err) < 0 ? -1 : 0;
    nilo_store_rollback(s);
    return rc;
}
