/* The all-time bests beside the values of an export. Every row of an item's metric tells the same one, so that a spreadsheet has it where it is looked
 * for; here each is kept once, on disk, until the values of its connection have been handed over. */
#include "import/import_priv.h"

#include <stdlib.h>
#include <string.h>

#include "db/db.h"

static const char schema[] =
    "CREATE TABLE b (workspace TEXT NOT NULL, connection TEXT NOT NULL, kind INTEGER NOT NULL, external_id TEXT NOT NULL, metric INTEGER NOT NULL, "
    "value TEXT NOT NULL, win INTEGER NOT NULL, day INTEGER NOT NULL, at INTEGER NOT NULL, gmv TEXT NOT NULL, "
    "PRIMARY KEY (workspace, connection, kind, external_id, metric, value, win, day, at, gmv)) STRICT, WITHOUT ROWID";
static const char insert_row[] = "INSERT OR IGNORE INTO b VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
static const char select_rows[] = "SELECT kind, external_id, metric, value, win, day, at, gmv FROM b WHERE workspace = ?1 AND connection = ?2 "
                                  "ORDER BY kind, external_id, metric, win, day, at, value, gmv";

struct nilo__bests {
    struct nilo_db *db;
    struct nilo_db_stmt *add;
    struct nilo_buf *last; /* by metric: the row before, that is mostly the same */
    size_t n_last;
};

void nilo__bests_free(struct nilo__bests *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->n_last; i++)
        nilo_buf_done(&b->last[i]);
    free(b->last);
    free(b);
}

int nilo__bests_new(struct nilo_db *db, struct nilo__bests **ret, struct nilo_err *err)
{
    struct nilo__bests *b = calloc(1, sizeof *b);
    if (b == NULL)
        return nilo_err_nomem(err);
    b->db = db;
    if (nilo_db_exec(db, schema, err) != 0 || nilo_db_prepare(db, insert_row, &b->add, err) != 0) {
        nilo__bests_free(b);
        return -1;
    }
    *ret = b;
    return 0;
}

/* Was the same told by the last row of that metric? Else it is remembered. 1, 0, -1 */
static int told_before(struct nilo__bests *b, const struct nilo__best *x, struct nilo_err *err)
{
    struct nilo_buf now, *was;
    while (b->n_last <= (size_t)x->metric) {
        struct nilo_buf *more = realloc(b->last, (b->n_last + 1) * sizeof *more);
        if (more == NULL)
            return nilo_err_nomem(err);
        b->last = more;
        nilo_buf_init(&b->last[b->n_last++], SIZE_MAX);
    }
    was = &b->last[x->metric];
    nilo_buf_init(&now, SIZE_MAX);
    nilo_buf_addf(&now, "%d %d %d %lld %s %s\n%s\n%s\n%s", x->kind, (int)x->win, (int)x->day.n, (long long)x->at, x->value, x->gmv, x->external_id,
                  x->workspace, x->connection);
    if (now.failed) {
        nilo_buf_done(&now);
        return nilo_err_nomem(err);
    }
    bool same = now.len == was->len && memcmp(now.data, nilo_buf_str(was), now.len) == 0;
    nilo_buf_done(same ? &now : was);
    if (!same)
        *was = now;
    return same;
}

int nilo__bests_add(struct nilo__bests *b, const struct nilo__best *x, struct nilo_err *err)
{
    const struct nilo_db_value p[] = {
        NILO_DBV_TEXT(x->workspace), NILO_DBV_TEXT(x->connection), NILO_DBV_INT(x->kind), NILO_DBV_TEXT(x->external_id), NILO_DBV_INT(x->metric),
        NILO_DBV_TEXT(x->value), NILO_DBV_INT(x->win), NILO_DBV_INT(x->day.n), NILO_DBV_INT(x->at), NILO_DBV_TEXT(x->gmv),
    };
    int told = told_before(b, x, err);
    if (told != 0)
        return told < 0 ? -1 : 0;
    return nilo_db_run(b->add, p, (int)(sizeof p / sizeof p[0]), NULL, err) == 0 ? 0 : nilo_err_wrap(err, "sorting on disk");
}

static int number(const char *text, const struct nilo_metric *m, const char *what, int64_t *ret, struct nilo_err *err)
{
    return nilo_decimal_parse(text, strlen(text), m->scale, false, ret, err) == 0 ? 0 : nilo_err_wrap(err, "%s of %s = %s", what, m->name, text);
}

static int hand_over(struct nilo_db_stmt *s, const struct nilo_metric *const *metrics, const struct nilo_metric *gmv, const struct nilo_values_sink *sink,
                     struct nilo_err *err)
{
    const struct nilo_metric *m = metrics[nilo_db_column_int(s, 2)];
    const char *beside = nilo_db_column_text(s, 7);
    struct nilo_best_in best = {
        .kind = (enum nilo_entity_kind)nilo_db_column_int(s, 0), .external_id = nilo_db_column_text(s, 1), .metric = m->id,
        .win = (int32_t)nilo_db_column_int(s, 4), .day = NILO_DAY((int32_t)nilo_db_column_int(s, 5)), .captured_at = nilo_db_column_int(s, 6),
        .has_gmv = beside[0] != '\0',
    };
    if (number(nilo_db_column_text(s, 3), m, "best_value", &best.value, err) != 0 || (best.has_gmv && number(beside, gmv, "best_gmv", &best.gmv, err) != 0))
        return -1;
    return sink->best(sink->ctx, &best, err);
}

int nilo__bests_feed(struct nilo__bests *b, const char *workspace, const char *connection, const struct nilo_metric *const *metrics,
                     const struct nilo_metric *gmv, const struct nilo_values_sink *sink, struct nilo_err *err)
{
    struct nilo_db_stmt *s;
    int rc = 0, got = 0;
    if (nilo_db_prepare(b->db, select_rows, &s, err) != 0 ||
        nilo_db_query(s, (const struct nilo_db_value[]){NILO_DBV_TEXT(workspace), NILO_DBV_TEXT(connection)}, 2, err) != 0)
        return -1;
    while (rc == 0 && (got = nilo_db_row(s, err)) == 1)
        rc = hand_over(s, metrics, gmv, sink, err) < 0 ? -1 : 0;
    nilo_db_reset(s);
    return rc == 0 && got < 0 ? -1 : rc;
}
