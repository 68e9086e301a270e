/* Days read: the first and newest day of each item and window (latest), and the count of items (metric 0 of the totals). */
#include "store/rows/derive_priv.h"

/* ---- days read: latest, and the count of items ------------------------------------------------------------------------------ */

struct read_day {
    size_t item_win;
    int32_t day;
    bool was, is, asked; /* asked: other cells of the day were looked up */
};
struct item_win {
    struct nilo__item *item;
    struct nilo_entity_ref entity;
    int32_t win;
    bool had, has;
    int32_t first_day, day, new_first, new_day;
    bool shrink; /* its first or newest day may have gone: look again */
};
struct reads {
    struct item_win *wins;
    size_t n_wins;
    struct read_day *days;
    size_t n_days;
    size_t *ask;
    size_t n_ask;
    const struct nilo__change *changes;
    size_t n_changes;
};

static void item_win_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct item_win *x = &((const struct item_win *)ctx)[i];
    p[0] = NILO_DBV_INT(x->entity.bucket);
    p[1] = NILO_DBV_INT(x->entity.id);
    p[2] = NILO_DBV_INT(x->win);
}
static void latest_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    item_win_params(((struct reads *)ctx)->wins, i, p);
}
static int latest_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    struct item_win *x = &((struct reads *)ctx)->wins[i];
    x->had = true;
    x->first_day = (int32_t)nilo_db_column_int(stmt, 0);
    x->day = (int32_t)nilo_db_column_int(stmt, 1);
    return 0;
}
static void ask_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct reads *r = ctx;
    const struct read_day *d = &r->days[r->ask[i]];
    latest_params(ctx, d->item_win, p);
    p[3] = NILO_DBV_INT(d->day);
}

/* Is the metric one of the changed cells of that day? changes are sorted by (entity, win, day, metric) here. */
static bool is_changed(const struct reads *r, struct nilo_entity_ref e, int32_t win, int32_t day, int32_t metric)
{
    size_t low = 0, high = r->n_changes;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (nilo__change_cmp(&r->changes[mid], e, win, day, metric) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < r->n_changes && nilo__change_cmp(&r->changes[low], e, win, day, metric) == 0;
}

static int ask_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    struct reads *r = ctx;
    struct read_day *d = &r->days[r->ask[i]];
    const struct item_win *x = &r->wins[d->item_win];
    if (!is_changed(r, x->entity, x->win, d->day, (int32_t)nilo_db_column_int(stmt, 0)))
        d->was = d->is = true;
    return 0;
}

/* Changes sorted by (entity, win, day, metric) become the list of touched windows and days. */
static int gather_reads(struct reads *r, struct nilo__items *all, const struct nilo__change *c, size_t n, struct nilo_err *err)
{
    r->wins = nilo_arena_array(all->arena, n, sizeof *r->wins);
    r->days = nilo_arena_array(all->arena, n, sizeof *r->days);
    r->ask = nilo_arena_array(all->arena, n, sizeof *r->ask);
    if (!r->wins || !r->days || !r->ask)
        return nilo_err_nomem(err);
    r->changes = c;
    r->n_changes = n;
    size_t item = 0;
    for (size_t i = 0; i < n; i++) {
        while (nilo__entity_cmp(all->items[item].entity, c[i].entity) != 0)
            item++;
        bool new_win = i == 0 || nilo__entity_cmp(c[i].entity, c[i - 1].entity) != 0 || c[i].win != c[i - 1].win;
        if (new_win)
            r->wins[r->n_wins++] = (struct item_win){.item = &all->items[item], .entity = c[i].entity, .win = c[i].win};
        if (new_win || c[i].day != c[i - 1].day)
            r->days[r->n_days++] = (struct read_day){.item_win = r->n_wins - 1, .day = c[i].day};
        struct read_day *d = &r->days[r->n_days - 1];
        d->was = d->was || c[i].old_state >= NILO__DEFINITIVE;
        d->is = d->is || c[i].new_state >= NILO__DEFINITIVE;
    }
    return 0;
}

static int load_reads(struct nilo_store *s, struct reads *r, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo_db_prepare(s->db, "SELECT first_day, day FROM latest WHERE bucket = ?1 AND entity_id = ?2 AND win = ?3", &stmt, err) < 0 ||
        nilo_db_many(stmt, r->n_wins, 3, latest_params, latest_row, r, err) < 0)
        return -1;
    for (size_t i = 0; i < r->n_days; i++) {
        const struct item_win *x = &r->wins[r->days[i].item_win];
        if (x->had && r->days[i].day >= x->first_day && r->days[i].day <= x->day)
            r->ask[r->n_ask++] = i;
    }
    if (nilo_db_prepare(s->db,
                        "SELECT v.metric_id FROM day_value v WHERE v.bucket = ?1 AND v.entity_id = ?2 AND v.win = ?3 AND v.day = ?4 "
                        "AND v.absence IN (0, 1, 2, 3) AND " NILO__SHOWN,
                        &stmt, err) < 0)
        return -1;
    return nilo_db_many(stmt, r->n_ask, 4, ask_params, ask_row, r, err);
}

