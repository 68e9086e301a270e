/* See day.h: the hours of a simulated day, and what happens in them. */
#include "sim/sim.h"

#include "support/pg.h"
#include "support/tmp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STEP_MOST (20 * NILO_US_SECOND)  /* of the wall clock, from the true time */
#define SLACK     (120 * NILO_US_SECOND) /* an answer is at most so old when it is recorded */

/* Where and when: also days on which clocks change. The seed chooses. */
static const struct place {
    const char *zone, *start;
} places[] = {
    {"Europe/Berlin", "2026-11-21T08:00:00Z"},
    {"Europe/Berlin", "2027-03-27T20:00:00Z"},
    {"America/New_York", "2027-11-06T18:00:00Z"},
    {"Asia/Kolkata", "2026-12-31T09:00:00Z"},
    {"Australia/Lord_Howe", "2027-04-03T02:00:00Z"},
    {"Pacific/Auckland", "2028-02-28T03:00:00Z"},
};

/* The process writes its number into the record: while a day passes it is the same in each replay. Who keeps the server and the folders of tests needs the real one. */
static bool number_is_fixed;

pid_t getpid(void);
pid_t getpid(void)
{
    return number_is_fixed ? 4242 : (pid_t)syscall(SYS_getpid);
}

static void number_is_real(void)
{
    number_is_fixed = false;
}

void sim_broken(struct sim *s, const char *fmt, ...)
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
    if (getenv("SIM_KEEP") && s->r->broken == 0 && !s->postgres) { /* the store as it is at this moment, for a look */
        char wal[600];
        snprintf(wal, sizeof wal, "%s-wal", getenv("SIM_KEEP"));
        sim_copy_file("sim.db", getenv("SIM_KEEP"));
        sim_copy_file("sim.db-wal", wal);
    }
    if (s->r->broken++ == 0)
        vsnprintf(s->r->what, sizeof s->r->what, fmt, ap);
    va_end(ap);
}

void sim_must(struct sim *s, int result, const char *what)
{
    if (result != 0)
        fail_msg("%s: %s", what, s->err.msg);
}

uint64_t sim_draw(struct sim *s, uint64_t n)
{
    return nilo_random_below(&s->chance, n);
}

