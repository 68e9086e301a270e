/* The checks: a clean store gives no finding, each planted fault is found by its check, and the printed statements find as many rows
 * in sqlite3 and psql as the program does. */
#include "store/put.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/tmp.h"

enum { VIEWS = 1, LIKES = 5, GMV = 16, GPM = 17 };
enum { JAN = 20089 }; /* 2025-01-01 */

static const struct nilo_check *check_of(const char *name)
{
    for (size_t i = 0; i < nilo_checks_n; i++)
        if (strcmp(nilo_checks[i].name, name) == 0)
            return &nilo_checks[i];
    fail_msg("there is no check %s", name);
    return NULL;
}

struct found {
    int n;
    char text[4096];
};

static int on_finding(void *ctx, const struct nilo_finding *f)
{
    struct found *x = ctx;
    const char *const parts[] = {f->workspace, f->connection, f->item, f->window, f->day, f->metric, f->text};
    x->n++;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        snprintf(x->text + strlen(x->text), sizeof x->text - strlen(x->text), "%s|", parts[i] ? parts[i] : "~");
    snprintf(x->text + strlen(x->text), sizeof x->text - strlen(x->text), "%lld|%lld\n", (long long)f->value, (long long)f->other);
    return 0;
}

static struct found found_by(struct stores *s, const char *name)
{
    struct found x = {0};
    ok(s, nilo_store_check(s->store, check_of(name), on_finding, &x, &s->err));
    return x;
}

