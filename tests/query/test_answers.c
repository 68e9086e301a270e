/* Requests against a filled store: what they answer, and that both engines answer the same to the byte. */
#include "filled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/pg.h"

static struct filled lite, server;
static bool has_server;

static int set_up(void **state)
{
    (void)state;
    if (filled_open(&lite, NILO_DB_SQLITE) != 0)
        return -1;
    has_server = filled_open(&server, NILO_DB_POSTGRES) == 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    filled_close(&lite);
    filled_close(&server);
    return 0;
}

static struct nilo_scope scope_of(const char *who)
{
    if (strcmp(who, "a") == 0)
        return (struct nilo_scope){.role = NILO_ROLE_ADMIN, .workspaces = &lite.a, .n = 1};
    if (strcmp(who, "b") == 0)
        return (struct nilo_scope){.role = NILO_ROLE_ADMIN, .workspaces = &lite.b, .n = 1};
    return NILO_SCOPE_ALL;
}

/* ---- expected answers --------------------------------------------------------------------------------------------------------------- */

struct expected {
    const char *request, *csv;
    const char *who; /* NULL = a */
};
static const struct expected answers[] = {
#include "answers.inc"
};

static void check_answers(struct filled *f)
{
    int wrong = 0;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct nilo_scope scope = scope_of(answers[i].who ? answers[i].who : "a");
        char *got = filled_ask(f, &scope, NILO_FORMAT_CSV, NULL, answers[i].request);
        if (!got || strcmp(got, answers[i].csv) != 0) {
            printf("# %s\n# expected:\n%s\n# got:\n%s\n", answers[i].request, answers[i].csv, got ? got : f->err.msg);
            wrong++;
        }
        free(got);
    }
    assert_int_equal(wrong, 0);
}

static void requests_are_answered_as_written_down(void **state)
{
    (void)state;
    check_answers(&lite);
}

static void requests_are_answered_as_written_down_by_postgres(void **state)
{
    (void)state;
    if (!has_server) {
        printf("# skipped: %s\n", nilo_test_pg_missing());
        skip();
    }
    check_answers(&server);
}

/* ---- both engines ---------------------------------------------------------------------------------------------------------------------- */

static const char *const same[] = {
#include "same.inc"
};

static int differ(const char *request, const char *who, enum nilo_format format)
{
    struct nilo_scope scope = scope_of(who);
    char *one = filled_ask(&lite, &scope, format, NULL, request),
         *two = filled_ask(&server, &scope, format, NULL, request);
    const char *a = one ? one : lite.err.msg, *b = two ? two : server.err.msg;
    int wrong = !one != !two || strcmp(a, b) != 0;
    if (wrong)
        printf("# %s (%s)\n# sqlite:\n%s\n# postgres:\n%s\n", request, who, a, b);
    if (!one)
        printf("# refused: %s: %s\n", request, a);
    /* these are all fit to be answered, but for items that a scope does not hold, and metrics that its workspaces do not use */
    bool metric = !one && strstr(lite.err.msg, "is not defined") != NULL;
    bool fits = one || (metric ? strcmp(who, "all") != 0 : lite.err.code == NILO_ENAME && strcmp(who, "b") == 0);
    wrong += !fits;
    free(one);
    free(two);
    return wrong;
}

static void both_engines_answer_the_same(void **state)
{
    int wrong = 0;
    (void)state;
    if (!has_server) {
        printf("# skipped: %s\n", nilo_test_pg_missing());
        skip();
    }
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        for (const char *const *who = (const char *const[]){"a", "b", "all", NULL}; *who; who++)
            wrong += differ(same[i], *who, NILO_FORMAT_JSON);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        wrong += differ(answers[i].request, "all", NILO_FORMAT_CSV);
    assert_int_equal(wrong, 0);
}

/* ---- isolation -------------------------------------------------------------------------------------------------------------------------- */

/* Numbers and words that only beta holds. */
static const char *const secrets[] = {"beta",  "SECRET", "itemb9", "77777", "66666",
                                      "88888", "166667", "55555",  "44444", "9223372036854775801"};

static bool tells(const char *answer)
{
    for (size_t i = 0; answer && i < sizeof secrets / sizeof secrets[0]; i++)
        if (strstr(answer, secrets[i]))
            return true;
    return false;
}

static size_t rows_of(const char *answer)
{
    size_t n = 0;
    for (const char *at = answer; at && (at = strchr(at, '\n')); at++)
        n++;
    return n;
}

