/* erase, on both engines: the person is gone, also from the bytes of the file, every number stays, and nothing brings the person back. */
#include "cmd_test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/db.h"
#include "record/record.h"
#include "support/pg.h"
#include "support/tmp.h"

static const char *target, *file;
static bool postgres;
static struct nilo_env env;
static struct nilo_seeded_random seeded;

static const char rows[] =
    "external_id,day,window_days,views,likes,title,caption,url,tags,owner\n"
    "kimvideo1,2026-03-01,0,100,5,Kim sings,At Kims house,https://x.example/kimvideo1,\"{\"\"t\"\":\"\"kimtag\"\"}\",kim\n"
    "kimvideo1,2026-03-02,0,1200,6,Kim sings louder,,,,kim\n"
    "kimvideo1,2026-03-02,30,800,4,,,,,kim\n"
    "both,2026-03-02,0,50,2,Kim and Lee,,,,kim\n"
    "both,2026-03-02,90,50,2,,,,,lee\n"
    "leevideo,2026-03-05,0,60,3,Lee dances,,,,lee\n";

static int fresh(void)
{
    static int n;
    char name[32];
    snprintf(name, sizeof name, "e%d.csv", n);
    file = nilo_test_path(name);
    nilo_test_write(file, rows, sizeof rows - 1);
    snprintf(name, sizeof name, postgres ? "e%d" : "e%d.db", n++);
    target = postgres ? nilo_test_pg_database(name) : nilo_test_path(name);
    if (target == NULL)
        return -1;
    nilo_seeded_random_init(&seeded, 5);
    env = (struct nilo_env){.clock = nilo_virtual_clock(&cmd_clock), .random = nilo_seeded_random(&seeded)};
    cmd_clock_at("2026-03-10T12:00:00Z");
    if (cmd_run("init", "--store", target, NULL)->status != 0)
        return -1;
    return cmd_run("import", file, "--store", target, "--format", "csv", "--workspace", "us", "--platform", "youtube", NULL)->status;
}

static const struct cmd_result *done(const char *command, const char *more, int status)
{
    char line[4000];
    snprintf(line, sizeof line, "%s --store %s %s", command, target, more);
    const struct cmd_result *r = cmd_line(line);
    if (r->status != status)
        fail_msg("%s %s: status %d: %s%s", command, more, r->status, r->err, r->out);
    return r;
}

static struct nilo_store *open_store(enum nilo_store_mode mode)
{
    struct nilo_store *s;
    struct nilo_err err = {0};
    if (nilo_store_open(target, mode, &env, &s, &err) != 0)
        fail_msg("%s", err.msg);
    return s;
}

static void digest(char out[65])
{
    struct nilo_err err = {0};
    struct nilo_store *s = open_store(NILO_STORE_READ);
    if (nilo_store_digest(s, out, &err) != 0)
        fail_msg("%s", err.msg);
    nilo_store_close(s);
}

/* Everything that a reader can see of the store, in one text; free(). */
static char *all_there_is(void)
{
    static const char *const tables[] = {"workspace", "connection", "owner", "credit", "entity", "content", "run", "run_failure", "observation",
                                         "day_value", "meta", "erasure", "annotation", "content_event"};
    struct nilo_store *s = open_store(NILO_STORE_READ);
    struct nilo_buf all;
    struct nilo_err err = {0};
    nilo_buf_init(&all, (size_t)1 << 24);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        struct nilo_db_stmt *stmt;
        char sql[100];
        int got;
        snprintf(sql, sizeof sql, "SELECT * FROM %s", tables[i]);
        if (nilo_db_prepare(nilo_store_db(s), sql, &stmt, &err) != 0 || nilo_db_query(stmt, NULL, 0, &err) != 0)
            fail_msg("%s", err.msg);
        while ((got = nilo_db_row(stmt, &err)) == 1)
            for (int k = 0; k < nilo_db_columns(stmt); k++) {
                struct nilo_db_value v = nilo_db_column(stmt, k);
                if (v.type == NILO_DB_TEXT)
                    nilo_buf_addf(&all, "%s\n", v.p);
            }
        assert_int_equal(got, 0);
    }
    nilo_store_close(s);
    return nilo_buf_take(&all);
}

