/* rpc/record: a batch of readings from a program that counts itself. Row by row: what is good is recorded, what is not is said, with its number and why. A
 * batch key makes it one run that happens once; without one the same batch again changes nothing either, as the record knows its readings. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "write/readings.h"

#define BATCH_MAX 200

/* What became of one row. */
struct fate {
    enum nilo_outcome outcome;
    bool told, failed;
    const char *code, *message; /* of a failure */
};
struct batch {
    struct nilo__job j; /* first */
    struct nilo__reading *rows;
    struct fate *fates;
    const char *key, *connection, *platform;
    const char *raw; /* rows as they came */
    size_t raw_len;
    int64_t failed;
    int64_t run, repeated;
    const char *status;
};

static const struct nilo__relation record_relation = {.name = "record", .key = (const char *const[]){NULL}, .constraint = ""};

/* ---- the arguments ------------------------------------------------------------------------------------------------------------------ */

static int bad_body(struct batch *b, const char *details, struct nilo_err *err)
{
    nilo__detail(b->j.notes, "%s", details);
    return nilo_err_set(err, NILO_EBODY, "Empty or invalid json");
}

static int take_text(struct batch *b, const char *raw, size_t len, const char *name, const char **ret, struct nilo_err *err)
{
    struct nilo_json *json;
    enum nilo_json_event event;
    const char *text;
    size_t n;
    if (nilo_json_new(raw, len, NILO_JSON_DEFAULT_LIMITS, &json, err) < 0)
        return -1;
    int rc = nilo_json_next(json, &event, &text, &n, err);
    if (rc == 0 && event != NILO_JSON_NULL && (event != NILO_JSON_STRING || n == 0 || n > BATCH_MAX))
        rc = nilo_err_set(err, NILO_EINVAL, "%s is a text of 1 to %d bytes", name, BATCH_MAX);
    if (rc == 0 && event == NILO_JSON_STRING && !(*ret = nilo_arena_strndup(&b->j.arena, text, n)))
        rc = nilo_err_nomem(err);
    nilo_json_free(json);
    return rc;
}

static int take_argument(struct batch *b, struct nilo_json *json, const char *name, size_t name_len, struct nilo_err *err)
{
    static const char *const known[] = {"batch", "connection", "platform", "rows"};
    const char **texts[] = {&b->key, &b->connection, &b->platform};
    const char *raw;
    size_t len, i = 0;
    while (i < 4 && (strlen(known[i]) != name_len || memcmp(known[i], name, name_len) != 0))
        i++;
    if (i == 4) {
        nilo__detail(b->j.notes, "it has no argument named %.*s", (int)(name_len < 100 ? name_len : 100), name);
        return nilo_err_set(err, NILO_EFUNCTION, "Could not find the function public.record(batch, connection, platform, rows) with these arguments");
    }
    if (nilo_json_raw(json, &raw, &len, err) < 0)
        return -1;
    if (i < 3)
        return take_text(b, raw, len, known[i], texts[i], err);
    b->raw = raw;
    b->raw_len = len;
    return 0;
}

static int take_arguments(struct batch *b, struct nilo_err *err)
{
    struct nilo_json *json;
    enum nilo_json_event event;
    const char *name;
    size_t len;
    int rc = nilo_json_new(b->j.w->body, b->j.w->body_len, NILO_JSON_DEFAULT_LIMITS, &json, err);
    if (rc < 0)
        return -1;
    rc = nilo_json_next(json, &event, NULL, NULL, err);
    if (rc == 0 && event == NILO_JSON_ARRAY_BEGIN) { /* rows and nothing else */
        b->raw = b->j.w->body;
        b->raw_len = b->j.w->body_len;
        nilo_json_free(json);
        return 0;
    }
    if (rc == 0 && event != NILO_JSON_OBJECT_BEGIN)
        rc = bad_body(b, "an object with rows is expected", err);
    while (rc == 0 && (rc = nilo_json_next(json, &event, &name, &len, err)) == 0 && event == NILO_JSON_KEY)
        rc = take_argument(b, json, name, len, err);
    if (rc == 0)
        rc = nilo_json_next(json, &event, NULL, NULL, err);
    nilo_json_free(json);
    if (rc < 0 && err->code == NILO_EBODY && strcmp(err->msg, "Empty or invalid json") != 0) {
        struct nilo_err why = *err;
        return bad_body(b, why.msg, err);
    }
    if (rc == 0 && !b->raw)
        return nilo_err_set(err, NILO_EFUNCTION, "Could not find the function public.record without rows");
    return rc;
}

