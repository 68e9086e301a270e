/* backup and restore across engines: the copy of a PostgreSQL store is one file with a checksum, and becomes a store in an empty database or in a file, with
 * the same answers; also when it was taken while somebody wrote. Copies of SQLite stores: test_upkeep and test_backup_rounds. */
#include "cmd_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "support/pg.h"
#include "support/tmp.h"

#define ITEMS 40
#define DAYS  12

static int n_files;

static const char *database(const char *name)
{
    const char *url = nilo_test_pg_database(name);
    if (url == NULL) {
        print_message("%s\n", nilo_test_pg_missing());
        skip();
    }
    return url;
}

static const char *path(const char *name)
{
    static char paths[200][300];
    char unique[64];
    snprintf(unique, sizeof unique, "%d-%s", n_files, name);
    assert_true(n_files < 200);
    snprintf(paths[n_files], sizeof paths[0], "%s", nilo_test_path(unique));
    return paths[n_files++];
}

static const struct cmd_result *expect(int status, const char *store, const char *words)
{
    char line[2000];
    snprintf(line, sizeof line, "%s --store %s", words, store);
    const struct cmd_result *r = cmd_line(line);
    if (r->status != status)
        fail_msg("%s: status %d: %s%s", line, r->status, r->err, r->out);
    return r;
}

static const struct cmd_result *with(int status, const char *store, const char *command, const char *file)
{
    char words[1000];
    snprintf(words, sizeof words, "%s %s", command, file);
    return expect(status, store, words);
}

/* A day's readings of all items in one file, so in one run. */
static const char *day_file(int day)
{
    struct nilo_buf csv;
    nilo_buf_init(&csv, 1 << 20);
    nilo_buf_adds(&csv, "external_id,owner,captured_at,views\n");
    for (int i = 0; i < ITEMS; i++)
        nilo_buf_addf(&csv, "v%d,mia,2026-02-%02dT09:00:00Z,%d\n", i, day + 1, 1000 * day + i);
    const char *file = path("day.csv");
    nilo_test_write(file, nilo_buf_str(&csv), csv.len);
    nilo_buf_done(&csv);
    return file;
}

static int import(const char *store, const char *csv)
{
    return cmd_run("import", csv, "--store", store, "--workspace", "us", "--quiet", NULL)->status;
}

static char *answer(const char *store, const char *question)
{
    const struct cmd_result *r = cmd_run("get", question, "--format", "csv", "--store", store, "--quiet", NULL);
    if (r->status != 0)
        fail_msg("%s", r->err);
    return strdup(r->out);
}

static void assert_same_answers(const char *a, const char *b)
{
    static const char *const questions[] = {
        "metric_values?order=workspace,connection,external_id,day,metric", "content_best?order=external_id", "owner_daily?order=owner,day",
        "runs?select=id,status,readings&order=id", "revisions?order=external_id,day",
    };
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        char *x = answer(a, questions[i]), *y = answer(b, questions[i]);
        assert_string_equal(x, y);
        free(x);
        free(y);
    }
    assert_int_equal(cmd_run("verify", "--store", b, NULL)->status, 0);
}

static const char *fill(const char *name)
{
    const char *store = database(name);
    expect(0, store, "init --quiet");
    for (int day = 0; day < 3; day++)
        assert_int_equal(import(store, day_file(day)), 0);
    expect(0, store, "revise --workspace us --connection import --item v1 --metric views --day 2026-02-01 --value 5 --author kim");
    return store;
}

static void a_copy_becomes_a_store_of_either_kind(void **state)
{
    (void)state;
    const char *store = fill("backup_source"), *copy = path("copy.zst");
    cmd_assert_contains(with(0, store, "backup", copy)->out, "checksum in");
    const char *file = path("restored.db"), *other = database("backup_target");
    cmd_assert_contains(with(0, file, "restore", copy)->out, "Restored. 1 workspace, 40 items");
    assert_same_answers(store, file);
    cmd_assert_contains(with(0, other, "restore", copy)->out, "Restored. 1 workspace, 40 items");
    assert_same_answers(store, other);
}

