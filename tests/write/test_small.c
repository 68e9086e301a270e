/* Owners, credits, definitions of metrics, and the tables of existing apps that are the same: insert, update, delete by whom it may be. */
#include "write/written.h"

#include "query/compat.h"

#include <stdlib.h>
#include <string.h>

#define SAY(...) (const struct say[]){__VA_ARGS__}, sizeof((const struct say[]){__VA_ARGS__}) / sizeof(struct say)
#define ROWS  "return=representation"
#define MERGE "resolution=merge-duplicates"

static void owners_come_and_go(struct stores *s)
{
    written_all(s, SAY({"POST owners?select=owner,display_name", ROWS, "[{\"owner\":\"ann\",\"display_name\":\"Ann\"},{\"owner\":\"bob\",\"display_name\":null}]",
                        "201 [{\"owner\":\"ann\",\"display_name\":\"Ann\"}, {\"owner\":\"bob\",\"display_name\":null}]"},
                       {"POST owners", NULL, "{\"owner\":\"ann\"}", "409 23505 duplicate key value violates unique constraint \"owners_owner_key\" / Key (owner)=(ann) already exists."},
                       {"POST owners", "resolution=ignore-duplicates", "{\"owner\":\"ann\",\"display_name\":\"X\"}", "200"},
                       {"POST owners?select=display_name", ROWS "," MERGE, "{\"owner\":\"ann\",\"display_name\":\"Anna\"}", "200 [{\"display_name\":\"Anna\"}]"},
                       {"POST owners", NULL, "[{\"owner\":\"cy\"},{\"owner\":\"cy\"}]", "409 23505 *"},
                       {"POST owners", NULL, "{\"display_name\":\"x\"}", "400 23502 *"},
                       {"PATCH owners?owner=eq.bob&select=owner,display_name", ROWS, "{\"display_name\":\"Bob\"}", "200 [{\"owner\":\"bob\",\"display_name\":\"Bob\"}]"},
                       {"PATCH owners?owner=eq.bob", NULL, "{\"owner\":\"bo\"}", "403 42501 *"},
                       {"PATCH owners?owner=eq.nobody", "count=exact", "{\"display_name\":\"x\"}", "204 */0"},
                       {"PATCH owners?owner=in.(ann,bob)", "max-affected=1", "{\"display_name\":\"x\"}", "400 PGRST124 *"},
                       {"DELETE owners?owner=eq.bob&select=owner", ROWS ",count=exact", NULL, "200 */1 [{\"owner\":\"bob\"}]"},
                       {"DELETE owners", NULL, NULL, "400 21000 *"},
                       {"GET owners?select=owner,display_name", NULL, NULL, "[{\"owner\":\"ann\",\"display_name\":\"Anna\"}]"}));
}

/* Totals follow credits, backwards too. */
static void credits_move_totals(struct stores *s)
{
#define CREDIT(owner) "{\"owner\":\"" owner "\",\"external_id\":\"a\"}"
    written_all(s, SAY({"POST content_snapshots", NULL, "{\"external_id\":\"a\",\"day\":\"2025-03-19\",\"views\":5}", "201"},
                       {"POST credits?select=owner,external_id,connection,role", ROWS, CREDIT("ann"),
                        "201 [{\"owner\":\"ann\",\"external_id\":\"a\",\"connection\":\"push\",\"role\":\"owner\"}]"},
                       {"POST credits", NULL, CREDIT("ann"), "409 23505 *"},
                       {"POST credits", MERGE, CREDIT("ann"), "200"},
                       {"POST credits", NULL, "{\"owner\":\"ann\",\"external_id\":\"a\",\"role\":\"editor\",\"from_day\":\"2025-03-21\",\"to_day\":\"2025-03-20\"}", "400 23514 *"},
                       {"POST credits", NULL, "{\"owner\":\"ann\",\"external_id\":\"a\",\"connection\":\"none\"}", "409 23503 *"},
                       {"GET owner_metrics?select=owner,views", NULL, NULL, "[{\"owner\":\"ann\",\"views\":5}]"},
                       {"DELETE owners?owner=eq.ann", NULL, NULL, "409 23503 *"},
                       {"DELETE credits?owner=eq.ann&ended_at=is.null", "count=exact", NULL, "204 */1"},
                       {"GET owner_metrics?select=owner,views", NULL, NULL, "[{\"owner\":\"ann\",\"views\":null}]"},
                       {"GET credits?select=owner&ended_at=is.null", NULL, NULL, "[]"},
                       {"DELETE credits?owner=eq.ann", "count=exact", NULL, "204 */0"}, /* it is gone already */
                       {"DELETE credits?owner=eq.ann&select=owner", ROWS, NULL, "200 []"},
                       {"POST credits", NULL, CREDIT("ann"), "201"},
                       {"GET owner_metrics?select=owner,views", NULL, NULL, "[{\"owner\":\"ann\",\"views\":5}]"}));
}