static bool in_bytes(const char *suffix, const char *word)
{
    char path[4000];
    snprintf(path, sizeof path, "%s%s", target, suffix);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return false;
    char *bytes = NULL;
    size_t len = 0;
    for (size_t got = 1; got > 0; len += got) {
        bytes = realloc(bytes, len + 65536);
        assert_non_null(bytes);
        got = fread(bytes + len, 1, 65536, f);
    }
    fclose(f);
    bool found = memmem(bytes, len, word, strlen(word)) != NULL;
    free(bytes);
    return found;
}

static void gone(const char *word)
{
    char *all = all_there_is();
    if (strstr(all, word) != NULL)
        fail_msg("%s is still there: %s", word, all);
    free(all);
    if (!postgres && (in_bytes("", word) || in_bytes("-wal", word)))
        fail_msg("%s is still in the bytes of the store", word);
}

static void still(const char *word)
{
    char *all = all_there_is();
    if (strstr(all, word) == NULL)
        fail_msg("%s is gone", word);
    free(all);
}

/* A run that met failures, some of which name the item. */
static void failures(void)
{
    struct nilo_store *s = open_store(NILO_STORE_WRITE);
    struct nilo_workspace w;
    struct nilo_connection c;
    struct nilo_recorder *r;
    struct nilo_arena arena;
    struct nilo_run run;
    struct nilo_err err = {0};
    const struct nilo_run_options o = {.kind = NILO_RUN_COLLECT, .provenance = NILO_OBSERVED, .target_day = NILO_DAY_NONE};
    nilo_arena_init(&arena, 0);
    assert_int_equal(nilo_store_workspace(s, "us", false, NULL, &w, &err), 0);
    assert_int_equal(nilo_store_connection(s, w.id, "channel", true, "youtube", "db", &c, &err), 0);
    assert_int_equal(nilo_record_begin(s, &c, &o, &r, &err), 0);
    assert_int_equal(nilo_record_fail(r, "kimvideo1", "gone", "the video is private", &err), 0);
    assert_int_equal(nilo_record_fail(r, NULL, "gone", "https://x.example/?v=kimvideo1 gave 404", &err), 0);
    assert_int_equal(nilo_record_fail(r, "kimvideo12", "gone", "kimvideo12 is another one", &err), 0);
    assert_int_equal(nilo_record_finish(r, "stopped at kimvideo1", &arena, &run, &err), 0);
    nilo_arena_done(&arena);
    nilo_store_close(s);
}

/* It was found to be private. */
static void goes(const char *id)
{
    struct nilo_store *s = open_store(NILO_STORE_WRITE);
    struct nilo_workspace w;
    struct nilo_connection c;
    struct nilo_entity_ref e;
    struct nilo_err err = {0};
    const struct nilo_attrs a = {.posted_at = NILO_US_NONE, .deleted_at = NILO_US_NONE, .at = cmd_clock.wall, .duration_ms = -1, .status = "private"};
    assert_int_equal(nilo_store_workspace(s, "us", false, NULL, &w, &err), 0);
    assert_int_equal(nilo_store_connection(s, w.id, "import-youtube", false, NULL, NULL, &c, &err), 0);
    assert_int_equal(nilo_store_item(s, &c, id, &e, &err), 0);
    assert_int_not_equal(e.id, 0);
    assert_int_equal(nilo_store_begin(s, &err), 0);
    assert_int_equal(nilo_store_content_set(s, e, &a, 1u << NILO_ATTR_STATUS, &err), 0);
    assert_int_equal(nilo_store_commit(s, &err), 0);
    nilo_store_close(s);
}

