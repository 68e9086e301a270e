/* drop, dropping at the end of collect, and what reads say of such days. */
#include "cmd_test.h"

#include <stdio.h>
#include <string.h>

#include "db/db.h"
#include "support/tmp.h"

static const char *path;
static int n_files;

static const char rows[] = "external_id,captured_at,views\n"
                           "v1,2026-03-01T18:00:00Z,30\n"
                           "v1,2026-03-02T18:00:00Z,90\n"
                           "v1,2026-03-03T18:00:00Z,50\n"
                           "v2,2026-03-02T18:00:00Z,7\n" /* never read again */
                           "v1,2026-03-05T18:00:00Z,60\n"
                           "v1,2026-03-06T18:00:00Z,65\n";

static const char *file(const char *text)
{
    char name[32];
    snprintf(name, sizeof name, "f%d.csv", n_files++);
    const char *made = nilo_test_path(name);
    nilo_test_write(made, text, strlen(text));
    return made;
}

static int import(const char *text)
{
    return cmd_run("import", file(text), "--store", path, "--format", "csv", "--workspace", "us", "--platform", "youtube", NULL)->status;
}

static int fresh(void **state)
{
    static int n;
    char name[32];
    (void)state;
    snprintf(name, sizeof name, "d%d.db", n++);
    path = nilo_test_path(name);
    cmd_clock_at("2026-03-10T12:00:00Z");
    return cmd_run("init", "--store", path, NULL)->status != 0 || import(rows) != 0;
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

#define says(command, more, expected) assert_string_equal(done(command, more, 0)->out, expected)

static void days_go_when_a_person_says_so(void **state)
{
    (void)state;
    cmd_assert_contains(done("drop", "", 2)->err, "say --before DAY");
    cmd_assert_contains(done("drop", "--before 2026-03-05", 2)->err, "say --yes");
    cmd_assert_contains(done("drop", "--before 2026-03-05 --yes --connection nobody", 1)->err, "there is no such connection");
    says("drop", "--before 2026-03-04 --dry-run", "Would drop 3 days with 4 values of 1 connection; latest, best and totals would stay what they are.\n");
    says("drop", "--before 2026-03-04 --yes --json", "{\"days\":3,\"values\":4,\"connections\":1,\"dry_run\":false}\n");
    says("drop", "--before 2026-03-04 --yes", "Dropped 0 days with 0 values of 1 connection; latest, best and totals stay what they are.\n");
    says("get", "observations?select=value&order=value --format csv", "value\n60\n65\n");
    says("get", "content_snapshots?select=external_id,day,views&order=day --format csv", "external_id,day,views\nv1,2026-03-05,60\nv1,2026-03-06,65\n");
    says("get", "metric_values?select=value&order=value --format csv", "value\n60\n65\n");
    says("get", "content_latest?select=external_id,day,views&order=external_id --format csv", "external_id,day,views\nv1,2026-03-06,65\nv2,2026-03-02,7\n");
    says("get", "content_best?select=external_id,day,views&order=external_id --format csv", "external_id,day,views\nv1,2026-03-02,90\nv2,2026-03-02,7\n");
    cmd_assert_contains(done("rebuild", "", 0)->out, "every derived number is as it was");
    done("doctor", "", 0);
}

#define SERIES   "period,value,change,span_days,items,known,fresh,provenance,absence,open\n"
#define COVERAGE "day,window_days,items,of,reason,latest_day\n"
static void reads_name_such_days_as_dropped(void **state)
{
    (void)state;
    done("drop", "--before 2026-03-04 --yes", 0);
    says("call", "timeseries metric=views from=2026-03-01 to=2026-03-06 --format csv",
         SERIES "2026-03-01,,,,1,0,0,,dropped,false\n2026-03-02,,,,2,0,0,,dropped,false\n2026-03-03,,,,2,0,0,,dropped,false\n"
                "2026-03-04,57,,,2,2,0,,,false\n2026-03-05,67,10,1,2,2,1,,,false\n2026-03-06,72,5,1,2,2,1,,,false\n");
    says("call", "timeseries metric=views external_id=v1 from=2026-03-02 to=2026-03-06 --format csv",
         SERIES "2026-03-02,,,,1,0,0,,dropped,false\n2026-03-03,,,,1,0,0,,dropped,false\n2026-03-04,,,,1,0,0,,not_collected,false\n"
                "2026-03-05,60,,,1,1,1,imported,,false\n2026-03-06,65,5,1,1,1,1,imported,,false\n");
    says("call", "coverage from=2026-03-02 to=2026-03-06 --format csv",
         COVERAGE "2026-03-02,0,0,2,dropped,2026-03-06\n2026-03-03,0,0,2,dropped,2026-03-06\n2026-03-04,0,0,2,not_collected,2026-03-06\n"
                  "2026-03-05,0,1,2,not_collected,2026-03-06\n2026-03-06,0,1,2,not_collected,2026-03-06\n");
}

static void a_late_value_is_refused_with_its_own_sentence(void **state)
{
    (void)state;
    done("drop", "--before 2026-03-04 --yes", 0);
    assert_int_equal(import("external_id,captured_at,views\nv1,2026-03-02T18:00:00Z,99\nv3,2026-03-01T18:00:00Z,1\nv1,2026-03-06T18:00:00Z,65\n"), 3);
    cmd_assert_contains(done("run", "list", 0)->out, "import");
    char line[4000];
    snprintf(line, sizeof line, "import %s --store %s --format csv --workspace us --platform youtube", file("external_id,captured_at,views\nv1,2026-03-02T18:00:00Z,99\n"), path);
    cmd_assert_contains(cmd_line(line)->out, "days up to 2026-03-03 of this connection were dropped; nothing is recorded there any more");
    says("get", "content_best?select=views&external_id=eq.v1 --format csv", "views\n90\n");
}

static void import_whole(const char *from)
{
    done("import", from, 0); /* its first line says what it is */
}

static void an_export_takes_it_along(void **state)
{
    char more[4000], first[70000];
    (void)state;
    done("drop", "--before 2026-03-03 --yes", 0);
    done("drop", "--before 2026-03-04 --yes", 0);
    const char *whole = nilo_test_path("whole.nilometer"), *again = nilo_test_path("again.nilometer");
    snprintf(more, sizeof more, "--output %s", whole);
    done("export", more, 0);
    snprintf(first, sizeof first, "%s", done("call", "timeseries metric=views from=2026-03-01 to=2026-03-06 --format csv", 0)->out);
    path = nilo_test_path("restored.db");
    done("init", "", 0);
    import_whole(whole);
    says("call", "timeseries metric=views from=2026-03-01 to=2026-03-06 --format csv", first);
    cmd_assert_contains(done("rebuild", "", 0)->out, "every derived number is as it was");
    done("doctor", "", 0);
    import_whole(whole); /* it is here already */
    snprintf(more, sizeof more, "--output %s --from 2026-03-02 --to 2026-03-05", again); /* some days: those that are left of them */
    done("export", more, 0);
    path = nilo_test_path("some.db");
    done("init", "", 0);
    import_whole(again);
    says("get", "content_snapshots?select=external_id,day,views&order=day --format csv", "external_id,day,views\nv1,2026-03-05,60\n");
    done("doctor", "", 0);
}

static void collect_drops_where_the_configuration_says_so(void **state)
{
    struct nilo_db *db;
    struct nilo_err err = {0};
    const struct nilo_db_options options = {.mode = NILO_DB_CREATE};
    char text[3000], line[4000];
    (void)state;
    const char *app = nilo_test_path("drop_app.db"), *config = nilo_test_path("drop.yaml");
    assert_int_equal(nilo_db_open(app, &options, &db, &err), 0);
    assert_int_equal(nilo_db_exec(db, "CREATE TABLE users (created_at TEXT); INSERT INTO users VALUES ('2026-03-01T00:00:00Z')", &err), 0);
    nilo_db_close(db);
    for (int days = 0; days < 6; days += 5) {
        snprintf(text, sizeof text, "drop_days_after: %d\nconnections:\n  - name: app\n    platform: sql\n    database: %s\n    users: users\n", days, app);
        nilo_test_write(config, text, strlen(text));
        snprintf(line, sizeof line, "--config %s", config);
        const char *said = done("collect", line, 0)->err;
        if (days == 0)
            assert_null(strstr(said, "dropped"));
        else
            cmd_assert_contains(said, "dropped: 4 old closed days with 4 values"); /* up to 03-04: 03-05 is 5 days ago */
    }
    says("get", "observations?select=value&order=value&external_id=eq.v1 --format csv", "value\n60\n65\n");
}

/* Two connections of one workspace and one of another; the first readings are taken in before the rest of them happened. */
static void two_connections(void)
{
    static int n;
    char name[32];
    snprintf(name, sizeof name, "two%d.db", n++);
    path = nilo_test_path(name);
    cmd_clock_at("2026-02-28T12:00:00Z");
    done("init", "", 0);
    char more[4000];
    static const struct {
        const char *workspace, *platform, *at, *rows;
    } imports[] = {
        {"us", "youtube", "2026-02-28T12:00:00Z",
         "v1,2026-02-23T18:00:00Z,ann,30\nv1,2026-02-27T18:00:00Z,ann,35\nv2,2026-02-24T18:00:00Z,bob,7\nv2,2026-02-26T18:00:00Z,bob,9\n"},
        {"us", "tiktok", "2026-02-28T12:00:00Z", "t1,2026-02-23T18:00:00Z,ann,100\n"},
        {"them", "youtube", "2026-02-28T12:00:00Z", "v1,2026-02-23T18:00:00Z,ann,30\n"},
        {"us", "youtube", "2026-03-01T12:00:00Z", "v1,2026-02-28T18:00:00Z,ann,40\n"},
        {"us", "tiktok", "2026-03-01T12:00:00Z", "t1,2026-02-27T18:00:00Z,ann,110\nt1,2026-02-28T18:00:00Z,cem,120\n"},
    };
    for (size_t i = 0; i < sizeof imports / sizeof imports[0]; i++) {
        char rows_text[1000];
        cmd_clock_at(imports[i].at);
        snprintf(rows_text, sizeof rows_text, "external_id,captured_at,owner,views\n%s", imports[i].rows);
        snprintf(more, sizeof more, "%s --format csv --workspace %s --platform %s", file(rows_text), imports[i].workspace, imports[i].platform);
        done("import", more, 0);
    }
    cmd_clock_at("2026-03-02T12:00:00Z");
    says("drop", "--before 2026-02-27 --workspace us --connection import-youtube --yes --json",
         "{\"days\":4,\"values\":3,\"connections\":1,\"dry_run\":false}\n");
}

static void other_connections_and_workspaces_keep_their_days(void **state)
{
    (void)state;
    two_connections();
    says("get", "content_snapshots?select=workspace,external_id,day,views&order=workspace,external_id,day --format csv",
         "workspace,external_id,day,views\nthem,v1,2026-02-23,30\nus,t1,2026-02-23,100\nus,t1,2026-02-27,110\nus,t1,2026-02-28,120\n"
         "us,v1,2026-02-27,35\nus,v1,2026-02-28,40\n");
    says("get", "owner_daily?select=workspace,owner,day,views&order=workspace,owner,day --format csv",
         "workspace,owner,day,views\nthem,ann,2026-02-23,30\nus,ann,2026-02-27,145\nus,ann,2026-02-28,160\n"
         "us,cem,2026-02-23,100\nus,cem,2026-02-27,110\nus,cem,2026-02-28,120\n");
    says("call", "timeseries metric=views from=2026-02-26 to=2026-02-27 connection=import-tiktok --workspace us --format csv",
         SERIES "2026-02-26,100,0,1,1,1,0,,,false\n2026-02-27,110,10,1,1,1,1,,,false\n");
    says("call", "timeseries metric=views from=2026-02-26 to=2026-02-27 --workspace us --format csv",
         SERIES "2026-02-26,,,,3,0,0,,dropped,false\n2026-02-27,154,,,3,3,2,,,false\n");
    says("call", "timeseries metric=views from=2026-02-23 to=2026-02-23 --workspace them --format csv", SERIES "2026-02-23,30,,,1,1,1,,,false\n");
    says("call", "coverage from=2026-02-26 to=2026-02-27 --workspace us --format csv",
         COVERAGE "2026-02-26,0,0,3,dropped,2026-02-28\n2026-02-27,0,2,3,not_collected,2026-02-28\n");
    cmd_assert_contains(done("rebuild", "", 0)->out, "every derived number is as it was");
    done("verify", "", 0);
}

static void weeks_months_and_growth_over_dropped_days_are_right_or_say_so(void **state)
{
    (void)state;
    two_connections();
    /* the level at the end of a week or month is known, the change from a day that is gone is not */
    says("call", "timeseries metric=views step=week from=2026-02-16 to=2026-03-01 --workspace us --format csv",
         SERIES "2026-02-16,,,,0,0,0,,not_collected,false\n2026-02-23,169,,,3,3,0,,dropped,false\n");
    says("call", "timeseries metric=views step=month from=2026-02-01 to=2026-02-28 owner=bob --workspace us --format csv",
         SERIES "2026-02-01,9,,,1,1,0,,dropped,false\n");
    says("call", "growth metric=views step=day day=2026-02-27 external_id=v1 --format csv --workspace us",
         "period,value,previous,change,change_pct,significant,previous_period,span_days,usual_change,judged_by,items,known,fresh,absence,open\n"
         "2026-02-27,35,,,,,,,,0,1,1,1,dropped,false\n");
}

static void a_moment_before_the_drop_knows_no_more_of_its_days(void **state)
{
    (void)state;
    two_connections();
    says("get", "content_snapshots?select=external_id,day,views&order=external_id,day&as_of=2026-02-28 --workspace us --format csv",
         "external_id,day,views\nt1,2026-02-23,100\nv1,2026-02-27,35\n");
    says("get", "owner_daily?select=owner,day,views&order=owner,day&as_of=2026-02-28 --workspace us --format csv",
         "owner,day,views\nann,2026-02-27,135\n");
    says("call", "timeseries metric=views from=2026-02-25 to=2026-02-28 as_of=2026-02-28 --workspace us --format csv",
         SERIES "2026-02-25,,,,3,0,0,,dropped,false\n2026-02-26,,,,3,0,0,,dropped,false\n2026-02-27,144,,,3,3,1,,,false\n"
                "2026-02-28,144,0,1,3,3,0,,,true\n");
}

/* Nothing that was known at such a moment is left of the connection: a sum of the others alone would be a wrong number. */
static void a_moment_within_the_dropped_days_gives_no_sum_that_lacks_them(void **state)
{
    static const char dropped[] = "2026-02-10,,,,%d,0,0,,dropped,false\n2026-02-11,,,,%d,0,0,,dropped,false\n";
    static const struct {
        const char *of;
        int items;
    } asked[] = {{"", 2}, {" owner=mia", 2}, {" connection=import-youtube", 1}, {" platform=youtube", 1}, {" owner=mia connection=import-youtube", 1}, {" external_id=y1", 0}};
    char rows_text[1000], question[300], wanted[300];
    (void)state;
    path = nilo_test_path("within.db");
    cmd_clock_at("2026-02-09T12:00:00Z");
    done("init", "", 0);
    for (int day = 10; day < 16; day++) {
        for (int tiktok = 0; tiktok < 2; tiktok++) {
            snprintf(rows_text, sizeof rows_text, "external_id,day,views,likes,owner\n%s1,2026-02-%d,%d,%d,mia\n", tiktok ? "t" : "y", day, 1000 + day, 100 + day);
            snprintf(question, sizeof question, "2026-02-%dT23:59:59Z", day);
            cmd_clock_at(question);
            snprintf(question, sizeof question, "%s --workspace us --platform %s", file(rows_text), tiktok ? "tiktok" : "youtube");
            done("import", question, 0);
        }
    }
    cmd_clock_at("2026-02-25T12:00:00Z");
    done("seal", "", 0);
    says("call", "timeseries metric=likes from=2026-02-10 to=2026-02-11 as_of=2026-02-12T00:00:00Z --workspace us --format csv",
         SERIES "2026-02-10,220,,,2,2,2,,,false\n2026-02-11,222,2,1,2,2,2,,,false\n");
    done("drop", "--connection import-youtube --before 2026-02-14 --yes", 0);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        snprintf(question, sizeof question, "timeseries metric=likes%s from=2026-02-10 to=2026-02-11 as_of=2026-02-12T00:00:00Z --workspace us --format csv", asked[i].of);
        int n = snprintf(wanted, sizeof wanted, SERIES);
        snprintf(wanted + n, sizeof wanted - (size_t)n, dropped, asked[i].items, asked[i].items);
        says("call", question, wanted);
    }
    says("call", "timeseries metric=likes platform=tiktok from=2026-02-10 to=2026-02-11 as_of=2026-02-12T00:00:00Z --workspace us --format csv",
         SERIES "2026-02-10,110,,,1,1,1,,,false\n2026-02-11,111,1,1,1,1,1,,,false\n");
}

