/* The OpenAPI text: whole JSON in bounded pieces, and for each role what it may see and nothing else. That linters like it shows tests/js. */
#include <stdlib.h>
#include <string.h>

#include "api/openapi.h"
#include "base/json.h"
#include "query/compat.h"
#include "support/nilo_test.h"

struct taken {
    struct nilo_buf text;
    size_t pieces, longest, fail_at;
};

static int take(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    struct taken *t = ctx;
    if (++t->pieces == t->fail_at)
        return nilo_err_set(err, NILO_ECANCELLED, "the reader is gone");
    t->longest = n > t->longest ? n : t->longest;
    return nilo_buf_add(&t->text, p, n);
}

static const struct nilo_route routes[] = {
    {.methods = NILO_GET, .path = "/healthz", .who = NILO_WHO_EVERYONE},
    {.methods = NILO_GET, .path = "/metrics", .who = NILO_WHO_SERVICE},
    {.methods = NILO_GET | NILO_POST, .path = "/not/described", .who = NILO_WHO_ADMIN},
};

static struct taken text_of(const struct nilo_catalog *catalog, enum nilo_role role)
{
    struct taken t = {.pieces = 0};
    struct nilo_err err = {0};
    const struct nilo_openapi what = {.catalog = catalog, .role = role, .routes = routes, .n_routes = sizeof(routes) / sizeof(routes[0])};
    nilo_buf_init(&t.text, (size_t)256 << 20);
    assert_int_equal(nilo_openapi_write(&what, take, &t, &err), 0);
    assert_false(t.text.failed);
    return t;
}

static const struct nilo_catalog *builtin(void)
{
    static struct nilo_catalog c;
    c = (struct nilo_catalog){.metrics = nilo_builtin_metrics, .n = nilo_builtin_metrics_n};
    return &c;
}

static bool has_path(const struct taken *t, const char *prefix, const char *name)
{
    char quoted[240];
    snprintf(quoted, sizeof(quoted), "\"%s%s\":", prefix, name);
    return strstr(t->text.data, quoted) != NULL;
}

static void a_role_gets_the_relations_and_functions_that_it_may_see(void **state)
{
    (void)state;
    for (int role = NILO_ROLE_ANON; role <= NILO_ROLE_SERVICE; role++) {
        struct taken t = text_of(builtin(), (enum nilo_role)role);
        struct nilo_err err = {0};
        assert_int_equal(nilo_json_check(t.text.data, t.text.len, &err), 0);
        for (size_t i = 0; i < nilo_relations_n; i++) {
            bool sees = role >= (int)nilo_relations[i].min_role;
            assert_int_equal(has_path(&t, "/rest/v1/", nilo_relations[i].name), sees);
            assert_int_equal(strstr(t.text.data, nilo_relations[i].doc) != NULL, sees);
        }
        for (size_t i = 0; i < nilo_functions_n(); i++) {
            const struct nilo_function *f = nilo_function_at(i);
            assert_int_equal(has_path(&t, "/rest/v1/rpc/", f->name), role >= (int)f->min_role);
        }
        assert_true(has_path(&t, "", "/healthz"));
        assert_int_equal(has_path(&t, "", "/metrics"), role == NILO_ROLE_SERVICE);
        assert_int_equal(has_path(&t, "", "/not/described"), role >= NILO_ROLE_ADMIN);
        nilo_buf_done(&t.text);
    }
}

static void every_wide_metric_is_a_column_and_no_other(void **state)
{
    (void)state;
    static const struct nilo_metric own[] = {
        {.id = 900, .name = "stage_dives", .type = NILO_COUNT, .wide = true},
        {.id = 901, .name = "mood", .type = NILO_PERCENTAGE, .scale = 6, .wide = true},
        {.id = 902, .name = "not_wide", .type = NILO_COUNT, .wide = false},
        {.id = 903, .name = "title", .type = NILO_COUNT, .wide = true}, /* a column of the relations: these win */
    };
    const struct nilo_catalog catalog = {.metrics = own, .n = 4};
    struct taken t = text_of(&catalog, NILO_ROLE_SERVICE);
    assert_non_null(strstr(t.text.data, "\"stage_dives\":{\"$ref\":\"#/components/schemas/metric.stage_dives\"}"));
    assert_non_null(strstr(t.text.data, "\"metric.stage_dives\":{\"type\":[\"integer\",\"null\"]}"));
    assert_non_null(strstr(t.text.data, "\"metric.mood\":{\"type\":[\"number\",\"null\"]}"));
    assert_null(strstr(t.text.data, "not_wide"));
    /* sums have no column of percentages */
    const char *sums = strstr(t.text.data, "\"owner_metrics\":{\"type\":\"object\"");
    assert_non_null(sums);
    const char *end = strstr(sums, "\"owners\":{\"type\"");
    const char *mood = strstr(sums, "\"mood\":{\"$ref\""), *dives = strstr(sums, "\"stage_dives\":{\"$ref\"");
    assert_true(end != NULL && dives != NULL && dives < end);
    assert_true(mood == NULL || mood > end);
    nilo_buf_done(&t.text);
}

