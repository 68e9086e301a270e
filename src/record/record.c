/* A run being written: readings come in, are checked and kept until a chunk is full, then merged, given their day and applied in one
 * transaction. The last transaction judges the run, closes days and logs it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/names.h"
#include "record/record_priv.h"
#include "store/collecting.h"

#define CHUNK 50000
/* Where others wait for their turn: no longer than this, whatever the machine. */
#define MOMENT      (50 * NILO_US_SECOND / 1000)
#define CHUNK_FIRST 4000
#define CHUNK_LEAST 500
#define MAX_WINDOW 3660
#define AHEAD (5 * NILO_US_MINUTE)
#define NOTES_MAX 4096

static nilo_us wall(const struct nilo_recorder *r)
{
    const struct nilo_env *env = nilo_store_env(r->store);
    return env->clock.wall(env->clock.ctx);
}
static nilo_us mono(const struct nilo_recorder *r)
{
    const struct nilo_env *env = nilo_store_env(r->store);
    return env->clock.mono(env->clock.ctx);
}

static void recorder_free(struct nilo_recorder *r)
{
    nilo_arena_done(&r->arena);
    nilo_buf_done(&r->notes);
    nilo_buf_done(&r->said);
    free((char *)(uintptr_t)r->options.slot);
    free((char *)(uintptr_t)r->options.author);
    free(r->last_item);
    free(r->last_owner);
    free(r->pending);
    free(r->bests);
    free(r);
}

static int begin_chunk(struct nilo_recorder *r, struct nilo_err *err)
{
    return r->in_transaction ? 0 : nilo_store_begin(r->store, err);
}
/* A dry run keeps its one transaction open until the end. */
static int end_chunk(struct nilo_recorder *r, int rc, struct nilo_err *err)
{
    if (rc == 0 && r->options.guard)
        rc = r->options.guard(r->options.guard_ctx, r->store, err);
    if (r->options.within || (rc == 0 && r->options.dry_run))
        return rc;
    if (rc == 0)
        return nilo_store_commit(r->store, err);
    nilo_store_rollback(r->store);
    r->in_transaction = false;
    return -1;
}

/* ---- begin --------------------------------------------------------------------------------------------------------------------- */

static int check_slot(struct nilo_recorder *r, struct nilo_err *err)
{
    int64_t done;
    if (!r->options.slot || r->options.repair)
        return 0;
    if (nilo_store_slot_done(r->store, r->connection.id, r->options.slot, &done, err) < 0)
        return -1;
    return done ? nilo_err_set(err, NILO_EEXIST, "%s: \"%s\" was done by run %" PRId64 " already; nothing was done again", r->connection.name,
                               r->options.slot, done)
                : 0;
}

static int log_begin(struct nilo_recorder *r, struct nilo_err *err)
{
    enum nilo__clock clock;
    nilo_us newest;
    if (nilo__clock_look(r->store, r->now, &clock, &newest, err) < 0)
        return -1;
    if (clock == NILO__CLOCK_HELD && nilo__clock_hold(r->store, 0, err) < 0)
        return -1;
    r->clock = clock;
    return nilo_store_run_begin(r->store, &r->run, err);
}

static int start(struct nilo_recorder *r, struct nilo_err *err)
{
    r->now = wall(r);
    r->started_mono = mono(r);
    r->run = (struct nilo_run){.workspace = r->connection.workspace,
                               .connection = r->connection.id,
                               .kind = r->options.kind,
                               .provenance = r->options.provenance,
                               .revise = r->options.revise,
                               .slot = r->options.slot,
                               .target_day = r->options.target_day,
                               .started_at = r->now,
                               .ended_at = NILO_US_NONE,
                               .first_day = NILO_DAY_NONE,
                               .last_day = NILO_DAY_NONE};
    /* closed_until may have risen since the caller looked */
    if (nilo_store_connection_get(r->store, r->connection.id, &r->connection, err) < 0 ||
        nilo_store_calendar(r->store, r->connection.workspace, &r->calendar, err) < 0 || check_slot(r, err) < 0 ||
        (!r->options.within && nilo_store_begin(r->store, err) < 0))
        return -1;
    r->in_transaction = r->options.dry_run || r->options.within;
    return end_chunk(r, log_begin(r, err), err);
}