void sim_note(struct sim *s, const char *fmt, ...)
{
    char line[2000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    nilo_sha256_add(&s->trace, line, strlen(line) + 1);
    if (getenv("SIM_TRACE"))
        print_message("# %s\n", line);
}

nilo_us sim_true(const struct sim *s)
{
    return s->clock.wall - s->stepped;
}

void sim_tell(struct sim *s, const char *target)
{
    struct emulator_request req = {.method = "POST", .target = target};
    struct emulator_response res;
    emulator_answer(s->em, sim_true(s), &req, &res);
    if (res.status != 200)
        fail_msg("%s: %s", target, nilo_buf_str(&res.body));
    emulator_response_done(&res);
}

/* ---- an hour ----------------------------------------------------------------------------------------------------------------------------------- */

static void something_happens(struct sim *s)
{
    static const char *const states[] = {"deleted", "private", "public", "by_seed"};
    static const char *const zoo[] = {"none", "reset", "cut", "stall", "html_200", "truncated", "empty_object", "items_null", "null_numbers", "negative", "comma_numbers",
                                      "nan_texts", "bad_utf8", "gzip_false", "duplicate_keys", "same_next", "retry_huge", "body_endless"};
    char target[160];
    /* One draw after the other: compilers differ in the order in which they work out arguments, and a seed is the same day with each. */
    if (sim_draw(s, 3) == 0) {
        int channel = (int)sim_draw(s, SIM_CONNECTIONS), video = (int)sim_draw(s, 30);
        const char *state = states[sim_draw(s, 4)];
        snprintf(target, sizeof target, "/_emulator/item?channel=%d&video=%d&state=%s", channel, video, state);
        sim_tell(s, target);
    }
    if (sim_draw(s, 4) == 0) {
        int channel = (int)sim_draw(s, SIM_CONNECTIONS), video = (int)sim_draw(s, 30), hidden = (int)sim_draw(s, 2), fall = (int)sim_draw(s, 10);
        snprintf(target, sizeof target, "/_emulator/item?channel=%d&video=%d&hidden_likes=%d&fall_percent=%d", channel, video, hidden, fall);
        sim_tell(s, target);
    }
    sim_tell(s, "/_emulator/set?hostile=none");
    if (sim_draw(s, 2) == 0) {
        snprintf(target, sizeof target, "/_emulator/set?hostile=%s~30", zoo[1 + sim_draw(s, sizeof zoo / sizeof *zoo - 1)]);
        sim_tell(s, target);
    }
    snprintf(target, sizeof target, "/_emulator/set?weather=%d", (int)sim_draw(s, 2) * 500);
    sim_tell(s, target);
    if (sim_draw(s, 4) == 0) {
        nilo_us to = (nilo_us)sim_draw(s, (uint64_t)(2 * s->step_most)) - s->step_most;
        s->clock.wall += to - s->stepped;
        s->stepped = to;
        s->steps++;
    }
}

/* A platform that answers well, and without any item: all of them at once are not believed to be gone, and nothing is marked as deleted that is there. Where
 * there are fewer than twenty it is believed: so few may go at once; and so it is when it is said again before anybody has read them. */
static void the_platform_forgets(struct sim *s)
{
    if (sim_number(s, "SELECT min((SELECT count(*) FROM entity e JOIN content t ON t.bucket = e.bucket AND t.entity_id = e.id WHERE e.connection_id = c.id AND t.deleted_at "
                      "IS NULL)) FROM connection c") < 20 ||
        sim_number(s, "SELECT count(*) FROM collect_item WHERE class = 'gone' AND failures > 0") > 0)
        return;
    sim_note(s, "the platform knows of no item");
    sim_tell(s, "/_emulator/set?hostile=none");
    sim_tell(s, "/_emulator/set?hostile=items_empty@/youtube/v3/videos");
    sim_look(s, true);
    sim_tell(s, "/_emulator/set?hostile=none");
}

static enum sim_fault draw_fault(struct sim *s)
{
    enum sim_fault fault = sim_draw(s, 2) == 0 ? FAULT_NONE : (enum sim_fault)(1 + sim_draw(s, FAULTS - 1));
    bool of_the_disk = fault >= FAULT_KILL_DISK && fault <= FAULT_DISK_SYNC;
    /* PostgreSQL's disk is PostgreSQL's; and its clock, by which leases run out, is the real one. */
    if (s->postgres && (of_the_disk || fault == FAULT_STOPPED))
        return FAULT_KILL_LANDED;
    return fault;
}

/* serve looks twice a minute; here the clock jumps to when there is something to do, or a little past it. */
static void an_hour(struct sim *s, nilo_us end)
{
    for (int looks = 0; looks < 60; looks++) {
        nilo_us next = s->clock.wall;
        if (s->scheduled) {
            next = sim_due(s);
            if (next == NILO_US_NONE || next - s->stepped >= end)
                break;
            if (next < s->clock.wall + 30 * NILO_US_SECOND)
                next = s->clock.wall + 30 * NILO_US_SECOND;
            if (sim_draw(s, 3) == 0)
                next += (nilo_us)sim_draw(s, 4) * NILO_US_MINUTE;
            nilo_virtual_clock_advance(&s->clock, next - s->clock.wall);
        } else if (looks == 3) {
            break;
        } else {
            nilo_virtual_clock_advance(&s->clock, (1 + (nilo_us)sim_draw(s, 10)) * NILO_US_MINUTE);
        }
        sim_look(s, false);
    }
    if (sim_true(s) < end)
        nilo_virtual_clock_advance(&s->clock, end - sim_true(s));
}

static void hour(struct sim *s, int n)
{
    nilo_us from = s->clock.wall, end = s->began + (n + 1) * NILO_US_HOUR;
    something_happens(s);
    enum sim_fault fault = draw_fault(s);
    sim_note(s, "hour %d", n);
    if (sim_draw(s, 10) == 0)
        the_platform_forgets(s);
    if (fault == FAULT_RESTART) {
        sim_end_life(s);
        sim_begin_life(s);
    } else if (fault == FAULT_SLEEP) {
        nilo_virtual_clock_advance(&s->clock, (nilo_us)sim_draw(s, 5) * NILO_US_HOUR);
    } else {
        sim_arm(s, fault);
        s->r->faults[fault]++;
    }
    an_hour(s, end);
    sim_disarm(s);
    if (end > sim_true(s) - NILO_US_HOUR)
        sim_check_gone(s, from); /* nothing has come back or gone meanwhile */
    sim_check_budgets(s);
    if (n % 8 == 7)
        sim_ask(s);
    if (n % 24 == 23)
        sim_check_closed(s);
}

/* ---- cheating --------------------------------------------------------------------------------------------------------------------------------------- */

/* A bug would not ask the triggers either: it would sit in front of them. */
static void without_triggers(struct sim *s)
{
    struct nilo_db_stmt *stmt = sim_rows(s, "SELECT name FROM sqlite_master WHERE type = 'trigger'");
    char names[64][80];
    int n = 0;
    while (nilo_db_row(stmt, &s->err) == 1)
        if (n < 64) {
            struct nilo_db_value v = nilo_db_column(stmt, 0);
            snprintf(names[n++], sizeof names[0], "DROP TRIGGER \"%.*s\"", (int)(v.len < 60 ? v.len : 60), v.p);
        }
    while (n > 0)
        sim_sql(s, names[--n]);
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
        sim_sql(s, acts[cheat]);
    }
    if (cheat == SIM_TOO_FAST && s->em->callers_n > 0)
        s->em->caller[0]->early += 1000;
}

