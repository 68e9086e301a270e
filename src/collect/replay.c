/* See replay.h. */
#include "collect/replay.h"

#include <stdlib.h>
#include <string.h>

#include "record/record.h"
#include "store/raw.h"

#define WAITING_MAX   64
#define WAITING_BYTES ((size_t)1 << 20)
#define SECRET_MIN 6 /* bytes: what is shorter is in every text */
#define VALUES_MAX    32

/* ---- keeping -------------------------------------------------------------------------------------------------------------------------------- */

struct nilo_keeper {
    struct nilo_store *store;
    struct nilo_arena arena;
    struct nilo_raw waiting[WAITING_MAX];
    size_t n, bytes;
};

int nilo_keeper_new(struct nilo_store *s, struct nilo_keeper **ret, struct nilo_err *err)
{
    struct nilo_keeper *k = calloc(1, sizeof *k);
    if (k == NULL)
        return nilo_err_nomem(err);
    k->store = s;
    nilo_arena_init(&k->arena, 0);
    *ret = k;
    return 0;
}

void nilo_keeper_free(struct nilo_keeper *k)
{
    if (k == NULL)
        return;
    nilo_arena_done(&k->arena);
    free(k);
}

int nilo_keeper_flush(struct nilo_keeper *k, struct nilo_err *err)
{
    int rc = k->n > 0 ? nilo_store_raw_put(k->store, k->waiting, k->n, err) : 0;
    nilo_arena_reset(&k->arena);
    k->n = 0;
    k->bytes = 0;
    return rc;
}

static bool worth_keeping(const struct nilo_ask *ask, const struct nilo_http_answer *a)
{
    bool tokens = ask->op == NILO_OP_EXCHANGE || ask->op == NILO_OP_REFRESH;
    return !tokens && a->end == NILO_HTTP_ANSWERED && a->status >= 200 && a->status <= 299 && a->n_body <= NILO_RAW_MAX;
}

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* How many bytes at s spell the secret: as it is, percent-encoded as in an address, or with a backslash before it as in JSON; 0 = they do not. */
static size_t spells(const char *s, const char *secret)
{
    size_t at = 0;
    for (; *secret != '\0'; secret++) {
        if (s[at] == '%' && *secret != '%' && hex_of(s[at + 1]) >= 0 && hex_of(s[at + 2]) >= 0 && (char)(hex_of(s[at + 1]) << 4 | hex_of(s[at + 2])) == *secret)
            at += 3;
        else if (s[at] == '\\' && *secret != '\\' && s[at + 1] == *secret)
            at += 2;
        else if (s[at] == *secret)
            at++;
        else
            return 0;
    }
    return at;
}

/* A platform may say back what it was sent: the address of the next page with the token in it. What is read out of an answer stands elsewhere. */
static void mask(char *body, size_t n, const struct nilo_credentials *c)
{
    const char *const secrets[] = {c->api_key, c->access_token, c->refresh_token, c->client_secret};
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
        if (secrets[i] == NULL || strlen(secrets[i]) < SECRET_MIN)
            continue;
        for (char *s = body; s < body + n; s++)
            memset(s, '-', spells(s, secrets[i]));
    }
}

int nilo_keeper_keep(struct nilo_keeper *k, int64_t connection, int64_t run, const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_err *err)
{
    struct nilo_buf b;
    if (!worth_keeping(ask, a))
        return 0;
    nilo_buf_init(&b, 1 << 17);
    nilo_ask_write(ask, &b);
    struct nilo_raw *r = &k->waiting[k->n];
    *r = (struct nilo_raw){.connection = connection, .run = run, .op = nilo_op_word(ask->op), .variant = ask->variant, .asked_at = ask->now, .answered_at = a->ended_at,
                           .status = a->status, .n_body = a->n_body};
    r->ask = b.failed ? NULL : nilo_arena_strdup(&k->arena, nilo_buf_str(&b));
    char *body = nilo_arena_strndup(&k->arena, a->body, a->n_body);
    r->body = body;
    nilo_buf_done(&b);
    if (r->ask == NULL || r->body == NULL)
        return nilo_err_nomem(err);
    if (ask->credentials != NULL)
        mask(body, a->n_body, ask->credentials);
    k->n++;
    k->bytes += a->n_body;
    return k->n == WAITING_MAX || k->bytes >= WAITING_BYTES ? nilo_keeper_flush(k, err) : 0;
}