int nilo_record_begin(struct nilo_store *s, const struct nilo_connection *c, const struct nilo_run_options *o,
                      struct nilo_recorder **ret, struct nilo_err *err)
{
    struct nilo_recorder *r = calloc(1, sizeof *r);
    if (!r)
        return nilo_err_nomem(err);
    r->store = s;
    r->connection = *c;
    r->options = *o;
    r->options.slot = o->slot ? strdup(o->slot) : NULL;
    r->options.author = o->author ? strdup(o->author) : NULL;
    r->options.read_until = NILO_DAY_NONE;
    r->options.revise = o->revise || o->kind == NILO_RUN_REVISE;
    r->yields = !o->chunk && !o->within && !o->dry_run && nilo_store_is_beside(s);
    if (!r->options.chunk)
        r->options.chunk = o->within ? SIZE_MAX / 8 : r->yields ? CHUNK_FIRST : CHUNK;
    r->together = 4 * (r->yields ? CHUNK : r->options.chunk);
    nilo_arena_init(&r->arena, 0);
    nilo_buf_init(&r->notes, NOTES_MAX);
    nilo_buf_init(&r->said, NOTES_MAX);
    r->processed = -1;
    if ((o->slot && !r->options.slot) || (o->author && !r->options.author) ? nilo_err_nomem(err) < 0 : start(r, err) < 0) {
        recorder_free(r);
        return -1;
    }
    *ret = r;
    return 0;
}

int64_t nilo_record_run(const struct nilo_recorder *r) { return r->run.id; }
void nilo_record_read_until(struct nilo_recorder *r, nilo_day day)
{
    if (nilo_day_is_none(r->options.read_until) || day.n > r->options.read_until.n)
        r->options.read_until = day;
}
void nilo_record_metrics_collected(struct nilo_recorder *r, int n) { r->run.metrics_collected = n; }
void nilo_record_processed(struct nilo_recorder *r, int64_t n) { r->processed = n; }

/* Was the item, or the owner it is credited to, erased? Then nothing of the reading is recorded, and the run says how many there were. */
int nilo__look_erased(struct nilo_recorder *r, enum nilo_entity_kind kind, const char *id, const char *owner, bool *ret, struct nilo_err *err)
{
    if (nilo_store_was_erased(r->store, r->connection.workspace, NILO_ERASE_ITEM, (int)kind, r->connection.platform, id, ret, err) < 0)
        return -1;
    return *ret || !owner ? 0 : nilo_store_was_erased(r->store, r->connection.workspace, NILO_ERASE_OWNER, 0, "", owner, ret, err);
}

int nilo_record_fail(struct nilo_recorder *r, const char *external_id, const char *class, const char *message, struct nilo_err *err)
{
    bool erased = false;
    if (external_id && nilo__look_erased(r, NILO_CONTENT, external_id, NULL, &erased, err) < 0)
        return -1;
    if (erased) { /* the message may name it as well */
        external_id = NULL;
        message = "an item that was erased could not be read";
    }
    r->run.failed++;
    if (begin_chunk(r, err) < 0)
        return -1;
    return end_chunk(r, nilo_store_run_fail(r->store, r->run.id, ++r->failures, external_id, class, message, err), err);
}

int nilo_record_say(struct nilo_recorder *r, const char *sentence, struct nilo_err *err)
{
    struct nilo_buf b;
    struct nilo_json_out out;
    nilo_buf_init(&b, NOTES_MAX);
    nilo_json_out_init(&out, &b);
    nilo_json_str(&out, sentence);
    bool fits = !b.failed && r->said.len + b.len + 1 < NOTES_MAX;
    if (fits && r->said.len)
        nilo_buf_addc(&r->said, ',');
    if (fits)
        nilo_buf_adds(&r->said, nilo_buf_str(&b));
    nilo_buf_done(&b);
    return r->said.failed ? nilo_err_nomem(err) : 0;
}

/* ---- one reading ---------------------------------------------------------------------------------------------------------------- */

int nilo__refuse(struct nilo_recorder *r, struct nilo_err *err, enum nilo_code code, const char *what)
{
    r->refused_readings++;
    return nilo_err_set(err, code, "%s", what);
}

bool nilo_record_value_wrong(const struct nilo_metric *m, const struct nilo_reading_value *v)
{
    return v->absence == NILO_PRESENT && v->value < 0 && !nilo_metric_may_be_negative(m);
}

