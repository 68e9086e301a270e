/* A competitor's numbers change no answer about our own: whatever is asked of the filled store is answered alike before and after a connection of that role came,
 * with items of the same ids, credited to the same owners, greater in every metric, on earlier and later days, and in trouble besides. On both engines. */
#include "filled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/compat.h"
#include "record/record.h"

static struct filled f[2];
static int n_filled;

#define must(f, call)                                                                                                  \
    do {                                                                                                               \
        if ((call) != 0)                                                                                               \
            fail_msg("%s: %s", #call, (f)->err.msg);                                                                   \
    } while (0)

static int set_up(void **state)
{
    (void)state;
    n_filled = 0;
    for (int engine = 0; engine < 2; engine++)
        if (filled_open(&f[n_filled], engine == 0 ? NILO_DB_SQLITE : NILO_DB_POSTGRES) == 0)
            n_filled++;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < n_filled; i++)
        filled_close(&f[i]);
    return 0;
}

/* ---- the competitor ------------------------------------------------------------------------------------------------------------------ */

static const char *const ids[] = {"v1", "v2", "old", "Ünïcode_%x", "r1", "theirs"}, *const owners[] = {"maria", "bob", "part", "rival"};
static const char *const metrics[] = {"views", "likes", "comments", "shares", "saves", "gmv", "reach", "clicks", "follows"};
#define N(a) ((int)(sizeof(a) / sizeof(a)[0]))

static void add_item(struct filled *x, struct nilo_recorder *r, int item, int win, int32_t day)
{
    struct nilo_reading_value values[N(metrics)];
    struct nilo_attrs attrs = {.title = "theirs", .posted_at = (nilo_us)day * NILO_US_DAY, .deleted_at = NILO_US_NONE, .at = 1, .duration_ms = 9};
    for (int m = 0; m < N(metrics); m++)
        values[m] = (struct nilo_reading_value){.metric = nilo_catalog_by_name(nilo_store_catalog(x->store), metrics[m])->id,
                                                .value = 1000000 + 1000 * item + day};
    const struct nilo_reading reading = {.kind = NILO_CONTENT, .external_id = ids[item], .win = win, .captured_at = NILO_US_NONE, .day = NILO_DAY(day),
                                         .attrs = &attrs, .owner = owners[item % N(owners)], .values = values, .n_values = N(metrics)};
    must(x, nilo_record_add(r, &reading, &x->err));
}

/* The app counts its own follows, and none of its items has any: were a competitor's asked, the name would be theirs. */
static void add_follows(struct filled *x)
{
    struct nilo_connection c;
    struct nilo_recorder *r;
    struct nilo_run run;
    struct nilo_arena arena;
    const struct nilo_run_options o = {.kind = NILO_RUN_PUSH, .provenance = NILO_OBSERVED, .target_day = NILO_DAY_NONE, .read_until = NILO_DAY_NONE};
    const struct nilo_reading_value value = {.metric = nilo_catalog_by_name(nilo_store_catalog(x->store), "follows")->id, .value = 7};
    const struct nilo_reading reading = {.kind = NILO_APP, .external_id = NILO_APP_ID, .captured_at = NILO_US_NONE, .day = nilo_day_from_civil(2025, 3, 9),
                                         .values = &value, .n_values = 1};
    must(x, nilo_store_begin(x->store, &x->err));
    must(x, nilo_store_connection(x->store, x->a, "app", false, NULL, NULL, &c, &x->err));
    must(x, nilo_store_commit(x->store, &x->err));
    must(x, nilo_record_begin(x->store, &c, &o, &r, &x->err));
    must(x, nilo_record_add(r, &reading, &x->err));
    nilo_arena_init(&arena, 0);
    must(x, nilo_record_finish(r, NULL, &arena, &run, &x->err));
    nilo_arena_done(&arena);
}

static int64_t connection_of(struct filled *x, const char *name, struct nilo_connection *ret)
{
    must(x, nilo_store_begin(x->store, &x->err));
    must(x, nilo_store_connection(x->store, x->a, name, true, "youtube", "db", ret, &x->err));
    must(x, nilo_store_commit(x->store, &x->err));
    return ret->id;
}

static void turn(struct filled *x, const char *name, const char *role)
{
    struct nilo_connection c;
    int64_t id = connection_of(x, name, &c);
    must(x, nilo_store_begin(x->store, &x->err));
    must(x, nilo_store_connection_role(x->store, id, role, &x->err));
    must(x, nilo_store_commit(x->store, &x->err));
}