/* What a later day stood at is what was known then, also where something newer came late, or was corrected, before the days went. */
static void what_came_late_does_not_hide_what_was_known_before(void **state)
{
    static const struct {
        const char *at, *rows, *more;
    } imports[] = {
        {"2026-02-22T12:00:00Z", "v1,2026-02-10T18:00:00Z,20\nv1,2026-02-12T18:00:00Z,50\nv2,2026-02-14T18:00:00Z,5\nv2,2026-02-15T18:00:00Z,6\n", ""},
        {"2026-02-23T12:00:00Z", "v3,2026-02-22T18:00:00Z,1\n", ""},
        {"2026-02-24T12:00:00Z", "v3,2026-02-23T18:00:00Z,2\n", ""},
        {"2026-02-25T12:00:00Z", "v1,2026-02-20T18:00:00Z,80\nv2,2026-02-15T18:00:00Z,8\n", " --revise"},
    };
    const char *const asked[] = {"timeseries metric=views from=2026-02-23 to=2026-02-25 as_of=2026-02-24 --format csv",
                                 "timeseries metric=views from=2026-02-23 to=2026-02-25 --format csv"};
    char before[2][4000], more[4000];
    (void)state;
    path = nilo_test_path("late.db");
    cmd_clock_at(imports[0].at);
    done("init", "", 0);
    for (size_t i = 0; i < sizeof imports / sizeof imports[0]; i++) {
        char rows_text[1000];
        cmd_clock_at(imports[i].at);
        snprintf(rows_text, sizeof rows_text, "external_id,captured_at,views\n%s", imports[i].rows);
        snprintf(more, sizeof more, "%s --format csv --workspace us --platform youtube%s", file(rows_text), imports[i].more);
        done("import", more, 0);
    }
    for (size_t i = 0; i < 2; i++)
        snprintf(before[i], sizeof before[i], "%s", done("call", asked[i], 0)->out);
    cmd_assert_contains(before[0], "2026-02-23,58,");
    cmd_assert_contains(before[1], "2026-02-23,90,");
    done("drop", "--before 2026-02-22 --yes", 0);
    for (size_t i = 0; i < 2; i++)
        says("call", asked[i], before[i]);
    cmd_assert_contains(done("rebuild", "", 0)->out, "every derived number is as it was");
    done("verify", "", 0);
}