static int check_values(struct nilo_recorder *r, const struct nilo_reading *in, struct nilo_err *err)
{
    const struct nilo_catalog *catalog = nilo_store_catalog(r->store);
    for (size_t i = 0; i < in->n_values; i++) {
        const struct nilo_reading_value *v = &in->values[i];
        const struct nilo_metric *m = nilo_catalog_by_id(catalog, v->metric);
        if (!m)
            return nilo__refuse(r, err, NILO_EINVAL, "a reading names a metric that is not defined");
        if (nilo_record_value_wrong(m, v)) {
            r->refused_readings++;
            return nilo_err_set(err, NILO_EINVAL, "%s is a count and cannot be negative", m->name);
        }
        if (strcmp(nilo_absence_name((int)v->absence), "?") == 0)
            return nilo__refuse(r, err, NILO_EINVAL, "a reading gives an unknown reason for a missing value");
        for (size_t j = 0; j < i; j++)
            if (in->values[j].metric == v->metric)
                return nilo__refuse(r, err, NILO_EINVAL, "a reading names the same metric twice");
        if (v->meta && nilo_json_check(v->meta, strlen(v->meta), NULL) < 0)
            return nilo__refuse(r, err, NILO_EINVAL, "a value's metadata is not valid JSON");
    }
    return 0;
}

/* Of the reading's days, that of its instant and that which the source named, one is gone. */
static bool is_dropped(const struct nilo_recorder *r, const struct nilo_reading *in)
{
    int32_t until = r->connection.dropped_until.n;
    return until != NILO_DAY_NONE.n && ((!nilo_day_is_none(in->day) && in->day.n <= until) ||
                                        (in->captured_at != NILO_US_NONE && nilo_calendar_day(r->calendar, in->captured_at).n <= until));
}

static int refuse_dropped(struct nilo_recorder *r, struct nilo_err *err)
{
    char until[NILO_DAY_TEXT], text[200];
    nilo_day_format(r->connection.dropped_until, until);
    snprintf(text, sizeof text, "days up to %s of this connection were dropped; nothing is recorded there any more", until);
    return nilo__refuse(r, err, NILO_EDATERANGE, text);
}

/* Of what is said of an item: an instant that a calendar has. */
static bool has_day(nilo_us at)
{
    return at == NILO_US_NONE || (at >= (nilo_us)NILO_DAY_MIN.n * NILO_US_DAY && at < ((nilo_us)NILO_DAY_MAX.n + 1) * NILO_US_DAY);
}

static int check(struct nilo_recorder *r, const struct nilo_reading *in, struct nilo_err *err)
{
    if (!in->external_id || !nilo_name_ok(in->external_id, 1024))
        return nilo__refuse(r, err, NILO_EINVAL, "an external id has 1 to 1024 bytes of UTF-8 without control characters");
    if (in->kind == NILO_APP && !nilo_connection_is_own(&r->connection))
        return nilo__refuse(r, err, NILO_EINVAL, "a competitor's connection has no metrics of the app");
    if (in->win < 0 || in->win > MAX_WINDOW)
        return nilo__refuse(r, err, NILO_EINVAL, "window_days is not between 0 and 3660");
    if (in->captured_at == NILO_US_NONE && nilo_day_is_none(in->day))
        return nilo__refuse(r, err, NILO_EINVAL, "a reading needs captured_at or a day");
    if (!nilo_day_is_none(in->day) && (in->day.n < NILO_DAY_MIN.n || in->day.n > NILO_DAY_MAX.n))
        return nilo__refuse(r, err, NILO_EDATERANGE, "the day is not between 0001-01-01 and 9999-12-31");
    if (in->captured_at != NILO_US_NONE && in->captured_at > wall(r) + AHEAD)
        return nilo__refuse(r, err, NILO_EINVAL, "captured_at is more than 5 minutes in the future");
    if (in->captured_at != NILO_US_NONE && in->captured_at < nilo_calendar_start(r->calendar, NILO_DAY_MIN))
        return nilo__refuse(r, err, NILO_EDATERANGE, "captured_at is before 0001-01-01");
    if (!nilo_day_is_none(in->day) && in->day.n > nilo_calendar_day(r->calendar, wall(r) + AHEAD).n)
        return nilo__refuse(r, err, NILO_EINVAL, "the day is in the future");
    if (is_dropped(r, in))
        return refuse_dropped(r, err);
    if (in->owner && !nilo_name_ok(in->owner, 1024))
        return nilo__refuse(r, err, NILO_EINVAL, "an owner has 1 to 1024 bytes of UTF-8 without control characters");
    if (in->attrs && (!has_day(in->attrs->posted_at) || !has_day(in->attrs->deleted_at)))
        return nilo__refuse(r, err, NILO_EDATERANGE, "posted_at and deleted_at lie between 0001-01-01 and 9999-12-31");
    return check_values(r, in, err);
}

static int copy_attrs(struct nilo_arena *a, const struct nilo_attrs *from, const struct nilo_attrs **ret)
{
    struct nilo_attrs *to = nilo_arena_alloc(a, sizeof *to);
    if (!to)
        return -1;
    *to = *from;
    const char **texts[] = {&to->title, &to->url, &to->media_type, &to->caption, &to->thumbnail, &to->tags, &to->status};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (*texts[i] && !(*texts[i] = nilo_arena_strdup(a, *texts[i])))
            return -1;
    *ret = to;
    return 0;
}