static void an_erased_item_leaves_its_counts(void)
{
    char before[65], after[65];
    failures();
    goes("kimvideo1");
    goes("leevideo");
    assert_string_equal(done("get 'content_events?select=external_id,event,was&order=external_id.asc' --format csv", "", 0)->out,
                        "external_id,event,was\nkimvideo1,private,live\nleevideo,private,live\n");
    digest(before);
    still("Kim sings");
    done("erase", "--workspace us --item kimvideo1", 2);
    cmd_assert_contains(done("erase", "--workspace us --item kimvideo1 --dry-run", 0)->out, "Would erase 1 item and 3 messages that named them");
    still("Kim sings");
    cmd_assert_contains(done("erase", "--workspace us --item kimvideo1 --yes --author boss --quiet", 0)->out,
                        "Erased 1 item and 3 messages that named them; every count stays.\n");
    static const char *const words[] = {"kimvideo1\n", "kimvideo1 ", "Kim sings", "At Kims house", "x.example", "kimtag"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        gone(words[i]);
    assert_string_equal(done("get 'content_events?select=external_id,event,was&order=external_id.asc' --format csv", "", 0)->out,
                        "external_id,event,was\nleevideo,private,live\n");
    still("kimvideo12 is another one");
    still("Kim and Lee");
    still("boss");
    digest(after);
    assert_string_equal(before, after);
    cmd_assert_contains(done("rebuild", "", 0)->out, "every derived number is as it was");
    const char *out = done("get 'content_latest?select=day,views,likes&order=views.desc' --format csv", "", 0)->out;
    cmd_assert_contains(out, "2026-03-02,1200,6");
    done("doctor", "", 0);
}

static void the_same_again_changes_nothing(void)
{
    done("erase", "--workspace us --item kimvideo1 --yes --quiet", 0);
    char *before = all_there_is();
    cmd_clock_at("2026-03-12T12:00:00Z");
    cmd_assert_contains(done("erase", "--workspace us --item kimvideo1 --yes --quiet", 0)->out, "It was erased on 2026-03-10; nothing is left to do.\n");
    char *after = all_there_is();
    assert_string_equal(before, after);
    free(before);
    free(after);
    cmd_assert_contains(done("erase", "--workspace us --item nobody --yes", 2)->err, "there is nothing called \"nobody\"");
    done("erase", "--workspace us --item a --owner b --yes", 2);
    done("erase", "--workspace us --yes", 2);
}

static void nothing_brings_an_item_back(void)
{
    char before[65], after[65];
    done("erase", "--workspace us --item kimvideo1 --yes --quiet", 0);
    digest(before);
    const struct cmd_result *r = done("import", "", 2);
    char line[4000];
    snprintf(line, sizeof line, "import %s --store %s --format csv --workspace us --platform youtube", file, target);
    r = cmd_line(line);
    assert_int_equal(r->status, 3);
    cmd_assert_contains(r->out, "the item or its owner was erased; nothing of it is recorded");
    cmd_assert_contains(done("run show 2", "", 0)->out, "\"readings_of_erased_items\":3");
    digest(after);
    assert_string_equal(before, after);
    gone("Kim sings");
    /* by another connection of the platform neither, nor in a message */
    failures();
    char *all = all_there_is();
    assert_null(strstr(all, "the video is private"));
    free(all);
}

static void an_erased_owner_takes_what_is_theirs_alone(void)
{
    char before[65], after[65];
    digest(before);
    cmd_assert_contains(done("erase", "--workspace us --owner kim --yes --quiet", 0)->out,
                        "Erased an owner's name, 1 item and 0 messages that named them; every count stays.\n"
                        "1 item is credited to others as well and stays; erase them one by one with --item.\n");
    gone("kim");
    still("both");
    still("lee");
    digest(after);
    assert_string_equal(before, after);
    cmd_assert_contains(done("get 'owner_metrics?select=owner,views&order=views.desc' --format csv", "", 0)->out, ",1250");
    nilo_test_write(file, "external_id,day,views,owner\nnew,2026-03-06,1,kim\nmore,2026-03-06,1,lee\n", 71);
    char line[4000];
    snprintf(line, sizeof line, "import %s --store %s --format csv --workspace us --platform youtube", file, target);
    assert_int_equal(cmd_line(line)->status, 3);
    gone("kim");
    gone("new\n");
    still("more");
}

static void run_sql(const char *const *sql)
{
    struct nilo_err err = {0};
    struct nilo_store *s = open_store(NILO_STORE_WRITE);
    for (; *sql != NULL; sql++)
        if (nilo_db_exec(nilo_store_db(s), *sql, &err) != 0)
            fail_msg("%s: %s", *sql, err.msg);
    nilo_store_close(s);
}

#define NOTE(id, text, author) "INSERT INTO annotation (bucket, workspace_id, id, from_day, to_day, text, author, created_at, updated_at) SELECT 0, id, '" id "', 20514, 20514, '" text "', '" author "', 1, 1 FROM workspace"
static void no_note_tells_of_the_person(void)
{
    char before[65], after[65];
    static const char *const sql[] = {
        "UPDATE owner SET display_name = 'Kimberly', extra = '{\"mail\":\"kimmail\"}' WHERE key = 'kim'",
        "UPDATE credit SET extra = '{\"share\":\"kimshare\"}' WHERE owner_id = (SELECT id FROM owner WHERE key = 'kim')",
        "UPDATE credit SET extra = '{\"share\":\"leeshare\"}' WHERE owner_id = (SELECT id FROM owner WHERE key = 'lee')",
        NOTE("n1", "kim was ill", "boss"), NOTE("n2", "by whom", "kim"), NOTE("n3", "what Kimberly did", "boss"), NOTE("n4", "holidays in kimono", "lee"),
        "INSERT INTO annotation (bucket, workspace_id, id, from_day, to_day, text, author, entity_id, created_at, updated_at) "
        "SELECT bucket, workspace_id, 'n5', 20514, 20514, 'the red hat', 'boss', id, 1, 1 FROM entity WHERE external_id = 'kimvideo1'",
        "INSERT INTO hidden_row (bucket, entity_id, win, day, hidden_at) SELECT bucket, id, 0, 20514, 1 FROM entity WHERE external_id = 'kimvideo1'",
        "INSERT INTO posted_run (bucket, entity_id, win, day, run, number) SELECT bucket, id, 0, 20514, 'for the red fox', 0 FROM entity WHERE external_id = 'kimvideo1'", NULL};
    run_sql(sql);
    digest(before);
    cmd_assert_contains(done("erase", "--workspace us --owner kim --yes --quiet", 0)->out, "1 item and 3 messages");
    static const char *const words[] = {"kim was ill", "by whom", "Kimberly", "kimmail", "kimshare", "the red hat", "the red fox"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        gone(words[i]);
    still("holidays in kimono");
    still("leeshare");
    cmd_assert_contains(done("get 'annotations?select=id&order=id' --format csv", "", 0)->out, "n1\nn2\nn3\nn4\nn5");
    digest(after);
    assert_string_equal(before, after);
    done("doctor", "", 0);
    done("verify", "", 0);
}

/* A statement that counts by creator: the name is a key of the breakdown and of the top items, on days that are closed as well. The counts stay. */
static void a_breakdown_keeps_its_counts_without_the_name(void)
{
    static const char *const sql[] = {"UPDATE owner SET display_name = 'Kimberly' WHERE key = 'kim'",
                                      "UPDATE credit SET role = 'feat. Kimberly' WHERE owner_id = (SELECT id FROM owner WHERE key = 'lee')", NULL};
    const char *app = nilo_test_path("creators.db"), *yaml = nilo_test_path("creators.yaml");
    const struct nilo_db_options options = {.mode = NILO_DB_CREATE};
    struct nilo_db *db;
    struct nilo_err err = {0};
    char text[1000], more[1000], before[65], after[65];
    run_sql(sql);
    nilo_test_remove(app);
    assert_int_equal(nilo_db_open(app, &options, &db, &err), 0);
    assert_int_equal(nilo_db_exec(db, "CREATE TABLE plays (creator, at); INSERT INTO plays VALUES ('Kimberly', '2026-03-05 10:00:00'), "
                                      "('Kimberly', '2026-03-05 11:00:00'), ('by Kimberly', '2026-03-05 12:00:00'), ('kimono', '2026-03-05 13:00:00'), "
                                      "('kimvideo1', '2026-03-05 13:00:00'), ('leevideo', '2026-03-05 13:00:00'), ('Kimberly', '2026-03-09 10:00:00'), ('value', '2026-03-09 10:00:00')", &err), 0);
    nilo_db_close(db);
    snprintf(text, sizeof text, "connections:\n  - name: app\n    workspace: us\n    platform: sql\n    database: %s\n    metrics:\n"
             "      - {name: by_creator, type: aggregate, statement: \"SELECT date(at) AS day, creator AS key, count(*) AS value FROM plays "
             "WHERE at >= :from AND at < :to GROUP BY 1, 2\"}\n", app);
    nilo_test_write(yaml, text, strlen(text));
    snprintf(more, sizeof more, "--config %s --quiet --from 2026-03-05", yaml);
    done("backfill", more, 0);
    snprintf(more, sizeof more, "--config %s --quiet", yaml);
    done("collect", more, 0);
    cmd_assert_contains(done("get 'daily_metrics?select=metadata&metric_category=eq.by_creator&metric_date=eq.2026-03-05' --format csv", "", 0)->out, "Kimberly");
    digest(before);
    snprintf(more, sizeof more, "--workspace us --owner kim --yes --quiet");
    cmd_assert_contains(done("erase", more, 0)->out, "In the metadata of 2 values of the app's own metrics");
    gone("Kimberly");
    gone("kimvideo1");
    still("kimono");
    done("erase", "--workspace us --item leevideo --yes --quiet", 0); /* documents that were written anew are read again */
    gone("leevideo");
    const char *shown = done("get 'daily_metrics?select=value,metadata&metric_category=eq.by_creator&metric_date=eq.2026-03-05' --format ndjson", "", 0)->out;
    cmd_assert_contains(shown, "\"value\":6,");
    cmd_assert_contains(shown, "\"(erased)\":2");
    cmd_assert_contains(shown, "\"(erased) 2\":1");
    cmd_assert_contains(shown, "\"(erased) 3\":1");
    cmd_assert_contains(shown, "\"(erased) 4\":1");
    cmd_assert_contains(shown, "\"kimono\":1");
    cmd_assert_contains(done("get 'daily_metrics?select=metadata&metric_category=eq.by_creator&metric_date=eq.2026-03-09' --format ndjson", "", 0)->out, "\"value\":1");
    digest(after);
    assert_string_equal(before, after);
    done("doctor", "", 0);
    done("verify", "", 0);
}

static void an_erased_connection_is_not_made_again(void)
{
    char before[65], after[65];
    digest(before);
    done("erase", "--workspace us --connection import-youtube --yes --quiet", 0);
    gone("import-youtube");
    gone("leevideo");
    digest(after);
    assert_string_equal(before, after);
    char line[4000];
    snprintf(line, sizeof line, "import %s --store %s --format csv --workspace us --platform youtube", file, target);
    const struct cmd_result *r = cmd_line(line);
    assert_int_equal(r->status, 1);
    cmd_assert_contains(r->err, "was erased here and is not recorded again");
    gone("leevideo");
}

/* Whoever erases a connection leaves the others' days alone: the file that still lists it stops nothing but it. */
static void a_connection_of_the_file_that_was_erased_stops_only_itself(void)
{
    static const char made[] = "CREATE TABLE posts (id INTEGER PRIMARY KEY, created_at TEXT); INSERT INTO posts (created_at) VALUES ('2026-03-09 10:00:00')";
    static int n;
    char name[32], text[2000], config[400];
    struct nilo_db *db;
    struct nilo_err err = {0};
    const struct nilo_db_options options = {.mode = NILO_DB_CREATE};
    snprintf(name, sizeof name, "app%d.db", n);
    const char *app = nilo_test_path(name);
    assert_int_equal(nilo_db_open(app, &options, &db, &err), 0);
    assert_int_equal(nilo_db_exec(db, made, &err), 0);
    nilo_db_close(db);
    snprintf(name, sizeof name, "c%d.yaml", n++);
    snprintf(config, sizeof config, "--config %s", nilo_test_path(name));
    int len = snprintf(text, sizeof text, "connections:\n  - {name: app, platform: sql, database: %s, users: posts}\n"
                       "  - {name: other, platform: sql, database: %s, posts: posts}\n  - {name: tube, platform: youtube, accounts: UCkim}\n", app, app);
    nilo_test_write(nilo_test_path(name), text, (size_t)len);
    done("init", config, 0);
    char erase[500];
    snprintf(erase, sizeof erase, "%s --connection app --yes", config);
    cmd_assert_contains(done("erase", erase, 0)->err, "lists the connection in line 2: take it out there, too");
    cmd_assert_contains(done("erase", erase, 0)->err, "lists the connection in line 2");
    snprintf(erase, sizeof erase, "%s --connection tube --yes --quiet", config);
    done("erase", erase, 0);
    const struct cmd_result *r = done("collect", config, 3);
    cmd_assert_contains(r->out, "connection app of workspace default was erased here and is left out; take it out of");
    cmd_assert_contains(r->out, "connection tube of workspace default was erased here");
    char one[500];
    snprintf(one, sizeof one, "%s --connection other", config);
    done("collect", one, 0);
    snprintf(one, sizeof one, "%s --connection app", config);
    cmd_assert_contains(done("collect", one, 1)->out, "was erased here");
    snprintf(one, sizeof one, "%s --scheduled", config);
    r = done("collect", one, 0); /* nothing is due, and it says what never will be */
    cmd_assert_contains(r->err, "connection app of workspace default was erased here and is left out");
    cmd_assert_contains(r->err, "connection tube of workspace default was erased here");
    cmd_assert_contains(done("backfill", config, 3)->out, "connection app of workspace default was erased here");
    r = done("init", config, 3);
    cmd_assert_contains(r->err, "connection app of workspace default was erased here and is left out");
    cmd_assert_contains(r->err, "connection tube of workspace default was erased here and is left out");
    cmd_assert_contains(done("get 'daily_metrics?select=connection,value&metric_category=eq.posts_total&metric_date=eq.2026-03-09' --format csv", "", 0)->out, "other,1");
    done("verify", "", 0);
}

/* An export of the store holds nothing of it, and where it is imported nothing brings it back either. */
static void a_copy_goes_on_refusing(void)
{
    char line[9000];
    const char *copy = nilo_test_path(postgres ? "copy_p.jsonl" : "copy_s.jsonl"), *into = nilo_test_path(postgres ? "into_p.db" : "into_s.db");
    done("erase", "--workspace us --owner kim --yes --quiet", 0);
    snprintf(line, sizeof line, "export --store %s --format nilometer --output %s --quiet", target, copy);
    const struct cmd_result *r = cmd_line(line);
    if (r->status != 0)
        fail_msg("%s", r->err);
    snprintf(line, sizeof line, "init --store %s", into);
    assert_int_equal(cmd_line(line)->status, 0);
    snprintf(line, sizeof line, "import %s --store %s --format nilometer --quiet", copy, into);
    r = cmd_line(line);
    if (r->status != 0)
        fail_msg("%s", r->err);
    snprintf(line, sizeof line, "import %s --store %s --format csv --workspace us --platform youtube", file, into);
    r = cmd_line(line);
    assert_int_equal(r->status, 3);
    cmd_assert_contains(r->out, "the item or its owner was erased");
    snprintf(line, sizeof line, "get owners?select=owner&order=owner --format csv --store %s", into);
    assert_string_equal(cmd_line(line)->out, "owner\nerased:1\nlee\n");
}

/* What a careless connection left in the free space of the file goes as well. */
static void free_space_holds_nothing_of_it(void)
{
    struct nilo_db *db;
    struct nilo_err err = {0};
    const struct nilo_db_options options = {.mode = NILO_DB_WRITE};
    if (postgres)
        return;
    assert_int_equal(nilo_db_open(target, &options, &db, &err), 0);
    assert_int_equal(nilo_db_exec(db, "PRAGMA secure_delete = OFF; UPDATE content SET caption = 'residue of kimvideo1, as long as it takes to be moved'; "
                                      "UPDATE content SET caption = NULL", &err), 0);
    nilo_db_close(db);
    assert_true(in_bytes("", "residue of"));
    done("erase", "--workspace us --item kimvideo1 --yes --quiet", 0);
    gone("residue of");
}

/* Killed anywhere: all of it or nothing, and the same command brings it to its end. */
static void a_killed_erasure_is_whole_or_not_there(void)
{
    const char *program = getenv("NILO_PROGRAM");
    char before[65], after[65];
    if (program == NULL)
        nilo_test_skip("NILO_PROGRAM is not set");
    digest(before);
    for (int round = 0; round < 8; round++) {
        pid_t pid = fork();
        if (pid == 0) {
            freopen("/dev/null", "w", stdout);
            freopen("/dev/null", "w", stderr);
            execl(program, program, "erase", "--store", target, "--workspace", "us", "--owner", "kim", "--yes", (char *)NULL);
            _exit(127);
        }
        usleep((useconds_t)(round * 25000)); /* wherever that falls: any point is right */
        kill(pid, SIGKILL);
        int status;
        waitpid(pid, &status, 0);
        char *all = all_there_is();
        bool owner = strstr(all, "kim\n") != NULL, title = strstr(all, "Kim sings") != NULL;
        free(all);
        assert_true(owner == title);
        digest(after);
        assert_string_equal(before, after);
    }
    done("erase", "--workspace us --owner kim --yes --quiet", 0);
    gone("kim");
}

#define EACH(X)                                                                                                                             \
    X(an_erased_item_leaves_its_counts)                                                                                                     \
    X(the_same_again_changes_nothing)                                                                                                       \
    X(nothing_brings_an_item_back)                                                                                                          \
    X(an_erased_owner_takes_what_is_theirs_alone)                                                                                           \
    X(no_note_tells_of_the_person)                                                                                           \
    X(a_breakdown_keeps_its_counts_without_the_name)                                                                                        \
    X(an_erased_connection_is_not_made_again)                                                                                               \
    X(a_connection_of_the_file_that_was_erased_stops_only_itself)                                                                           \
    X(a_copy_goes_on_refusing)                                                                                                              \
    X(free_space_holds_nothing_of_it)                                                                                                       \
    X(a_killed_erasure_is_whole_or_not_there)

#define BOTH(fn)                                                                                                                            \
    static void fn##_sqlite(void **state)                                                                                                   \
    {                                                                                                                                       \
        (void)state;                                                                                                                        \
        postgres = false;                                                                                                                   \
        assert_int_equal(fresh(), 0);                                                                                                       \
        fn();                                                                                                                               \
    }                                                                                                                                       \
    static void fn##_postgres(void **state)                                                                                                 \
    {                                                                                                                                       \
        (void)state;                                                                                                                        \
        postgres = true;                                                                                                                    \
        if (fresh() < 0)                                                                                                                    \
            nilo_test_skip("%s", nilo_test_pg_missing());                                                                               \
        fn();                                                                                                                               \
    }
EACH(BOTH)

int main(void)
{
    const struct CMUnitTest tests[] = {
#define ROW(fn) cmocka_unit_test(fn##_sqlite), cmocka_unit_test(fn##_postgres),
        EACH(ROW)
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