static void definitions_are_words(struct stores *s)
{
#define DEFINE(more) "{\"metric_type\":\"count\",\"metric_category\":\"signups\"" more "}"
    written_all(s, SAY({"POST metric_definitions?select=metric_type,metric_category,display_name,is_active,scale,kind", ROWS, DEFINE(",\"display_name\":\"Signups\",\"is_active\":false"),
                        "201 [{\"metric_type\":\"count\",\"metric_category\":\"signups\",\"display_name\":\"Signups\",\"is_active\":false,\"scale\":0,\"kind\":\"period\"}]"},
                       {"POST metric_definitions", NULL, DEFINE(""), "409 23505 *"},
                       {"POST metric_definitions?select=display_name,unit,is_active", ROWS "," MERGE, DEFINE(",\"unit\":\"people\",\"is_active\":true"),
                        "200 [{\"display_name\":\"Signups\",\"unit\":\"people\",\"is_active\":true}]"},
                       {"PATCH metric_definitions?metric_category=eq.signups&select=description,unit", ROWS, "{\"description\":\"new accounts\"}",
                        "200 [{\"description\":\"new accounts\",\"unit\":\"people\"}]"},
                       {"AT 2025-03-20T13:00:00Z", NULL, NULL, ""},
                       {"PATCH metric_definitions?metric_category=eq.signups&select=created_at,updatedAt", ROWS, "{\"description\":\"accounts\"}",
                        "200 [{\"created_at\":\"2025-03-20T10:00:00+00:00\",\"updatedAt\":\"2025-03-20T13:00:00+00:00\"}]"},
                       {"PATCH metric_definitions?metric_category=eq.signups", NULL, "{\"scale\":2}", "403 42501 *"},
                       {"PATCH metric_definitions?metric_category=eq.signups", NULL, "{\"metric_type\":\"average\"}", "403 42501 *"},
                       {"DELETE metric_definitions?metric_category=eq.views", NULL, NULL, "403 42501 the definition of views stays*"},
                       {"POST daily_metrics", NULL, "{\"metric_date\":\"2025-03-20\",\"metric_type\":\"count\",\"metric_category\":\"signups\",\"value\":1}", "201"},
                       {"GET metric_definitions?select=metric_category&metric_category=in.(unused,signups)", NULL, NULL, "[{\"metric_category\":\"signups\"}]"}));
}