/* ---- replaying ---------------------------------------------------------------------------------------------------------------------------------- */

struct replay {
    struct nilo_store *store;
    const struct nilo_replay_options *o;
    const struct nilo_connector *connector;
    struct nilo_recorder *recorder;
    struct nilo_replay_result *sum;
    int64_t answers;
};

static void count_change(void *ctx, int64_t tag, const struct nilo_point *point)
{
    struct replay *r = ctx;
    (void)tag;
    r->sum->changed += point->outcome == NILO_AMENDED || point->outcome == NILO_LATE || point->outcome == NILO_RECORDED || point->outcome == NILO_REPLACED;
}

static size_t fill_values(struct replay *r, const struct nilo_item_value *from, size_t n, struct nilo_reading_value *to)
{
    size_t k = 0;
    for (size_t i = 0; i < n && k < VALUES_MAX; i++) {
        const struct nilo_metric *m = from[i].metric != NULL ? nilo_catalog_by_name(nilo_store_catalog(r->store), from[i].metric->name) : NULL;
        if (m != NULL && m->active)
            to[k++] = (struct nilo_reading_value){.metric = m->id, .value = from[i].value, .absence = from[i].absence, .meta = from[i].detail};
    }
    return k;
}

/* What record refuses costs this one reading; it is in the log of the run. */
static int hand_over(struct replay *r, const struct nilo_reading *without, const struct nilo_item_value *values, size_t n, struct nilo_err *err)
{
    struct nilo_reading_value own[VALUES_MAX];
    struct nilo_reading reading = *without;
    struct nilo_err why = {0};
    reading.n_values = fill_values(r, values, n, own);
    reading.values = own;
    if (reading.n_values == 0)
        return 0;
    if (nilo_record_add(r->recorder, &reading, &why) == 0) {
        r->sum->readings++;
        return 0;
    }
    if (why.code == NILO_EINVAL || why.code == NILO_EDATERANGE)
        return nilo_record_fail(r->recorder, reading.external_id, "invalid", why.msg, err);
    if (err != NULL)
        *err = why;
    return -1;
}

static int take_item(struct replay *r, const struct nilo_item *item, nilo_us at, struct nilo_err *err)
{
    const struct nilo_attrs attrs = {.title = item->title, .url = item->url, .media_type = item->media_type, .caption = item->caption, .thumbnail = item->thumbnail,
                                     .status = item->status, .posted_at = item->posted_at, .deleted_at = NILO_US_NONE, .at = at, .duration_ms = item->duration_ms};
    struct nilo_reading reading = {.kind = item->kind, .external_id = item->id, .win = item->win, .captured_at = at, .day = item->day, .attrs = &attrs};
    return hand_over(r, &reading, item->values, item->n_values, err);
}

static int take_result(struct replay *r, const struct nilo_raw *raw, const struct nilo_ask *ask, const struct nilo_result *result, struct nilo_err *err)
{
    if (result->class != NILO_CLASS_OK) {
        r->sum->unreadable += result->class == NILO_CLASS_INVALID;
        return 0;
    }
    /* A page of a window's listing: what it says counts together with the others alone (platform_windows.c). */
    if (r->connector->windows != NULL && ask->op == NILO_OP_REPORT && ask->n_ids == 0)
        return 0;
    for (size_t i = 0; ask->op != NILO_OP_LIST && i < result->n_items; i++) {
        if (take_item(r, &result->items[i], raw->answered_at, err) != 0)
            return -1;
    }
    for (size_t i = 0; ask->op == NILO_OP_ACCOUNT && i < result->n_accounts; i++) {
        struct nilo_reading reading = {.kind = NILO_ACCOUNT, .external_id = result->accounts[i].id, .captured_at = raw->answered_at, .day = NILO_DAY_NONE};
        if (hand_over(r, &reading, result->accounts[i].values, result->accounts[i].n_values, err) != 0)
            return -1;
    }
    return 0;
}

