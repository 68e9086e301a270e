/* The command: where readings go, exit status, summary, dry runs, closed days. What rows mean is tested in test_import.c. */
#include "cmd/cmd_test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/tmp.h"

#define MAP " --map external_id=id,day=d,views=v "

static const struct cmd_result *line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static const struct cmd_result *line(const char *fmt, ...)
{
    char text[2000];
    int n = snprintf(text, sizeof text, "--store %s --config %s ", nilo_test_path("store.db"), nilo_test_path("config.yaml"));
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text + n, sizeof text - (size_t)n, fmt, ap);
    va_end(ap);
    return cmd_line(text);
}

static const char *file(const char *name, const char *text)
{
    const char *path = nilo_test_path(name);
    nilo_test_write(path, text, strlen(text));
    return path;
}

static int new_store(void **state)
{
    (void)state;
    static const char *const ends[] = {"store.db", "store.db-wal", "store.db-shm", "store.db.lock"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        nilo_test_remove(nilo_test_path(ends[i]));
    nilo_test_remove(nilo_test_path("sort"));
    nilo_test_remove(nilo_test_path("kept.csv"));
    mkdir(nilo_test_path("sort"), 0700);
    setenv("TMPDIR", nilo_test_path("sort"), 1);
    file("config.yaml", "metrics:\n  - name: stars\n");
    file("plain.csv", "id,d,v\na,2026-03-01,5\nb,2026-03-01,6\na,2026-03-02,7\n");
    cmd_clock_at("2026-03-10T12:00:00Z");
    assert_int_equal(line("init")->status, 0);
    return 0;
}

static void assert_ends(const struct cmd_result *r, int status, const char *message)
{
    if (r->status != status)
        fail_msg("status %d, not %d: %s%s", r->status, status, r->out, r->err);
    cmd_assert_one_line(r->err);
    cmd_assert_contains(r->err, message);
}

/* The part of the JSON summary that a test is about. */
static void assert_json(const struct cmd_result *r, int status, const char *part)
{
    if (r->status != status)
        fail_msg("status %d, not %d: %s%s", r->status, status, r->out, r->err);
    cmd_assert_contains(r->out, part);
}

static void assert_nothing_in(const char *folder)
{
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] != '.')
            fail_msg("%s is left in %s", e->d_name, folder);
    }
    closedir(dir);
}

static void a_summary_says_what_was_done(void **state)
{
    (void)state;
    const struct cmd_result *r = line("import" MAP "%s", nilo_test_path("plain.csv"));
    assert_int_equal(r->status, 0);
    assert_string_equal(r->err, "");
    cmd_assert_contains(r->out, "into workspace default, connection import, run 1\n");
    cmd_assert_contains(r->out, "3 read from 1 file\n");
    cmd_assert_contains(r->out, "3 recorded\n");
    cmd_assert_contains(r->out, "2026-03-01 to 2026-03-02\n");
    assert_nothing_in(nilo_test_path("sort"));
}

static void again_changes_nothing(void **state)
{
    (void)state;
    static const char none[] = "\"recorded\":0,\"replaced\":0,\"kept\":0,\"unchanged\":3,\"merged\":0,\"late\":0,\"amended\":0,\"refused\":0";
    assert_json(line("import --json" MAP "%s", nilo_test_path("plain.csv")), 0, "\"recorded\":3,");
    assert_json(line("import --json" MAP "%s", nilo_test_path("plain.csv")), 0, none);
    assert_json(line("import --json --revise" MAP "%s", nilo_test_path("plain.csv")), 0, "\"amended\":0,");
}

static void workspace_and_platform_are_made(void **state)
{
    (void)state;
    assert_json(line("import --json --workspace studio --platform youtube" MAP "%s", nilo_test_path("plain.csv")), 0,
                "\"workspace\":\"studio\",\"connection\":\"import-youtube\",\"platform\":\"youtube\"");
    assert_json(line("import --json --workspace studio" MAP "%s", nilo_test_path("plain.csv")), 0, "\"connection\":\"import\",\"platform\":\"import\"");
    assert_ends(line("import --platform 'You Tube'" MAP "%s", nilo_test_path("plain.csv")), 2, "--platform");
}

static void assert_file(const char *path, const char *expected)
{
    char text[400];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
    assert_string_equal(text, expected);
}