static void run_of(struct filled *x, const char *name, enum nilo_run_kind kind, const char *error)
{
    struct nilo_connection c;
    struct nilo_recorder *r;
    struct nilo_run run;
    struct nilo_arena arena;
    const int32_t today = nilo_day_from_civil(2025, 3, 10).n;
    const struct nilo_run_options o = {.kind = kind, .provenance = kind == NILO_RUN_IMPORT ? NILO_IMPORTED : NILO_OBSERVED, .platform = kind == NILO_RUN_COLLECT,
                                       .target_day = NILO_DAY_NONE, .read_until = NILO_DAY_NONE};
    connection_of(x, name, &c);
    must(x, nilo_record_begin(x->store, &c, &o, &r, &x->err));
    for (int32_t day = today - 120; day <= today && error == NULL; day += day < today - 12 ? 9 : 1)
        for (int item = 0; item < N(ids); item++) {
            add_item(x, r, item, 0, day);
            if (item % 2 == 0)
                add_item(x, r, item, 30, day);
        }
    nilo_arena_init(&arena, 0);
    must(x, nilo_record_finish(r, error, &arena, &run, &x->err));
    nilo_arena_done(&arena);
}

/* role NULL: it is there before anybody says whose it is */
static void add_rival(struct filled *x, bool said_first)
{
    struct nilo_connection c;
    if (said_first)
        turn(x, "rival2", "competitor");
    run_of(x, "rival2", NILO_RUN_IMPORT, NULL);
    if (!said_first)
        turn(x, "rival2", "competitor");
    run_of(x, "rival2", NILO_RUN_COLLECT, "the platform is away");
    connection_of(x, "rival2", &c);
    bool is_new;
    must(x, nilo_store_begin(x->store, &x->err));
    must(x, nilo_store_connection_status(x->store, c.id, "expired", &x->err));
    must(x, nilo_store_pause(x->store, c.id, "waits", &is_new, &x->err));
    must(x, nilo_store_commit(x->store, &x->err));
}

/* ---- what is asked -------------------------------------------------------------------------------------------------------------------- */

struct expected {
    const char *request, *csv, *who;
};
static const struct expected answers[] = {
#include "answers.inc"
};

/* Lists of what there is, a competitor's too, and what tells of the newest run, whosever it was. */
static bool lists_all(const char *request)
{
    static const char *const names[] = {"connections", "content", "content_best", "content_events", "content_latest", "content_snapshots", "content_windows", "credits",
                                        "metric_collection_log", "metric_values", "observations", "revisions", "runs", "owners", "drops", "collection_status",
                                        "run_report", "metric_definitions"};
    size_t n = strcspn(request, "? (");
    for (int i = 0; i < N(names); i++)
        if (strlen(names[i]) == n && strncmp(names[i], request, n) == 0)
            return true;
    return false;
}

static const char *const more[] = {
    "timeseries metric=views&external_id=v2&from=2025-02-25", "timeseries metric=views&external_id=v2&as_of=2025-03-10&from=2025-02-25",
    "timeseries metric=likes&owner=maria&as_of=2025-03-10&from=2025-03-01", "timeseries metric=views&owner=bob&platform=youtube&from=2025-03-01",
    "timeseries metric=views&platform=youtube&from=2025-03-01", "timeseries metric=views&from=2025-03-01&as_of=2025-03-10", "timeseries metric=views&from=2025-03-01",
    "timeseries metric=views&window_days=30&from=2025-03-01", "timeseries metric=follows&from=2025-03-01", "growth metric=views", "timeseries metric=gmv&external_id=old", "coverage external_id=old&metric=gmv&from=2025-02-01", "coverage external_id=v2&from=2025-02-20",
    "coverage platform=youtube&from=2025-02-20", "coverage owner=maria&from=2025-02-20", "growth metric=views&owner=maria", "coverage from=2025-02-20",
    "coverage from=2025-02-20&window_days=30", "top_content()", "top_content owner=maria&order=likes", "top_content platform=youtube&period=30",
    "owner_profile owner=maria", "owner_profile owner=part", "owner_metrics?order=owner", "owner_daily?order=owner,day",
    "owner_daily?as_of=2025-03-10&order=owner,day", "current_metrics()", "activity days=40", "daily_metrics?order=metric_date,metric_category,metric_type",
};