/* Every column, hidden ones too. */
static void every_column(const struct nilo_relation *r, char *to, size_t size)
{
    size_t n = (size_t)snprintf(to, size, "%s?select=*", r->name);
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->columns[i].flags & NILO_COL_HIDDEN)
            n += (size_t)snprintf(to + n, size - n, ",%s", r->columns[i].name);
}

static void ask_within(struct filled *f, const struct nilo_scope *scope, const char *request, bool may_hold)
{
    char *got = filled_ask(f, scope, NILO_FORMAT_NDJSON, NULL, request);
    if (got && tells(got))
        fail_msg("%s tells what it must not: %s", request, got);
    if (got && !may_hold && rows_of(got) > 0 && strncmp(request, "metric_definitions", 18) != 0)
        fail_msg("%s answers although the scope holds nothing: %s", request, got);
    free(got);
}

static const char *const twists[] = {
    "",
    "&or=(day.not.is.null,day.is.null)",
    "&or=(workspace.eq.beta,workspace.neq.beta)",
    "&workspace=eq.beta",
    "&workspace=in.(acme,beta)",
    "&not.and=(workspace.eq.acme)",
    "&connection=eq.beta-import",
    "&owner=eq.beta-only",
    "&owner=in.(maria,beta-only)",
    "&external_id=eq.itemb9",
    "&external_id=eq.v1",
    "&external_id=in.(v1,itemb9)",
    "&platform=eq.tiktok",
    "&views=gt.60000",
    "&title=like.SECRET*",
    "&as_of=2030-01-01",
    "&as_of=2025-03-09T23:00:00Z&owner=eq.beta-only",
    "&order=workspace&limit=1&offset=0",
};

static void relations_within(struct filled *f, const struct nilo_scope *scope, bool may_hold)
{
    for (size_t i = 0; i < nilo_relations_n; i++)
        for (size_t k = 0; k < sizeof twists / sizeof twists[0]; k++) {
            char request[2048];
            every_column(&nilo_relations[i], request, sizeof request);
            size_t len = strlen(request);
            snprintf(request + len, sizeof request - len, "%s", twists[k]);
            ask_within(f, scope, request, may_hold);
        }
}

static const char *const odd_calls[] = {"top_content()",
                                        "top_content period=30&metrics=likes,saves",
                                        "top_content period=latest&order=users_total",
                                        "top_content owner=maria",
                                        "top_content owner=beta-only",
                                        "top_content connection=beta-import",
                                        "top_content connection=yt&order=saves.asc",
                                        "top_content platform=tiktok&min_views=1",
                                        "owner_profile owner=maria",
                                        "owner_profile owner=beta-only",
                                        "run_report run=12",
                                        "run_report run=13",
                                        "run_report run=15"};

static void functions_within(struct filled *f, const struct nilo_scope *scope)
{
    static const char *const more[] = {"",
                                       "&owner=maria",
                                       "&owner=beta-only",
                                       "&connection=beta-import",
                                       "&connection=yt",
                                       "&platform=tiktok",
                                       "&platform=youtube",
                                       "&external_id=itemb9",
                                       "&external_id=v1",
                                       "&owner=maria&platform=youtube",
                                       "&as_of=2030-01-01",
                                       "&step=month",
                                       "&window_days=30"};
    const struct nilo_catalog *catalog = nilo_store_catalog(f->store);
    for (size_t i = 0; i < nilo_functions_n(); i++) {
        const struct nilo_function *fn = nilo_function_at(i);
        bool metric = fn->n_parameters > 0 && strcmp(fn->parameters[0].name, "metric") == 0;
        for (size_t k = 0; i == 0 && k < sizeof odd_calls / sizeof odd_calls[0]; k++)
            ask_within(f, scope, odd_calls[k], true);
        for (size_t m = 0; m < (metric ? catalog->n : 1); m++)
            for (size_t k = 0; k < (metric ? sizeof more / sizeof more[0] : 1); k++) {
                char request[256];
                if (metric)
                    snprintf(request, sizeof request, "%s metric=%s%s", fn->name, catalog->metrics[m].name, more[k]);
                else
                    snprintf(request, sizeof request, "%s()", fn->name);
                ask_within(f, scope, request, true);
            }
    }
}

static void isolate(struct filled *f)
{
    const struct nilo_scope scopes[] = {
        {.role = NILO_ROLE_AUTHENTICATED, .workspaces = &f->a, .n = 1},
        {.role = NILO_ROLE_ADMIN, .workspaces = &f->a, .n = 1},
        {.role = NILO_ROLE_SERVICE, .workspaces = &f->a, .n = 1},
        {.role = NILO_ROLE_ANON, .workspaces = &f->a, .n = 1},
    };
    for (size_t i = 0; i < sizeof scopes / sizeof scopes[0]; i++) {
        relations_within(f, &scopes[i], true);
        functions_within(f, &scopes[i]);
    }
    const struct nilo_scope empty[] = {{.role = NILO_ROLE_ADMIN, .all = true},
                                       {.role = NILO_ROLE_ADMIN, .all = true, .workspaces = &f->b, .n = 1},
                                       {.role = NILO_ROLE_SERVICE}};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
        relations_within(f, &empty[i], false);
}