static void refused_rows_make_it_done_in_part(void **state)
{
    (void)state;
    const char *bad = file("bad.csv", "id,d,v\na,2026-03-01,5\nb,2026-03-01,x\nc,2026-04-01,7\n"), *kept = nilo_test_path("kept.csv");
    const struct cmd_result *r = line("import --json --refused %s" MAP "%s", kept, bad);
    assert_json(r, 3, "\"read\":3,\"taken\":1,\"merged\":0,\"left_out\":0,\"refused\":2}");
    cmd_assert_contains(r->out, "\"status\":\"partial\"");
    cmd_assert_contains(r->out, "{\"reason\":\"views (column v): not a number (\\\"x\\\")\",\"rows\":1,\"first\":[{\"file\":\"");
    cmd_assert_contains(r->out, "bad.csv\",\"line\":3}]}");
    cmd_assert_contains(r->out, "the day is in the future");
    assert_file(kept, "id,d,v\nb,2026-03-01,x\nc,2026-04-01,7\n");
    r = line("import" MAP "%s", bad);
    assert_int_equal(r->status, 3);
    cmd_assert_contains(r->out, "views (column v): not a number (\"x\"): 1 row at ");
}

static void metrics_of_ones_own_must_be_defined(void **state)
{
    (void)state;
    const char *csv = nilo_test_path("plain.csv");
    assert_ends(line("import --map external_id=id,day=d,forks=v %s", csv), 2, "--define forks:count:level");
    assert_json(line("import --json --define forks:count:level --map external_id=id,day=d,forks=v %s", csv), 0, "\"recorded\":3,");
    assert_json(line("import --json --map external_id=id,day=d,forks=v %s", csv), 0, "\"unchanged\":3,");
    assert_json(line("import --json --map external_id=id,day=d,stars=v %s", csv), 0, "\"late\":3,"); /* of the configuration; the days are closed by now */
    assert_ends(line("import --define forks:count:flow --map external_id=id,day=d,forks=v %s", csv), 1, "forks is defined already, as count, instant, level");
    assert_ends(line("import --define views:average --map external_id=id,day=d,views=v %s", csv), 1, "views is defined already");
    assert_ends(line("import --define day --map external_id=id,day=d,views=v %s", csv), 2, "--define: day cannot be the name");
}

/* Two values of one row, a row without any other, and one that comes over standard input: each line is told, each row kept once. */
static void values_of_closed_days_are_told_by_line(void **state)
{
    (void)state;
    static const char map[] = "--map external_id=id,day=d,views=v,likes=l";
    const char *first = file("first.csv", "id,d,v,l\na,2026-03-01,5,1\nb,2026-03-01,6,2\nc,2026-03-02,7,3\n");
    const char *other = file("other2.csv", "id,d,v,l\nc,2026-03-02,7,3\nb,2026-03-01,60,20\na,2026-03-01,5,10\n"), *kept = nilo_test_path("closed2.csv");
    assert_json(line("import --json %s %s", map, first), 0, "\"recorded\":6");
    const struct cmd_result *r = line("import --json --refused %s %s %s", kept, map, other);
    assert_json(r, 3, "\"unchanged\":3,\"merged\":0,\"late\":0,\"amended\":0,\"refused\":3}");
    cmd_assert_contains(r->out, "\"reason\":\"likes: the day is closed and holds another value\",\"values\":2,");
    cmd_assert_contains(r->out, "\"reason\":\"views: the day is closed and holds another value\",\"values\":1,");
    assert_file(kept, "id,d,v,l\na,2026-03-01,5,10\nb,2026-03-01,60,20\n");
}

static void negative_counts_are_refused_by_line(void **state)
{
    (void)state;
    const char *bad = file("negative.csv", "id,d,v,n\na,2026-03-01,5,1\nb,2026-03-01,-6,1\nc,2026-03-01,6,-1\nd\x1f,2026-03-01,6,1\n");
    const struct cmd_result *r = line("import --json --define net:average --map external_id=id,day=d,views=v,net=n %s", bad);
    assert_json(r, 3, "\"read\":4,\"taken\":2,\"merged\":0,\"left_out\":0,\"refused\":2}");
    cmd_assert_contains(r->out, "views is a count and cannot be negative\",\"rows\":1,");
    cmd_assert_contains(r->out, "without control characters\",\"rows\":1,");
}