static void ask_all(struct filled *x, char **ret, int *ret_n)
{
    const struct nilo_scope scope = {.role = NILO_ROLE_ADMIN, .workspaces = &x->a, .n = 1};
    int n = 0;
    for (int i = 0; i < N(answers) + N(more); i++) {
        const char *ask = i < N(answers) ? answers[i].request : more[i - N(answers)];
        if (i < N(answers) && (answers[i].who || lists_all(ask)))
            continue;
        if ((ret[n++] = filled_ask(x, &scope, NILO_FORMAT_CSV, NULL, ask)) == NULL)
            fail_msg("%s: %s", ask, x->err.msg);
    }
    for (size_t i = 0; nilo_compat_sets[i]; i++)
        for (size_t k = 0; k < nilo_compat_sets[i]->n; k++) {
            const struct nilo_relation *r = &nilo_compat_sets[i]->relations[k];
            char ask[400] = "";
            int at = snprintf(ask, sizeof ask, "%s?order=", r->name);
            for (int c = 0; r->key[c]; c++)
                at += snprintf(ask + at, sizeof ask - (size_t)at, "%s\"%s\"", c ? "," : "", r->key[c]);
            if ((ret[n++] = filled_ask(x, &scope, NILO_FORMAT_CSV, NULL, ask)) == NULL)
                fail_msg("%s: %s", ask, x->err.msg);
        }
    nilo_day first, last;
    char text[64];
    must(x, nilo_query_recorded(x->store, &scope, &first, &last, &x->err)); /* what headers say of the days */
    snprintf(text, sizeof text, "recorded %d %d", (int)first.n, (int)last.n);
    ret[n++] = strdup(text);
    *ret_n = n;
}

static void bind_all(struct filled *x)
{
    must(x, nilo_store_begin(x->store, &x->err));
    for (size_t i = 0; nilo_compat_sets[i]; i++)
        must(x, nilo_compat_bind(x->store, nilo_compat_sets[i]->name, "acme", NULL, &x->err));
    must(x, nilo_store_commit(x->store, &x->err));
}

static char *ask_one(struct filled *x, const char *ask)
{
    const struct nilo_scope scope = {.role = NILO_ROLE_ADMIN, .workspaces = &x->a, .n = 1};
    char *got = filled_ask(x, &scope, NILO_FORMAT_CSV, NULL, ask);
    if (!got)
        fail_msg("%s: %s", ask, x->err.msg);
    return got;
}

static void expect(struct filled *x, const char *ask, const char *want)
{
    char *got = ask_one(x, ask);
    assert_string_equal(got, want);
    free(got);
}

static int differences(char **before, char **after, int n)
{
    int wrong = 0;
    for (int i = 0; i < n; i++) {
        if (strcmp(before[i], after[i]) != 0 && wrong++ < 5)
            printf("# before:\n%s\n# after:\n%s\n", before[i], after[i]);
        free(before[i]);
        free(after[i]);
    }
    return wrong;
}

static void check_no_answer_changes(bool said_first)
{
    static char *before[2000], *after[2000];
    for (int e = 0; e < n_filled; e++) {
        int n, m;
        bind_all(&f[e]);
        add_follows(&f[e]);
        ask_all(&f[e], before, &n);
        add_rival(&f[e], said_first);
        ask_all(&f[e], after, &m);
        assert_int_equal(n, m);
        assert_true(n > 100);
        assert_int_equal(differences(before, after, n), 0);
    }
}

static void a_competitor_changes_no_answer_about_our_own(void **state)
{
    (void)state;
    check_no_answer_changes(true);
}

static void nor_does_one_whose_role_was_said_after_the_fact(void **state)
{
    (void)state;
    check_no_answer_changes(false);
}

/* ---- and yet it is there ---------------------------------------------------------------------------------------------------------------- */

static void lists_show_competitors_and_say_so(void **state)
{
    (void)state;
    for (int e = 0; e < n_filled; e++) {
        add_rival(&f[e], true);
        expect(&f[e], "connections?select=name,role&order=name", "name,role\napp,own\nimport-old,own\nrival,competitor\nrival2,competitor\nyt,own\n");
        expect(&f[e], "content?select=connection,connection_role&external_id=eq.v1&order=connection",
               "connection,connection_role\nimport-old,own\nrival2,competitor\nyt,own\n");
        expect(&f[e], "content_latest?select=external_id,views&connection_role=eq.own&views=gt.1000000", "external_id,views\n");
        expect(&f[e], "content_latest?select=external_id,views&connection_role=eq.competitor&external_id=eq.theirs", "external_id,views\ntheirs,1025157\n");
        expect(&f[e], "timeseries metric=views&connection=rival2&from=2025-03-10", "period,value,change,span_days,items,known,fresh,provenance,absence,open\n"
                                                                                    "2025-03-10,6135942,6,1,6,6,6,,,true\n");
        expect(&f[e], "timeseries metric=views&external_id=theirs&from=2025-03-10&to=2025-03-10",
               "period,value,change,span_days,items,known,fresh,provenance,absence,open\n2025-03-10,1025157,1,1,1,1,1,imported,,true\n");
        char *top = ask_one(&f[e], "top_content connection=rival2&limit=1");
        assert_non_null(strstr(top, "theirs"));
        free(top);
    }
}

