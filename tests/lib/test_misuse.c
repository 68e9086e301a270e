/* Wrong use of the library is an error, never a crash, and changes nothing: every function with nothing, in the wrong order, from inside a callback. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/tmp.h"

#include <nilometer.h>

static struct nilometer *open_store(const char *name, int mode)
{
    struct nilometer_options o = NILOMETER_OPTIONS_INIT;
    struct nilometer *n = NULL;
    o.mode = mode;
    if (nilometer_open(nilo_test_path(name), &o, &n) != NILOMETER_OK)
        fail_msg("%s: %s", name, nilometer_message(n));
    return n;
}

static int ignore_row(void *ctx, const struct nilometer_row *row)
{
    (void)ctx, (void)row;
    return 0;
}
static int ignore_bytes(void *ctx, const char *bytes, size_t n)
{
    (void)ctx, (void)bytes, (void)n;
    return 0;
}

/* Every call that takes a handle, as a row: so that each is tried in each wrong state. */
enum { RUN_OPEN = 1, NO_RUN = 2, WRITER = 4, ALWAYS = 0 };
struct call {
    const char *name;
    int needs;
    int (*call)(struct nilometer *n);
};

static int do_define(struct nilometer *n)
{
    struct nilometer_metric m = NILOMETER_METRIC_INIT;
    m.name = "boosts";
    return nilometer_define(n, &m);
}
static int do_add(struct nilometer *n)
{
    static const struct nilometer_value v = {"views", "1", 0, 0, NULL, NULL};
    struct nilometer_reading r = NILOMETER_READING_INIT;
    r.external_id = "v";
    r.day = "2024-03-08";
    r.values = &v;
    r.n_values = 1;
    return nilometer_add(n, &r);
}
static int do_query(struct nilometer *n)
{
    struct nilometer_rows *rows = NULL;
    int code = nilometer_query(n, "runs", &rows);
    nilometer_rows_free(rows);
    return code;
}
static int do_each(struct nilometer *n) { return nilometer_each(n, "runs", ignore_row, NULL); }
static int do_write(struct nilometer *n) { return nilometer_write(n, "runs", NILOMETER_FORMAT_CSV, ignore_bytes, NULL); }
static int do_workspace(struct nilometer *n) { return nilometer_workspace(n, "w", NULL); }
static int do_seal(struct nilometer *n) { return nilometer_seal(n, NULL); }
static int do_begin(struct nilometer *n) { return nilometer_begin(n, NULL); }
static int do_commit(struct nilometer *n) { return nilometer_commit(n, NULL); }
static int do_backup(struct nilometer *n)
{
    nilo_test_remove(nilo_test_path("misuse-copy.db"));
    nilo_test_remove(nilo_test_path("misuse-copy.db.sha256"));
    return nilometer_backup(n, nilo_test_path("misuse-copy.db"));
}

static const struct call calls[] = {
    {"query", ALWAYS, do_query},           {"each", ALWAYS, do_each},
    {"write", ALWAYS, do_write},           {"backup", NO_RUN, do_backup},
    {"workspace", NO_RUN | WRITER, do_workspace}, {"define", NO_RUN | WRITER, do_define},
    {"seal", NO_RUN | WRITER, do_seal},    {"verify", NO_RUN, nilometer_verify},
    {"begin", NO_RUN | WRITER, do_begin},  {"add", RUN_OPEN | WRITER, do_add},
    {"commit", RUN_OPEN | WRITER, do_commit}, {"abort", RUN_OPEN | WRITER, nilometer_abort},
};
#define N_CALLS (sizeof calls / sizeof calls[0])

static void gives(const struct call *c, struct nilometer *n, int wanted)
{
    int got = c->call(n);
    if (got != wanted)
        fail_msg("%s gave %d, not %d: %s", c->name, got, wanted, nilometer_message(n));
    if (n != NULL && wanted != NILOMETER_OK && nilometer_message(n)[0] == '\0')
        fail_msg("%s said nothing", c->name);
}

