/* What apps write beside numbers: rows that they hide, notes on days, items and what is known of them, columns of their own. */
#include <stdio.h>
#include <string.h>

#include "store/stores.h"
#include "query/compat.h"
#include "write/written.h"

#define ROWS  "return=representation"
#define MERGE "resolution=merge-duplicates"
#define SAY(...) (const struct say[]){__VA_ARGS__}, sizeof((const struct say[]){__VA_ARGS__}) / sizeof(struct say)

static void publish(struct stores *s, const char *set, const char *connection)
{
    if (connection)
        stores_connection(s, "w", NULL, connection, connection, "db");
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_compat_bind(s->store, set, "w", connection, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
}

#define DAY_OF(id, day, more) "{\"organizationId\":\"w\",\"integrationId\":\"ig\",\"externalContentId\":\"" id "\",\"date\":\"" day "\"" more "}"
#define A "analytics_daily_metric"

static void hidden_rows_are_out_of_live_lists(struct stores *s)
{
    stores_connection(s, "w", NULL, "ig", "instagram", "db");
    publish(s, "analytics", NULL);
    written_all(s, SAY({"POST " A, NULL, "[" DAY_OF("a", "2025-03-19", ",\"reach\":5") "," DAY_OF("b", "2025-03-19", ",\"reach\":7") "]", "201"},
                       {"PATCH " A "?externalContentId=eq.a&select=externalContentId,reach,deletedAt", ROWS,
                        "{\"deletedAt\":\"2025-03-20T08:00:00Z\",\"updatedAt\":\"2025-03-20T08:00:00Z\"}",
                        "200 [{\"externalContentId\":\"a\",\"reach\":5,\"deletedAt\":\"2025-03-20T08:00:00+00:00\"}]"},
                       {"GET " A "?select=externalContentId", NULL, NULL, "[{\"externalContentId\":\"b\"}]"},
                       {"GET " A "?select=externalContentId&deletedAt=is.null", NULL, NULL, "[{\"externalContentId\":\"b\"}]"},
                       {"GET " A "?select=externalContentId,deletedAt&deletedAt=not.is.null", NULL, NULL,
                        "[{\"externalContentId\":\"a\",\"deletedAt\":\"2025-03-20T08:00:00+00:00\"}]"},
                       {"GET AnalyticsDailyMetric?select=externalContentId&or=(deletedAt.gt.2025-01-01,reach.gt.6)&order=externalContentId", NULL, NULL,
                        "[{\"externalContentId\":\"a\"}, {\"externalContentId\":\"b\"}]"},
                       /* the record knows nothing of it */
                       {"GET content_snapshots?select=external_id,reach&order=external_id", NULL, NULL,
                        "[{\"external_id\":\"a\",\"reach\":5}, {\"external_id\":\"b\",\"reach\":7}]"},
                       /* the key is taken all the same */
                       {"POST " A, NULL, DAY_OF("a", "2025-03-19", ",\"reach\":5"), "409 23505 *"},
                       {"POST " A, "resolution=ignore-duplicates", DAY_OF("a", "2025-03-19", ",\"reach\":5"), "200"},
                       {"GET " A "?select=externalContentId", NULL, NULL, "[{\"externalContentId\":\"b\"}]"},
                       /* the same value again: nothing is recorded, and the row is live */
                       {"POST " A "?select=externalContentId,deletedAt", ROWS "," MERGE, DAY_OF("a", "2025-03-19", ",\"reach\":5"),
                        "200 [{\"externalContentId\":\"a\",\"deletedAt\":null}]"},
                       {"GET " A "?select=externalContentId&order=externalContentId", NULL, NULL, "[{\"externalContentId\":\"a\"}, {\"externalContentId\":\"b\"}]"},
                       /* by upsert, with values and without */
                       {"POST " A, MERGE, "[" DAY_OF("a", "2025-03-19", ",\"deletedAt\":\"2025-03-20T09:00:00Z\"") "," DAY_OF("b", "2025-03-19", ",\"deletedAt\":null") "]", "400 23514 *"},
                       {"POST " A, MERGE, DAY_OF("a", "2025-03-19", ",\"deletedAt\":\"2025-03-20T09:00:00Z\""), "200"},
                       {"POST " A, MERGE, DAY_OF("b", "2025-03-19", ",\"reach\":8,\"deletedAt\":\"2025-03-20T09:00:00Z\""), "200"},
                       {"GET " A "?select=externalContentId", NULL, NULL, "[]"},
                       {"GET content_snapshots?select=external_id,reach&order=external_id", NULL, NULL,
                        "[{\"external_id\":\"a\",\"reach\":5}, {\"external_id\":\"b\",\"reach\":8}]"},
                       {"PATCH " A "?externalContentId=eq.b", NULL, "{\"deletedAt\":null}", "204"},
                       {"GET " A "?select=externalContentId", NULL, NULL, "[{\"externalContentId\":\"b\"}]"},
                       /* what is not there cannot be hidden, and nothing else is changed by PATCH */
                       {"POST " A, MERGE, DAY_OF("none", "2025-03-19", ",\"deletedAt\":\"2025-03-20T09:00:00Z\""), "400 23514 *"},
                       {"PATCH " A "?externalContentId=eq.b", NULL, "{\"deletedAt\":\"soon\"}", "400 22007 *"},
                       {"PATCH " A "?externalContentId=eq.b", NULL, "{\"deletedAt\":\"2025-03-20T09:00:00Z\",\"reach\":1}", "403 42501 *"},
                       {"PATCH " A "?externalContentId=eq.b", NULL, "{\"reach\":1}", "403 42501 *"},
                       {"PATCH " A "?externalContentId=eq.b", NULL, "[]", "204"},
                       {"PATCH " A "?externalContentId=eq.b&columns=deletedAt", NULL, "[]", "204"},
                       {"PATCH " A "?externalContentId=eq.b", NULL, "[{\"deletedAt\":null},{\"deletedAt\":null}]", "400 PGRST102 *"},
                       {"DELETE " A "?externalContentId=eq.b", NULL, NULL, "403 42501 *"},
                       {"GET " A "?select=externalContentId,reach", NULL, NULL, "[{\"externalContentId\":\"b\",\"reach\":8}]"}));
    assert_string_equal(written(s, NILO_ROLE_ADMIN, "w", "PATCH " A "?externalContentId=eq.b", NULL, "{\"deletedAt\":\"2025-03-20T09:00:00Z\"}"),
                        "403 42501 what was recorded for 2025-03-19 stays: rows of " A " are neither changed nor deleted; put a value right with nilometer revise");
    assert_string_equal(asked(s, "w", A "?select=externalContentId"), "[{\"externalContentId\":\"b\"}]");
}

static void notes_on_days(struct stores *s)
{
    written_all(s, SAY({"POST content", NULL, "{\"external_id\":\"v\"}", "201"},
                       {"POST annotations?select=id,day,to_day,text,author,external_id", ROWS, "{\"id\":\"n1\",\"day\":\"2025-03-19\",\"text\":\"launch\",\"author\":\"mia\"}",
                        "201 [{\"id\":\"n1\",\"day\":\"2025-03-19\",\"to_day\":\"2025-03-19\",\"text\":\"launch\",\"author\":\"mia\",\"external_id\":null}]"},
                       {"POST annotations", NULL, "{\"id\":\"n1\",\"day\":\"2025-03-19\",\"text\":\"x\"}",
                        "409 23505 duplicate key value violates unique constraint \"annotations_pkey\" / Key (id)=(n1) already exists."},
                       {"POST annotations?select=text,created_at,updated_at,author", ROWS "," MERGE, "{\"id\":\"n1\",\"day\":\"2025-03-19\",\"text\":\"Launch\",\"created_at\":\"2001-01-01\"}", "200 [{\"text\":\"Launch\",*"},
                       {"POST annotations?select=day,to_day,external_id,connection", ROWS, "{\"day\":\"2025-03-01\",\"to_day\":\"2025-03-07\",\"text\":\"sale\",\"external_id\":\"v\"}",
                        "201 [{\"day\":\"2025-03-01\",\"to_day\":\"2025-03-07\",\"external_id\":\"v\",\"connection\":\"push\"}]"},
                       {"GET annotations?select=text&order=day", NULL, NULL, "[{\"text\":\"sale\"}, {\"text\":\"Launch\"}]"},
                       {"PATCH annotations?text=eq.sale&select=day,to_day,text,external_id", ROWS, "{\"text\":\"big sale\"}",
                        "200 [{\"day\":\"2025-03-01\",\"to_day\":\"2025-03-07\",\"text\":\"big sale\",\"external_id\":\"v\"}]"},
                       {"PATCH annotations?id=eq.n1&select=day,to_day", ROWS, "{\"day\":\"2025-03-20\"}", "200 [{\"day\":\"2025-03-20\",\"to_day\":\"2025-03-20\"}]"},
                       {"PATCH annotations?id=eq.n1", NULL, "{\"to_day\":\"2025-03-01\"}", "400 23514 *"},
                       {"PATCH annotations?id=eq.n1", NULL, "{\"text\":null}", "400 23502 *"},
                       {"PATCH annotations?id=eq.n1", NULL, "{\"id\":\"n2\"}", "403 42501 *"},
                       {"PATCH annotations?id=eq.n1", NULL, "{\"external_id\":\"nobody\"}", "409 23503 *"},
                       {"POST annotations", NULL, "{\"day\":\"2025-03-19\"}", "400 23502 *"},
                       {"POST annotations", NULL, "{\"text\":\"x\"}", "400 23502 *"},
                       {"POST annotations", NULL, "{\"text\":\"x\",\"day\":\"2025-03-19\",\"mood\":1}", "400 PGRST204 *"},
                       {"POST annotations", NULL, "{\"text\":\"x\",\"day\":\"2025-03-19\",\"external_id\":\"v\",\"connection\":\"none\"}", "409 23503 *"},
                       {"AT 2025-03-21T10:00:00Z", NULL, NULL, ""},
                       {"PATCH annotations?id=eq.n1&select=created_at,updated_at", ROWS, "{\"text\":\"later\"}",
                        "200 [{\"created_at\":\"2025-03-20T10:00:00+00:00\",\"updated_at\":\"2025-03-21T10:00:00+00:00\"}]"},
                       {"DELETE annotations?id=eq.n1&select=id", ROWS, NULL, "200 [{\"id\":\"n1\"}]"},
                       {"GET annotations?select=text", NULL, NULL, "[{\"text\":\"big sale\"}]"},
                       {"GET content?select=external_id", NULL, NULL, "[{\"external_id\":\"v\"}]"}));
    assert_string_equal(written(s, NILO_ROLE_AUTHENTICATED, "w", "POST annotations", NULL, "{\"day\":\"2025-03-19\",\"text\":\"x\"}"),
                        "403 42501 new row violates row-level security policy for table \"annotations\"");
    assert_string_equal(written(s, NILO_ROLE_AUTHENTICATED, "w", "DELETE annotations?text=eq.x", NULL, NULL), "403 42501 permission denied for table annotations");
    assert_string_equal(written(s, NILO_ROLE_ADMIN, "other", "DELETE annotations?text=eq.big%20sale", "count=exact", NULL), "204 */0");
    assert_string_equal(asked(s, "other", "annotations?select=text"), "[]");
}

static void items_and_what_is_known_of_them(struct stores *s)
{
#define KNOWN "select=connection,platform,external_id,owner,title,url,media_type,duration_ms,tags,posted_at"
    written_all(s, SAY({"POST content?" KNOWN, ROWS,
                        "{\"external_id\":\"a\",\"platform\":\"youtube\",\"owner\":[\"mia\",\"bo\"],\"title\":\"T\",\"url\":\"https://x/a\",\"media_type\":\"video\","
                        "\"duration_ms\":1500,\"tags\":[\"x\"],\"posted_at\":\"2025-03-01T10:00:00Z\",\"first_seen_at\":\"2001-01-01\"}",
                        "201 [{\"connection\":\"youtube\",\"platform\":\"youtube\",\"external_id\":\"a\",\"owner\":[\"bo\",\"mia\"],\"title\":\"T\",\"url\":\"https://x/a\","
                        "\"media_type\":\"video\",\"duration_ms\":1500,\"tags\":[\"x\"],\"posted_at\":\"2025-03-01T10:00:00+00:00\"}]"},
                       {"POST content", NULL, "{\"external_id\":\"a\",\"platform\":\"youtube\"}",
                        "409 23505 duplicate key value violates unique constraint \"content_external_id_connection_key\" / Key (external_id, connection)=(a, youtube) already exists."},
                       {"POST content", "resolution=ignore-duplicates", "[{\"external_id\":\"a\"},{\"external_id\":\"b\"},{\"external_id\":\"b\"}]", "201"},
                       {"POST content", NULL, "[{\"external_id\":\"c\"},{\"external_id\":\"c\"}]", "409 23505 *"},
                       {"POST content", MERGE, "[{\"external_id\":\"c\"},{\"external_id\":\"c\"}]", "400 21000 *"},
                       /* an upsert writes the columns that it names, null too */
                       {"POST content?select=title,media_type,owner", ROWS "," MERGE, "{\"external_id\":\"a\",\"title\":\"U\",\"media_type\":null,\"owner\":\"cy\"}",
                        "200 [{\"title\":\"U\",\"media_type\":null,\"owner\":[\"bo\",\"cy\",\"mia\"]}]"},
                       {"PATCH content?external_id=eq.a&select=title,caption,status,owner", ROWS, "{\"title\":null,\"caption\":\"C\",\"status\":\"public\",\"owner\":[\"bo\",\"di\"]}",
                        "200 [{\"title\":null,\"caption\":\"C\",\"status\":\"public\",\"owner\":[\"bo\",\"di\"]}]"},
                       {"GET credits?select=owner&ended_at=is.null&order=owner", NULL, NULL, "[{\"owner\":\"bo\"}, {\"owner\":\"di\"}]"},
                       {"PATCH content?external_id=eq.a&select=owner", ROWS, "{\"owner\":null}", "200 [{\"owner\":[]}]"},
                       {"PATCH content?external_id=eq.a", NULL, "{\"external_id\":\"z\"}", "403 42501 *"},
                       {"PATCH content?external_id=eq.a", NULL, "{\"platform\":\"tiktok\"}", "403 42501 *"},
                       {"PATCH content?external_id=eq.a", NULL, "{\"owner\":{\"a\":1}}", "400 22P02 *"},
                       {"PATCH content?external_id=eq.a", NULL, "{\"duration_ms\":-1}", "400 23514 *"},
                       {"PATCH content?external_id=eq.a&select=title,first_seen_at", ROWS, "{\"first_seen_at\":\"2001-01-01\"}", "200 [{\"title\":null,\"first_seen_at\":\"2025-*"},
                       {"POST content", NULL, "{\"title\":\"x\"}", "400 23502 *"},
                       {"POST content", NULL, "{\"external_id\":\"\"}", "400 22023 *"},
                       {"POST content?select=platform,external_id", ROWS, "{\"url\":\"https://www.youtube.com/watch?v=dQw4w9WgXcQ\"}",
                        "201 [{\"platform\":\"youtube\",\"external_id\":\"dQw4w9WgXcQ\"}]"},
                       {"DELETE content?external_id=eq.a", NULL, NULL, "403 42501 *"},
                       {"GET runs?select=kind,status&limit=1", NULL, NULL, "[{\"kind\":\"push\",\"status\":\"completed\"}]"},
                       {"GET content?select=external_id,connection&order=external_id", NULL, NULL,
                        "[{\"external_id\":\"a\",\"connection\":\"youtube\"}, {\"external_id\":\"b\",\"connection\":\"push\"}, {\"external_id\":\"dQw4w9WgXcQ\",\"connection\":\"youtube\"}]"}));
    assert_string_equal(written(s, NILO_ROLE_AUTHENTICATED, "w", "PATCH content?external_id=eq.a", NULL, "{\"title\":\"x\"}"),
                        "403 42501 permission denied for table content");
}

static void a_credit_ends(struct stores *s)
{
    written_all(s, SAY({"POST content_snapshots", NULL, "[{\"external_id\":\"a\",\"day\":\"2025-03-18\",\"views\":5},{\"external_id\":\"a\",\"day\":\"2025-03-19\",\"views\":9}]", "201"},
                       {"POST credits", NULL, "{\"owner\":\"ann\",\"external_id\":\"a\"}", "201"},
                       {"GET owner_daily?select=day,views&order=day", NULL, NULL, "[{\"day\":\"2025-03-18\",\"views\":5}, {\"day\":\"2025-03-19\",\"views\":9}]"},
                       {"PATCH credits?owner=eq.ann&select=owner,from_day,to_day,ended_at", ROWS, "{\"to_day\":\"2025-03-18\"}",
                        "200 [{\"owner\":\"ann\",\"from_day\":null,\"to_day\":\"2025-03-18\",\"ended_at\":null}]"},
                       {"GET credits?select=to_day,ended_at&ended_at=is.null", NULL, NULL, "[{\"to_day\":\"2025-03-18\",\"ended_at\":null}]"},
                       {"GET owner_daily?select=day,views&day=eq.2025-03-18", NULL, NULL, "[{\"day\":\"2025-03-18\",\"views\":5}]"},
                       /* the one that was is history */
                       {"PATCH credits?owner=eq.ann", NULL, "{\"to_day\":null}", "403 42501 a credit that was taken back*"},
                       {"PATCH credits?owner=eq.ann&ended_at=is.null&select=to_day", ROWS, "{\"from_day\":\"2025-03-18\"}", "200 [{\"to_day\":\"2025-03-18\"}]"},
                       {"PATCH credits?owner=eq.ann&ended_at=is.null", NULL, "{\"to_day\":\"2025-03-01\"}", "400 23514 *"},
                       {"PATCH credits?owner=eq.ann&ended_at=is.null", NULL, "{\"role\":\"editor\"}", "403 42501 *"},
                       {"PATCH credits?owner=eq.ann&ended_at=is.null", NULL, "{\"to_day\":null,\"from_day\":null}", "204"},
                       {"GET owner_daily?select=day,views&order=day", NULL, NULL, "[{\"day\":\"2025-03-18\",\"views\":5}, {\"day\":\"2025-03-19\",\"views\":9}]"},
                       /* of two credits of one key the one that is meant */
                       {"POST credits", NULL, "{\"owner\":\"bo\",\"external_id\":\"a\",\"to_day\":\"2025-03-10\"}", "201"},
                       {"DELETE credits?owner=eq.bo&to_day=eq.2025-03-10", "count=exact", NULL, "204 */1"},
                       {"GET credits?select=owner&ended_at=is.null", NULL, NULL, "[{\"owner\":\"ann\"}]"}));
}

static void columns_of_their_own_are_kept(struct stores *s)
{
    publish(s, "youtube", "youtube");
    written_all(s, SAY({"POST users?select=u_id,u_email,metadata", ROWS, "{\"u_id\":\"u1\",\"u_email\":\"a@example.org\",\"avatar\":\"x.png\",\"level\":3}",
                        "201 [{\"u_id\":\"u1\",\"u_email\":\"a@example.org\",\"metadata\":{\"avatar\":\"x.png\",\"level\":3}}]"},
                       {"POST users?select=metadata", ROWS "," MERGE, "{\"u_id\":\"u1\",\"level\":4,\"tags\":[1,{\"a\":null}]}",
                        "200 [{\"metadata\":{\"avatar\":\"x.png\",\"level\":4,\"tags\":[1,{\"a\":null}]}}]"},
                       {"POST users?select=metadata", "resolution=ignore-duplicates", "{\"u_id\":\"u1\",\"level\":9}", "200"},
                       {"PATCH users?u_id=eq.u1&select=u_email,metadata", ROWS, "{\"avatar\":null}",
                        "200 [{\"u_email\":\"a@example.org\",\"metadata\":{\"level\":4,\"tags\":[1,{\"a\":null}],\"avatar\":null}}]"},
                       {"GET users?select=metadata->>level", NULL, NULL, "[{\"level\":\"4\"}]"},
                       {"POST user_projects?select=u_id,p_id,metadata", ROWS, "{\"u_id\":\"u1\",\"p_id\":\"v1\",\"share\":0.50}",
                        "201 [{\"u_id\":\"u1\",\"p_id\":\"v1\",\"metadata\":{\"share\":0.50}}]"},
                       {"POST user_projects?select=metadata", ROWS "," MERGE, "{\"u_id\":\"u1\",\"p_id\":\"v1\",\"since\":\"2025\"}",
                        "200 [{\"metadata\":{\"share\":0.50,\"since\":\"2025\"}}]"},
                       {"POST user_projects?select=metadata", ROWS, "{\"u_id\":\"u1\",\"p_id\":\"v2\"}", "201 [{\"metadata\":null}]"},
                       {"POST owners", NULL, "{\"owner\":\"x\",\"level\":1}", "400 PGRST204 *"}));
}

/* ---- G29 ----------------------------------------------------------------------------------------------------------------------------------- */

/* Each relation that takes writes: a row (n makes its key), and the columns that a caller may set. All others are the server's. */
static const struct owned {
    const char *relation, *row, *theirs;
} writables[] = {
    {"daily_metrics", "\"metric_date\":\"2025-03-19\",\"metric_type\":\"count\",\"metric_category\":\"m%d\",\"value\":1",
     "metric_date metric_type metric_category value metadata collection_timestamp"},
    {"content_snapshots", "\"external_id\":\"s%d\",\"day\":\"2025-03-19\",\"views\":1",
     "external_id day captured_at window_days owner title posted_at connection platform absence"},
    {"metric_values", "\"external_id\":\"v%d\",\"day\":\"2025-03-19\",\"metric\":\"views\",\"value\":1",
     "external_id day captured_at window_days metric metric_type value absence metadata connection platform entity"},
    {"content", "\"external_id\":\"c%d\"",
     "external_id connection platform owner title url posted_at media_type caption duration_ms thumbnail tags status deleted_at"},
    {"annotations", "\"id\":\"a%d\",\"day\":\"2025-03-19\",\"text\":\"x\"", "id day to_day text author connection external_id"},
    {"owners", "\"owner\":\"o%d\"", "owner display_name"},
    {"credits", "\"owner\":\"k%d\",\"external_id\":\"e\"", "owner external_id connection role from_day to_day"},
    {"metric_definitions", "\"metric_type\":\"count\",\"metric_category\":\"zz%d\"",
     "metric_type metric_category display_name description unit format_pattern is_active kind aggregation scale currency"},
    {"users", "\"u_id\":\"u%d\"", "u_id u_email metadata"},
    {"user_projects", "\"u_id\":\"w%d\",\"p_id\":\"p\"", "u_id p_id metadata"},
    {"user_metrics", "\"u_id\":\"x%d\"", "u_id"},
    {"youtube_metrics", "\"p_id\":\"y%d\",\"fetched_at\":\"2025-03-19T09:00:00Z\",\"view_count\":1",
     "p_id platform fetched_at day view_count like_count comment_count share_count"},
    {"analytics_daily_metric", "\"organizationId\":\"w\",\"integrationId\":\"ig\",\"externalContentId\":\"i%d\",\"date\":\"2025-03-19\",\"reach\":1",
     "organizationId integrationId externalContentId date impressions reach reactions videoViews clicks comments shares deletedAt"},
    {"AnalyticsDailyMetric", "\"organizationId\":\"w\",\"integrationId\":\"ig\",\"externalContentId\":\"j%d\",\"date\":\"2025-03-19\",\"reach\":1",
     "organizationId integrationId externalContentId date impressions reach reactions videoViews clicks comments shares deletedAt"},
    {"creator_video_metric_snapshots", "\"brand_id\":\"w\",\"tiktok_video_id\":\"t%d\",\"snapshot_date\":\"2025-03-19\",\"window_days\":30,\"views\":1",
     "brand_id tiktok_video_id snapshot_date window_days gmv_cents views items_sold gpm_cents ctr source_run_id raw_payload"},
    {"studio_social_post_metrics", "\"social_post_id\":\"q%d\",\"captured_at\":\"2025-03-19T09:00:00Z\",\"views\":1",
     "social_post_id captured_at impressions views likes comments shares saves metadata"},
};

static bool lists(const char *names, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = names; (at = strstr(at, name)) != NULL; at += len)
        if ((at == names || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    return false;
}

static const char *forged(const struct nilo_column *c)
{
    if (strcmp(c->name, "provenance") == 0)
        return "\"imported\"";
    switch (c->type) {
    case NILO_T_INT:
    case NILO_T_DECIMAL:
        return "987654321";
    case NILO_T_DAY:
        return "\"1999-09-09\"";
    case NILO_T_TIME:
        return "\"1999-09-09T09:09:09Z\"";
    case NILO_T_JSON:
        return "{\"forged\":1}";
    case NILO_T_BOOL:
        return "true";
    case NILO_T_UUID:
        return "\"f0f0f0f0-0000-4000-8000-000000000000\"";
    default:
        return "\"forged\"";
    }
}

static const char *everything(struct stores *s, const struct nilo_relation *r)
{
    char what[2000];
    int n = snprintf(what, sizeof what, "%s?select=", r->name);
    for (size_t i = 0; i < r->n_columns; i++)
        n += snprintf(what + n, sizeof what - (size_t)n, "%s%s", i ? "," : "", r->columns[i].name);
    if (strcmp(r->name, "metric_definitions") == 0) /* not those that came with the program */
        snprintf(what + n, sizeof what - (size_t)n, "&metric_category=like.zz*");
    return asked(s, "w", what);
}

static void not_taken(struct stores *s, const struct nilo_relation *r, const struct nilo_column *c, const char *how, const char *answer)
{
    static const char *const marks[] = {"987654321", "1999-09-09", "forged", "f0f0f0f0", "\"provenance\":\"imported\""};
    char said[300];
    snprintf(said, sizeof said, "%.299s", answer);
    if (said[0] == '5')
        fail_msg("%s.%s by %s: %s", r->name, c->name, how, said);
    const char *all = everything(s, r);
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (strstr(all, marks[i]))
            fail_msg("%s.%s is taken from the body by %s: %s\n%s", r->name, c->name, how, said, all);
    if (c->type == NILO_T_BOOL) {
        char mark[100];
        snprintf(mark, sizeof mark, "\"%s\":true", c->name);
        if (strstr(all, mark))
            fail_msg("%s.%s is taken from the body by %s: %s", r->name, c->name, how, said);
    }
}

static void try_column(struct stores *s, const struct owned *o, const struct nilo_relation *r, const struct nilo_column *c, int *n, int *taken)
{
    char row[400], key[500], body[800], what[200];
    snprintf(what, sizeof what, "POST %s", r->name);
    for (int merge = 0; merge < 3; merge++) { /* new; over one that is there; new by upsert */
        snprintf(row, sizeof row, "%s", o->row);
        char *mark = strstr(row, "%d");
        assert_non_null(mark);
        *mark = '\0';
        snprintf(key, sizeof key, "%s%d%s", row, merge == 1 ? *n : ++*n, mark + 2);
        snprintf(body, sizeof body, "{%s,\"%s\":%s}", key, c->name, forged(c));
        const char *answer = written(s, NILO_ROLE_SERVICE, "w", what, merge ? MERGE : "", body);
        bool done = answer[0] == '2';
        *taken += done;
        not_taken(s, r, c, merge ? "upsert" : "insert", answer);
        if (merge == 0 && !done) { /* for the upsert to meet something */
            snprintf(body, sizeof body, "{%s}", key);
            answer = written(s, NILO_ROLE_SERVICE, "w", what, NULL, body);
            if (answer[0] != '2')
                fail_msg("%s %s: %s", what, body, answer);
        }
    }
    if (!(nilo_write_verbs(r->name) & (1u << NILO_WRITE_PATCH)))
        return;
    snprintf(what, sizeof what, "PATCH %s?%s=not.is.null", r->name, r->key[0]);
    snprintf(body, sizeof body, "{\"%s\":%s}", c->name, forged(c));
    not_taken(s, r, c, "update", written(s, NILO_ROLE_SERVICE, "w", what, NULL, body));
}

static void what_the_server_owns_is_not_taken_from_a_body(struct stores *s)
{
    int n = 0, columns = 0, relations = 0, taken = 0;
    stores_connection(s, "w", NULL, "ig", "instagram", "db");
    publish(s, "youtube", "youtube");
    publish(s, "creator", "shop");
    publish(s, "studio", "studio");
    publish(s, "analytics", NULL);
    for (size_t i = 0; i < sizeof writables / sizeof writables[0]; i++) {
        const struct nilo_relation *r = nilo_relation_find(writables[i].relation);
        if (!r)
            r = nilo_compat_relation(writables[i].relation);
        assert_non_null(r);
        for (size_t k = 0; k < r->n_columns; k++)
            if (!lists(writables[i].theirs, r->columns[k].name)) {
                columns++;
                try_column(s, &writables[i], r, &r->columns[k], &n, &taken);
            }
    }
    assert_true(columns > 60 && taken > columns);
    /* and none is left out */
    for (size_t i = 0; i < nilo_relations_n; i++)
        relations += nilo_write_verbs(nilo_relations[i].name) != 0;
    for (size_t i = 0; nilo_compat_sets[i]; i++)
        for (size_t k = 0; k < nilo_compat_sets[i]->n; k++)
            relations += nilo_write_verbs(nilo_compat_sets[i]->relations[k].name) != 0;
    assert_int_equal(relations, sizeof writables / sizeof writables[0]);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(hidden_rows_are_out_of_live_lists), STORES_TEST(notes_on_days), STORES_TEST(items_and_what_is_known_of_them),
        STORES_TEST(a_credit_ends), STORES_TEST(columns_of_their_own_are_kept),
        STORES_TEST(what_the_server_owns_is_not_taken_from_a_body),
    };
    return stores_run("writing what apps say", tests, sizeof tests / sizeof tests[0]);
}