/* Each cheat on a copy of the store, so that one run serves them all. */
static void try_cheats(struct sim *s, bool noticed[SIM_CHEATS])
{
    char honest[sizeof s->target];
    int lives = s->lives;
    memcpy(honest, s->target, sizeof honest);
    sim_end_life(s); /* everything is in the one file then */
    for (enum sim_cheat cheat = SIM_HONEST; cheat < SIM_CHEATS; cheat++) {
        struct sim_result r = {0};
        struct sim_result *keep = s->r;
        snprintf(s->target, sizeof s->target, "cheat.db");
        nilo_test_remove(s->target);
        sim_copy_file(honest, s->target);
        s->lives = 0; /* nobody is killed while it starts */
        sim_begin_life(s);
        s->lives = lives;
        r.kills = keep->kills;
        s->r = &r;
        do_cheat(s, cheat);
        sim_check_all(s);
        noticed[cheat] = r.broken > 0;
        s->r = keep;
        sim_end_life(s);
        if (cheat == SIM_TOO_FAST)
            s->em->caller[0]->early -= 1000;
    }
    nilo_test_remove(s->target);
    memcpy(s->target, honest, sizeof honest);
    sim_begin_life(s);
}

/* ---- a day ------------------------------------------------------------------------------------------------------------------------------------------- */

static void begin(struct sim *s, const struct sim_options *o)
{
    const struct place *at = &places[o->seed % (sizeof places / sizeof places[0])];
    struct nilo_iso start;
    char options[300];
    if (nilo_iso_parse(at->start, strlen(at->start), &start, &s->err) < 0)
        fail_msg("%s: %s", at->start, s->err.msg);
    s->began = start.us;
    s->zone_name = at->zone;
    sim_must(s, nilo_zone_load(NULL, at->zone, &s->zone, &s->err), at->zone);
    s->postgres = o->postgres;
    s->scheduled = !o->postgres;
    s->step_most = o->seed % 8 == 3 ? 4 * NILO_US_MINUTE : STEP_MOST;
    s->slack = SLACK + s->step_most;
    nilo_virtual_clock_init(&s->clock, s->began);
    nilo_seeded_random_init(&s->random, o->seed);
    nilo_seeded_random_init(&s->own, o->ids);
    nilo_sha256_init(&s->trace);
    s->chance = nilo_seeded_random(&s->random);
    s->env = (struct nilo_env){.clock = nilo_virtual_clock(&s->clock), .random = nilo_seeded_random(&s->own), .vfs = FAULTY_VFS};
    faulty_register();
    sim_must(s, emulator_new(&s->em, &s->err), "the emulator");
    snprintf(options, sizeof options, "seed=%llu epoch=%s channels=%d videos=24 back_days=30 upload_hours=20 latency_ms=300 hidden_likes=100 token_seconds=7200 projects=2 quota=%d quota_stats=%d",
             (unsigned long long)(o->seed & 0xffffff), at->start, SIM_CONNECTIONS, o->seed % 4 == 1 ? 120 : 10000, o->seed % 4 == 1 ? 120 : 10000);
    sim_must(s, emulator_set_all(s->em, options, &s->err), options);
    emulator_api_key(s->em, 0, s->key);
    emulator_client_secret(s->em, 1, s->secret);
    assert_int_equal(emulator_grant(s->em, s->began, 1, 1, s->refresh, s->access), 0);
}

static void place_store(struct sim *s)
{
    static int serial;
    char name[32];
    /* Relative: a path that differs from one process to the next would stand in sentences of the record. */
    assert_int_equal(chdir(nilo_test_tmp()), 0);
    nilo_test_remove("sim.db");
    nilo_test_remove("sim.db-wal");
    nilo_test_remove("sim.db-shm");
    snprintf(name, sizeof name, "sim%d", ++serial);
    const char *url = s->postgres ? nilo_test_pg_database(name) : "sim.db";
    if (url == NULL) {
        print_message("# skipped: %s\n", nilo_test_pg_missing());
        skip();
    }
    snprintf(s->target, sizeof s->target, "%s", url);
    if (serial == 1)
        assert_int_equal(atexit(number_is_real), 0); /* runs before what was said before it: that removes the folders, also when a test failed in the middle */
}