/* Was it done by an earlier run? One that lacked rows is done again, for those that were put right meanwhile: the others are known already. */
static int look_done(struct batch *b, const struct nilo_connection *c, struct nilo_run_options *o, struct nilo_err *err)
{
    struct nilo_run run;
    int64_t id = 0;
    o->slot = b->key;
    if (!b->key)
        return 0;
    if (nilo_store_slot_done(b->j.store, c->id, b->key, &id, err) < 0)
        return -1;
    if (!id)
        return 0;
    if (nilo_store_run_get(b->j.store, id, &b->j.arena, &run, err) < 0)
        return -1;
    if (run.status == NILO_PARTIAL)
        o->repair = true;
    else
        b->repeated = id;
    return 0;
}

/* ---- recording ------------------------------------------------------------------------------------------------------------------------ */

static int fail_row(struct nilo__job *j, size_t row, struct nilo_err *why)
{
    struct batch *b = (struct batch *)j;
    struct fate *f = &b->fates[row];
    f->failed = true;
    f->code = nilo_code_sqlstate(why->code);
    f->message = nilo_arena_strdup(&j->arena, why->msg);
    b->failed++;
    j->notes->details[0] = '\0';
    return f->message ? 0 : -1;
}

/* Of a row with several values the weightiest is told. */
static int weight(enum nilo_outcome o)
{
    static const int weights[NILO_OUTCOME_COUNT] = {[NILO_UNCHANGED] = 0, [NILO_MERGED] = 1, [NILO_KEPT] = 2, [NILO_RECORDED] = 3,
                                                    [NILO_REPLACED] = 4, [NILO_LATE] = 5, [NILO_AMENDED] = 6, [NILO_REFUSED] = 7};
    return weights[o];
}

static void note(void *ctx, int64_t tag, const struct nilo_point *point)
{
    struct fate *f = &((struct batch *)ctx)->fates[tag];
    if (!f->told || weight(point->outcome) > weight(f->outcome))
        f->outcome = point->outcome;
    f->told = true;
}

static int add_all(struct batch *b, struct nilo_recorder *r, struct nilo_err *err)
{
    for (size_t i = 0; i < b->j.body.n_rows; i++) {
        struct nilo__reading *x = &b->rows[i];
        struct nilo_err why = {0};
        bool elsewhere = !x->bad && x->connection && b->connection && strcmp(x->connection, b->connection) != 0;
        if (elsewhere) {
            nilo_err_set(&why, NILO_EINVAL, "a batch is of one connection, \"%s\"", b->connection);
            if (fail_row(&b->j, i, &why) < 0)
                return nilo_err_nomem(err);
        } else if (!x->bad && nilo_record_add(r, &x->r, &why) < 0) {
            if (why.code != NILO_EINVAL && why.code != NILO_EDATERANGE) {
                *err = why;
                return -1;
            }
            if (fail_row(&b->j, i, &why) < 0)
                return nilo_err_nomem(err);
            continue; /* record has counted it */
        }
        if (b->fates[i].failed && nilo_record_fail(r, x->r.external_id, "invalid", b->fates[i].message, err) < 0)
            return -1;
    }
    return 0;
}

static int put_down(struct batch *b, struct nilo_err *err)
{
    struct nilo__job *j = &b->j;
    struct nilo_connection c;
    struct nilo_recorder *r;
    struct nilo_run run;
    struct nilo_run_options o = {.kind = NILO_RUN_PUSH,
                                       .provenance = NILO_OBSERVED,
                                       .within = true,
                                       .target_day = NILO_DAY_NONE,
                                       .read_until = NILO_DAY_NONE,
                                       .note = note,
                                       .note_ctx = b,
                                       .note_all = true};
    if (nilo__reading_connection(j, b->connection, b->platform, &c, err) < 0)
        return -1;
    if (look_done(b, &c, &o, err) < 0)
        return -1;
    if (b->repeated) {
        b->run = b->repeated;
        b->status = "repeated";
        return 0;
    }
    if (nilo__readings_record(j, b->rows, fail_row, err) < 0 || nilo_record_begin(j->store, &c, &o, &r, err) < 0)
        return -1;
    if (add_all(b, r, err) < 0) {
        nilo_record_abort(r, err);
        return -1;
    }
    if (nilo_record_finish(r, NULL, &j->arena, &run, err) < 0)
        return -1;
    b->run = run.id;
    b->status = nilo_run_status_name((int)run.status);
    return 0;
}