static void a_null_handle_is_misuse(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CALLS; i++)
        gives(&calls[i], NULL, NILOMETER_EMISUSE);
    assert_int_equal(nilometer_close(NULL), NILOMETER_OK);
    assert_int_equal(nilometer_code(NULL), NILOMETER_EMISUSE);
    assert_non_null(nilometer_message(NULL));
    assert_int_equal(nilometer_refusals(NULL), 0);
    assert_null(nilometer_refusal(NULL, 0, NULL));
    assert_int_equal(nilometer_rows_count(NULL), 0);
    assert_null(nilometer_rows_next(NULL));
    assert_null(nilometer_rows_at(NULL, 0));
    nilometer_rows_free(NULL);
    assert_int_equal(nilometer_row_columns(NULL), 0);
    assert_null(nilometer_row_name(NULL, 0));
    assert_int_equal(nilometer_row_type(NULL, 0), 0);
    assert_int_equal(nilometer_row_null(NULL, 0), 1);
    assert_null(nilometer_row_text(NULL, 0, NULL));
    int64_t number;
    assert_int_equal(nilometer_row_number(NULL, 0, &number, NULL), NILOMETER_EMISUSE);
}

static void calls_out_of_order_are_misuse_and_change_nothing(void **state)
{
    (void)state;
    struct nilometer *n = open_store("order.db", NILOMETER_CREATE);
    for (size_t i = 0; i < N_CALLS; i++) {
        if ((calls[i].needs & RUN_OPEN) != 0)
            gives(&calls[i], n, NILOMETER_EMISUSE);
    }
    assert_int_equal(nilometer_begin(n, NULL), NILOMETER_OK);
    for (size_t i = 0; i < N_CALLS; i++) {
        if ((calls[i].needs & NO_RUN) != 0)
            gives(&calls[i], n, NILOMETER_EMISUSE);
    }
    assert_int_equal(do_add(n), NILOMETER_OK); /* the run goes on all the same */
    for (size_t i = 0; i < N_CALLS; i++) {
        if (calls[i].needs == ALWAYS)
            gives(&calls[i], n, NILOMETER_OK);
    }
    struct nilometer_summary done = NILOMETER_SUMMARY_INIT;
    assert_int_equal(nilometer_commit(n, &done), NILOMETER_OK);
    assert_int_equal(done.recorded, 1);
    assert_int_equal(nilometer_commit(n, &done), NILOMETER_EMISUSE);
    assert_int_equal(nilometer_close(n), NILOMETER_OK);
}

static void a_handle_that_reads_refuses_to_write(void **state)
{
    (void)state;
    nilometer_close(open_store("reader.db", NILOMETER_CREATE));
    struct nilometer *n = open_store("reader.db", NILOMETER_READ);
    for (size_t i = 0; i < N_CALLS; i++)
        gives(&calls[i], n, (calls[i].needs & WRITER) != 0 ? NILOMETER_EREADONLY : NILOMETER_OK);
    nilometer_close(n);
}