/* Two items with all windows, an owner, closed and open days, an amendment, a correction: nothing odd about it. */
static struct nilo_connection clean(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "us", "UTC", "channel", "youtube", "db");
    struct nilo_workspace w;
    int64_t owner;
    ok(s, nilo_store_workspace(s->store, "us", false, NULL, &w, &s->err));
    for (int day = JAN; day < JAN + 4; day++) {
        struct put p[] = {
            {.external_id = "a", .day = day, .metric = VIEWS, .value = 100 * (day - JAN + 10)},
            {.external_id = "a", .day = day, .metric = LIKES, .value = 10 * (day - JAN + 1)},
            {.external_id = "a", .day = day, .metric = GMV, .value = 500},
            {.external_id = "a", .day = day, .metric = GPM, .value = 200 + day - JAN},
            {.external_id = "a", .win = 30, .day = day, .metric = VIEWS, .value = 300},
            {.external_id = "a", .win = 90, .day = day, .metric = VIEWS, .value = 400},
        };
        struct put b[] = {{.external_id = "b", .day = day, .metric = VIEWS, .value = 7}};
        s->clock.wall = (day + 1) * NILO_US_DAY;
        put_all(s, &c, (struct nilo_policy){.kind = NILO_RUN_COLLECT, .platform = true}, p, 6);
        put_all(s, &c, (struct nilo_policy){.kind = NILO_RUN_COLLECT, .platform = true}, b, 1);
    }
    put_close(s, &c, JAN + 1);
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_owner(s->store, w.id, "kim", true, &owner, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    struct nilo_credit_in credit = {.entity = put_entity(s, &c, "a"), .workspace = w.id, .owner = owner, .from_day = NILO_DAY_NONE, .to_day = NILO_DAY_NONE};
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_credit_add(s->store, &credit, 1, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    struct put late = {.external_id = "b", .day = JAN, .metric = LIKES, .value = 3};
    put_all(s, &c, (struct nilo_policy){.kind = NILO_RUN_PUSH}, &late, 1);
    struct put corrected = {.external_id = "a", .day = JAN + 1, .metric = VIEWS, .value = 1050, .captured_at = (JAN + 2) * NILO_US_DAY - 1};
    put_all(s, &c, (struct nilo_policy){.kind = NILO_RUN_REVISE, .revise = true}, &corrected, 1);
    s->clock.wall += NILO_US_HOUR;
    return c;
}

/* ---- the printed statements in the engines' own shells -------------------------------------------------------------------- */

static int lines_of(const char *command)
{
    char line[4096];
    int n = 0;
    FILE *p = popen(command, "r");
    assert_non_null(p);
    while (fgets(line, sizeof line, p))
        n++;
    int rc = pclose(p);
    if (rc != 0)
        fail_msg("status %d: %s", rc, command);
    return n;
}

static int rows_in_shell(struct stores *s, const struct nilo_check *check)
{
    struct nilo_buf sql;
    char command[1024];
    const char *file = nilo_test_path("check.sql");
    nilo_buf_init(&sql, 65536);
    assert_true(nilo_store_check_sql(s->store, check, &sql));
    nilo_buf_adds(&sql, ";\n");
    nilo_test_write(file, nilo_buf_str(&sql), sql.len);
    nilo_buf_done(&sql);
    if (s->engine == NILO_DB_SQLITE)
        snprintf(command, sizeof command, "sqlite3 -bail 'file:%s?mode=ro' < %s", s->target, file);
    else
        snprintf(command, sizeof command, "psql -X -At -v ON_ERROR_STOP=1 '%s' -f %s", s->target, file);
    return lines_of(command);
}

/* ---- tests ------------------------------------------------------------------------------------------------------------------ */

static void a_clean_store_gives_nothing(struct stores *s)
{
    clean(s);
    for (size_t i = 0; i < nilo_checks_n; i++) {
        struct found x = found_by(s, nilo_checks[i].name);
        if (nilo_checks[i].level != NILO_CHECK_FIGURE && x.n != 0)
            fail_msg("%s: %s", nilo_checks[i].name, x.text);
        if (nilo_checks[i].sql[s->engine] != NULL)
            assert_int_equal(rows_in_shell(s, &nilo_checks[i]), x.n);
    }
    struct found coverage = found_by(s, "coverage");
    assert_string_equal(coverage.text, "us|channel|~|0|2025-01-04|~|items were read on the newest day, of those ever read (other)|2|2\n"
                                       "us|channel|~|30|2025-01-04|~|items were read on the newest day, of those ever read (other)|1|1\n"
                                       "us|channel|~|90|2025-01-04|~|items were read on the newest day, of those ever read (other)|1|1\n");
}

static void an_empty_store_gives_nothing(struct stores *s)
{
    for (size_t i = 0; i < nilo_checks_n; i++)
        assert_int_equal(found_by(s, nilo_checks[i].name).n, 0);
}

/* What the triggers forbid is planted without them: this is what somebody with SQL can do. */
static void triggers_off(struct stores *s)
{
    if (s->engine == NILO_DB_POSTGRES) {
        stores_exec(s, "SET session_replication_role = replica");
        return;
    }
    char *names = stores_text(s, "SELECT name FROM sqlite_master WHERE type = 'trigger'"), *rest = names;
    for (char *name; (name = strsep(&rest, "|")) != NULL;) {
        char sql[200];
        snprintf(sql, sizeof sql, "DROP TRIGGER %s", name);
        stores_exec(s, sql);
    }
    free(names);
    stores_exec(s, "PRAGMA foreign_keys = OFF");
}

#define A_VALUE "win = 0 AND metric_id = 1 AND day = 20089 AND entity_id = (SELECT min(id) FROM entity)"
#define COPY_OF(table) "CREATE TABLE twin AS SELECT * FROM " table "; DROP TABLE " table "; ALTER TABLE twin RENAME TO " table ";"

struct fault {
    const char *check, *sql, *says; /* says: a part of the finding */
    int n;
};
static const struct fault faults[] = {
    {"doubled-items", "INSERT INTO entity (bucket, id, workspace_id, connection_id, kind, external_id, key128, salt, first_seen_at) SELECT (bucket + 1) % 1024, 77, workspace_id, connection_id, kind, external_id, key128, salt, first_seen_at "
                      "FROM entity WHERE external_id = 'a'", "us|channel|a|~|~|~|this item is stored more than once", 1},
    {"doubled-keys", COPY_OF("day_value") "INSERT INTO day_value SELECT * FROM day_value WHERE " A_VALUE, "us|channel|a|0|2025-01-01|views|", 1},
    {"orphans", "UPDATE day_value SET run_id = 999 WHERE " A_VALUE, "not in the log (other: its number)|1000|999", 1},
    {"orphans", "UPDATE day_value SET metric_id = 999 WHERE " A_VALUE, "a metric that is not defined", 1},
    {"orphans", "DELETE FROM entity WHERE external_id = 'b'", "an item that is not in the store", 5},
    {"readings", "DELETE FROM observation WHERE " A_VALUE, "the reading that this value came from is gone, or says otherwise|1000", 1},
    {"readings", "UPDATE day_value SET value = value - 1 WHERE " A_VALUE, "or says otherwise|999", 1},
    {"readings", "UPDATE day_value SET captured_at = captured_at + 1 WHERE " A_VALUE, "us|channel|a|0|2025-01-01|views", 1},
    {"amendments", "UPDATE day_value SET seq = 5 WHERE seq = 1 AND metric_id = 1", "2025-01-02|views|an amendment is gone", 1},
    {"amendments", "UPDATE day_value SET day = day + 2 WHERE seq = 1 AND metric_id = 1", "2025-01-04|views|an amendment of a day that is open", 1},
    {"closed-log", "DELETE FROM day_close WHERE day = 20089 + 1", "us|channel|~|~|2025-01-02", 1},
    {"closed-log", "UPDATE connection SET closed_until = 20089 + 2", "2025-01-03", 1},
    {"closed-log", "UPDATE connection SET closed_until = -2147483648", "|~|~|~|~|the log of closed days", 1},
    {"closed-base", "UPDATE day_value SET recorded_at = recorded_at + 864000000000 WHERE " A_VALUE, "written after its day was closed", 1},
    {"closed-count", "DELETE FROM day_value WHERE " A_VALUE, "us|channel|~|~|2025-01-01|~|", 1},
    {"best", "UPDATE best SET value = value - 1 WHERE metric_id = 5 AND entity_id = (SELECT min(id) FROM entity)", "2025-01-04|likes|the all-time best", 1},
    {"best", "DELETE FROM best WHERE metric_id = 16", "gmv|there is a value and no all-time best", 4},
    {"derived", "UPDATE known SET value = value + 1 WHERE win = 0 AND metric_id = 1 AND entity_id = (SELECT min(id) FROM entity)",
     "us|channel|a|0|~|views|the newest known value", 1},
    {"derived", "DELETE FROM known WHERE win = 90", "us|channel|a|90|~|views|the newest known value", 1},
    {"derived", "INSERT INTO known SELECT bucket, entity_id, 7, metric_id, day, value FROM known WHERE win = 90", "us|channel|a|7|~|views|", 1},
    {"derived", "UPDATE latest SET day = day - 1 WHERE win = 30", "us|channel|a|30|~|~|the first or newest day", 1},
    {"derived", "UPDATE latest SET first_day = first_day - 1 WHERE win = 0", "us|channel|b|0|~|~|the first or newest day", 2},
    {"derived", "UPDATE best SET day = day + 1 WHERE metric_id = 17", "us|channel|a|0|~|gpm|the all-time best", 1},
    {"derived", "UPDATE best SET gmv = NULL WHERE metric_id = 17", "gpm|the all-time best", 1},
    {"derived", "DELETE FROM best WHERE metric_id = 5", "us|channel|b|0|~|likes|the all-time best", 2},
    {"derived", "UPDATE total SET lo = lo + 1 WHERE scope_kind = 2 AND metric_id = 1 AND win = 0 AND day = 20089", "~|~|~|~|~|views|totals of owners", 1},
    {"derived", "UPDATE total SET fresh = fresh + 1 WHERE scope_kind = 0 AND metric_id = 0 AND win = 0 AND day = 20089",
     "(items)|totals of workspaces", 1},
    {"derived", "DELETE FROM total WHERE scope_kind = 1 AND metric_id = 16 AND day = 20089", "gmv|totals of connections", 1},
    {"derived", "UPDATE total SET day = day + 1 WHERE scope_kind = 1 AND metric_id = 16 AND day = 20092", "gmv|totals of connections", 1},
    {"windows", "UPDATE day_value SET value = 401 WHERE win = 30 AND day = 20089", "a|30|2025-01-01|views|more than the longer window of 90 days on 2025-01-01 (other)", 1},
    {"windows", "UPDATE day_value SET value = 1001 WHERE win = 90 AND day = 20089", "a|90|2025-01-01|views|more than all-time on 2025-01-01 (other)|1001|1000", 1},
    /* read on different days: the thirty days to the 1st lie within the ninety to the 3rd, and those to the 4th within no later ones */
    {"windows", "DELETE FROM day_value WHERE win = 90 AND day < 20091; UPDATE day_value SET value = 401 WHERE win = 30 AND day = 20089",
     "a|30|2025-01-01|views|more than the longer window of 90 days on 2025-01-03 (other)|401|400", 1},
    {"windows", "DELETE FROM day_value WHERE win = 90 AND day > 20091; UPDATE day_value SET value = 401 WHERE win = 30 AND day = 20092", "", 0},
    {"windows", "UPDATE day_value SET day = day + 60 WHERE win = 90; UPDATE day_value SET value = 401 WHERE win = 30", "on 2025-03-02 (other)|401|400", 4},
    {"windows", "UPDATE day_value SET day = day + 64 WHERE win = 90; UPDATE day_value SET value = 401 WHERE win = 30", "", 0},
    {"windows", "UPDATE day_value SET value = 401 WHERE win = 30 AND day = 20089; UPDATE connection SET dropped_until = 20089", "", 0},
    {"falls", "UPDATE day_value SET value = 1999 WHERE " A_VALUE "; UPDATE connection SET dropped_until = 20089", "", 0},
    {"falls", "UPDATE day_value SET value = 1999 WHERE " A_VALUE, "a|~|2025-01-02|views|an all-time value fell from that of 2025-01-01 (other)|1050|1999", 1},
    {"quarantine", "UPDATE run SET status = 5 WHERE id = 3", "this run (value) is quarantined", 1},
    {"erase-sweep", "INSERT INTO meta (key, value) VALUES ('erase_sweep', '1')", "its old bytes may still be in the file", 1},
    {"gaps", "UPDATE day_close SET status = 'empty' WHERE day = 20089", "us|channel|~|~|2025-01-01|~|days (value) until 2025-01-01 hold nothing: not_collected", 1},
    {"partial-days", "UPDATE connection SET platform = 'sql'; UPDATE day_close SET status = 'partial' WHERE day = 20089",
     "us|channel|~|~|2025-01-01|~|days (value) until 2025-01-01 closed as partial", 1},
    {"gaps", "UPDATE day_close SET status = 'empty'; UPDATE run SET status = 3 WHERE id = 2", "runs of that time failed|2", 1},
    {"missed-slots", "INSERT INTO schedule_slot (schedule, slot_at, state, fence, tries, taken_at, ended_at, reason) SELECT 'connection ' || c.id, n.at, 2, 1, 1, n.at, n.at, n.reason "
                     "FROM connection c, (SELECT 1735689600000000 AS at, 'nobody was there' AS reason UNION ALL SELECT 1735776000000000, 'it did not answer') n WHERE c.name = 'channel'",
     "us|channel|~|~|2025-01-02|~|slots (value) of its schedule were missed, the last one on that day: it did not answer|2", 1},
    {"missing", "UPDATE day_value SET value = NULL, absence = 6 WHERE " A_VALUE, "2025-01-01|~|values (value) until 2025-01-01 are missing: not_permitted|1", 1},
    {"unrecoverable", "UPDATE content SET deleted_at = 1736000000000000 WHERE entity_id = (SELECT min(id) FROM entity)", "deleted on their platform", 1},
    {"unrecoverable", "UPDATE content SET posted_at = (20089 - 30) * CAST(86400000000 AS bigint) WHERE entity_id = (SELECT min(id) FROM entity)",
     "posted before their first reading: of those days (other) the platform tells no lifetime values any more|1|30", 1},
    {"unrecoverable", "UPDATE day_value SET provenance = 1 WHERE " A_VALUE, "rows deleted by then are not in them|1", 1},
};

static void each_planted_fault_is_found_by_its_check_and_its_statement(struct stores *s)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        const struct fault *f = &faults[i];
        assert_int_equal(stores_fresh(s), 0);
        clean(s);
        assert_true(found_by(s, f->check).n == 0 || strcmp(f->check, "coverage") == 0);
        triggers_off(s);
        stores_exec(s, f->sql);
        struct found x = found_by(s, f->check);
        if (x.n != f->n || !strstr(x.text, f->says))
            fail_msg("%s, %s: %d found: %s", f->check, f->sql, x.n, x.text);
        if (check_of(f->check)->sql[s->engine] != NULL)
            assert_int_equal(rows_in_shell(s, check_of(f->check)), f->n);
    }
}