static void what_cannot_be_is_one_sentence_and_changes_nothing(void **state)
{
    (void)state;
    const char *store = fill("backup_wrong"), *copy = path("wrong.export"), *file = path("none.db");
    with(0, store, "backup", copy);
    cmd_assert_contains(with(1, store, "backup", copy)->err, "exists already");
    cmd_assert_contains(with(1, store, "restore", copy)->err, "holds something already; restore to an empty one");
    char line[1000];
    snprintf(line, sizeof line, "restore %s --replace", copy);
    cmd_assert_contains(expect(2, file, line)->err, "--replace does not go with it");
    /* a byte more, then the checksum gone */
    FILE *f = fopen(copy, "ae");
    assert_non_null(f);
    assert_int_equal(fputc('x', f), 'x');
    assert_int_equal(fclose(f), 0);
    cmd_assert_contains(with(1, file, "restore", copy)->err, "does not match its checksum");
    snprintf(line, sizeof line, "%s.sha256", copy);
    assert_int_equal(unlink(line), 0);
    cmd_assert_one_line(with(1, file, "restore", copy)->err);
    assert_int_not_equal(access(file, F_OK), 0);
    /* a copy of an SQLite store is no export */
    const char *lite = path("lite.db"), *lite_copy = path("lite.copy");
    expect(0, lite, "init --quiet");
    with(0, lite, "backup", lite_copy);
    const char *empty = database("backup_empty");
    cmd_assert_contains(with(2, empty, "restore", lite_copy)->err, "restored to a file");
}

static void leave(const char *copy, const char *ending)
{
    char name[400];
    snprintf(name, sizeof name, "%s%s", copy, ending);
    nilo_test_write(name, "left", 4);
}

/* A checksum alone is somebody's; beside a copy that has no name yet it is what a killed backup left. */
static void what_a_killed_backup_left_does_not_stop_the_next_one(void **state)
{
    (void)state;
    const char *lite = path("kept.db");
    expect(0, lite, "init --quiet");
    const char *stores[] = {lite, fill("backup_left")};
    for (int i = 0; i < 2; i++) {
        const char *copy = path("left.copy"), *file = path("left.db");
        leave(copy, ".sha256");
        cmd_assert_contains(with(1, stores[i], "backup", copy)->err, ".sha256 exists already");
        assert_int_not_equal(access(copy, F_OK), 0);
        leave(copy, ".partial");
        with(0, stores[i], "backup", copy);
        with(0, file, "restore", copy);
        assert_same_answers(stores[i], file);
        char partial[400];
        snprintf(partial, sizeof partial, "%s.partial", copy);
        assert_int_not_equal(access(partial, F_OK), 0);
    }
}

/* Every day came in one run of its own: a copy has all of its values or none, and all days before it. */
static void check_copy(const char *copy)
{
    const char *file = path("round.db");
    with(0, file, "restore", copy);
    char *values = answer(file, "content_snapshots?select=day&order=day");
    int n = 0, whole = 0;
    for (const char *p = strchr(values, '\n'); p != NULL && p[1] != '\0'; p = strchr(p + 1, '\n'))
        n++;
    for (int day = 0; day < DAYS; day++) {
        char text[32];
        snprintf(text, sizeof text, "\n2026-02-%02d", day + 1);
        whole += strstr(values, text) != NULL;
    }
    free(values);
    assert_int_equal(n, whole * ITEMS);
    assert_int_equal(cmd_run("verify", "--store", file, NULL)->status, 0);
}

static void copies_under_load_are_states_that_there_were(void **state)
{
    (void)state;
    const char *store = database("backup_load"), *files[DAYS];
    expect(0, store, "init --quiet");
    for (int day = 0; day < DAYS; day++)
        files[day] = day_file(day);
    fflush(NULL);
    pid_t writer = fork();
    if (writer == 0) {
        for (int day = 0; day < DAYS; day++)
            if (import(store, files[day]) != 0)
                _exit(1);
        _exit(0);
    }
    assert_true(writer > 0);
    int status = 0, rounds = 0;
    while (waitpid(writer, &status, WNOHANG) == 0 && rounds < 20) {
        const char *copy = path("round.copy");
        with(0, store, "backup", copy);
        check_copy(copy);
        rounds++;
    }
    if (rounds == 20)
        assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    print_message("# %d copies while the writer was at work\n", rounds);
    assert_true(rounds > 0);
    const char *last = path("last.copy");
    with(0, store, "backup", last);
    check_copy(last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_becomes_a_store_of_either_kind),
        cmocka_unit_test(what_cannot_be_is_one_sentence_and_changes_nothing),
        cmocka_unit_test(what_a_killed_backup_left_does_not_stop_the_next_one),
        cmocka_unit_test(copies_under_load_are_states_that_there_were),
    };
    return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
