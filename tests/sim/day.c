/* See day.h. */
#include "sim/day.h"

#include "base/hash.h"
#include "collect/platform.h"
#include "emulator/emulator_priv.h"
#include "emulator/emulator_test.h"
#include "emulator/in_process.h"
#include "store/store.h"
#include "support/tmp.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECTIONS 3
#define START       (INT64_C(1795248000) * NILO_US_SECOND) /* 2026-11-21T08:00:00Z */
#define STEP_MOST   (20 * NILO_US_SECOND)                  /* of the wall clock, from the true time */
#define SLACK       (120 * NILO_US_SECOND)                 /* an answer is at most so old when it is recorded */

struct sim {
    struct nilo_virtual_clock clock;
    struct nilo_seeded_random random;
    struct nilo_random chance;
    struct nilo_env env;
    struct emulator *em;
    struct nilo_store *store;
    struct nilo_http *http;
    struct nilo_platforms *platforms;
    char path[512], key[2][EMULATOR_TEXT], refresh[EMULATOR_TEXT], access[EMULATOR_TEXT];
    int lives, steps;
    nilo_us stepped; /* wall minus true */
    struct sim_result *r;
    struct nilo_err err;
    struct {
        int64_t until;
        char digest[65];
    } closed[CONNECTIONS + 1];
};