static int copy_values(struct nilo_arena *a, const struct nilo_reading *in, struct nilo_reading *to)
{
    struct nilo_reading_value *v = nilo_arena_array(a, in->n_values ? in->n_values : 1, sizeof *v);
    if (!v)
        return -1;
    for (size_t i = 0; i < in->n_values; i++) {
        v[i] = in->values[i];
        if (v[i].absence != NILO_PRESENT)
            v[i].value = 0;
        if (v[i].meta && !(v[i].meta = nilo_arena_strdup(a, v[i].meta)))
            return -1;
    }
    to->values = v;
    return 0;
}

static int keep(struct nilo_recorder *r, const struct nilo__pending *in, struct nilo_err *err)
{
    if (r->n == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 256;
        struct nilo__pending *more = realloc(r->pending, cap * sizeof *more);
        if (!more)
            return nilo_err_nomem(err);
        r->pending = more;
        r->cap = cap;
    }
    struct nilo__pending *p = &r->pending[r->n];
    *p = *in;
    p->arrival = r->arrivals++;
    p->r.external_id = nilo_arena_strdup(&r->arena, in->r.external_id);
    p->r.owner = in->r.owner ? nilo_arena_strdup(&r->arena, in->r.owner) : NULL;
    if (!p->r.external_id || (in->r.owner && !p->r.owner) || copy_values(&r->arena, &in->r, &p->r) < 0 ||
        (in->r.attrs && copy_attrs(&r->arena, in->r.attrs, &p->r.attrs) < 0))
        return nilo_err_nomem(err);
    r->n++;
    r->n_values += p->r.n_values;
    return 0;
}

/* An item's readings of one day stay in one chunk, so that a run that is killed leaves no closed day with its first reading only. A day with
 * readings without end is cut all the same: memory is bounded. */
static bool belongs_together(const struct nilo_recorder *r, const struct nilo__pending *a, const struct nilo__pending *b)
{
    if (a->r.kind != b->r.kind || a->r.win != b->r.win || strcmp(a->r.external_id, b->r.external_id) != 0)
        return false;
    if (nilo__pending_twins(a, b))
        return true;
    bool same_named = !nilo_day_is_none(a->r.day) && a->r.day.n == b->r.day.n;
    bool same_day = nilo_calendar_day(r->calendar, a->captured_at).n == nilo_calendar_day(r->calendar, b->captured_at).n;
    return (same_named || same_day) && r->n_values < r->together;
}

/* Instant values belong to the day of captured_at, whatever day the source names beside. */
static bool day_decides(const struct nilo_recorder *r, const struct nilo_reading *in)
{
    const struct nilo_catalog *catalog = nilo_store_catalog(r->store);
    bool decides = in->captured_at == NILO_US_NONE || in->win != 0;
    for (size_t i = 0; i < in->n_values && !decides; i++)
        decides = nilo_catalog_by_id(catalog, in->values[i].metric)->kind == NILO_PERIOD;
    return decides;
}

int nilo_record_add(struct nilo_recorder *r, const struct nilo_reading *in, struct nilo_err *err)
{
    bool erased;
    r->run.readings++;
    if (check(r, in, err) < 0 || nilo__look_erased(r, in->kind, in->external_id, in->owner, &erased, err) < 0)
        return -1;
    if (erased) {
        r->erased_readings++;
        return nilo_err_set(err, NILO_EINVAL, "the item or its owner was erased; nothing of it is recorded");
    }
    struct nilo__pending p = {.r = *in, .captured_at = in->captured_at, .day_decides = day_decides(r, in)};
    if (p.r.provenance == 0)
        p.r.provenance = r->options.provenance;
    if (p.captured_at == NILO_US_NONE) {
        p.day_only = true;
        p.captured_at = nilo_calendar_end(r->calendar, in->day) - 1;
    }
    p.told_day = nilo_day_is_none(in->day) ? nilo_calendar_day(r->calendar, p.captured_at) : in->day;
    if (r->n_values >= r->options.chunk && !belongs_together(r, &r->pending[r->n - 1], &p) && nilo__flush(r, err) < 0)
        return -1;
    return keep(r, &p, err);
}

/* ---- one chunk ------------------------------------------------------------------------------------------------------------------ */

struct chunk {
    struct nilo_entity_in *entities;
    struct nilo_entity_ref *refs;
    struct nilo_attrs *attrs;
    size_t *entity_of;         /* pending -> entity */
    size_t n_entities;
    struct nilo_point *points;
    size_t n_points;
};