/* Of an SQL source: days that were filled back go too, and neither a look at such a day nor a backfill brings them again. */
static void nothing_is_read_for_a_dropped_day(void **state)
{
    struct nilo_db *db;
    struct nilo_err err = {0};
    const struct nilo_db_options options = {.mode = NILO_DB_CREATE};
    char text[3000], more[4000];
    (void)state;
    const char *app = nilo_test_path("again_app.db"), *config = nilo_test_path("again.yaml");
    path = nilo_test_path("again_store.db");
    done("init", "", 0);
    assert_int_equal(nilo_db_open(app, &options, &db, &err), 0);
    assert_int_equal(nilo_db_exec(db, 
                                  "CREATE TABLE users (created_at TEXT); INSERT INTO users VALUES ('2026-03-01T00:00:00Z'), ('2026-03-03T05:00:00Z');"
                                  "CREATE TABLE posts (created_at TEXT); INSERT INTO posts SELECT * FROM users", &err), 0);
    nilo_db_close(db);
    snprintf(text, sizeof text, "connections:\n  - name: app\n    platform: sql\n    database: %s\n    users: users\n    posts: posts\n", app);
    nilo_test_write(config, text, strlen(text));
#define WITH_CONFIG(words) (snprintf(more, sizeof more, "--config %s %s", config, words), more)
    done("collect", WITH_CONFIG(""), 0);
    done("backfill", WITH_CONFIG("--from 2026-03-01 --to 2026-03-09"), 0);
    says("drop", "--before 2026-03-05 --yes", "Dropped 4 days with 12 values of 1 connection; latest, best and totals stay what they are.\n");
    says("call", "timeseries metric=posts_created step=week from=2026-03-02 to=2026-03-15 --format csv",
         SERIES "2026-03-02,,,,1,0,0,,dropped,false\n2026-03-09,0,,,1,1,1,observed,,true\n"); /* a sum that lacks days is none */
    cmd_assert_contains(done("collect", WITH_CONFIG("--day 2026-03-03"), 2)->err, "the days of connection app up to 2026-03-04 were dropped and take no value any more");
    cmd_assert_contains(done("backfill", WITH_CONFIG("--from 2026-03-01 --to 2026-03-04"), 2)->err,
                        "the days of connection app up to 2026-03-04 were dropped and take no value any more");
    cmd_assert_contains(done("backfill", WITH_CONFIG("--from 2026-03-01 --to 2026-03-06 --revise"), 0)->out, "2026-03-05  2026-03-06");
    cmd_assert_contains(done("backfill", WITH_CONFIG("--from 2026-03-01 --to 2026-03-06"), 0)->out, "its days up to 2026-03-04 were dropped; they are left out");
    /* since when there is a metric of the app is not known there; behind it is */
    says("call", "coverage from=2026-03-04 to=2026-03-05 entity=app --format csv", COVERAGE "2026-03-04,0,0,,dropped,2026-03-10\n2026-03-05,0,3,3,,2026-03-10\n");
    says("get", "daily_metrics?select=metric_date,value&order=metric_date&metric_date=lte.2026-03-06&metric_category=eq.users_total --format csv", "metric_date,value\n2026-03-05,2\n2026-03-06,2\n");
    done("verify", "", 0);
}

