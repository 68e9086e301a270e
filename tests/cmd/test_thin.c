/* thin, and thinning at the end of collect. */
#include "cmd_test.h"

#include <stdio.h>
#include <string.h>

#include "db/db.h"
#include "support/tmp.h"

static const char *path;

static const char rows[] = "external_id,captured_at,views\n"
                           "v1,2026-03-01T06:00:00Z,10\n"
                           "v1,2026-03-01T12:00:00Z,20\n"
                           "v1,2026-03-01T18:00:00Z,30\n"
                           "v1,2026-03-05T06:00:00Z,40\n"
                           "v1,2026-03-05T12:00:00Z,50\n"
                           "v1,2026-03-05T18:00:00Z,60\n";

static int fresh(void **state)
{
    static int n;
    char name[32];
    (void)state;
    snprintf(name, sizeof name, "t%d.db", n);
    path = nilo_test_path(name);
    snprintf(name, sizeof name, "t%d.csv", n++);
    const char *file = nilo_test_path(name);
    nilo_test_write(file, rows, sizeof rows - 1);
    cmd_clock_at("2026-03-10T12:00:00Z");
    if (cmd_run("init", "--store", path, NULL)->status != 0)
        return 1;
    return cmd_run("import", file, "--store", path, "--format", "csv", "--workspace", "us", "--platform", "youtube", NULL)->status;
}

static const struct cmd_result *done(const char *command, const char *more, int status)
{
    char line[4000];
    snprintf(line, sizeof line, "%s --store %s %s", command, path, more);
    const struct cmd_result *r = cmd_line(line);
    if (r->status != status)
        fail_msg("%s %s: status %d: %s%s", command, more, r->status, r->err, r->out);
    return r;
}

static void readings_go_when_a_person_says_so(void **state)
{
    (void)state;
    cmd_assert_contains(done("thin", "", 2)->err, "say --before DAY");
    cmd_assert_contains(done("thin", "--before 2026-03-05", 2)->err, "say --yes");
    cmd_assert_contains(done("thin", "--before 2026-03-05 --yes --connection nobody", 1)->err, "there is no such connection");
    assert_string_equal(done("thin", "--before 2026-03-05 --dry-run", 0)->out, "Would remove 2 readings of 1 connection; no day, total or best changed.\n");
    assert_string_equal(done("thin", "--before 2026-03-05 --yes --json", 0)->out, "{\"removed\":2,\"connections\":1,\"dry_run\":false}\n");
    assert_string_equal(done("get", "observations?select=value&order=value --format csv", 0)->out, "value\n30\n40\n50\n60\n");
    assert_string_equal(done("get", "content_snapshots?select=day,views&order=day --format csv", 0)->out, "day,views\n2026-03-01,30\n2026-03-05,60\n");
    cmd_assert_contains(done("rebuild", "", 0)->out, "every derived number is as it was");
    done("doctor", "", 0);
}

static void collect_thins_where_the_configuration_says_so(void **state)
{
    struct nilo_db *db;
    struct nilo_err err = {0};
    const struct nilo_db_options options = {.mode = NILO_DB_CREATE};
    char text[3000], line[4000];
    (void)state;
    const char *app = nilo_test_path("thin_app.db"), *config = nilo_test_path("thin.yaml");
    assert_int_equal(nilo_db_open(app, &options, &db, &err), 0);
    assert_int_equal(nilo_db_exec(db, "CREATE TABLE users (created_at TEXT); INSERT INTO users VALUES ('2026-03-01T00:00:00Z')", &err), 0);
    nilo_db_close(db);
    for (int days = 0; days < 6; days += 5) {
        snprintf(text, sizeof text, "thin_observations_after_days: %d\nconnections:\n  - name: app\n    platform: sql\n    database: %s\n    users: users\n", days, app);
        nilo_test_write(config, text, strlen(text));
        snprintf(line, sizeof line, "--config %s", config);
        const char *said = done("collect", line, 0)->err;
        if (days == 0)
            assert_null(strstr(said, "thinned"));
        else
            cmd_assert_contains(said, "thinned: 2 readings of old closed days"); /* 03-01, not 03-05: that is 5 days ago */
    }
    assert_string_equal(done("get", "observations?select=value&order=value&external_id=eq.v1 --format csv", 0)->out, "value\n30\n40\n50\n60\n");
    snprintf(text, sizeof text, "thin_observations_after_days: -1\n");
    nilo_test_write(config, text, strlen(text));
    cmd_assert_contains(done("collect", line, 1)->err, "thin_observations_after_days");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(readings_go_when_a_person_says_so, fresh),
        cmocka_unit_test_setup(collect_thins_where_the_configuration_says_so, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