static void every_check_has_a_planted_fault(struct stores *s)
{
    (void)s;
    for (size_t i = 0; i < nilo_checks_n; i++) {
        bool has = nilo_checks[i].level == NILO_CHECK_FIGURE || strcmp(nilo_checks[i].name, "open-days") == 0;
        for (size_t k = 0; k < sizeof faults / sizeof faults[0]; k++)
            has = has || strcmp(faults[k].check, nilo_checks[i].name) == 0;
        if (!has)
            fail_msg("no test plants a fault for %s", nilo_checks[i].name);
    }
}

static int64_t closings(struct stores *s, const struct nilo_connection *c)
{
    struct nilo_connection now;
    ok(s, nilo_store_connection_get(s->store, c->id, &now, &s->err));
    return now.closed_until.n;
}

/* Samoa had no 30 December 2011; a workspace that moved from Pago Pago to Kiritimati had no day where it lost one. */
static void a_day_that_no_clock_showed_is_no_gap(struct stores *s)
{
    const int skipped = 15338; /* 2011-12-30 */
    struct nilo_connection c = stores_connection(s, "samoa", "Pacific/Apia", "channel", "youtube", "db");
    for (int day = skipped - 2; day < skipped + 3; day++) {
        struct put p = {.external_id = "a", .day = day, .metric = VIEWS, .value = 100 + day, .captured_at = (day + 1) * NILO_US_DAY};
        s->clock.wall = (day + 1) * NILO_US_DAY;
        if (day != skipped)
            put_all(s, &c, (struct nilo_policy){.kind = NILO_RUN_COLLECT, .platform = true}, &p, 1);
    }
    for (int until = skipped; until < skipped + 3; until++) {
        s->clock.wall = (until + 1) * NILO_US_DAY;
        put_close(s, &c, until);
        assert_int_equal(closings(s, &c), until);
        struct found x = found_by(s, "closed-log");
        if (x.n != 0)
            fail_msg("%s", x.text);
    }
    triggers_off(s);
    stores_exec(s, "DELETE FROM day_close WHERE day = 15338 + 1");
    struct found x = found_by(s, "closed-log");
    assert_int_equal(x.n, 1);
    assert_non_null(strstr(x.text, "samoa|channel|~|~|2012-01-01|~|the log of closed days has gaps"));
}