/* The act itself: relation, status and doctor. */
static void who_dropped_what_and_when_is_told(void **state)
{
    (void)state;
    cmd_assert_contains(done("doctor", "", 3)->out, "nothing is known to be lost"); /* 3: a fall, which goes with its day */
    done("drop", "--before 2026-03-03 --yes --author ann", 0);
    done("drop", "--before 2026-03-04 --yes --author bob", 0);
    says("get", "drops?order=until_day --format csv",
         "workspace,connection,platform,from_day,until_day,values_dropped,author,dropped_at\n"
         "us,import-youtube,youtube,2026-03-01,2026-03-02,3,ann,2026-03-10T12:00:00+00:00\n"
         "us,import-youtube,youtube,2026-03-03,2026-03-03,1,bob,2026-03-10T12:00:00+00:00\n");
    char line[4000];
    snprintf(line, sizeof line, "%s --format csv --workspace them --platform youtube", file(rows));
    done("import", line, 0);
    says("get", "drops?select=author --workspace them --format csv", "author\n");
    done("drop", "--before 2026-03-04 --yes --author cem --workspace them", 0); /* its fall goes with the days */
    cmd_assert_contains(done("status", "", 0)->out, "Days up to 2026-03-03 of connection import-youtube of us were dropped; nilometer get drops says by whom");
    cmd_assert_contains(done("status", "--json", 0)->out, "\"dropped_until\":\"2026-03-03\"");
    const char *said = done("doctor", "", 0)->out;
    cmd_assert_contains(said, "us/import-youtube, 2026-03-01: days until 2026-03-02 were dropped with (3) values by ann, last on 2026-03-10");
    cmd_assert_contains(said, "us/import-youtube, 2026-03-03: days until 2026-03-03 were dropped with (1) values by bob");
    assert_null(strstr(said, "nothing is known to be lost"));
}