static void a_scope_never_tells_of_another_workspace(void **state)
{
    (void)state;
    isolate(&lite);
}

static void a_scope_never_tells_of_another_workspace_on_postgres(void **state)
{
    (void)state;
    if (!has_server)
        nilo_test_skip("%s", nilo_test_pg_missing());
    isolate(&server);
}

/* The test above could not fail where beta has nothing to tell. */
static void every_relation_and_function_has_something_to_hide(void **state)
{
    struct nilo_scope scope = scope_of("b");
    (void)state;
    for (size_t i = 0; i < nilo_relations_n; i++) {
        char request[2048];
        if (strcmp(nilo_relations[i].name, "metric_definitions") == 0)
            continue; /* the store's, not a workspace's */
        if (strcmp(nilo_relations[i].name, "drops") == 0)
            continue; /* nothing is dropped in these stores: test_dropped has it */
        every_column(&nilo_relations[i], request, sizeof request);
        char *got = filled_ask(&lite, &scope, NILO_FORMAT_NDJSON, NULL, request);
        if (!tells(got))
            fail_msg("%s tells nothing of beta: %s", request, got ? got : lite.err.msg);
        free(got);
    }
    static const char *const calls[] = {"timeseries metric=views", "timeseries metric=users_total",
                                        "current_metrics()",       "activity()",
                                        "top_content()",           "top_content connection=beta-import",
                                        "top_content owner=maria", "owner_profile owner=beta-only",
                                        "growth metric=views",     "growth metric=users_total"};
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        char *got = filled_ask(&lite, &scope, NILO_FORMAT_NDJSON, NULL, calls[i]);
        if (!tells(got))
            fail_msg("%s tells nothing of beta: %s", calls[i], got ? got : lite.err.msg);
        free(got);
    }
}

static int count_total(void *ctx, const struct nilo_total_row *row)
{
    (void)row;
    ++*(int *)ctx;
    return 0;
}

static void totals_of_others_are_refused(void **state)
{
    struct nilo_scope scope = scope_of("a");
    int n = 0;
    (void)state;
    assert_int_equal(nilo_store_totals(lite.store, &scope, NILO_TOTAL_WORKSPACE, lite.b, 0, 1, NILO_DAY_NONE,
                                       NILO_DAY_NONE, count_total, &n, &lite.err),
                     -1);
    assert_int_equal(lite.err.code, NILO_EPERM);
    assert_int_equal(n, 0);
    assert_int_equal(nilo_store_totals(lite.store, &scope, NILO_TOTAL_WORKSPACE, lite.a, 0, 1, NILO_DAY_NONE,
                                       NILO_DAY_NONE, count_total, &n, &lite.err),
                     0);
    assert_true(n > 0);
}

/* ---- roles -------------------------------------------------------------------------------------------------------------------------------- */

static void anonymous_visitors_see_what_is_published(void **state)
{
    struct nilo_scope scope = {.role = NILO_ROLE_ANON, .workspaces = &lite.a, .n = 1};
    (void)state;
    for (size_t i = 0; i < nilo_relations_n; i++) {
        char *got = filled_get(&lite, &scope, NILO_FORMAT_CSV, NULL, nilo_relations[i].name);
        bool may = strcmp(nilo_relations[i].name, "daily_metrics") == 0 ||
                   strcmp(nilo_relations[i].name, "metric_definitions") == 0;
        if (!may)
            assert_int_equal(lite.err.code, NILO_EPERM);
        assert_int_equal(got != NULL, may);
        free(got);
    }
}

static void logs_are_empty_below_admin(void **state)
{
    struct nilo_scope scope = {.role = NILO_ROLE_AUTHENTICATED, .workspaces = &lite.a, .n = 1};
    (void)state;
    for (const char *const *name = (const char *const[]){"runs", "metric_collection_log", NULL}; *name; name++) {
        char *got = filled_get(&lite, &scope, NILO_FORMAT_JSON, NULL, *name);
        assert_string_equal(got, "[]\n");
        free(got);
    }
    char *got = filled_call(&lite, &scope, NILO_FORMAT_JSON, NULL, "collection_status()");
    assert_string_equal(got, "[]\n");
    free(got);
}