static void tables_bound_to_a_competitor_show_it(void **state)
{
    (void)state;
    for (int e = 0; e < n_filled; e++) {
        add_rival(&f[e], true);
        must(&f[e], nilo_store_begin(f[e].store, &f[e].err));
        must(&f[e], nilo_compat_bind(f[e].store, "youtube", "acme", "rival2", &f[e].err));
        must(&f[e], nilo_store_commit(f[e].store, &f[e].err));
        expect(&f[e], "youtube_latest_metrics?select=p_id,view_count&p_id=eq.v2", "p_id,view_count\nv2,1021157\n");
    }
}

/* ---- the role ------------------------------------------------------------------------------------------------------------------------------ */

static void sums_follow_the_role_as_a_rebuild_would(void **state)
{
    (void)state;
    static const char *const roles[] = {"own", "competitor", "own"};
    for (int e = 0; e < n_filled; e++) {
        char digest[4][65], anew[65];
        add_rival(&f[e], true);
        must(&f[e], nilo_store_digest(f[e].store, digest[0], &f[e].err));
        for (int i = 0; i < 3; i++) {
            turn(&f[e], "rival2", roles[i]);
            must(&f[e], nilo_store_digest(f[e].store, digest[i + 1], &f[e].err));
            must(&f[e], nilo_store_rebuild(f[e].store, NULL, NULL, &f[e].err));
            must(&f[e], nilo_store_digest(f[e].store, anew, &f[e].err));
            assert_string_equal(digest[i + 1], anew);
        }
        assert_string_not_equal(digest[0], digest[1]);
        assert_string_equal(digest[0], digest[2]);
        assert_string_equal(digest[1], digest[3]);
    }
}

static void roles_that_cannot_be_are_refused(void **state)
{
    (void)state;
    for (int e = 0; e < n_filled; e++) {
        struct nilo_connection c;
        struct nilo_err err = {0};
        must(&f[e], nilo_store_begin(f[e].store, &f[e].err));
        must(&f[e], nilo_store_connection(f[e].store, f[e].a, "app", false, NULL, NULL, &c, &f[e].err));
        assert_int_equal(nilo_store_connection_role(f[e].store, c.id, "competitor", &err), -1);
        assert_string_equal(err.msg, "it holds metrics of the app, which no competitor has; a new connection needs a new name");
        assert_int_equal(nilo_store_connection_role(f[e].store, c.id, "rival", &err), -1);
        assert_string_equal(err.msg, "a connection's role is own or competitor");
        must(&f[e], nilo_store_connection(f[e].store, f[e].a, "import-old", false, NULL, NULL, &c, &f[e].err));
        struct nilo_dropped dropped;
        const struct nilo_drop how = {.connection = c.id, .until = nilo_day_from_civil(2025, 2, 5), .author = "mia"};
        nilo_store_rollback(f[e].store);
        must(&f[e], nilo_store_drop(f[e].store, &how, &dropped, &f[e].err));
        must(&f[e], nilo_store_begin(f[e].store, &f[e].err));
        assert_int_equal(nilo_store_connection_role(f[e].store, c.id, "competitor", &err), -1);
        assert_non_null(strstr(err.msg, "its role is own for good"));
        nilo_store_rollback(f[e].store);
    }
}

static void a_competitor_has_no_metrics_of_the_app(void **state)
{
    (void)state;
    for (int e = 0; e < n_filled; e++) {
        struct nilo_connection c;
        struct nilo_recorder *r;
        struct nilo_run run;
        struct nilo_arena arena;
        const struct nilo_run_options o = {.kind = NILO_RUN_PUSH, .provenance = NILO_OBSERVED, .target_day = NILO_DAY_NONE, .read_until = NILO_DAY_NONE};
        const struct nilo_reading_value value = {.metric = nilo_catalog_by_name(nilo_store_catalog(f[e].store), "users_total")->id, .value = 7};
        const struct nilo_reading reading = {.kind = NILO_APP, .external_id = NILO_APP_ID, .captured_at = NILO_US_NONE, .day = nilo_day_from_civil(2025, 3, 9),
                                             .values = &value, .n_values = 1};
        add_rival(&f[e], true);
        connection_of(&f[e], "rival2", &c);
        must(&f[e], nilo_record_begin(f[e].store, &c, &o, &r, &f[e].err));
        assert_int_not_equal(nilo_record_add(r, &reading, &f[e].err), 0);
        assert_non_null(strstr(f[e].err.msg, "no metrics of the app"));
        nilo_arena_init(&arena, 0);
        must(&f[e], nilo_record_finish(r, NULL, &arena, &run, &f[e].err));
        nilo_arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_competitor_changes_no_answer_about_our_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nor_does_one_whose_role_was_said_after_the_fact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_show_competitors_and_say_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tables_bound_to_a_competitor_show_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sums_follow_the_role_as_a_rebuild_would, set_up, tear_down),
        cmocka_unit_test_setup_teardown(roles_that_cannot_be_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_competitor_has_no_metrics_of_the_app, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("competitors", tests, NULL, NULL);
}