/* Every row of every table of an SQLite store. */
static void hash_tables(struct sim *s, struct nilo_sha256 *h)
{
    static char names[128][64];
    int columns[128], n = 0;
    struct nilo_db_stmt *stmt = sim_rows(s, "SELECT m.name, count(*) FROM sqlite_master m JOIN pragma_table_info(m.name) GROUP BY m.name HAVING m.type = 'table' ORDER BY 1");
    while (nilo_db_row(stmt, &s->err) == 1) {
        struct nilo_db_value v = nilo_db_column(stmt, 0);
        assert_true(n < 128 && v.len < sizeof names[0]);
        snprintf(names[n], sizeof names[0], "%.*s", (int)v.len, v.p);
        columns[n++] = (int)nilo_db_column_int(stmt, 1);
    }
    assert_true(n > 40);
    for (int i = 0; i < n; i++) {
        char text[300], one[65];
        int len = snprintf(text, sizeof text, "SELECT * FROM \"%s\" ORDER BY 1", names[i]);
        for (int k = 2; k <= columns[i]; k++)
            len += snprintf(text + len, sizeof text - (size_t)len, ", %d", k);
        sim_hash(s, text, one);
        sim_note(s, "table %s %s", names[i], one);
        nilo_sha256_add(h, one, 64);
    }
}

/* The whole record, what was logged of it, and what is remembered for the next run; of an SQLite store all there is. */
static void hash_record(struct sim *s, char out[65])
{
    static const char *const all[] = {
        "SELECT e.external_id, o.win, o.day, o.captured_at, o.metric_id, o.run_id, o.value, o.absence, o.recorded_at, o.meta FROM observation o JOIN entity e ON "
        "e.bucket = o.bucket AND e.id = o.entity_id ORDER BY e.connection_id, e.kind, e.id, 2, 3, 4, 5, 6",
        "SELECT bucket, entity_id, win, day, metric_id, seq, value, absence, provenance, rank, cause, run_id, captured_at, recorded_at FROM day_value ORDER BY 1, 2, 3, 4, 5, 6",
        "SELECT id, connection_id, kind, status, slot, started_at, ended_at, duration_ms, items, readings, values_recorded, values_replaced, values_unchanged, error, details "
        "FROM run ORDER BY id",
        "SELECT run_id, n, external_id, class, message FROM run_failure ORDER BY 1, 2",
        "SELECT connection_id, day, n, status, values_n, run_id, closed_at FROM day_close ORDER BY 1, 2",
        "SELECT bucket, entity_id, title, status, deleted_at, attrs_at FROM content ORDER BY 1, 2",
        "SELECT bucket, id, key128, salt, first_seen_at FROM entity ORDER BY 1, 2",
        "SELECT owner, bucket, period_start, most, used, blocked_until FROM api_budget ORDER BY 1, 2",
        "SELECT bucket, entity_id, read_at, failed_at, failures, class FROM collect_item ORDER BY 1, 2",
    };
    struct nilo_sha256 h;
    unsigned char raw[NILO_SHA256_LEN];
    nilo_sha256_init(&h);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char one[65];
        sim_hash(s, all[i], one);
        nilo_sha256_add(&h, one, 64);
    }
    if (!s->postgres)
        hash_tables(s, &h);
    nilo_sha256_done(&h, raw);
    nilo_hex(raw, sizeof raw, out);
}

void sim_day(const struct sim_options *o, struct sim_result *ret, bool noticed[SIM_CHEATS])
{
    static struct sim one;
    struct sim *s = &one;
    unsigned char raw[NILO_SHA256_LEN];
    *s = (struct sim){.r = ret};
    *ret = (struct sim_result){0};
    faulty = (struct faulty){0};
    number_is_real();
    begin(s, o);
    place_store(s);
    number_is_fixed = true;
    sim_configure(s);
    sim_begin_life(s);
    sim_sign_in(s);
    for (int n = 0; n < o->hours; n++)
        hour(s, n);
    sim_check_recovery(s);
    sim_check_all(s);
    sim_ask(s);
    ret->days_closed = sim_number(s, "SELECT count(*) FROM day_close");
    hash_record(s, ret->record);
    nilo_sha256_done(&s->trace, raw);
    nilo_hex(raw, sizeof raw, ret->trace);
    if (noticed)
        try_cheats(s, noticed);
    sim_end_life(s);
    nilo_config_free(s->config);
    nilo_zone_free(s->zone);
    emulator_free(s->em);
    number_is_real();
}
