/* Processes of the simulation: how they begin, what they do, how they end. A process that is killed goes on as a ghost until it notices: nothing that it does
 * reaches the disk or the network any more, so the next one finds what it would have found. */
#include "sim/sim.h"

#include "keys/keys.h"
#include "login/login.h"
#include "support/tmp.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- rows ---------------------------------------------------------------------------------------------------------------------------------- */

void sim_sql(struct sim *s, const char *text)
{
    sim_must(s, nilo_db_exec(nilo_store_db(s->store), text, &s->err), text);
}

struct nilo_db_stmt *sim_rows(struct sim *s, const char *text)
{
    struct nilo_db_stmt *stmt = NULL;
    sim_must(s, nilo_db_prepare(nilo_store_db(s->store), text, &stmt, &s->err), text);
    sim_must(s, nilo_db_query(stmt, NULL, 0, &s->err), text);
    return stmt;
}

int64_t sim_number(struct sim *s, const char *text)
{
    struct nilo_db_stmt *stmt = sim_rows(s, text);
    int64_t n = nilo_db_row(stmt, &s->err) == 1 ? nilo_db_column_int(stmt, 0) : 0;
    while (nilo_db_row(stmt, &s->err) == 1)
        ;
    return n;
}

/* All rows of a query, as one hash. */
void sim_hash(struct sim *s, const char *text, char out[65])
{
    struct nilo_db_stmt *stmt = sim_rows(s, text);
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

/* ---- the wire --------------------------------------------------------------------------------------------------------------------------------- */

/* The n-th time that it is asked about this fault. */
static bool strikes(struct sim *s, enum sim_fault fault)
{
    return s->fault == fault && !s->rival && s->countdown > 0 && --s->countdown == 0;
}

/* The connection of a killed process is closed by its kernel: what it had open is rolled back by the server. */
static void cut_off(struct sim *s)
{
    struct nilo_db *other = NULL;
    const struct nilo_db_options o = {.mode = NILO_DB_WRITE};
    sim_must(s, nilo_db_open(s->target, &o, &other, &s->err), "another connection");
    sim_must(s, nilo_db_exec(other, "DO $$BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND "
                                   "pid <> pg_backend_pid(); END$$", &s->err),
             "the server cuts off");
    nilo_db_close(other);
}

static void die(struct sim *s, const char *when)
{
    sim_note(s, "killed %s", when);
    faulty.dead = true;
    if (s->postgres)
        cut_off(s);
}

static int on_start(void *ctx, const struct nilo_http_job *job, int64_t *ret_retry_after_s)
{
    struct sim *s = ctx;
    (void)ret_retry_after_s;
    if (strikes(s, FAULT_KILL_BEFORE)) {
        die(s, "before a request");
        return -1;
    }
    s->r->requests++;
    int64_t day = emu_pacific_day(s->em, sim_true(s));
    if (day != emu_pacific_day(s->em, s->clock.wall)) {
        s->mistaken = day == s->day_mistaken ? s->mistaken + 1 : 1;
        s->day_mistaken = day;
    }
    sim_note(s, "%lld %s %s", (long long)sim_true(s), job->method, job->wire_url);
    return 0;
}

static void on_sent(void *ctx)
{
    struct sim *s = ctx;
    if (strikes(s, FAULT_KILL_SENT))
        die(s, "while an answer is on its way");
}

static void stand_still(struct sim *s);

static void on_land(void *ctx, uint64_t job, const struct nilo_http_outcome *o)
{
    struct sim *s = ctx;
    (void)job;
    sim_note(s, "%lld answer %d %d", (long long)sim_true(s), (int)o->end, o->status);
    if (o->end == NILO_HTTP_CANCELLED)
        return;
    if (strikes(s, FAULT_KILL_LANDED))
        die(s, "with an answer in its hands");
    if (strikes(s, FAULT_STOPPED))
        stand_still(s);
}

static void clients(struct sim *s, struct nilo_http **http, struct nilo_http **token_http)
{
    const struct emulator_http_watch watch = {.start = on_start, .sent = on_sent, .land = on_land, .ctx = s, .gone = &faulty.dead, .ahead = &s->stepped};
    sim_must(s, emulator_http_watched(s->em, &s->clock, &s->env, &watch, http, &s->err), "the client");
    sim_must(s, emulator_http_watched(s->em, &s->clock, &s->env, &watch, token_http, &s->err), "the client of tokens");
}

/* ---- the configuration ------------------------------------------------------------------------------------------------------------------------- */

void sim_configure(struct sim *s)
{
    struct nilo_buf b;
    char client[EMULATOR_TEXT], channel[EMULATOR_TEXT], line[400];
    nilo_buf_init(&b, 1 << 16);
    setenv("NILO_SIM_KEY", s->key, 1);
    setenv("NILO_SIM_SECRET", s->secret, 1);
    setenv("NILOMETER_KEYS", "keys", 1);
    emulator_client_id(s->em, 1, client);
    snprintf(line, sizeof line,
             "workspaces:\n  - {name: sim, zone: %s}\nplatforms:\n  - platform: youtube\n    client_id: %s\n    client_secret: env:NILO_SIM_SECRET\n"
             "    api_key: env:NILO_SIM_KEY\nconnections:\n", s->zone_name, client);
    nilo_buf_adds(&b, line);
    for (int i = 0; i < SIM_CONNECTIONS; i++) {
        emulator_channel_id(s->em, i, channel);
        snprintf(line, sizeof line, "  - {name: c%d, workspace: sim, platform: youtube, accounts: %s, budget: %lld}\n", i, channel, (long long)s->em->o.quota);
        nilo_buf_adds(&b, line);
    }
    nilo_test_write("sim.yaml", nilo_buf_str(&b), b.len);
    sim_must(s, nilo_config_load("sim.yaml", &s->env, &s->config, &s->err), "the configuration");
    nilo_buf_done(&b);
}

/* One of the connections signs in; its tokens lie in the store, sealed. */
void sim_sign_in(struct sim *s)
{
    struct nilo_keys *ring;
    struct nilo_workspace w;
    struct nilo_connection c;
    struct nilo_login *login;
    enum nilo_keys_place place;
    char *at;
    nilo_us now = s->clock.wall;
    sim_must(s, nilo_keys_path(nilo_store_uuid(s->store), &at, &place, &s->err), "the ring's place");
    nilo_test_remove(at);
    sim_must(s, nilo_keys_new(nilo_store_uuid(s->store), &ring, &s->err), "a ring");
    sim_must(s, nilo_keys_add(ring, NILO_KEY_MASTER, &s->env, &s->err), "a key");
    sim_must(s, nilo_keys_save(ring, at, false, &s->err), "the ring");
    nilo_keys_free(ring);
    free(at);
    sim_must(s, nilo_store_workspace(s->store, "sim", true, s->zone_name, &w, &s->err), "the workspace");
    sim_must(s, nilo_store_connection(s->store, w.id, "c1", true, "youtube", "file", &c, &s->err), "the connection");
    sim_must(s, nilo_login_new(s->store, s->config, s->token_http, &login, &s->err), "a login");
    const struct nilo_login_set set = {.access_token = s->access, .refresh_token = s->refresh, .access_until = now + s->em->o.token_seconds * NILO_US_SECOND,
                                       .refresh_until = NILO_US_NONE};
    sim_must(s, nilo_login_store(login, &c, &set, &s->err), "the tokens");
    nilo_login_free(login);
}

/* ---- lives ----------------------------------------------------------------------------------------------------------------------------------- */

void sim_begin_life(struct sim *s)
{
    int result = -1;
    if (s->lives++ > 0 && !s->postgres && sim_draw(s, 4) == 0) { /* it is killed while it starts, too */
        faulty.kill_at = 1 + (int)sim_draw(s, 6);
        result = nilo_store_open(s->target, NILO_STORE_CREATE, &s->env, &s->store, &s->err);
        faulty.kill_at = 0;
        if (faulty.dead) {
            sim_note(s, "killed while it starts");
            s->r->kills++;
            if (result == 0)
                nilo_store_close(s->store);
            result = -1;
        }
        faulty.dead = false;
    }
    if (result != 0)
        sim_must(s, nilo_store_open(s->target, NILO_STORE_CREATE, &s->env, &s->store, &s->err), "the store opens");
    clients(s, &s->http, &s->token_http);
}

void sim_end_life(struct sim *s)
{
    nilo_http_free(s->http);
    nilo_http_free(s->token_http);
    nilo_store_close(s->store);
    s->http = s->token_http = NULL;
    s->store = NULL;
}

static void next_life(struct sim *s)
{
    sim_end_life(s);
    sim_disarm(s);
    faulty.dead = false;
    sim_begin_life(s);
}

void sim_disarm(struct sim *s)
{
    s->fault = FAULT_NONE;
    s->countdown = 0;
    faulty.fail_sync = faulty.fail_write = faulty.sticky = faulty.short_write = faulty.kill_at = 0;
}

void sim_arm(struct sim *s, enum sim_fault fault)
{
    static const int codes[FAULTS] = {[FAULT_DISK_FULL] = SQLITE_FULL, [FAULT_DISK_EIO] = SQLITE_IOERR_WRITE, [FAULT_DISK_SHORT] = SQLITE_FULL};
    sim_disarm(s);
    s->fault = fault;
    s->countdown = 1 + (int64_t)sim_draw(s, 8);
    sim_note(s, "fault %d in %lld", (int)fault, (long long)s->countdown);
    if (fault == FAULT_KILL_DISK)
        faulty.kill_at = 1 + (int)sim_draw(s, 150);
    if (codes[fault]) {
        faulty.fail_write = 1 + (int)sim_draw(s, 80);
        faulty.write_code = codes[fault];
        faulty.short_write = fault == FAULT_DISK_SHORT;
        faulty.sticky = (int)sim_draw(s, 2);
    }
    if (fault == FAULT_DISK_SYNC)
        faulty.fail_sync = 1 + (int)sim_draw(s, 12);
}

/* ---- collecting ------------------------------------------------------------------------------------------------------------------------------- */

static void on_run(void *ctx, const struct nilo_collect_run *run)
{
    struct sim *s = ctx;
    sim_note(s, "run %lld %s %d", (long long)run->run, run->status, run->metrics_collected);
    if (faulty.dead || run->run == 0 || s->n_runs == SIM_RUNS_MAX)
        return;
    struct sim_run *to = &s->runs[s->n_runs++];
    *to = (struct sim_run){.id = run->run, .read = run->metrics_collected};
    snprintf(to->status, sizeof to->status, "%s", run->status);
}

static int collect(struct sim *s, struct nilo_http *http, struct nilo_http *token_http, bool all)
{
    struct nilo_collect_result r = {0};
    const struct nilo_collect_options o = {.day = NILO_DAY_NONE, .all = all, .scheduled = s->scheduled && !all, .http = http, .token_http = token_http,
                                           .report = on_run, .report_ctx = s};
    int rc = nilo_collect(s->store, s->config, &o, &r, &s->err);
    s->r->runs += r.platforms;
    s->r->retries += r.retries;
    return rc;
}

/* Another one has the leases that ran out, and stands still in its turn before it does anything. */
static void only_take(struct sim *s)
{
    char text[160];
    struct nilo_lease of[SIM_CONNECTIONS], lease;
    size_t n = 0;
    bool taken;
    snprintf(text, sizeof text, "SELECT schedule, slot_at FROM schedule_lease WHERE lease_until <= %lld ORDER BY 1", (long long)s->clock.wall);
    struct nilo_db_stmt *stmt = sim_rows(s, text);
    while (nilo_db_row(stmt, &s->err) == 1) {
        struct nilo_db_value v = nilo_db_column(stmt, 0);
        assert_true(n < SIM_CONNECTIONS && v.len < sizeof of[0].schedule);
        snprintf(of[n].schedule, sizeof of[0].schedule, "%.*s", (int)v.len, v.p);
        of[n++].slot = nilo_db_column_int(stmt, 1);
    }
    for (size_t i = 0; i < n; i++)
        sim_must(s, nilo_store_slot_take(s->store, of[i].schedule, of[i].slot, "another", NILO_SCHEDULE_LEASE, &lease, &taken, NULL, &s->err), "a lease is taken over");
    sim_note(s, "another one takes %zu leases", n);
}

/* Whoever is at it is stopped: the clocks do not wait. Meanwhile its lease runs out, and another one does the slot: with SQLite a second thread of the process
 * that has the store. */
static void stand_still(struct sim *s)
{
    size_t first = s->n_fenced;
    struct nilo_db_stmt *open = sim_rows(s, "SELECT id FROM run WHERE status = 0 ORDER BY id");
    while (nilo_db_row(open, &s->err) == 1)
        if (s->n_fenced < SIM_FENCED_MAX)
            s->fenced[s->n_fenced++].run = nilo_db_column_int(open, 0);
    nilo_us span = (130 + (nilo_us)sim_draw(s, 400)) * NILO_US_SECOND;
    sim_note(s, "stands still for %lld", (long long)span);
    s->clock.wall += span;
    if (sim_draw(s, 2) == 0) {
        only_take(s);
    } else {
        struct nilo_http *http, *token_http;
        s->rival = true;
        clients(s, &http, &token_http);
        sim_must(s, collect(s, http, token_http, false), "the other one collects");
        nilo_http_free(http);
        nilo_http_free(token_http);
        s->rival = false;
    }
    for (size_t i = first; i < s->n_fenced; i++) {
        char text[120];
        snprintf(text, sizeof text, "SELECT count(*) FROM observation WHERE run_id = %lld", (long long)s->fenced[i].run);
        s->fenced[i].observations = sim_number(s, text);
    }
    s->r->taken_over += s->n_fenced > first;
}

/* What has become of the process and its disk in a call that gave rc. */
static void afterwards(struct sim *s, int rc, int failed_before, const char *what)
{
    if (faulty.dead) {
        if (s->fault == FAULT_KILL_DISK)
            sim_note(s, "killed at the disk");
        s->r->kills++;
        next_life(s);
        return;
    }
    if (faulty.failed > failed_before) {
        s->r->disk_faults++;
        sim_note(s, "the disk failed: %d", rc);
        bool sync = s->fault == FAULT_DISK_SYNC; /* nothing goes on after that: it has to be started anew */
        if (!sync && faulty.sticky && sim_draw(s, 2) == 0)
            return; /* it stays full for a while */
        sim_disarm(s);
        if (sync || sim_draw(s, 2) == 0)
            next_life(s);
        return;
    }
    sim_must(s, rc, what);
}

nilo_us sim_due(struct sim *s)
{
    int failed = faulty.failed;
    nilo_us next = s->clock.wall;
    afterwards(s, nilo_schedule_next(s->store, s->config, &next, &s->err), failed, "what is due");
    return next;
}

void sim_look(struct sim *s, bool all)
{
    int failed = faulty.failed;
    nilo_us wall, mono;
    int rc = collect(s, s->http, s->token_http, all);
    wall = s->clock.wall;
    mono = s->clock.mono;
    afterwards(s, rc, failed, "collecting");
    s->clock.wall = wall; /* closing waits for nobody */
    s->clock.mono = mono;
}

void sim_copy_file(const char *from, const char *to)
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