static void days_open_for_too_long_are_found_with_their_reason(struct stores *s)
{
    clean(s);
    s->clock.wall = (JAN + 3) * NILO_US_DAY + (48 + 60) * NILO_US_HOUR; /* day JAN + 2 is the first open one */
    assert_int_equal(found_by(s, "open-days").n, 0);
    s->clock.wall += 1;
    struct found x = found_by(s, "open-days");
    assert_int_equal(x.n, 1);
    assert_non_null(strstr(x.text, "us|channel|~|~|2025-01-03|~|open long past its settle delay: no run has closed it"));
    stores_exec(s, "UPDATE connection SET platform = 'sql', read_until = 20090");
    x = found_by(s, "open-days");
    assert_non_null(strstr(x.text, "us|channel|~|~|2025-01-03|~|no collection has read its source after its end: nilometer collect does"));
    stores_exec(s, "UPDATE connection SET read_until = 20091");
    x = found_by(s, "open-days");
    assert_non_null(strstr(x.text, "no run has closed it"));
    stores_exec(s, "UPDATE run SET status = 5 WHERE id = 6");
    x = found_by(s, "open-days");
    assert_non_null(strstr(x.text, "that run is quarantined (value)|6"));
    assert_int_equal(rows_in_shell(s, check_of("open-days")), 1);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_clean_store_gives_nothing),
        STORES_TEST(a_day_that_no_clock_showed_is_no_gap),
        STORES_TEST(an_empty_store_gives_nothing),
        STORES_TEST(each_planted_fault_is_found_by_its_check_and_its_statement),
        STORES_TEST(every_check_has_a_planted_fault),
        STORES_TEST(days_open_for_too_long_are_found_with_their_reason),
    };
    return stores_run("check", tests, sizeof tests / sizeof tests[0]);
}