static void users_and_their_projects(struct stores *s)
{
    stores_connection(s, "w", NULL, "youtube", "youtube", "db");
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_compat_bind(s->store, "youtube", "w", "youtube", &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    written_all(s, SAY({"POST users?select=u_id,u_email", ROWS, "{\"u_id\":\"u1\",\"u_email\":\"a@example.org\"}", "201 [{\"u_id\":\"u1\",\"u_email\":\"a@example.org\"}]"},
                       {"POST user_projects", NULL, "{\"u_id\":\"u1\",\"p_id\":\"v1\"}", "201"},
                       {"POST user_projects", NULL, "{\"u_id\":\"u1\",\"p_id\":\"v1\"}",
                        "409 23505 duplicate key value violates unique constraint \"user_projects_pkey\" / Key (u_id, p_id)=(u1, v1) already exists."},
                       {"POST user_projects", MERGE, "{\"u_id\":\"u1\",\"p_id\":\"v1\"}", "200"},
                       {"POST youtube_metrics", NULL, "{\"p_id\":\"v1\",\"fetched_at\":\"2025-03-20T09:00:00\",\"view_count\":7}", "201"},
                       /* derived, whatever is posted */
                       {"POST user_metrics?select=u_id,total_view_count,total_share_count&on_conflict=u_id", ROWS "," MERGE,
                        "{\"u_id\":\"u1\",\"total_view_count\":999,\"total_share_count\":9,\"updated_at\":\"2025-03-20T09:00:00\"}",
                        "200 [{\"u_id\":\"u1\",\"total_view_count\":7,\"total_share_count\":0}]"},
                       {"POST user_metrics?select=u_id,total_view_count&on_conflict=u_id", ROWS "," MERGE, "{\"u_id\":\"u2\",\"total_view_count\":999}",
                        "201 [{\"u_id\":\"u2\",\"total_view_count\":0}]"},
                       {"DELETE user_projects?u_id=eq.u1&p_id=eq.v1", NULL, NULL, "204"},
                       {"GET user_projects?select=u_id", NULL, NULL, "[]"},
                       {"GET user_metrics?select=u_id,total_view_count&order=u_id", NULL, NULL, "[{\"u_id\":\"u1\",\"total_view_count\":0}, {\"u_id\":\"u2\",\"total_view_count\":0}]"}));
    assert_rows(s, "SELECT count(*) FROM connection", "1");
}

/* updatedAt moves where something is said otherwise, and only there; the ids of rows serve as conditions. */
static void users_know_when_they_were_changed(struct stores *s)
{
#define USER "POST users?select=createdAt,updatedAt&on_conflict=u_id"
#define SINCE(hour) "\"createdAt\":\"2025-03-20T10:00:00+00:00\",\"updatedAt\":\"2025-03-20T" hour ":00:00+00:00\""
    stores_connection(s, "w", NULL, "youtube", "youtube", "db");
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_compat_bind(s->store, "youtube", "w", "youtube", &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    written_all(s, SAY({USER, ROWS, "{\"u_id\":\"u1\",\"u_email\":\"a@example.org\"}", "201 [{" SINCE("10") "}]"},
                       {"POST users", NULL, "{\"u_id\":\"u2\"}", "201"},
                       {"POST user_projects?select=createdAt,updatedAt", ROWS, "{\"u_id\":\"u1\",\"p_id\":\"v1\",\"kind\":\"solo\"}", "201 [{" SINCE("10") "}]"},
                       {"AT 2025-03-20T11:00:00Z", NULL, NULL, ""},
                       {USER, ROWS "," MERGE, "{\"u_id\":\"u1\",\"u_email\":\"a@example.org\"}", "200 [{" SINCE("10") "}]"},
                       {"POST user_projects?select=createdAt,updatedAt", ROWS "," MERGE, "{\"u_id\":\"u1\",\"p_id\":\"v1\",\"kind\":\"solo\"}", "200 [{" SINCE("10") "}]"},
                       {USER, ROWS "," MERGE, "{\"u_id\":\"u1\",\"u_email\":\"b@example.org\"}", "200 [{" SINCE("11") "}]"},
                       {"AT 2025-03-20T12:00:00Z", NULL, NULL, ""},
                       {USER, ROWS "," MERGE, "{\"u_id\":\"u1\",\"plan\":\"pro\"}", "200 [{" SINCE("12") "}]"},
                       {"POST user_projects?select=createdAt,updatedAt", ROWS "," MERGE, "{\"u_id\":\"u1\",\"p_id\":\"v1\",\"kind\":\"duo\"}", "200 [{" SINCE("12") "}]"},
                       {"GET users?select=u_id&order=updatedAt.desc&updatedAt=gte.2025-03-20T10:00:00", NULL, NULL, "[{\"u_id\":\"u1\"}, {\"u_id\":\"u2\"}]"},
                       {"GET user_metrics?select=u_id,createdAt&u_id=eq.u1", NULL, NULL, "[{\"u_id\":\"u1\",\"createdAt\":\"2025-03-20T10:00:00+00:00\"}]"},
                       /* what the server fills is no column of the app's own */
                       {"POST users?select=u_id,metadata&on_conflict=id", ROWS "," MERGE,
                        "{\"u_id\":\"u2\",\"id\":\"00000000-0000-4000-8000-000000000000\",\"createdAt\":\"2020-01-01T00:00:00Z\",\"updatedAt\":\"2020-01-01T00:00:00Z\"}",
                        "200 [{\"u_id\":\"u2\",\"metadata\":null}]"}));
    char id[64], ask[200];
    const char *got = strstr(asked(s, "w", "users?select=id&u_id=eq.u2"), ":\"");
    assert_non_null(got);
    snprintf(id, sizeof id, "%.36s", got + 2);
    snprintf(ask, sizeof ask, "PATCH users?id=eq.%s&select=u_id,u_email,updatedAt", id);
    written_all(s, SAY({ask, ROWS, "{\"u_email\":\"c@example.org\"}",
                        "200 [{\"u_id\":\"u2\",\"u_email\":\"c@example.org\",\"updatedAt\":\"2025-03-20T12:00:00+00:00\"}]"}));
}

/* An app with numeric keys gets numbers back; what is no whole number stays a text, and so does everything where the binding says nothing. */
static void ids_are_of_the_type_that_the_app_has(struct stores *s)
{
    stores_connection(s, "w", NULL, "youtube", "youtube", "db");
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_compat_bind(s->store, "youtube", "w", "youtube", &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    written_all(s, SAY({"POST users?select=u_id", ROWS, "[{\"u_id\":7},{\"u_id\":\"007\"}]", "201 [{\"u_id\":\"7\"}, {\"u_id\":\"007\"}]"}));
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_compat_numbers(s->store, "youtube", true, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    written_all(s, SAY({"GET users?select=u_id&order=u_id", NULL, NULL, "[{\"u_id\":\"007\"}, {\"u_id\":7}]"},
                            {"GET users?select=u_id&u_id=eq.7", NULL, NULL, "[{\"u_id\":7}]"},
                            {"GET users?select=n:u_id::text&u_id=in.(7)", NULL, NULL, "[{\"n\":\"7\"}]"},
                            {"POST users?select=u_id", ROWS, "{\"u_id\":123456789012345678}", "201 [{\"u_id\":123456789012345678}]"},
                            {"POST users", NULL, "{\"u_id\":\"7\"}", "409 23505 *"}));
}

static void who_may(struct stores *s)
{
    static const struct {
        enum nilo_role role;
        const char *what, *body, *answer;
    } rows[] = {
        {NILO_ROLE_ANON, "POST owners", "{\"owner\":\"x\"}", "403 42501 permission denied for table owners"},
        {NILO_ROLE_AUTHENTICATED, "POST owners", "{\"owner\":\"x\"}", "403 42501 new row violates row-level security policy for table \"owners\""},
        {NILO_ROLE_AUTHENTICATED, "PATCH owners?owner=eq.x", "{}", "403 42501 permission denied for table owners"},
        {NILO_ROLE_AUTHENTICATED, "DELETE metric_definitions?unit=eq.x", NULL, "403 42501 permission denied for table metric_definitions"},
        {NILO_ROLE_ANON, "POST metric_definitions", "{}", "403 42501 new row violates row-level security policy for table \"metric_definitions\""},
        {NILO_ROLE_ADMIN, "POST owners", "{\"owner\":\"x\"}", "201"},
        {NILO_ROLE_ADMIN, "POST credits", "{\"owner\":\"x\",\"external_id\":\"v\"}", "201"},
        {NILO_ROLE_ADMIN, "PATCH credits?owner=eq.x", "{}", "204"},
        {NILO_ROLE_ADMIN, "PATCH metric_definitions?metric_category=eq.views", "{\"unit\":\"times\"}", "204"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(written(s, rows[i].role, "w", rows[i].what, NULL, rows[i].body), rows[i].answer);
    /* another workspace's rows are not there */
    assert_string_equal(written(s, NILO_ROLE_ADMIN, "other", "DELETE owners?owner=eq.x", "count=exact", NULL), "204 */0");
    assert_string_equal(written(s, NILO_ROLE_ADMIN, "other", "POST owners", NULL, "{\"owner\":\"y\",\"workspace\":\"w\"}"), "404 PGRST125 there is no such workspace");
    assert_string_equal(asked(s, "w", "owners?select=owner"), "[{\"owner\":\"x\"}]");
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(owners_come_and_go), STORES_TEST(credits_move_totals), STORES_TEST(definitions_are_words), STORES_TEST(users_and_their_projects), STORES_TEST(users_know_when_they_were_changed), STORES_TEST(ids_are_of_the_type_that_the_app_has),
        STORES_TEST(who_may),
    };
    return stores_run("writing small things", tests, sizeof tests / sizeof tests[0]);
}