static void broken(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void broken(struct sim *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (getenv("SIM_TELL")) {
        va_list again;
        va_copy(again, ap);
        vprint_message(fmt, again);
        print_message("\n");
        va_end(again);
    }
    if (s->r->broken++ == 0)
        vsnprintf(s->r->what, sizeof s->r->what, fmt, ap);
    va_end(ap);
}

/* What must work for there to be a simulation at all. */
static void must(struct sim *s, int result, const char *what)
{
    if (result != 0)
        fail_msg("%s: %s", what, s->err.msg);
}

static uint64_t draw(struct sim *s, uint64_t n)
{
    return nilo_random_below(&s->chance, n);
}

/* ---- rows --------------------------------------------------------------------------------------------------------------------------------- */

static void sql(struct sim *s, const char *text)
{
    must(s, nilo_db_exec(nilo_store_db(s->store), text, &s->err), text);
}

static struct nilo_db_stmt *rows_of(struct sim *s, const char *text)
{
    struct nilo_db_stmt *stmt = NULL;
    must(s, nilo_db_prepare(nilo_store_db(s->store), text, &stmt, &s->err), text);
    must(s, nilo_db_query(stmt, NULL, 0, &s->err), text);
    return stmt;
}

/* All rows of a query, as one hash. */
static void hash_of(struct sim *s, const char *text, char out[65])
{
    struct nilo_db_stmt *stmt = rows_of(s, text);
    struct nilo_sha256 h;
    unsigned char raw[NILO_SHA256_LEN];
    nilo_sha256_init(&h);
    while (nilo_db_row(stmt, &s->err) == 1)
        for (int i = 0; i < nilo_db_columns(stmt); i++) {
            struct nilo_db_value v = nilo_db_column(stmt, i);
            nilo_sha256_add(&h, &v.type, sizeof v.type);
            if (v.type == NILO_DB_INT)
                nilo_sha256_add(&h, &v.i, sizeof v.i);
            else if (v.type != NILO_DB_NULL)
                nilo_sha256_add(&h, v.p, v.len);
        }
    nilo_sha256_done(&h, raw);
    nilo_hex(raw, sizeof raw, out);
}

static int64_t number(struct sim *s, const char *text)
{
    struct nilo_db_stmt *stmt = rows_of(s, text);
    int64_t n = nilo_db_row(stmt, &s->err) == 1 ? nilo_db_column_int(stmt, 0) : 0;
    while (nilo_db_row(stmt, &s->err) == 1)
        ;
    return n;
}

/* ---- lives ----------------------------------------------------------------------------------------------------------------------------------- */

static int token_get(void *ctx, const struct nilo_connection *c, struct nilo_credentials *ret, const char **ret_why, struct nilo_err *err)
{
    struct sim *s = ctx;
    (void)err;
    *ret_why = NULL;
    *ret = (struct nilo_credentials){.api_key = s->key[c->name[1] == '2']};
    if (c->name[1] == '1') /* one of them signs in */
        ret->access_token = s->access;
    return 0;
}

static int token_refused(void *ctx, const struct nilo_connection *c, bool *ret_new, const char **ret_why, struct nilo_err *err)
{
    struct sim *s = ctx;
    (void)c;
    *ret_why = NULL;
    *ret_new = emulator_grant(s->em, s->clock.wall - s->stepped, 0, 1, s->refresh, s->access) == 0;
    return *ret_new ? 0 : nilo_err_nomem(err);
}

static void on_outcome(void *ctx, const struct nilo_platform_outcome *o)
{
    struct sim *s = ctx;
    s->r->runs++;
    s->r->requests += o->requests;
    s->r->failed_requests += o->retries;
}

static void begin_life(struct sim *s)
{
    must(s, nilo_store_open(s->path, NILO_STORE_CREATE, &s->env, &s->store, &s->err), "the store opens");
    s->clock.wall -= s->stepped; /* the transport takes the true time from here */
    must(s, emulator_http_new(s->em, &s->clock, &s->env, &s->http, &s->err), "the client");
    s->clock.wall += s->stepped;
    const struct nilo_platforms_options o = {.store = s->store, .http = s->http, .tokens = {token_get, token_refused, s}, .report = on_outcome, .report_ctx = s};
    must(s, nilo_platforms_new(&o, &s->platforms, &s->err), "the collector");
}

static void end_life(struct sim *s)
{
    nilo_platforms_free(s->platforms);
    nilo_http_free(s->http);
    nilo_store_close(s->store);
    s->platforms = NULL;
    s->http = NULL;
    s->store = NULL;
}

static void copy_file(const char *from, const char *to)
{
    char piece[65536];
    FILE *in = fopen(from, "rb"), *out = in ? fopen(to, "wb") : NULL;
    for (size_t n; in && out && (n = fread(piece, 1, sizeof piece, in)) > 0;)
        assert_int_equal(fwrite(piece, 1, n, out), n);
    if (out)
        assert_int_equal(fclose(out), 0);
    if (in)
        fclose(in);
}

/* kill -9: what is in the file and its log at this moment is what the next life finds. */
static void kill_it(struct sim *s)
{
    char to[sizeof s->path], from_wal[sizeof s->path + 8], to_wal[sizeof s->path + 8], name[64];
    snprintf(name, sizeof name, "sim-%d-%d.db", (int)getpid(), ++s->lives);
    snprintf(to, sizeof to, "%s", nilo_test_path(name));
    snprintf(from_wal, sizeof from_wal, "%s-wal", s->path);
    snprintf(to_wal, sizeof to_wal, "%s-wal", to);
    nilo_test_remove(to);
    nilo_test_remove(to_wal);
    copy_file(s->path, to);
    copy_file(from_wal, to_wal);
    int64_t runs = s->r->runs;
    nilo_us wall = s->clock.wall, mono = s->clock.mono;
    end_life(s); /* what it still writes goes into the old file */
    s->clock.wall = wall;
    s->clock.mono = mono;
    s->r->runs = runs;
    nilo_test_remove(s->path);
    memcpy(s->path, to, sizeof to);
    s->r->kills++;
    begin_life(s);
}

/* ---- an hour ----------------------------------------------------------------------------------------------------------------------------------- */

static void add_jobs(struct sim *s, bool all)
{
    static const char *accounts[CONNECTIONS];
    static char ids[CONNECTIONS][EMULATOR_TEXT];
    struct nilo_workspace w;
    must(s, nilo_store_workspace(s->store, "sim", true, "Europe/Berlin", &w, &s->err), "the workspace");
    for (int i = 0; i < CONNECTIONS; i++) {
        char name[16];
        struct nilo_platform_want want = {.accounts = &accounts[i], .n_accounts = 1, .request_delay_ms = -1, .all = all};
        emulator_channel_id(s->em, i, ids[i]);
        accounts[i] = ids[i];
        snprintf(name, sizeof name, "c%d", i);
        must(s, nilo_store_connection(s->store, w.id, name, true, "youtube", "file", &want.connection, &s->err), "the connection");
        must(s, nilo_platforms_add(s->platforms, &want, &s->err), "the job");
    }
}

/* Until the jobs are done, or the process is killed; after so many steps. */
static void collect(struct sim *s, bool all, int64_t kill_after)
{
    add_jobs(s, all);
    for (int64_t steps = 0; nilo_platforms_busy(s->platforms) > 0; steps++) {
        nilo_us next;
        if (steps == kill_after) {
            kill_it(s);
            return;
        }
        must(s, nilo_platforms_step(s->platforms, &next, &s->err), "a step");
        if (nilo_platforms_busy(s->platforms) == 0)
            return;
        nilo_us span = next == NILO_US_NONE ? NILO_US_NONE : next > s->clock.wall ? next - s->clock.wall : 0;
        if (nilo_http_under_way(s->http) == 0 && span != NILO_US_NONE)
            nilo_virtual_clock_advance(&s->clock, span);
        else
            must(s, nilo_http_poll(s->http, span, &s->err), "the client");
        if (steps > 100000)
            fail_msg("collecting does not come to an end");
    }
}

static void control(struct sim *s, const char *target)
{
    struct emulator_request req = {.method = "POST", .target = target};
    struct emulator_response res;
    emulator_answer(s->em, s->clock.wall - s->stepped, &req, &res);
    if (res.status != 200)
        fail_msg("%s: %s", target, nilo_buf_str(&res.body));
    emulator_response_done(&res);
}

static void something_happens(struct sim *s)
{
    static const char *const states[] = {"deleted", "private", "public", "by_seed"};
    static const char *const zoo[] = {"none", "reset", "cut", "stall", "html_200", "truncated", "empty_object", "items_null", "null_numbers", "negative", "comma_numbers",
                                      "nan_texts", "bad_utf8", "gzip_false", "duplicate_keys", "same_next", "retry_huge", "body_endless"};
    char target[160];
    if (draw(s, 3) == 0) {
        snprintf(target, sizeof target, "/_emulator/item?channel=%d&video=%d&state=%s", (int)draw(s, CONNECTIONS), (int)draw(s, 30), states[draw(s, 4)]);
        control(s, target);
    }
    if (draw(s, 4) == 0) {
        snprintf(target, sizeof target, "/_emulator/item?channel=%d&video=%d&hidden_likes=%d&fall_percent=%d", (int)draw(s, CONNECTIONS), (int)draw(s, 30),
                 (int)draw(s, 2), (int)draw(s, 10));
        control(s, target);
    }
    control(s, "/_emulator/set?hostile=none");
    if (draw(s, 2) == 0) {
        snprintf(target, sizeof target, "/_emulator/set?hostile=%s~30", zoo[1 + draw(s, sizeof zoo / sizeof *zoo - 1)]);
        control(s, target);
    }
    snprintf(target, sizeof target, "/_emulator/set?weather=%d", (int)draw(s, 2) * 500);
    control(s, target);
    if (draw(s, 4) == 0) {
        nilo_us to = (nilo_us)draw(s, 2 * STEP_MOST) - STEP_MOST;
        s->clock.wall += to - s->stepped;
        s->stepped = to;
        s->steps++;
    }
}

/* ---- what must hold ------------------------------------------------------------------------------------------------------------------------------- */

/* Was that the truth at some moment just before it was recorded? Counts are looked at without the falls that a test makes: where there was one, only
 * that it is not more than there ever was. */
static bool was_true(struct sim *s, struct emu_item it, nilo_us captured, int64_t value)
{
    const struct emu_override *over = emu_override_of(s->em, it);
    nilo_us from = captured - SLACK, to = captured + STEP_MOST + NILO_US_SECOND;
    if (over && over->fall > 0)
        return value >= emu_views_at(s->em, it, from) && value <= emu_views_at(s->em, it, to) + over->fall;
    while (from < to) { /* the first moment at which there are at least so many */
        nilo_us middle = from + (to - from) / 2;
        if (emu_views_at(s->em, it, middle) >= value)
            to = middle;
        else
            from = middle + 1;
    }
    return emu_views_at(s->em, it, from) == value;
}

static void check_observations(struct sim *s)
{
    struct nilo_db_stmt *stmt = rows_of(s, "SELECT e.external_id, o.metric_id, o.captured_at, o.value, o.absence FROM observation o JOIN entity e ON e.bucket = "
                                           "o.bucket AND e.id = o.entity_id WHERE e.kind = 0 AND o.metric_id IN (1, 5) ORDER BY e.external_id, o.captured_at, o.metric_id");
    while (nilo_db_row(stmt, &s->err) == 1) {
        struct nilo_db_value id = nilo_db_column(stmt, 0);
        int64_t metric = nilo_db_column_int(stmt, 1), value = nilo_db_column_int(stmt, 3), absence = nilo_db_column_int(stmt, 4);
        nilo_us captured = nilo_db_column_int(stmt, 2);
        struct emu_item it;
        s->r->observations++;
        if (!emu_video_of(s->em, id.p, id.len, captured + NILO_US_DAY, &it)) {
            broken(s, "an item that does not exist: %.*s", (int)id.len, id.p);
            continue;
        }
        if (absence != NILO_PRESENT)
            continue;
        if (metric == 1 && !was_true(s, it, captured, value))
            broken(s, "%.*s had %lld views, never true at %lld", (int)id.len, id.p, (long long)value, (long long)captured);
        if (metric == 5 && value == 0 && emu_views_at(s->em, it, captured - SLACK) > 1000 && !(emu_override_of(s->em, it) && emu_override_of(s->em, it)->fall))
            broken(s, "%.*s has no likes at all: hidden, not 0", (int)id.len, id.p);
    }
}

/* What was marked as gone since then is not there for the public. */
static void check_gone(struct sim *s, nilo_us since)
{
    char text[256];
    snprintf(text, sizeof text, "SELECT e.external_id FROM content c JOIN entity e ON e.bucket = c.bucket AND e.id = c.entity_id WHERE c.deleted_at >= %lld ORDER BY 1",
             (long long)since);
    struct nilo_db_stmt *stmt = rows_of(s, text);
    while (nilo_db_row(stmt, &s->err) == 1) {
        struct nilo_db_value id = nilo_db_column(stmt, 0);
        struct emu_item it;
        if (!emu_video_of(s->em, id.p, id.len, s->clock.wall, &it) || emu_state_at(s->em, it, s->clock.wall) == EMU_PUBLIC)
            broken(s, "%.*s is there, and marked as deleted", (int)id.len, id.p);
    }
}

static const char closed_rows[] = "SELECT v.entity_id, v.win, v.day, v.metric_id, v.value, v.absence, v.captured_at FROM day_value v JOIN entity e ON e.bucket = v.bucket "
                                   "AND e.id = v.entity_id WHERE e.connection_id = %d AND v.seq = 0 AND v.day <= %lld ORDER BY 1, 2, 3, 4";

/* The base of what was closed before is what it was then; and what is closed now is kept for the next look. */
static void check_closed(struct sim *s)
{
    for (int i = 0; i < CONNECTIONS; i++) {
        char text[512], now[65];
        if (s->closed[i].digest[0]) {
            snprintf(text, sizeof text, closed_rows, i + 1, (long long)s->closed[i].until);
            hash_of(s, text, now);
            if (strcmp(now, s->closed[i].digest) != 0)
                broken(s, "connection %d: days up to %lld were closed, and their base has changed", i, (long long)s->closed[i].until);
        }
        snprintf(text, sizeof text, "SELECT coalesce(max(day), -1) FROM day_close WHERE connection_id = %d", i + 1);
        s->closed[i].until = number(s, text);
        snprintf(text, sizeof text, closed_rows, i + 1, (long long)s->closed[i].until);
        hash_of(s, text, s->closed[i].digest);
    }
}

static void check_all(struct sim *s)
{
    char before[65], after[65];
    check_observations(s);
    check_gone(s, 0);
    check_closed(s);
    if (number(s, "SELECT count(*) FROM run WHERE status = 0") > 0)
        broken(s, "a run has not ended");
    if (number(s, "SELECT count(*) FROM run r WHERE r.status = 1 AND r.values_recorded > 0 AND NOT EXISTS (SELECT 1 FROM observation o WHERE o.run_id = r.id)") > 0)
        broken(s, "a completed run has lost its readings");
    must(s, nilo_store_digest(s->store, before, &s->err), "the digest");
    must(s, nilo_store_rebuild(s->store, NULL, NULL, &s->err), "rebuild");
    must(s, nilo_store_digest(s->store, after, &s->err), "the digest");
    if (strcmp(before, after) != 0)
        broken(s, "what is derived is not what the record says");
    if (nilo_store_verify(s->store, NULL, NULL, &s->err) != 0)
        broken(s, "verify: %s", s->err.msg);
    for (size_t i = 0; i < s->em->projects_n; i++)
        if (s->em->project[i].bucket[0].refused + s->em->project[i].bucket[1].refused + s->em->project[i].limited > 0)
            broken(s, "a limit was passed");
    /* A life that begins need not know of a wait, and a wall clock that steps ahead ends one too soon. */
    int64_t early = 0;
    for (size_t i = 0; i < s->em->callers_n; i++)
        early += s->em->caller[i]->early;
    if (early > s->lives + s->steps)
        broken(s, "%lld calls came before a Retry-After had passed", (long long)early);
}

/* With fair weather everything that is there is read. */
static void check_recovery(struct sim *s)
{
    control(s, "/_emulator/set?hostile=none&weather=0");
    nilo_virtual_clock_advance(&s->clock, 26 * NILO_US_HOUR);
    nilo_us from = s->clock.wall;
    collect(s, true, -1);
    int public = 0;
    char text[256];
    for (int c = 0; c < CONNECTIONS; c++)
        for (int v = 0; v < emu_videos(s->em, c, s->clock.wall - s->stepped); v++)
            public += emu_state_at(s->em, (struct emu_item){c, v}, s->clock.wall) == EMU_PUBLIC;
    snprintf(text, sizeof text, "SELECT count(DISTINCT entity_id) FROM observation WHERE metric_id = 1 AND absence = 0 AND captured_at >= %lld", (long long)from);
    int64_t read = number(s, text);
    if (read < public)
        broken(s, "after the storm %lld of %d items were read", (long long)read, public);
}

/* ---- cheating --------------------------------------------------------------------------------------------------------------------------------------- */

/* A bug would not ask the triggers either: it would sit in front of them. */
static void without_triggers(struct sim *s)
{
    struct nilo_db_stmt *stmt = rows_of(s, "SELECT name FROM sqlite_master WHERE type = 'trigger'");
    char names[64][80];
    int n = 0;
    while (nilo_db_row(stmt, &s->err) == 1)
        if (n < 64) {
            struct nilo_db_value v = nilo_db_column(stmt, 0);
            snprintf(names[n++], sizeof names[0], "DROP TRIGGER \"%.*s\"", (int)(v.len < 60 ? v.len : 60), v.p);
        }
    while (n > 0)
        sql(s, names[--n]);
}

static void do_cheat(struct sim *s, enum sim_cheat cheat)
{
    static const char *const acts[SIM_CHEATS] = {
        [SIM_VALUE_OFF_BY_ONE] = "UPDATE observation SET value = value + 1 WHERE metric_id = 1 AND absence = 0 AND value > 0 AND value < 100",
        [SIM_OTHER_ITEM] = "UPDATE observation SET value = value * 7 + 3 WHERE metric_id = 1 AND absence = 0 AND entity_id = (SELECT min(entity_id) FROM observation "
                           "WHERE metric_id = 1 AND absence = 0)",
        [SIM_BASE_REWRITTEN] = "UPDATE day_value SET value = value + 1 WHERE seq = 0 AND metric_id = 1 AND absence = 0 AND day = (SELECT min(day) FROM day_close)",
        [SIM_TOTAL_WRONG] = "UPDATE total SET lo = lo + 1",
        [SIM_ABSENT_IS_ZERO] = "UPDATE observation SET value = 0, absence = 0 WHERE metric_id = 5 AND absence = 1",
        [SIM_GONE_WRONGLY] = "UPDATE content SET deleted_at = 1795248000000000 WHERE deleted_at IS NULL",
        [SIM_LOST_CHUNK] = "DELETE FROM observation WHERE run_id = (SELECT min(id) FROM run WHERE status = 1 AND values_recorded > 0)",
        [SIM_RUN_LEFT_OPEN] = "UPDATE run SET status = 0 WHERE id = (SELECT max(id) FROM run)",
    };
    if (acts[cheat]) {
        without_triggers(s);
        sql(s, acts[cheat]);
    }
    if (cheat == SIM_TOO_FAST && s->em->callers_n > 0)
        s->em->caller[0]->early += 1000;
}

/* Each cheat on a copy of the store, so that one run serves them all. */
static void try_cheats(struct sim *s, bool noticed[SIM_CHEATS])
{
    char honest[sizeof s->path], name[64];
    memcpy(honest, s->path, sizeof honest);
    end_life(s); /* everything is in the one file then */
    for (enum sim_cheat cheat = SIM_HONEST; cheat < SIM_CHEATS; cheat++) {
        struct sim_result r = {0};
        struct sim_result *keep = s->r;
        snprintf(name, sizeof name, "sim-%d-cheat.db", (int)getpid());
        snprintf(s->path, sizeof s->path, "%s", nilo_test_path(name));
        nilo_test_remove(s->path);
        copy_file(honest, s->path);
        begin_life(s);
        s->r = &r;
        do_cheat(s, cheat);
        check_all(s);
        noticed[cheat] = r.broken > 0;
        s->r = keep;
        end_life(s);
        if (cheat == SIM_TOO_FAST)
            s->em->caller[0]->early -= 1000;
    }
    nilo_test_remove(s->path);
    memcpy(s->path, honest, sizeof honest);
    begin_life(s);
}

void sim_day(uint64_t seed, uint64_t ids, int hours, struct sim_result *ret, bool noticed[SIM_CHEATS])
{
    struct sim s = {.r = ret};
    struct nilo_seeded_random own;
    char options[256], name[64];
    *ret = (struct sim_result){0};
    nilo_virtual_clock_init(&s.clock, START);
    nilo_seeded_random_init(&s.random, seed);
    nilo_seeded_random_init(&own, ids);
    s.chance = nilo_seeded_random(&s.random);
    s.env = (struct nilo_env){.clock = nilo_virtual_clock(&s.clock), .random = nilo_seeded_random(&own)};
    must(&s, emulator_new(&s.em, &s.err), "the emulator");
    snprintf(options, sizeof options, "seed=%llu channels=%d videos=20 back_days=30 upload_hours=20 latency_ms=300 hidden_likes=100 token_seconds=7200 projects=2",
             (unsigned long long)(seed & 0xffffff), CONNECTIONS);
    must(&s, emulator_set_all(s.em, options, &s.err), options);
    for (int i = 0; i < 2; i++)
        emulator_api_key(s.em, i, s.key[i]);
    assert_int_equal(emulator_grant(s.em, START, 0, 1, s.refresh, s.access), 0);
    snprintf(name, sizeof name, "sim-%d-0.db", (int)getpid());
    snprintf(s.path, sizeof s.path, "%s", nilo_test_path(name));
    nilo_test_remove(s.path);
    begin_life(&s);
    for (int hour = 0; hour < hours; hour++) {
        nilo_us true_start = START + hour * NILO_US_HOUR, now = s.clock.wall - s.stepped;
        if (true_start > now)
            nilo_virtual_clock_advance(&s.clock, true_start - now);
        something_happens(&s);
        nilo_us from = s.clock.wall;
        collect(&s, false, draw(&s, 3) == 0 ? (int64_t)draw(&s, 40) : -1);
        check_gone(&s, from); /* nothing has come back or gone meanwhile */
        if (hour % 24 == 23)
            check_closed(&s);
    }
    check_recovery(&s);
    check_all(&s);
    ret->days_closed = number(&s, "SELECT count(*) FROM day_close");
    hash_of(&s, "SELECT e.external_id, o.win, o.day, o.captured_at, o.metric_id, o.run_id, o.value, o.absence, hex(e.key128) FROM observation o JOIN entity e ON "
                "e.bucket = o.bucket AND e.id = o.entity_id ORDER BY 1, 2, 3, 4, 5, 6", ret->record);
    if (noticed)
        try_cheats(&s, noticed);
    end_life(&s);
    nilo_test_remove(s.path);
    emulator_free(s.em);
}