static void a_handle_that_did_not_open_refuses_everything(void **state)
{
    static const struct {
        const char *target;
        int mode, code;
        const char *says;
    } rows[] = {
        {NULL, NILOMETER_READ, NILOMETER_EMISUSE, "NULL"},
        {"", NILOMETER_CREATE, NILOMETER_EINVAL, "empty"},
        {"/nowhere/at/all.db", NILOMETER_READ, NILOMETER_ENOENT, "/nowhere/at/all.db"},
        {"/nowhere/at/all.db", NILOMETER_WRITE, NILOMETER_ENOENT, "/nowhere/at/all.db"},
        {"mysql://u:secret@h/db", NILOMETER_CREATE, NILOMETER_EINVAL, "mysql://"},
        {"x.db", 3, NILOMETER_EINVAL, "mode 3"},
        {"x.db", -1, NILOMETER_EINVAL, "mode -1"},
        {"postgres://nobody:secret@127.0.0.1:1/x", NILOMETER_READ, NILOMETER_ESOURCE, "127.0.0.1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nilometer_options o = NILOMETER_OPTIONS_INIT;
        struct nilometer *n = NULL;
        o.mode = rows[i].mode;
        int code = nilometer_open(rows[i].target, &o, &n);
        if (code != rows[i].code || strstr(nilometer_message(n), rows[i].says) == NULL || strstr(nilometer_message(n), "secret") != NULL)
            fail_msg("row %zu gave %d: %s", i, code, nilometer_message(n));
        assert_int_equal(nilometer_code(n), rows[i].code);
        for (size_t k = 0; k < N_CALLS; k++)
            gives(&calls[k], n, NILOMETER_EMISUSE);
        assert_int_equal(nilometer_close(n), NILOMETER_OK);
    }
    assert_int_equal(nilometer_open("x.db", NULL, NULL), NILOMETER_EMISUSE);
}

static void structs_without_their_size_are_misuse(void **state)
{
    struct nilometer_options o = NILOMETER_OPTIONS_INIT;
    struct nilometer_metric m = NILOMETER_METRIC_INIT;
    struct nilometer_run run = NILOMETER_RUN_INIT;
    struct nilometer_reading r = NILOMETER_READING_INIT;
    struct nilometer_summary done = NILOMETER_SUMMARY_INIT;
    static const struct nilometer_value v = {"views", "1", 0, 0, NULL, NULL};
    struct nilometer *bad = NULL, *n = open_store("sizes.db", NILOMETER_CREATE);
    (void)state;
    o.size = 0;
    assert_int_equal(nilometer_open("x.db", &o, &bad), NILOMETER_EMISUSE);
    nilometer_close(bad);
    o.size = sizeof o;
    o.n_workspaces = 1; /* and no workspaces */
    assert_int_equal(nilometer_open("x.db", &o, &bad), NILOMETER_EMISUSE);
    nilometer_close(bad);
    const char *none[] = {NULL};
    o.workspaces = none;
    assert_int_equal(nilometer_open("x.db", &o, &bad), NILOMETER_EMISUSE);
    nilometer_close(bad);
    m.size = sizeof m - 1;
    m.name = "boosts";
    assert_int_equal(nilometer_define(n, &m), NILOMETER_EMISUSE);
    m = (struct nilometer_metric)NILOMETER_METRIC_INIT; /* no name */
    assert_int_equal(nilometer_define(n, &m), NILOMETER_EMISUSE);
    assert_int_equal(nilometer_define(n, NULL), NILOMETER_EMISUSE);
    assert_int_equal(nilometer_workspace(n, NULL, NULL), NILOMETER_EMISUSE);
    run.size = 1;
    assert_int_equal(nilometer_begin(n, &run), NILOMETER_EMISUSE);
    assert_int_equal(nilometer_begin(n, NULL), NILOMETER_OK);
    assert_int_equal(nilometer_add(n, NULL), NILOMETER_EMISUSE);
    r.size = 8;
    assert_int_equal(nilometer_add(n, &r), NILOMETER_EMISUSE);
    r.size = sizeof r;
    r.n_values = 1;
    assert_int_equal(nilometer_add(n, &r), NILOMETER_EMISUSE);
    r.values = &v;
    r.value_size = 0;
    assert_int_equal(nilometer_add(n, &r), NILOMETER_EMISUSE);
    r.value_size = sizeof v;
    r.n_values = 4097; /* refused before they are looked at */
    assert_int_equal(nilometer_add(n, &r), NILOMETER_EINVAL);
    done.size = 0;
    assert_int_equal(nilometer_commit(n, &done), NILOMETER_EMISUSE);
    done.size = sizeof done;
    assert_int_equal(nilometer_commit(n, &done), NILOMETER_OK);
    assert_int_equal(done.refused_readings, 1);
    nilometer_close(n);
}

static void missing_arguments_are_misuse(void **state)
{
    struct nilometer_rows *rows = NULL;
    struct nilometer *n = open_store("arguments.db", NILOMETER_CREATE);
    (void)state;
    assert_int_equal(nilometer_each(n, NULL, ignore_row, NULL), NILOMETER_EMISUSE);
    assert_int_equal(nilometer_each(n, "runs", NULL, NULL), NILOMETER_EMISUSE);
    assert_int_equal(nilometer_query(n, NULL, &rows), NILOMETER_EMISUSE);
    assert_int_equal(nilometer_query(n, "runs", NULL), NILOMETER_EMISUSE);
    assert_int_equal(nilometer_write(n, NULL, 0, ignore_bytes, NULL), NILOMETER_EMISUSE);
    assert_int_equal(nilometer_write(n, "runs", 0, NULL, NULL), NILOMETER_EMISUSE);
    assert_int_equal(nilometer_backup(n, NULL), NILOMETER_EMISUSE);
    assert_int_equal(nilometer_backup(n, ""), NILOMETER_EMISUSE);
    nilometer_close(n);
}

struct inside {
    struct nilometer *n;
    int rows;
};

static int use_the_handle(void *ctx, const struct nilometer_row *row)
{
    struct inside *in = ctx;
    (void)row;
    in->rows++;
    for (size_t i = 0; i < N_CALLS; i++)
        assert_int_equal(calls[i].call(in->n), NILOMETER_EMISUSE);
    assert_int_equal(nilometer_close(in->n), NILOMETER_EMISUSE);
    return 0;
}

static int64_t clock_that_calls_back(void *ctx)
{
    struct inside *in = ctx;
    if (in->n != NULL) {
        in->rows++;
        assert_int_equal(nilometer_commit(in->n, NULL), NILOMETER_EMISUSE);
        assert_int_equal(nilometer_close(in->n), NILOMETER_EMISUSE);
    }
    return INT64_C(1742464800000000); /* 2025-03-20 10:00 */
}

static void a_callback_cannot_use_the_handle_that_called_it(void **state)
{
    struct nilometer_options o = NILOMETER_OPTIONS_INIT;
    struct inside in = {.n = open_store("inside.db", NILOMETER_CREATE)};
    (void)state;
    assert_int_equal(do_begin(in.n), NILOMETER_OK);
    assert_int_equal(do_commit(in.n), NILOMETER_OK);
    assert_int_equal(nilometer_each(in.n, "runs", use_the_handle, &in), NILOMETER_OK);
    assert_int_equal(in.rows, 1);
    assert_string_equal(nilometer_message(in.n), ""); /* the call around them went well */
    nilometer_close(in.n);
    in = (struct inside){0};
    o.mode = NILOMETER_WRITE;
    o.clock = clock_that_calls_back;
    o.clock_ctx = &in;
    assert_int_equal(nilometer_open(nilo_test_path("inside.db"), &o, &in.n), NILOMETER_OK);
    assert_int_equal(do_begin(in.n), NILOMETER_OK);
    assert_true(in.rows > 0);
    nilometer_close(in.n);
}

static void a_run_that_ended_by_itself_says_why(void **state)
{
    struct nilometer_run run = NILOMETER_RUN_INIT;
    struct nilometer *n = open_store("bad-run.db", NILOMETER_CREATE);
    static const struct {
        int kind;
        const char *platform, *connection, *workspace;
        int code;
    } rows[] = {
        {3, NULL, NULL, NULL, NILOMETER_EINVAL},
        {-1, NULL, NULL, NULL, NILOMETER_EINVAL},
        {NILOMETER_PUSH, "You Tube", NULL, NULL, NILOMETER_EINVAL},
        {NILOMETER_PUSH, "", NULL, NULL, NILOMETER_EINVAL},
        {NILOMETER_PUSH, "a234567890123456789012345678901234567890123456789_x", NULL, NULL, NILOMETER_EINVAL},
        {NILOMETER_PUSH, NULL, "", NULL, NILOMETER_EINVAL},
        {NILOMETER_PUSH, NULL, NULL, "", NILOMETER_EINVAL},
        {NILOMETER_PUSH, NULL, NULL, "tab\there", NILOMETER_EINVAL},
        {NILOMETER_REVISE, NULL, NULL, NULL, NILOMETER_EINVAL},
        {NILOMETER_REVISE, NULL, "c", NULL, NILOMETER_ENOENT},
        {NILOMETER_PUSH, "sql", NULL, NULL, NILOMETER_EINVAL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        run.kind = rows[i].kind;
        run.platform = rows[i].platform;
        run.connection = rows[i].connection;
        run.workspace = rows[i].workspace;
        int code = nilometer_begin(n, &run);
        if (code != rows[i].code)
            fail_msg("row %zu gave %d: %s", i, code, nilometer_message(n));
        assert_int_equal(do_add(n), NILOMETER_EMISUSE);
    }
    run = (struct nilometer_run)NILOMETER_RUN_INIT;
    run.platform = "youtube";
    run.connection = "c";
    assert_int_equal(nilometer_begin(n, &run), NILOMETER_OK);
    assert_int_equal(nilometer_commit(n, NULL), NILOMETER_OK);
    run.platform = "tiktok"; /* another platform on a connection that has one */
    assert_int_equal(nilometer_begin(n, &run), NILOMETER_EINVAL);
    nilometer_close(n);
}

static void codes_never_change_and_each_has_its_words(void **state)
{
    static const struct {
        int code, http, exit;
        const char *sqlstate;
    } rows[] = {
        {NILOMETER_OK, 200, 0, "00000"},      {NILOMETER_EMISUSE, 500, 2, "XX000"},  {NILOMETER_EINVAL, 400, 2, "22023"},
        {NILOMETER_EPARSE, 400, 2, "PGRST100"}, {NILOMETER_ECOLUMN, 400, 2, "42703"}, {NILOMETER_ERELATION, 404, 2, "PGRST205"},
        {NILOMETER_ENOENT, 404, 1, "P0002"},  {NILOMETER_ELOCKED, 503, 1, "55006"},  {NILOMETER_EFULL, 507, 1, "53100"},
        {NILOMETER_EINTERNAL, 500, 1, "XX000"}, {99, 500, 1, "XX000"},               {-1, 500, 1, "XX000"},
    };
    (void)state;
    assert_int_equal(NILOMETER_EMISUSE, 1);
    assert_int_equal(NILOMETER_EINTERNAL, 32);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(nilometer_code_http(rows[i].code), rows[i].http);
        assert_int_equal(nilometer_code_exit(rows[i].code), rows[i].exit);
        assert_string_equal(nilometer_code_sqlstate(rows[i].code), rows[i].sqlstate);
    }
    for (int code = 0; code <= NILOMETER_EINTERNAL; code++)
        assert_string_not_equal(nilometer_code_text(code), "unknown");
    assert_string_equal(nilometer_code_text(33), "unknown");
    assert_string_equal(nilometer_code_text(-1), "unknown");
    assert_int_equal(nilometer_code_retryable(NILOMETER_EINVAL), 0);
    assert_true(strlen(nilometer_version()) > 0);
}

/* NILO_NOW is for demonstrations with the command; a program that has the library inside says itself what time it is. */
static void the_environment_does_not_move_the_clock(void **state)
{
    (void)state;
    setenv("NILO_NOW", "2001-01-01T00:00:00Z", 1);
    struct nilometer *n = open_store("environment.db", NILOMETER_CREATE);
    assert_int_equal(do_begin(n), NILOMETER_OK);
    assert_int_equal(do_add(n), NILOMETER_OK); /* in 2001 the day would be in the future */
    assert_int_equal(do_commit(n), NILOMETER_OK);
    nilometer_close(n);
    unsetenv("NILO_NOW");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_null_handle_is_misuse),
        cmocka_unit_test(calls_out_of_order_are_misuse_and_change_nothing),
        cmocka_unit_test(a_handle_that_reads_refuses_to_write),
        cmocka_unit_test(a_handle_that_did_not_open_refuses_everything),
        cmocka_unit_test(structs_without_their_size_are_misuse),
        cmocka_unit_test(missing_arguments_are_misuse),
        cmocka_unit_test(a_callback_cannot_use_the_handle_that_called_it),
        cmocka_unit_test(a_run_that_ended_by_itself_says_why),
        cmocka_unit_test(codes_never_change_and_each_has_its_words),
        cmocka_unit_test(the_environment_does_not_move_the_clock),
    };
    return cmocka_run_group_tests_name("misuse", tests, NULL, NULL);
}