static bool same_entity(const struct nilo__pending *a, const struct nilo__pending *b)
{
    return a->r.kind == b->r.kind && strcmp(a->r.external_id, b->r.external_id) == 0;
}

static void say(const char **to, const char *from, bool newer)
{
    if (from && (newer || !*to))
        *to = from;
}

/* What the chunk's readings say about one item: the newest word of each wins. */
static void merge_attrs(struct nilo_attrs *to, const struct nilo__pending *p)
{
    const struct nilo_attrs *from = p->r.attrs;
    if (!from)
        return;
    bool newer = p->captured_at >= to->at;
    say(&to->title, from->title, newer);
    say(&to->url, from->url, newer);
    say(&to->media_type, from->media_type, newer);
    say(&to->caption, from->caption, newer);
    say(&to->thumbnail, from->thumbnail, newer);
    say(&to->tags, from->tags, newer);
    say(&to->status, from->status, newer);
    if (from->posted_at != NILO_US_NONE && (newer || to->posted_at == NILO_US_NONE))
        to->posted_at = from->posted_at;
    if (from->deleted_at != NILO_US_NONE && (newer || to->deleted_at == NILO_US_NONE))
        to->deleted_at = from->deleted_at;
    if (from->duration_ms >= 0 && (newer || to->duration_ms < 0))
        to->duration_ms = from->duration_ms;
    if (newer)
        to->at = p->captured_at;
}

static int gather_entities(struct nilo_recorder *r, struct chunk *c, struct nilo_err *err)
{
    c->entities = nilo_arena_array(&r->arena, r->n, sizeof *c->entities);
    c->refs = nilo_arena_array(&r->arena, r->n, sizeof *c->refs);
    c->attrs = nilo_arena_array(&r->arena, r->n, sizeof *c->attrs);
    c->entity_of = nilo_arena_array(&r->arena, r->n, sizeof *c->entity_of);
    if (!c->entities || !c->refs || !c->attrs || !c->entity_of)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < r->n; i++) {
        const struct nilo__pending *p = &r->pending[i];
        if (i == 0 || !same_entity(p, &r->pending[i - 1])) {
            struct nilo_attrs *a = &c->attrs[c->n_entities];
            *a = (struct nilo_attrs){.posted_at = NILO_US_NONE, .deleted_at = NILO_US_NONE, .at = NILO_US_NONE, .duration_ms = -1};
            c->entities[c->n_entities++] = (struct nilo_entity_in){.kind = p->r.kind, .external_id = p->r.external_id, .attrs = a};
        }
        c->entity_of[i] = c->n_entities - 1;
        merge_attrs(&c->attrs[c->n_entities - 1], p);
    }
    return nilo_store_entities(r->store, &r->connection, c->entities, c->n_entities, c->refs, err);
}

static int owner_id(struct nilo_recorder *r, const char *key, int64_t *ret, struct nilo_err *err)
{
    if (r->last_owner && strcmp(r->last_owner, key) == 0) {
        *ret = r->last_owner_id;
        return 0;
    }
    if (nilo_store_owner(r->store, r->connection.workspace, key, true, ret, err) < 0)
        return -1;
    char *copy = strdup(key);
    if (!copy)
        return nilo_err_nomem(err);
    free(r->last_owner);
    r->last_owner = copy;
    r->last_owner_id = *ret;
    return 0;
}

/* Before the values, so that a new item's totals are derived once. */
static int write_credits(struct nilo_recorder *r, struct chunk *c, struct nilo_err *err)
{
    for (size_t i = 0; i < r->n; i++) {
        const char *owner = r->pending[i].r.owner;
        bool again = i > 0 && c->entity_of[i] == c->entity_of[i - 1] && owner && r->pending[i - 1].r.owner &&
                     strcmp(owner, r->pending[i - 1].r.owner) == 0;
        if (!owner || again)
            continue;
        struct nilo_credit_in credit = {.entity = c->refs[c->entity_of[i]],
                                        .workspace = r->connection.workspace,
                                        .from_day = NILO_DAY_NONE,
                                        .to_day = NILO_DAY_NONE};
        if (owner_id(r, owner, &credit.owner, err) < 0 || nilo_store_credit_add(r->store, &credit, 1, err) < 0)
            return -1;
    }
    return 0;
}

/* Instant values belong to the day they were captured on, period values and windows to the day that the source names. */
static nilo_day day_of(const struct nilo_recorder *r, const struct nilo__pending *p, const struct nilo_metric *m)
{
    if (p->day_only)
        return p->r.day;
    bool named = !nilo_day_is_none(p->r.day) && (m->kind == NILO_PERIOD || p->r.win != 0);
    return named ? p->r.day : nilo_calendar_day(r->calendar, p->captured_at);
}