/* Where nothing is found because it was dropped, nobody is sent to look for it. */
static void no_advice_leads_back_to_dropped_days(void **state)
{
    static const struct {
        const char *command, *more;
    } asked[] = {
        {"get", "content_snapshots?day=lte.2026-03-02"},
        {"get", "metric_values?day=eq.2026-03-03&metric=eq.likes"},
        {"plot", "views from=2026-03-01 to=2026-03-02"},
    };
    (void)state;
    done("drop", "--before 2026-03-04 --yes", 0);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        const struct cmd_result *r = done(asked[i].command, asked[i].more, 0);
        char all[8000];
        snprintf(all, sizeof all, "%s%s", r->out, r->err);
        if (strstr(all, "backfill") || strstr(all, "nilometer import") || strstr(all, "from 2026-03-01 to 2026-03-06") || !strstr(all, "nilometer get drops"))
            fail_msg("%s %s: %s", asked[i].command, asked[i].more, all);
    }
    cmd_assert_contains(done("get", "content_snapshots?day=gt.2026-03-08", 0)->err, "the record holds days from 2026-03-04 to 2026-03-06");
}

static void days_of_a_pause_say_so(void **state)
{
    (void)state;
    cmd_clock_at("2026-03-07T08:00:00Z");
    done("pause", "--workspace us --connection import-youtube", 0);
    cmd_clock_at("2026-03-08T20:00:00Z");
    done("resume", "--workspace us --connection import-youtube", 0);
    cmd_clock_at("2026-03-10T12:00:00Z");
    says("call", "coverage from=2026-03-06 to=2026-03-09 entity=content --format csv",
         COVERAGE "2026-03-06,0,1,2,not_collected,2026-03-06\n2026-03-07,0,0,2,paused,2026-03-06\n2026-03-08,0,0,2,paused,2026-03-06\n"
                  "2026-03-09,0,0,2,not_collected,2026-03-06\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(days_go_when_a_person_says_so, fresh),
        cmocka_unit_test_setup(reads_name_such_days_as_dropped, fresh),
        cmocka_unit_test_setup(a_late_value_is_refused_with_its_own_sentence, fresh),
        cmocka_unit_test_setup(an_export_takes_it_along, fresh),
        cmocka_unit_test_setup(other_connections_and_workspaces_keep_their_days, fresh),
        cmocka_unit_test_setup(weeks_months_and_growth_over_dropped_days_are_right_or_say_so, fresh),
        cmocka_unit_test_setup(a_moment_before_the_drop_knows_no_more_of_its_days, fresh),
        cmocka_unit_test_setup(what_came_late_does_not_hide_what_was_known_before, fresh),
        cmocka_unit_test_setup(who_dropped_what_and_when_is_told, fresh),
        cmocka_unit_test_setup(days_of_a_pause_say_so, fresh),
        cmocka_unit_test_setup(a_moment_within_the_dropped_days_gives_no_sum_that_lacks_them, fresh),
        cmocka_unit_test_setup(no_advice_leads_back_to_dropped_days, fresh),
        cmocka_unit_test_setup(nothing_is_read_for_a_dropped_day, fresh),
        cmocka_unit_test_setup(collect_drops_where_the_configuration_says_so, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