static void closed_days_stay_as_they_are(void **state)
{
    (void)state;
    assert_json(line("import --json" MAP "%s", nilo_test_path("plain.csv")), 0, "\"days_closed\":8");
    const char *other = file("other.csv", "id,d,v\na,2026-03-01,50\nb,2026-03-01,6\nc,2026-03-01,1\n");
    const char *kept = nilo_test_path("closed.csv");
    const struct cmd_result *r = line("import --json --refused %s" MAP "%s", kept, other);
    assert_json(r, 3, "\"unchanged\":1,\"merged\":0,\"late\":1,\"amended\":0,\"refused\":1}");
    cmd_assert_contains(r->out, "\"closed\":[{\"reason\":\"views: the day is closed and holds another value\",\"values\":1,\"first\":[{\"file\":\"");
    cmd_assert_contains(r->out, "other.csv\",\"line\":2}]}]");
    assert_file(kept, "id,d,v\na,2026-03-01,50\n");
    r = line("import" MAP "%s", other);
    assert_int_equal(r->status, 3);
    cmd_assert_contains(r->out, "refused   views: the day is closed and holds another value: 1 value at ");
    assert_json(line("import --json --revise" MAP "%s", other), 0, "\"unchanged\":2,\"merged\":0,\"late\":0,\"amended\":1,\"refused\":0}");
    assert_json(line("import --json" MAP "%s", other), 0, "\"unchanged\":3,");
}

/* Of several readings of a day the last is its value, also when they come after the day was closed; and again changes nothing. */
static void several_readings_of_a_closed_day(void **state)
{
    (void)state;
    const char *map = "--map external_id=id,captured_at=d,views=v", *many = file("many.csv", "id,d,v\na,2026-03-01T18:00:00Z,9\na,2026-03-01T06:00:00Z,5\n");
    assert_json(line("import --json" MAP "%s", file("newer.csv", "id,d,v\nz,2026-03-05,1\n")), 0, "\"recorded\":1,");
    assert_json(line("import --json %s %s", map, many), 0, "\"amended\":0,\"refused\":0}");
    assert_json(line("import --json %s %s", map, many), 0, "\"recorded\":0,\"replaced\":0,\"kept\":0,\"unchanged\":2,\"merged\":0,\"late\":0,\"amended\":0,\"refused\":0}");
    assert_json(line("import --json" MAP "%s", file("same.csv", "id,d,v\na,2026-03-01,9\n")), 0, "\"unchanged\":1,");
}

static void a_dry_run_leaves_nothing(void **state)
{
    (void)state;
    const struct cmd_result *r = line("import --dry-run --json --define forks:count:level --map external_id=id,day=d,views=v,forks=v %s", nilo_test_path("plain.csv"));
    assert_json(r, 0, "\"dry_run\":true,\"run\":null");
    cmd_assert_contains(r->out, "\"recorded\":6,");
    assert_nothing_in(nilo_test_path("sort"));
    r = line("status --json");
    assert_null(strstr(r->out, "default"));
    assert_null(strstr(r->out, "import"));
    assert_ends(line("import --map external_id=id,day=d,forks=v %s", nilo_test_path("plain.csv")), 2, "no field or metric forks");

    assert_json(line("import --json" MAP "%s", nilo_test_path("plain.csv")), 0, "\"run\":1,");
    const char *more = file("more.csv", "id,d,v\na,2026-03-01,50\nb,2026-03-01,6\na,2026-03-10,1\n");
    static const char would[] = "\"recorded\":1,\"replaced\":0,\"kept\":0,\"unchanged\":1,\"merged\":0,\"late\":0,\"amended\":0,\"refused\":1}";
    assert_json(line("import --dry-run --json" MAP "%s", more), 3, would);
    assert_json(line("import --dry-run --json" MAP "%s", more), 3, would);
    assert_json(line("import --json" MAP "%s", more), 3, would);
    assert_nothing_in(nilo_test_path("sort"));
    r = line("import --dry-run --json --define forks:count:level --map external_id=id,day=d,views=v,forks=v %s", more);
    assert_json(r, 3, "\"recorded\":1,\"replaced\":0,\"kept\":0,\"unchanged\":2,\"merged\":0,\"late\":2,\"amended\":0,\"refused\":1}");
    assert_ends(line("import --map external_id=id,day=d,forks=v %s", more), 2, "no field or metric forks");
}