static int take_again(struct replay *r, const struct nilo_raw *raw, struct nilo_arena *arena, struct nilo_err *err)
{
    struct nilo_ask ask;
    struct nilo_result result;
    if (nilo_ask_read(raw->ask, raw->op, arena, &ask, err) != 0)
        return nilo_err_wrap(err, "the kept answer number %lld", (long long)raw->id);
    ask.variant = raw->variant;
    ask.now = raw->asked_at;
    const struct nilo_http_answer answer = {.purpose = "replay", .message = "", .status = raw->status, .body = raw->body, .n_body = raw->n_body, .retry_after_ms = -1,
                                            .started_at = raw->asked_at, .ended_at = raw->answered_at};
    if (nilo_connector_take(r->connector, &ask, &answer, arena, &result, err) != 0)
        return -1;
    r->answers++;
    return take_result(r, raw, &ask, &result, err);
}

/* All of one connection, one after the other: an arena holds one answer. */
static int take_all(struct replay *r, int64_t connection, struct nilo_err *err)
{
    const nilo_us from = r->o->from != NILO_US_NONE ? r->o->from : INT64_MIN + 1, to = r->o->to != NILO_US_NONE ? r->o->to : INT64_MAX;
    struct nilo_arena arena;
    struct nilo_raw raw = {.id = 0};
    bool there = true;
    int rc = 0;
    nilo_arena_init(&arena, 0);
    while (rc == 0 && there) {
        int64_t last = raw.id;
        nilo_arena_reset(&arena);
        rc = nilo_store_raw_next(r->store, connection, last, from, to, &arena, &there, &raw, err);
        if (rc == 0 && there)
            rc = take_again(r, &raw, &arena, err);
    }
    nilo_arena_done(&arena);
    return rc;
}

static int replay_one(struct replay *r, const struct nilo_connection *c, struct nilo_arena *arena, struct nilo_run *ret, struct nilo_err *err)
{
    const struct nilo_run_options options = {.kind = NILO_RUN_REPLAY, .provenance = NILO_OBSERVED, .dry_run = r->o->dry_run, .no_close = true, .target_day = NILO_DAY_NONE,
                                             .read_until = NILO_DAY_NONE, .note = count_change, .note_all = true, .note_ctx = r};
    if (nilo_record_begin(r->store, c, &options, &r->recorder, err) != 0)
        return -1;
    if (take_all(r, c->id, err) != 0) {
        nilo_record_abort(r->recorder, err);
        return -1;
    }
    return nilo_record_finish(r->recorder, NULL, arena, ret, err);
}

static bool is_meant(const struct nilo_replay_options *o, const struct nilo_connection *c)
{
    return (o->workspace == NULL || strcmp(o->workspace, c->workspace_name) == 0) && (o->connection == NULL || strcmp(o->connection, c->name) == 0);
}

static int replay_each(struct replay *r, const struct nilo_connection *c, nilo_replay_report_fn *report, void *ctx, struct nilo_err *err)
{
    int64_t n, packed, bytes;
    struct nilo_arena arena;
    struct nilo_run run = {0};
    struct nilo_err why = {0};
    r->connector = nilo_connector_find(c->platform);
    if (r->connector == NULL)
        return 0;
    if (nilo_store_raw_size(r->store, c->id, &n, &packed, &bytes, err) != 0)
        return -1;
    if (n == 0)
        return 0;
    r->answers = 0;
    r->sum->connections++;
    nilo_arena_init(&arena, 0);
    bool failed = replay_one(r, c, &arena, &run, &why) != 0;
    r->sum->failed += failed;
    r->sum->answers += r->answers;
    if (report != NULL)
        report(ctx, c, &run, r->answers, failed ? why.msg : NULL);
    nilo_arena_done(&arena);
    return 0;
}

int nilo_replay(struct nilo_store *s, const struct nilo_replay_options *o, nilo_replay_report_fn *report, void *ctx, struct nilo_replay_result *ret,
                struct nilo_err *err)
{
    struct nilo_connection *all = NULL;
    struct nilo_replay_result sum = {0};
    struct replay r = {.store = s, .o = o, .sum = &sum};
    size_t n = 0, meant = 0;
    if (nilo_store_connections(s, &all, &n, err) != 0)
        return -1;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (!is_meant(o, &all[i]))
            continue;
        meant++;
        rc = replay_each(&r, &all[i], report, ctx, err);
    }
    free(all);
    if (rc == 0 && meant == 0 && (o->connection != NULL || o->workspace != NULL))
        rc = nilo_err_set(err, NILO_ENAME, "there is no connection %s%s%s", o->connection != NULL ? o->connection : "", o->workspace != NULL ? " in workspace " : "",
                          o->workspace != NULL ? o->workspace : "");
    if (rc == 0)
        *ret = sum;
    return rc;
}