/* After cells went away (a run taken out): the first and newest day that still hold something, untouched days only. */
static int look_again(struct nilo_store *s, struct item_win *x, const struct reads *r, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int got;
    if (nilo__query(s, &stmt, err,
                    "SELECT v.day, v.metric_id FROM day_value v WHERE v.bucket = ?1 AND v.entity_id = ?2 AND v.win = ?3 "
                    "AND v.absence IN (0, 1, 2, 3) AND " NILO__SHOWN " ORDER BY v.day",
                    NILO__PARAMS(NILO_DBV_INT(x->entity.bucket), NILO_DBV_INT(x->entity.id), NILO_DBV_INT(x->win))) < 0)
        return -1;
    x->has = false;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        int32_t day = (int32_t)nilo_db_column_int(stmt, 0);
        if (is_changed(r, x->entity, x->win, day, (int32_t)nilo_db_column_int(stmt, 1)))
            continue;
        if (!x->has)
            x->new_first = day;
        x->has = true;
        x->new_day = day;
    }
    return got;
}

static void include_day(struct item_win *x, int32_t day)
{
    if (!x->has || day < x->new_first)
        x->new_first = day;
    if (!x->has || day > x->new_day)
        x->new_day = day;
    x->has = true;
}

static int walk_reads(struct nilo_store *s, struct nilo__sums *t, struct reads *r, struct nilo_err *err)
{
    for (size_t i = 0; i < r->n_wins; i++) {
        struct item_win *x = &r->wins[i];
        x->has = x->had;
        x->new_first = x->first_day;
        x->new_day = x->day;
    }
    for (size_t i = 0; i < r->n_days; i++) {
        struct item_win *x = &r->wins[r->days[i].item_win];
        if (r->days[i].was && !r->days[i].is && (r->days[i].day == x->first_day || r->days[i].day == x->day))
            x->shrink = true;
    }
    for (size_t i = 0; i < r->n_wins; i++)
        if (r->wins[i].shrink && look_again(s, &r->wins[i], r, err) < 0)
            return -1;
    for (size_t i = 0; i < r->n_days; i++) {
        struct item_win *x = &r->wins[r->days[i].item_win];
        if (r->days[i].is)
            include_day(x, r->days[i].day);
        if (x->item->kind != NILO_CONTENT)
            continue;
        for (size_t k = 0; k < x->item->n_scopes; k++)
            nilo__emit_day(t, &x->item->scopes[k], x->win, 0, r->days[i].day, 0, 0, (int64_t)r->days[i].is - (int64_t)r->days[i].was);
    }
    for (size_t i = 0; i < r->n_wins; i++) {
        struct item_win *x = &r->wins[i];
        if (x->item->kind != NILO_CONTENT || (x->had == x->has && (!x->has || x->first_day == x->new_first)))
            continue;
        for (size_t k = 0; k < x->item->n_scopes; k++) {
            if (x->had)
                nilo__emit_level(t, &x->item->scopes[k], x->win, 0, x->first_day, NILO__INF, 0, 0, -1);
            if (x->has)
                nilo__emit_level(t, &x->item->scopes[k], x->win, 0, x->new_first, NILO__INF, 0, 0, 1);
        }
    }
    return 0;
}

static void latest_write_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct item_win *x = &((const struct item_win *)ctx)[i];
    item_win_params(ctx, i, p);
    p[3] = NILO_DBV_INT(x->new_first);
    p[4] = NILO_DBV_INT(x->new_day);
}

static const struct nilo_db_field latest_fields[] = {
    {"bucket", "smallint"}, {"entity_id", "bigint"}, {"win", "integer"}, {"first_day", "integer"}, {"day", "integer"},
};
static const struct nilo_db_insert put_latest = {
    .table = "latest",
    .fields = latest_fields,
    .n_fields = 5,
    .conflict = "ON CONFLICT (bucket, entity_id, win) DO UPDATE SET first_day = excluded.first_day, day = excluded.day",
};

static int write_latest(struct nilo_store *s, struct reads *r, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    size_t put = 0, gone = r->n_wins;
    for (size_t i = 0; i < gone;) { /* partition in place: to be put first, gone ones last */
        struct item_win x = r->wins[i];
        if (x.has) {
            r->wins[i] = r->wins[put];
            r->wins[put++] = x;
            i++;
        } else {
            r->wins[i] = r->wins[--gone];
            r->wins[gone] = x;
        }
    }
    if (nilo_db_insert(s->db, &put_latest, put, latest_write_params, r->wins, err) < 0)
        return -1;
    if (nilo_db_prepare(s->db, "DELETE FROM latest WHERE bucket = ?1 AND entity_id = ?2 AND win = ?3", &stmt, err) < 0)
        return -1;
    return nilo_db_many(stmt, r->n_wins - put, 3, item_win_params, NULL, r->wins + put, err);
}

static int reads_of(const struct reads *r, struct nilo_arena *arena, struct nilo__fresh *fresh, struct nilo_err *err)
{
    fresh->latest = nilo_arena_array(arena, r->n_wins, sizeof *fresh->latest);
    if (!fresh->latest)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < r->n_wins; i++) {
        const struct item_win *x = &r->wins[i];
        if (x->has)
            fresh->latest[fresh->n_latest++] =
                (struct nilo__read){.entity = x->entity, .win = x->win, .first_day = x->new_first, .day = x->new_day};
    }
    return 0;
}

int nilo__derive_reads(struct nilo_store *s, struct nilo__sums *t, struct nilo__items *items, const struct nilo__change *changes, size_t n,
                       struct nilo__fresh *fresh, struct nilo_err *err)
{
    struct reads r = {0};
    if (gather_reads(&r, items, changes, n, err) < 0 || (!fresh && load_reads(s, &r, err) < 0) || walk_reads(s, t, &r, err) < 0)
        return -1;
    return fresh ? reads_of(&r, items->arena, fresh, err) : write_latest(s, &r, err);
}