static int by_key(const void *x, const void *y)
{
    const struct nilo_point *a = x, *b = y;
#define BY(field)                                                                                                      \
    if (a->field != b->field)                                                                                          \
        return a->field < b->field ? -1 : 1;
    BY(entity.bucket)
    BY(entity.id)
    BY(win)
    BY(day.n)
    BY(metric)
    BY(captured_at)
    BY(source_day.n)
#undef BY
    return 0;
}

static int gather_points(struct nilo_recorder *r, struct chunk *c, struct nilo_err *err)
{
    size_t cap = 0;
    for (size_t i = 0; i < r->n; i++)
        cap += r->pending[i].dropped ? 0 : r->pending[i].r.n_values;
    c->points = nilo_arena_array(&r->arena, cap ? cap : 1, sizeof *c->points);
    if (!c->points)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < r->n; i++) {
        const struct nilo__pending *p = &r->pending[i];
        for (size_t k = 0; !p->dropped && k < p->r.n_values; k++) {
            const struct nilo_reading_value *v = &p->r.values[k];
            const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(r->store), v->metric);
            nilo_day day = day_of(r, p, m);
            c->points[c->n_points++] = (struct nilo_point){.entity = c->refs[c->entity_of[i]],
                                                           .win = p->r.win,
                                                           .day = day,
                                                           .source_day = p->r.day,
                                                           .metric = v->metric,
                                                           .captured_at = p->captured_at,
                                                           .value = v->value,
                                                           .absence = v->absence,
                                                           .provenance = p->r.provenance,
                                                           .meta = v->meta,
                                                           .tag = p->r.tag};
            if (nilo_day_is_none(r->run.first_day) || day.n < r->run.first_day.n)
                r->run.first_day = day;
            if (nilo_day_is_none(r->run.last_day) || day.n > r->run.last_day.n)
                r->run.last_day = day;
        }
    }
    qsort(c->points, c->n_points, sizeof *c->points, by_key);
    return 0;
}

/* An SQL source that today counts a closed day otherwise: the kept value stands, the run says what it saw. */
static void note_difference(struct nilo_recorder *r, const struct nilo_point *p, const struct nilo_metric *m)
{
    char day[NILO_DAY_TEXT], value[NILO_DECIMAL_TEXT];
    if (++r->differences > 20)
        return;
    nilo_day_format(p->day, day);
    nilo_decimal_format(p->value, m->scale, true, value);
    struct nilo_json_out out;
    if (r->notes.len)
        nilo_buf_addc(&r->notes, ',');
    nilo_json_out_init(&out, &r->notes);
    nilo_json_object_begin(&out);
    nilo_json_key(&out, "day");
    nilo_json_str(&out, day);
    nilo_json_key(&out, "metric");
    nilo_json_str(&out, m->name);
    nilo_json_key(&out, "source_says");
    if (p->absence == NILO_PRESENT)
        nilo_json_text(&out, value, strlen(value));
    else
        nilo_json_null(&out);
    nilo_json_object_end(&out);
}

static void tally(struct nilo_recorder *r, const struct chunk *c)
{
    bool sql = r->options.kind == NILO_RUN_COLLECT && !r->options.platform;
    for (size_t i = 0; i < c->n_points; i++) {
        const struct nilo_point *p = &c->points[i];
        const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(r->store), p->metric);
        enum nilo_outcome o = p->outcome;
        if (r->options.note && (r->options.note_all || o == NILO_REFUSED || o == NILO_UNCHANGED))
            r->options.note(r->options.note_ctx, p->tag, p);
        if (sql && o == NILO_REFUSED) {
            note_difference(r, p, m);
            o = NILO_UNCHANGED;
        }
        r->run.outcomes[o]++;
        nilo__guard_count(r, m, p);
    }
    r->run.items += (int64_t)c->n_entities;
}

/* An item whose readings are spread over two chunks is one item; the chunk is still in order of arrival here. */
static int note_items(struct nilo_recorder *r, struct nilo_err *err)
{
    const char *first = r->pending[0].r.external_id, *last = r->pending[r->n - 1].r.external_id;
    if (r->last_item && strcmp(r->last_item, first) == 0)
        r->run.items--;
    char *copy = strdup(last);
    if (!copy)
        return nilo_err_nomem(err);
    free(r->last_item);
    r->last_item = copy;
    return 0;
}