/* ---- the answer ---------------------------------------------------------------------------------------------------------------------------- */

static void put_row(const struct batch *b, size_t i, struct nilo_json_out *o)
{
    const struct fate *f = &b->fates[i];
    nilo_json_object_begin(o);
    nilo_json_key(o, "row");
    nilo_json_int(o, (int64_t)i);
    nilo_json_key(o, "status");
    nilo_json_str(o, f->failed ? "failed" : f->told ? nilo_outcome_name(f->outcome) : nilo_outcome_name(NILO_MERGED));
    if (f->failed) {
        nilo_json_key(o, "code");
        nilo_json_str(o, f->code);
        nilo_json_key(o, "message");
        nilo_json_str(o, f->message);
    }
    nilo_json_object_end(o);
}

static int put_answer(struct batch *b, struct nilo_err *err)
{
    struct nilo_json_out o;
    struct nilo_buf *out = &b->j.out->body;
    nilo_json_out_init(&o, out);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "run");
    nilo_json_int(&o, b->run);
    nilo_json_key(&o, "batch");
    nilo_json_str(&o, b->key);
    nilo_json_key(&o, "status");
    nilo_json_str(&o, b->status);
    nilo_json_key(&o, "rows");
    nilo_json_int(&o, (int64_t)b->j.body.n_rows);
    nilo_json_key(&o, "failed");
    nilo_json_int(&o, b->failed);
    nilo_json_key(&o, "results");
    nilo_json_array_begin(&o);
    for (size_t i = 0; !b->repeated && i < b->j.body.n_rows; i++)
        put_row(b, i, &o);
    nilo_json_array_end(&o);
    nilo_json_object_end(&o);
    nilo_buf_addc(out, '\n');
    b->j.out->has_body = true;
    b->j.out->status = 200;
    return out->failed ? nilo_err_nomem(err) : 0;
}

static int run(struct batch *b, struct nilo_err *err)
{
    struct nilo__job *j = &b->j;
    if (take_arguments(b, err) < 0 || nilo__body_parse(b->raw, b->raw_len, NULL, 0, true, &j->arena, &j->body, j->notes, err) < 0)
        return -1;
    b->rows = nilo_arena_array(&j->arena, j->body.n_rows + 1, sizeof *b->rows);
    b->fates = nilo_arena_array(&j->arena, j->body.n_rows + 1, sizeof *b->fates);
    if (!b->rows || !b->fates)
        return nilo_err_nomem(err);
    if (!b->key)
        b->key = j->w->batch;
    if (!b->connection)
        b->connection = b->platform ? b->platform : NILO__PUSH;
    if (nilo_store_begin(j->store, err) < 0)
        return -1;
    int rc = nilo_store_calendar(j->store, j->w->workspace, &j->calendar, err);
    if (rc == 0)
        rc = put_down(b, err);
    if (rc == 0)
        rc = put_answer(b, err);
    if (rc == 0)
        return nilo__commit(j, err);
    nilo_store_rollback(j->store);
    return -1;
}

int nilo_write_record(struct nilo_store *s, const struct nilo_write *w, struct nilo_written *ret, struct nilo_notes *notes, struct nilo_err *err)
{
    struct batch b = {.j = {.store = s, .w = w, .relation = &record_relation, .out = ret, .notes = notes}};
    *notes = (struct nilo_notes){{0}, {0}};
    if (w->scope.role < NILO_ROLE_SERVICE)
        return nilo_err_set(err, NILO_EPERM, "permission denied for function record");
    if (w->workspace == 0)
        return nilo_err_set(err, NILO_EINVAL, "there is no workspace yet; nilometer import and collect make the one that they are given");
    nilo_arena_init(&b.j.arena, NILO__ARENA_MAX);
    int rc = run(&b, err);
    nilo_arena_done(&b.j.arena);
    return rc;
}