static void a_wrong_command_line_is_one_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        int status;
        const char *message;
    } cases[] = {
        {"import", 2, "name the files to import"},
        {"import --format singer x", 2, "what the fields of its records mean has to be said"},
        {"import --format airbyte --map day=d x", 2, "--map names no column for external_id"},
        {"import --tap x --table y z", 2, "--tap is for files, not for a table"},
        {"import --config-out x y", 2, "--config-out is for what taps write"},
        {"import --format nilometer", 2, "FILE"},
        {"import --format nilometer x --map a=b", 2, "--map does not go with a whole export"},
        {"import --format xml x", 2, "there is no format \"xml\"; it is csv, ndjson, singer, airbyte, json or nilometer"},
        {"import /nowhere/x.csv", 1, "there is no file /nowhere/x.csv"},
        {"import /", 1, "/ is a folder"},
        {"import - -", 2, "standard input (-) can be read once only"},
        {"import --map vews=v %s", 2, "did you mean views?"},
        {"import --map external_id=id,day=d,views=x %s", 2, "has no column x; its columns are: id, d, v"},
        {"import --where x %s", 2, "--where: \"x\" is not COLUMN=VALUE"},
        {"import %s", 2, "without --map: "},
        {"import --refused %s" MAP "%s", 2, "exists already; nothing was overwritten"},
        {"import --refused /nowhere/x" MAP "%s", 1, "cannot write the refused rows to /nowhere/x"},
        {"import --workspace ''" MAP "%s", 2, "a workspace needs a name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char words[1000] = "", *at = words;
        for (const char *p = cases[i].words; *p != '\0'; p++) {
            if (strncmp(p, "%s", 2) == 0)
                at += snprintf(at, sizeof words - (size_t)(at - words), "%s", nilo_test_path("plain.csv")), p++;
            else
                *at++ = *p;
        }
        *at = '\0';
        assert_ends(line("%s", words), cases[i].status, cases[i].message);
    }
    assert_null(strstr(line("status --json")->out, "\"import\"")); /* none of them was a run */
}

static void a_file_that_is_cut_off_records_nothing(void **state)
{
    (void)state;
    const char *cut = file("cut.csv", "id,d,v\na,2026-03-01,5\nb,2026-03-01,\"6\n");
    assert_ends(line("import" MAP "%s %s", nilo_test_path("plain.csv"), cut), 1, "cut.csv:3: the quoted cell that begins here never ends");
    assert_null(strstr(line("status --json")->out, "\"import\""));
}

static void the_ending_tells_ndjson(void **state)
{
    (void)state;
    static const char text[] = "{\"external_id\":\"a\",\"day\":\"2026-03-01\",\"views\":5}\n";
    assert_json(line("import --json %s", file("x.ndjson", text)), 0, "\"recorded\":1,");
    assert_json(line("import --json %s", file("x.jsonl", text)), 0, "\"unchanged\":1,");
    assert_json(line("import --json %s", file("x.jsonl.gz", text)), 0, "\"unchanged\":1,"); /* the name says packed, the bytes say plain */
    assert_json(line("import --json --format ndjson %s", file("x.txt", text)), 0, "\"unchanged\":1,");
    assert_ends(line("import --json %s", file("x.txt", text)), 2, "without --map");
}

static void help_names_what_is_read(void **state)
{
    (void)state;
    const struct cmd_result *r = line("import --help");
    assert_int_equal(r->status, 0);
    cmd_assert_contains(r->out, "csv, ndjson, singer, airbyte or nilometer");
    assert_non_null(strstr(r->out, "singer"));
    assert_non_null(strstr(r->out, "airbyte"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_summary_says_what_was_done, new_store),
        cmocka_unit_test_setup(again_changes_nothing, new_store),
        cmocka_unit_test_setup(workspace_and_platform_are_made, new_store),
        cmocka_unit_test_setup(values_of_closed_days_are_told_by_line, new_store),
        cmocka_unit_test_setup(negative_counts_are_refused_by_line, new_store),
        cmocka_unit_test_setup(refused_rows_make_it_done_in_part, new_store),
        cmocka_unit_test_setup(metrics_of_ones_own_must_be_defined, new_store),
        cmocka_unit_test_setup(closed_days_stay_as_they_are, new_store),
        cmocka_unit_test_setup(several_readings_of_a_closed_day, new_store),
        cmocka_unit_test_setup(a_dry_run_leaves_nothing, new_store),
        cmocka_unit_test_setup(a_wrong_command_line_is_one_sentence, new_store),
        cmocka_unit_test_setup(a_file_that_is_cut_off_records_nothing, new_store),
        cmocka_unit_test_setup(the_ending_tells_ndjson, new_store),
        cmocka_unit_test_setup(help_names_what_is_read, new_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