/* ---- counts and pages ---------------------------------------------------------------------------------------------------------------------- */

struct pages {
    struct nilo_head head;
    int64_t rows;
};
static int take_head(void *ctx, const struct nilo_head *head, struct nilo_err *err)
{
    (void)err;
    ((struct pages *)ctx)->head = *head;
    return 0;
}
static int take_row(void *ctx, const struct nilo_datum *cells, struct nilo_err *err)
{
    (void)cells;
    (void)err;
    ((struct pages *)ctx)->rows++;
    return 0;
}

static int ask_pages(const char *text, const struct nilo_request *request, struct pages *ret)
{
    struct nilo_query *q;
    struct nilo_scope scope = scope_of("a");
    *ret = (struct pages){.rows = 0};
    assert_int_equal(nilo_query_parse(lite.store, text, strlen(text), request, &q, NULL, &lite.err), 0);
    const struct nilo_sink sink = {take_head, take_row, ret};
    int rc = nilo_query_run(q, lite.store, &scope, &sink, &lite.err);
    nilo_query_free(q);
    return rc;
}

static void counts_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t first, last, rows, total, page, max_rows;
        enum nilo_count count;
    } cases[] = {
        {"metric_values?entity=eq.app", -1, -1, 12, 12, 12, 0, NILO_COUNT_EXACT},
        {"metric_values?entity=eq.app", -1, -1, 12, -1, -1, 0, NILO_COUNT_NONE},
        {"metric_values?entity=eq.app&limit=3", -1, -1, 3, 12, 3, 0, NILO_COUNT_EXACT},
        {"metric_values?entity=eq.app&limit=3&offset=11", -1, -1, 1, 12, 1, 0, NILO_COUNT_EXACT},
        {"metric_values?entity=eq.app&limit=3&offset=12", -1, -1, 0, 12, 0, 0, NILO_COUNT_EXACT},
        {"metric_values?entity=eq.app&limit=3&offset=10", -1, -1, 2, -1, 2, 0, NILO_COUNT_PAGE},
        {"metric_values?entity=eq.app&limit=3&offset=80", -1, -1, 0, -1, 0, 0, NILO_COUNT_PAGE},
        {"metric_values?entity=eq.app&limit=3", 2, 5, 4, 12, 4, 0, NILO_COUNT_EXACT},
        {"metric_values?entity=eq.app&limit=0", -1, -1, 0, 12, 0, 0, NILO_COUNT_EXACT},
        {"metric_values?entity=eq.app", -1, -1, 4, 12, 4, 4, NILO_COUNT_EXACT},
        {"metric_values?entity=eq.app&metadata->>sample_size=not.is.null", -1, -1, 2, 2, 2, 0, NILO_COUNT_EXACT},
        {"metric_values?entity=eq.app&metadata->>sample_size=is.null&limit=3&offset=8", -1, -1, 2, 10, 2, 0,
         NILO_COUNT_EXACT},
        {"content_latest?views=gt.100", -1, -1, 3, 3, 3, 0, NILO_COUNT_EXACT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pages p;
        struct nilo_request request = {.count = cases[i].count,
                                       .max_rows = cases[i].max_rows,
                                       .range_first = cases[i].first,
                                       .range_last = cases[i].last};
        if (ask_pages(cases[i].text, &request, &p) != 0)
            fail_msg("%s: %s", cases[i].text, lite.err.msg);
        if (p.rows != cases[i].rows || p.head.total != cases[i].total || p.head.page != cases[i].page)
            fail_msg("%s: %d rows of %d, page %d", cases[i].text, (int)p.rows, (int)p.head.total, (int)p.head.page);
    }
    struct pages p;
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    request.count = NILO_COUNT_EXACT;
    assert_int_equal(ask_pages("metric_values?entity=eq.app&offset=13", &request, &p), -1);
    assert_int_equal(lite.err.code, NILO_ERANGE);
}

static void pages_do_not_overlap(void **state)
{
    (void)state;
    for (const char *const *name = (const char *const[]){"metric_values", "observations", "content_snapshots",
                                                         "daily_metrics", "owner_daily", NULL};
         *name; name++) {
        struct nilo_scope scope = scope_of("all");
        char request[128];
        snprintf(request, sizeof request, "%s?order=workspace", *name);
        char *all = filled_get(&lite, &scope, NILO_FORMAT_NDJSON, NULL, request), *at = all;
        assert_non_null(all);
        for (int i = 0; *at; i++) {
            size_t len = strcspn(at, "\n") + 1;
            snprintf(request, sizeof request, "%s?order=workspace&limit=1&offset=%d", *name, i);
            char *one = filled_get(&lite, &scope, NILO_FORMAT_NDJSON, NULL, request);
            assert_int_equal(strlen(one), len);
            assert_memory_equal(one, at, len);
            free(one);
            at += len;
        }
        free(all);
    }
}

