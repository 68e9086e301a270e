/* The check of the log of closed days. The statement of check.c takes a day that is in no calendar for one that was lost: a zone skips a day when it crosses
 * the date line, and a workspace that moves far to the east loses one. So where it finds something, the calendar is asked. */
#include <stdlib.h>

#include "store/rows/check.h"

#define WHAT "the log of closed days has gaps or does not end with this day (value: days in it)"

struct log_days {
    const struct nilo_connection *connection;
    const struct nilo_calendar *calendar;
    int64_t n;
    nilo_day next; /* the first day that was not seen yet */
    bool gap;
};

static bool all_skipped(const struct log_days *x, nilo_day until)
{
    for (nilo_day d = x->next; d.n <= until.n; d.n++) {
        if (nilo_calendar_exists(x->calendar, d))
            return false;
    }
    return true;
}

static int walk(struct nilo_store *s, struct log_days *x, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int got;
    if (nilo__query(s, &stmt, err, "SELECT day FROM day_close WHERE connection_id = ?1 ORDER BY day", NILO__PARAMS(NILO_DBV_INT(x->connection->id))) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        nilo_day day = NILO_DAY((int32_t)nilo_db_column_int(stmt, 0));
        if (x->n++ > 0 && !all_skipped(x, NILO_DAY(day.n - 1)))
            x->gap = true;
        x->next = NILO_DAY(day.n + 1);
    }
    return got;
}

/* 1: it is as it should be, 0: it is not, -1 failed. */
static int is_whole(struct nilo_store *s, struct log_days *x, struct nilo_err *err)
{
    nilo_day until = x->connection->closed_until;
    if (nilo_store_calendar(s, x->connection->workspace, &x->calendar, err) < 0 || walk(s, x, err) < 0)
        return -1;
    if (nilo_day_is_none(until))
        return x->n == 0;
    return x->n > 0 && !x->gap && x->next.n <= until.n + 1 && all_skipped(x, until);
}

static int tell(const struct log_days *x, nilo_finding_fn *fn, void *ctx)
{
    char day[NILO_DAY_TEXT];
    const struct nilo_connection *c = x->connection;
    struct nilo_finding f = {.workspace = c->workspace_name, .connection = c->name, .has_value = true, .value = x->n, .text = WHAT};
    if (!nilo_day_is_none(c->closed_until)) {
        nilo_day_format(c->closed_until, day);
        f.day = day;
    }
    return fn(ctx, &f);
}

int nilo__check_log(struct nilo_store *s, nilo_finding_fn *fn, void *ctx, struct nilo_err *err)
{
    struct nilo_connection *all;
    size_t n;
    int rc = 0;
    if (nilo_store_connections(s, &all, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct log_days x = {.connection = &all[i]};
        int whole = is_whole(s, &x, err);
        rc = whole < 0 ? -1 : whole == 0 ? tell(&x, fn, ctx) : 0;
    }
    free(all);
    return rc;
}