static void views_are_there_where_they_are_published(void **state)
{
    (void)state;
    const struct nilo_relation *views[200];
    size_t n = 0;
    for (size_t i = 0; nilo_compat_sets[i] != NULL; i++) {
        for (size_t k = 0; k < nilo_compat_sets[i]->n && n < 200; k++)
            views[n++] = &nilo_compat_sets[i]->relations[k];
    }
    assert_true(n > 0);
    for (int published = 0; published < 2; published++) {
        struct taken t = {.pieces = 0};
        struct nilo_err err = {0};
        const struct nilo_openapi what = {.catalog = builtin(), .role = NILO_ROLE_AUTHENTICATED, .views = views, .n_views = published ? n : 0};
        nilo_buf_init(&t.text, (size_t)64 << 20);
        assert_int_equal(nilo_openapi_write(&what, take, &t, &err), 0);
        assert_int_equal(nilo_json_check(t.text.data, t.text.len, &err), 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(has_path(&t, "/rest/v1/", views[i]->name), published && views[i]->min_role <= NILO_ROLE_AUTHENTICATED);
        nilo_buf_done(&t.text);
    }
}

static void a_large_catalogue_goes_out_in_small_pieces(void **state)
{
    (void)state;
    enum { N = 5000 };
    struct nilo_metric *all = calloc(N, sizeof(*all));
    char(*names)[32] = calloc(N, sizeof(*names));
    assert_true(all != NULL && names != NULL);
    for (int i = 0; i < N; i++) {
        snprintf(names[i], sizeof(names[i]), "metric_number_%d", i);
        all[i] = (struct nilo_metric){.id = i + 1, .name = names[i], .type = NILO_COUNT, .wide = true};
    }
    const struct nilo_catalog catalog = {.metrics = all, .n = N};
    struct taken t = text_of(&catalog, NILO_ROLE_SERVICE);
    assert_true(t.text.len > ((size_t)4 << 20));
    assert_true(t.longest < 100000);
    struct nilo_err err = {0};
    struct nilo_json *j = NULL;
    enum nilo_json_event event;
    const char *p;
    size_t n;
    assert_int_equal(nilo_json_new(t.text.data, t.text.len, (struct nilo_json_limits){.keys = 100000}, &j, &err), 0);
    do
        assert_int_equal(nilo_json_next(j, &event, &p, &n, &err), 0);
    while (event != NILO_JSON_END);
    nilo_json_free(j);
    nilo_buf_done(&t.text);
    free(all);
    free(names);
}

static void a_reader_that_goes_away_ends_it(void **state)
{
    (void)state;
    struct taken t = {.fail_at = 2};
    struct nilo_err err = {0};
    const struct nilo_openapi what = {.catalog = builtin(), .role = NILO_ROLE_SERVICE};
    nilo_buf_init(&t.text, (size_t)16 << 20);
    assert_int_equal(nilo_openapi_write(&what, take, &t, &err), -1);
    assert_int_equal(err.code, NILO_ECANCELLED);
    assert_int_equal(t.pieces, 2);
    nilo_buf_done(&t.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_role_gets_the_relations_and_functions_that_it_may_see),
        cmocka_unit_test(every_wide_metric_is_a_column_and_no_other),
        cmocka_unit_test(views_are_there_where_they_are_published),
        cmocka_unit_test(a_large_catalogue_goes_out_in_small_pieces),
        cmocka_unit_test(a_reader_that_goes_away_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