static int write_chunk(struct nilo_recorder *r, struct chunk *c, struct nilo_err *err)
{
    /* another run may have closed days since the chunk before */
    if (nilo_store_connection_get(r->store, r->connection.id, &r->connection, err) < 0)
        return -1;
    if (gather_entities(r, c, err) < 0 || write_credits(r, c, err) < 0 || gather_points(r, c, err) < 0)
        return -1;
    struct nilo_batch batch = {.connection = &r->connection,
                               .run = &r->run,
                               .policy = {.kind = r->options.kind, .platform = r->options.platform, .revise = r->options.revise},
                               .recorded_at = r->now,
                               .author = r->options.author,
                               .points = c->points,
                               .n = c->n_points};
    if (nilo_store_apply(r->store, &batch, err) < 0)
        return -1;
    tally(r, c);
    return nilo_store_run_update(r->store, &r->run, err);
}

/* The next chunk is larger or smaller by how long this one took. */
static void pace(struct nilo_recorder *r, nilo_us took)
{
    size_t n = r->options.chunk;
    if (!r->yields)
        return;
    if (took > 2 * MOMENT)
        n = n / 2 > CHUNK_LEAST ? n / 2 : CHUNK_LEAST;
    else if (took < MOMENT / 2 && r->n_values >= n)
        n = 2 * n < CHUNK ? 2 * n : CHUNK;
    r->options.chunk = n;
}

int nilo__flush(struct nilo_recorder *r, struct nilo_err *err)
{
    struct chunk c = {0};
    if (r->n == 0 && r->n_bests == 0)
        return 0;
    r->now = wall(r);
    if ((r->n > 0 && (note_items(r, err) < 0 || nilo__merge(r, err) < 0)) || begin_chunk(r, err) < 0)
        return -1;
    const struct nilo_clock *clock = &nilo_store_env(r->store)->clock;
    nilo_us since = clock->mono(clock->ctx);
    int rc = r->n > 0 ? write_chunk(r, &c, err) : 0;
    rc = end_chunk(r, rc == 0 ? nilo__write_bests(r, err) : rc, err);
    pace(r, clock->mono(clock->ctx) - since);
    r->n = r->n_values = r->n_bests = 0;
    nilo_arena_reset(&r->arena);
    return rc;
}

/* ---- the end --------------------------------------------------------------------------------------------------------------------- */

static int write_details(struct nilo_recorder *r, const char *reason, struct nilo_arena *arena, struct nilo_err *err)
{
    if (!r->differences && !r->refused_readings && !r->erased_readings && !reason[0] && !r->run.merged_readings && !r->run.bests && !r->said.len && r->processed < 0)
        return 0;
    struct nilo_buf b;
    struct nilo_json_out out;
    nilo_buf_init(&b, 16384);
    nilo_json_out_init(&out, &b);
    nilo_json_object_begin(&out);
    if (reason[0]) {
        nilo_json_key(&out, "quarantined_because");
        nilo_json_str(&out, reason);
    }
    if (r->processed >= 0) {
        nilo_json_key(&out, "processed");
        nilo_json_int(&out, r->processed);
    }
    if (r->run.merged_readings) {
        nilo_json_key(&out, "readings_merged");
        nilo_json_int(&out, r->run.merged_readings);
    }
    if (r->run.bests) {
        nilo_json_key(&out, "bests_told");
        nilo_json_int(&out, r->run.bests);
    }
    if (r->refused_readings) {
        nilo_json_key(&out, "readings_refused");
        nilo_json_int(&out, r->refused_readings);
    }
    if (r->erased_readings) {
        nilo_json_key(&out, "readings_of_erased_items");
        nilo_json_int(&out, r->erased_readings);
    }
    if (r->said.len) {
        nilo_json_key(&out, "notes");
        nilo_json_array_begin(&out);
        nilo_json_text(&out, nilo_buf_str(&r->said), r->said.len);
        nilo_json_array_end(&out);
    }
    if (r->differences) {
        nilo_json_key(&out, "closed_values_that_differ_now");
        nilo_json_int(&out, r->differences);
        nilo_json_key(&out, "first_differences");
        nilo_json_array_begin(&out);
        if (!r->notes.failed)
            nilo_json_text(&out, nilo_buf_str(&r->notes), r->notes.len);
        nilo_json_array_end(&out);
    }
    nilo_json_object_end(&out);
    r->run.details = b.failed ? NULL : nilo_arena_strdup(arena, b.data);
    nilo_buf_done(&b);
    return r->run.details ? 0 : nilo_err_nomem(err);
}

static enum nilo_run_status status_of(const struct nilo_recorder *r, const char *error, const char *reason)
{
    if (error)
        return NILO_RUN_FAILED;
    if (reason[0])
        return NILO_RUN_QUARANTINED;
    return r->run.failed || r->refused_readings ? NILO_PARTIAL : NILO_COMPLETED;
}