/* ---- the rest ---------------------------------------------------------------------------------------------------------------------------------- */

static void a_row_is_found_again_by_its_id(void **state)
{
    struct nilo_scope scope = scope_of("all");
    (void)state;
    for (const char *const *name =
             (const char *const[]){"daily_metrics", "metric_definitions", "metric_collection_log", NULL};
         *name; name++) {
        char request[256];
        snprintf(request, sizeof request, "%s?select=id&order=created_at", *name);
        char *ids = filled_get(&lite, &scope, NILO_FORMAT_CSV, NULL, request), *save, *id;
        assert_non_null(ids);
        strtok_r(ids, "\n", &save);
        for (int i = 0; (id = strtok_r(NULL, "\n", &save)); i++) {
            char expected[64], upper[40];
            for (size_t k = 0; k <= strlen(id); k++)
                upper[k] = (char)(id[k] >= 'a' && id[k] <= 'f' ? id[k] - 32 : id[k]);
            snprintf(request, sizeof request, "%s?select=id&id=eq.%s&limit=5", *name, i % 2 ? upper : id);
            snprintf(expected, sizeof expected, "id\n%s\n", id);
            char *one = filled_get(&lite, &scope, NILO_FORMAT_CSV, NULL, request);
            assert_string_equal(one, expected);
            free(one);
        }
        free(ids);
    }
}

static void a_query_runs_again_and_follows_its_scope(void **state)
{
    struct nilo_query *q;
    const struct nilo_request request = NILO_REQUEST_DEFAULT;
    static const char text[] = "content_latest?select=external_id";
    (void)state;
    assert_int_equal(nilo_query_parse(lite.store, text, strlen(text), &request, &q, NULL, &lite.err), 0);
    for (int i = 0; i < 4; i++) {
        struct pages p = {.rows = 0};
        struct nilo_scope scope = scope_of(i % 2 ? "b" : "a");
        const struct nilo_sink sink = {take_head, take_row, &p};
        assert_int_equal(nilo_query_run(q, lite.store, &scope, &sink, &lite.err), 0);
        assert_int_equal(p.rows, i % 2 ? 3 : 7);
    }
    nilo_query_free(q);
}

static int stop(void *ctx, const struct nilo_datum *cells, struct nilo_err *err)
{
    (void)ctx;
    (void)cells;
    return nilo_err_set(err, NILO_ECANCELLED, "enough");
}

static void a_sink_that_refuses_ends_the_request(void **state)
{
    struct nilo_query *q;
    struct pages p;
    const struct nilo_request request = NILO_REQUEST_DEFAULT;
    struct nilo_scope scope = scope_of("a");
    (void)state;
    for (struct filled *f = &lite; f; f = f == &lite && has_server ? &server : NULL) {
        assert_int_equal(nilo_query_parse(f->store, "metric_values", 13, &request, &q, NULL, &f->err), 0);
        const struct nilo_sink sink = {take_head, stop, &p};
        assert_int_equal(nilo_query_run(q, f->store, &scope, &sink, &f->err), -1);
        assert_int_equal(f->err.code, NILO_ECANCELLED);
        const struct nilo_sink again = {take_head, take_row, &p};
        p.rows = 0;
        assert_int_equal(nilo_query_run(q, f->store, &scope, &again, &f->err), 0);
        assert_true(p.rows > 10);
        nilo_query_free(q);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_answered_as_written_down),
        cmocka_unit_test(requests_are_answered_as_written_down_by_postgres),
        cmocka_unit_test(both_engines_answer_the_same),
        cmocka_unit_test(every_relation_and_function_has_something_to_hide),
        cmocka_unit_test(a_scope_never_tells_of_another_workspace),
        cmocka_unit_test(a_scope_never_tells_of_another_workspace_on_postgres),
        cmocka_unit_test(totals_of_others_are_refused),
        cmocka_unit_test(anonymous_visitors_see_what_is_published),
        cmocka_unit_test(logs_are_empty_below_admin),
        cmocka_unit_test(counts_are_exact),
        cmocka_unit_test(pages_do_not_overlap),
        cmocka_unit_test(a_row_is_found_again_by_its_id),
        cmocka_unit_test(a_query_runs_again_and_follows_its_scope),
        cmocka_unit_test(a_sink_that_refuses_ends_the_request),
    };
    return cmocka_run_group_tests_name("query answers", tests, set_up, tear_down);
}