/* Every run closes what may close, a failed one as well: a source that is down for long must not keep its days open. A quarantined one
 * holds its own days like any other. */
static int close_days(struct nilo_recorder *r, enum nilo_run_status status, nilo_us now, struct nilo_err *err)
{
    enum nilo__clock clock = r->clock;
    nilo_us wall_span = now - r->run.started_at, mono_span = mono(r) - r->started_mono;
    if (nilo__clock_drifted_back(wall_span, mono_span)) {
        clock = NILO__CLOCK_BEHIND;
    } else if (clock == NILO__CLOCK_OK && nilo__clock_jumped_ahead(wall_span, mono_span)) {
        clock = NILO__CLOCK_HELD;
        if (nilo__clock_hold(r->store, r->run.id, err) < 0)
            return -1;
    }
    int64_t except = nilo_run_status_counts(status) ? r->run.id : 0;
    return nilo__close(r->store, r->connection.id, except, clock, now, &r->run.days_closed, err);
}

/* One that a clock ahead has left behind is not believed: this run's own takes its place. */
static int keep_read_until(struct nilo_recorder *r, nilo_us now, struct nilo_err *err)
{
    struct nilo_connection c;
    if (nilo_store_connection_get(r->store, r->connection.id, &c, err) < 0)
        return -1;
    if (!nilo_day_is_none(c.read_until) && nilo_calendar_end(r->calendar, c.read_until) > now &&
        nilo_store_read_until_back(r->store, c.id, r->options.read_until, err) < 0)
        return -1;
    return nilo_store_read_until(r->store, c.id, r->options.read_until, err);
}

static int close_run(struct nilo_recorder *r, const char *error, struct nilo_arena *arena, struct nilo_err *err)
{
    char reason[256] = "";
    nilo_us now = wall(r);
    if (!error && nilo__guard(r, reason, sizeof reason, err) < 0)
        return -1;
    r->run.ended_at = now;
    r->run.duration_ms = (mono(r) - r->started_mono) / 1000;
    r->run.error = error ? nilo_arena_strdup(arena, error) : reason[0] ? nilo_arena_strdup(arena, reason) : NULL;
    r->run.slot = r->options.slot ? nilo_arena_strdup(arena, r->options.slot) : NULL;
    enum nilo_run_status status = status_of(r, error, reason);
    if (write_details(r, reason, arena, err) < 0)
        return -1;
    if (!nilo_run_status_counts(status) && nilo_store_run_count(r->store, r->run.id, status, err) < 0)
        return -1;
    r->run.status = status;
    if (!nilo_day_is_none(r->options.read_until) && nilo_run_status_counts(status) && !error &&
        keep_read_until(r, now, err) < 0)
        return -1;
    if (!r->options.no_close && close_days(r, status, now, err) < 0)
        return -1;
    return nilo_store_run_update(r->store, &r->run, err);
}

int nilo_record_finish(struct nilo_recorder *r, const char *error, struct nilo_arena *arena, struct nilo_run *ret, struct nilo_err *err)
{
    if (nilo__flush(r, err) < 0 || begin_chunk(r, err) < 0 || end_chunk(r, close_run(r, error, arena, err), err) < 0) {
        nilo_record_abort(r, err);
        return -1;
    }
    if (r->options.dry_run)
        nilo_store_rollback(r->store);
    else if (!r->options.within)
        nilo_store_loaded(r->store, r->run.outcomes[NILO_RECORDED] + r->run.outcomes[NILO_LATE], &(struct nilo_err){0});
    *ret = r->run;
    recorder_free(r);
    return 0;
}

/* The error that ends the run may be the store's own: what can be logged is, and nothing here hides the first cause. */
void nilo_record_abort(struct nilo_recorder *r, const struct nilo_err *cause)
{
    struct nilo_err ignored = {0};
    bool logs = !r->options.dry_run && !r->options.within, logged = false;
    if (!r->options.within)
        nilo_store_rollback(r->store);
    if (logs && nilo_store_begin(r->store, &ignored) == 0) {
        r->run.status = NILO_RUN_FAILED;
        r->run.ended_at = wall(r);
        r->run.duration_ms = (mono(r) - r->started_mono) / 1000;
        r->run.error = cause && cause->msg[0] ? cause->msg : "stopped";
        logged = nilo_store_run_update(r->store, &r->run, &ignored) == 0 && nilo_store_commit(r->store, &ignored) == 0;
        if (!logged)
            nilo_store_rollback(r->store);
    }
    if (logs && !logged)
        nilo_store_run_left(r->store, r->run.id);
    recorder_free(r);
}
