/* Numbers of items: POST of content_snapshots and metric_values by the table of SEMANTICS 6, and rpc/record, which takes what is good of a batch. */
#include "write/written.h"

#include "query/compat.h"
#include "record/record.h"

#include <stdlib.h>
#include <string.h>

#define SAY(...) (const struct say[]){__VA_ARGS__}, sizeof((const struct say[]){__VA_ARGS__}) / sizeof(struct say)
#define ROWS  "return=representation"
#define MERGE "resolution=merge-duplicates"
#define POST  "POST content_snapshots?select=external_id,day,views,likes"
#define ITEM(id, day, more) "{\"external_id\":\"" id "\",\"day\":\"" day "\"," more "}"

static void snapshots_are_recorded(struct stores *s)
{
    written_all(s, SAY({POST, ROWS, ITEM("a", "2025-03-20", "\"views\":10,\"likes\":2"), "201 [{\"external_id\":\"a\",\"day\":\"2025-03-20\",\"views\":10,\"likes\":2}]"},
                       {POST, NULL, ITEM("a", "2025-03-20", "\"views\":10"),
                        "409 23505 duplicate key value violates unique constraint \"content_snapshots_day_external_id_window_days_connection_key\" / Key "
                        "(day, external_id, window_days, connection)=(2025-03-20, a, 0, push) already exists."},
                       /* a column that the row has not, but the row is there */
                       {POST, NULL, ITEM("a", "2025-03-20", "\"shares\":10"), "409 23505 *"},
                       {POST, ROWS "," MERGE, ITEM("a", "2025-03-20", "\"views\":8"), "200 [{\"external_id\":\"a\",\"day\":\"2025-03-20\",\"views\":8,\"likes\":2}]"},
                       {POST, ROWS "," MERGE, ITEM("a", "2025-03-20", "\"views\":10"), "200 [{\"external_id\":\"a\",\"day\":\"2025-03-20\",\"views\":10,\"likes\":2}]"},
                       {POST, ROWS, ITEM("a", "2025-03-19", "\"views\":null,\"likes\":1,\"window_days\":30"),
                        "201 [{\"external_id\":\"a\",\"day\":\"2025-03-19\",\"views\":null,\"likes\":1}]"},
                       {"GET content_snapshots?select=window_days,absence&window_days=eq.30", NULL, NULL, "[{\"window_days\":30,\"absence\":{\"views\":\"not_reported\"}}]"},
                       {POST ",owner,title", ROWS, ITEM("b", "2025-03-20", "\"views\":1,\"owner\":[\"ann\"],\"title\":\"B\",\"platform\":\"youtube\""),
                        "201 [{\"external_id\":\"b\",\"day\":\"2025-03-20\",\"views\":1,\"likes\":null,\"owner\":[\"ann\"],\"title\":\"B\"}]"},
                       {"GET owner_metrics?select=owner,views", NULL, NULL, "[{\"owner\":\"ann\",\"views\":1}]"},
                       {"GET connections?select=name,platform,origin&order=name", NULL, NULL,
                        "[{\"name\":\"push\",\"platform\":\"push\",\"origin\":\"push\"}, {\"name\":\"youtube\",\"platform\":\"youtube\",\"origin\":\"push\"}]"}));
}

/* An amendment, restated; the new value is shown and the old one can be asked for. */
static void a_closed_day_is_amended(struct stores *s)
{
    written_all(s, SAY({"AT 2025-03-10T20:00:00Z", NULL, NULL, ""}, {POST, NULL, ITEM("a", "2025-03-10", "\"views\":5,\"likes\":1"), "201"},
                       {"AT 2025-03-12T01:00:00Z", NULL, NULL, ""}));
    ok(s, nilo_record_seal(s->store, 0, &(int){0}, &s->err));
    assert_int_equal(stores_int(s, "SELECT closed_until FROM connection"), stores_day("2025-03-10").n);
    written_all(s, SAY({POST, ROWS "," MERGE, ITEM("a", "2025-03-10", "\"views\":5"), "200 [{\"external_id\":\"a\",\"day\":\"2025-03-10\",\"views\":5,\"likes\":1}]"}));
    assert_int_equal(stores_int(s, "SELECT count(*) FROM run"), 1);
    written_all(s, SAY({POST, ROWS "," MERGE, ITEM("a", "2025-03-10", "\"views\":7"), "200 [{\"external_id\":\"a\",\"day\":\"2025-03-10\",\"views\":7,\"likes\":1}]"},
                       {POST, NULL, ITEM("a", "2025-03-10", "\"views\":9"), "409 23505 *"},
                       {"GET revisions?select=metric,value,previous,cause", NULL, NULL,
                        "[{\"metric\":\"views\",\"value\":7,\"previous\":5,\"cause\":\"restated\"}]"},
                       {"DELETE content_snapshots?day=eq.2025-03-10", NULL, NULL, "403 42501 what was recorded for 2025-03-10 stays*"},
                       {"PATCH metric_values?day=eq.2025-03-10", NULL, "{}", "403 42501 what was recorded for 2025-03-10 stays*"}));
}

static void snapshots_that_are_none(struct stores *s)
{
    static const struct say says[] = {
        {POST, NULL, ITEM("a", "2025-03-20", "\"vews\":1"), "400 PGRST204 Could not find the 'vews' column of 'content_snapshots' in the schema cache"},
        {POST, NULL, ITEM("a", "2025-03-20", "\"title\":\"x\""), "400 23514 *"},
        {POST, NULL, ITEM("a", "2025-03-20", "\"views\":-1"), "400 23514 *"},
        {POST, NULL, ITEM("a", "2025-03-20", "\"views\":1.5"), "400 22003 *"},
        {POST, NULL, ITEM("a", "2025-03-20", "\"views\":\"x\""), "400 22P02 *"},
        {POST, NULL, ITEM("a", "2025-03-20", "\"views\":1,\"window_days\":-1"), "400 23514 *"},
        {POST, NULL, ITEM("a", "2025-03-20", "\"views\":1,\"absence\":{\"views\":\"hidden\"}"), "400 23514 *"},
        {POST, NULL, ITEM("a", "2025-03-20", "\"absence\":{\"views\":\"bored\"}"), "400 23514 *"},
        {POST, NULL, ITEM("a", "2025-03-20", "\"views\":1,\"workspace\":\"x\""), "404 PGRST125 *"},
        {POST, NULL, "{\"day\":\"2025-03-20\",\"views\":1}", "400 23502 *"},
        {POST, NULL, "{\"external_id\":\"a\",\"views\":1}", "400 23502 *"},
        {POST, NULL, "[" ITEM("a", "2025-03-20", "\"views\":1") "," ITEM("a", "2025-03-20", "\"views\":2") "]", "409 23505 *"},
        {POST, MERGE, "[" ITEM("a", "2025-03-20", "\"views\":1") "," ITEM("a", "2025-03-20", "\"views\":2") "]", "400 21000 *"},
        {POST, NULL, "[" ITEM("a", "2025-03-20", "\"views\":1") "," ITEM("b", "2025-03-22", "\"views\":2") "]", "400 22023 the day is in the future"},
    };
    written_all(s, says, sizeof says / sizeof says[0]);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM entity"), 0);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection"), 0);
    assert_string_equal(written(s, NILO_ROLE_ADMIN, "w", POST, NULL, ITEM("a", "2025-03-20", "\"views\":1")),
                        "403 42501 new row violates row-level security policy for table \"content_snapshots\"");
}

static void values_are_rows_too(struct stores *s)
{
#define VALUE(metric, value) "{\"external_id\":\"a\",\"day\":\"2025-03-20\",\"metric\":\"" metric "\",\"value\":" value "}"
    written_all(s, SAY({"POST metric_values?select=metric,value", ROWS, "[" VALUE("likes", "3") "," VALUE("views", "4") "]",
                        "201 [{\"metric\":\"likes\",\"value\":3}, {\"metric\":\"views\",\"value\":4}]"},
                       {"POST metric_values", NULL, VALUE("likes", "3"), "409 23505 *"},
                       {"POST metric_values?select=metric,value", ROWS "," MERGE, "[" VALUE("likes", "5") "," VALUE("views", "4") "]",
                        "200 [{\"metric\":\"likes\",\"value\":5}, {\"metric\":\"views\",\"value\":4}]"},
                       {"POST metric_values", NULL, VALUE("luck", "3"), "409 23503 *"},
                       {"GET content_snapshots?select=views,likes", NULL, NULL, "[{\"views\":4,\"likes\":5}]"}));
}

/* ---- tables of existing apps ------------------------------------------------------------------------------------------------------------- */

static void bind(struct stores *s, const char *set, const char *connection)
{
    stores_connection(s, "w", NULL, connection, connection, "db");
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_compat_bind(s->store, set, "w", connection, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
}

#define VIDEO(at, more) "{\"p_id\":\"v1\",\"platform\":\"YouTube\",\"fetched_at\":\"" at "\"," more "}"
#define LATEST "GET latest_youtube_metrics?select=p_id,platform,view_count,like_count,share_count"

static void youtube_metrics_merge_within_a_day(struct stores *s)
{
    written_all(s, SAY({"POST youtube_metrics", NULL, "{}", "404 PGRST205 *"})); /* not bound */
    bind(s, "youtube", "youtube");
    written_all(s, SAY({"POST youtube_metrics", NULL, VIDEO("2025-03-20T07:45:00.123456", "\"view_count\":10,\"like_count\":1,\"comment_count\":0"), "201"},
                       {"POST youtube_metrics?select=view_count,share_count", ROWS, VIDEO("2025-03-20T09:00:00", "\"view_count\":12,\"like_count\":null"),
                        "201 [{\"view_count\":12,\"share_count\":null}]"},
                       {LATEST, NULL, NULL, "[{\"p_id\":\"v1\",\"platform\":\"youtube\",\"view_count\":12,\"like_count\":1,\"share_count\":null}]"},
                       /* the same once more, and one that was read before */
                       {"POST youtube_metrics", NULL, VIDEO("2025-03-20T09:00:00", "\"view_count\":12,\"like_count\":null"), "201"},
                       {"POST youtube_metrics", NULL, VIDEO("2025-03-20T08:00:00", "\"view_count\":11"), "201"},
                       {"GET youtube_metrics?select=view_count", NULL, NULL, "[{\"view_count\":12}]"},
                       {"POST youtube_metrics", NULL, VIDEO("2025-03-19T09:00:00", "\"view_count\":9"), "201"},
                       {"GET youtube_metrics?select=view_count&order=fetched_at", NULL, NULL, "[{\"view_count\":9}, {\"view_count\":12}]"},
                       {"POST youtube_metrics", NULL, "{\"p_id\":\"v1\",\"view_count\":9}", "400 23502 null value in column \"fetched_at\"*"},
                       {"POST youtube_metrics", NULL, VIDEO("2025-03-20T09:00:00", "\"views\":12"), "400 PGRST204 *"},
                       {"DELETE youtube_metrics?p_id=eq.v1&fetched_at=lt.2025-03-20", NULL, NULL, "403 42501 what was recorded for 2025-03-19T09:00:00+00:00 stays*"}));
    assert_rows(s, "SELECT name FROM connection", "youtube");
}

static void a_closed_day_of_a_content_set_is_restated(struct stores *s)
{
#define DAILY(value) "{\"organizationId\":\"w\",\"integrationId\":\"page\",\"externalContentId\":\"p1\",\"date\":\"2025-03-10\",\"impressions\":" value ",\"videoViews\":2}"
#define UPSERT "POST analytics_daily_metric?on_conflict=organizationId,integrationId,externalContentId,date&select=impressions,videoViews,createdAt,updatedAt"
    bind(s, "analytics", "page");
    written_all(s, SAY({"AT 2025-03-10T20:00:00Z", NULL, NULL, ""}, {"POST analytics_daily_metric", NULL, DAILY("5"), "201"},
                       {"POST AnalyticsDailyMetric", NULL, DAILY("5"), "409 23505 *"},
                       {"AT 2025-03-12T01:00:00Z", NULL, NULL, ""}));
    stores_exec(s, "UPDATE connection SET settle_s = 7200");
    ok(s, nilo_record_seal(s->store, 0, &(int){0}, &s->err));
    assert_int_equal(stores_int(s, "SELECT closed_until FROM connection"), stores_day("2025-03-10").n);
    written_all(s, SAY({UPSERT, ROWS "," MERGE, DAILY("5"), "200 [{\"impressions\":5,\"videoViews\":2,\"createdAt\":\"2025-03-10T20:00:00+00:00\",\"updatedAt\":\"2025-03-10T20:00:00+00:00\"}]"},
                       {UPSERT, ROWS "," MERGE, DAILY("8"), "200 [{\"impressions\":8,\"videoViews\":2,\"createdAt\":\"2025-03-10T20:00:00+00:00\",\"updatedAt\":\"2025-03-12T01:00:00+00:00\"}]"},
                       {"GET revisions?select=metric,value,cause", NULL, NULL, "[{\"metric\":\"impressions\",\"value\":8,\"cause\":\"restated\"}]"},
                       {"POST analytics_daily_metric", NULL, "{\"organizationId\":\"other\",\"impressions\":1}", "404 PGRST125 *"}));
}

/* createdAt is that of the row's first reading, whatever has replaced it since; a best value is of an item that is as old as it is. */
static void a_row_is_as_old_as_its_first_reading(struct stores *s)
{
#define SEEN(views) "{\"p_id\":\"p1\",\"platform\":\"web\",\"fetched_at\":\"2025-03-20T09:00:00Z\",\"view_count\":" views "}"
#define PUSHED "POST youtube_metrics?select=view_count,createdAt,updatedAt"
    bind(s, "youtube", "web");
    written_all(s, SAY({PUSHED, ROWS, SEEN("7"), "201 [{\"view_count\":7,\"createdAt\":\"2025-03-20T10:00:00+00:00\",\"updatedAt\":\"2025-03-20T10:00:00+00:00\"}]"},
                       {"AT 2025-03-20T11:00:00Z", NULL, NULL, ""},
                       {PUSHED, MERGE "," ROWS, SEEN("8"), "200 [{\"view_count\":8,\"createdAt\":\"2025-03-20T10:00:00+00:00\",\"updatedAt\":\"2025-03-20T11:00:00+00:00\"}]"}));
    bind(s, "creator", "web");
    written_all(s, SAY({"GET creator_videos?select=views,createdAt,updatedAt", NULL, NULL,
                        "[{\"views\":8,\"createdAt\":\"2025-03-20T10:00:00+00:00\",\"updatedAt\":\"2025-03-20T11:00:00+00:00\"}]"}));
}

static void windows_of_shop_videos(struct stores *s)
{
#define WINDOW(more) "{\"brand_id\":\"w\",\"creator_video_id\":null,\"tiktok_video_id\":\"t1\",\"snapshot_date\":\"2025-03-20\",\"window_days\":30," more ",\"source_run_id\":\"x\",\"raw_payload\":{}}"
#define LIFETIME(more) "{\"brand_id\":\"w\",\"tiktok_video_id\":\"t1\",\"snapshot_date\":\"2025-03-20\",\"views\":9" more "}"
    bind(s, "creator", "shop");
    written_all(s, SAY({"POST creator_video_metric_snapshots?select=gmv_cents,gpm_cents,ctr,views", ROWS,
                        WINDOW("\"gmv_cents\":12345,\"gpm_cents\":777,\"ctr\":1.25,\"views\":9"),
                        "201 [{\"gmv_cents\":12345,\"gpm_cents\":777,\"ctr\":1.250000,\"views\":9}]"},
                       {"GET content_snapshots?select=gmv,window_days", NULL, NULL, "[{\"gmv\":123.45,\"window_days\":30}]"},
                       {"POST creator_video_metric_snapshots", NULL, WINDOW("\"views\":9"), "409 23505 *"},
                       {"POST creator_video_metric_snapshots?select=views,gmv_cents&on_conflict=brand_id,tiktok_video_id,snapshot_date,window_days", ROWS "," MERGE,
                        WINDOW("\"views\":11"), "200 [{\"views\":11,\"gmv_cents\":12345}]"},
                       /* a lifetime is no window, and neither is one that is not said */
                       {"POST creator_video_metric_snapshots", NULL, LIFETIME(",\"window_days\":0"), "400 23514 *"},
                       {"POST creator_video_metric_snapshots", NULL, LIFETIME(""), "400 23502 null value in column \"window_days\"*"},
                       {"GET content_snapshots?select=window_days&window_days=eq.0", NULL, NULL, "[]"}));
}

/* It goes with the row, whichever of its values are said with it; the newest is shown. */
static void a_payload_that_is_posted_with_a_window_is_kept(struct stores *s)
{
#define PAID(more, payload) "{\"brand_id\":\"w\",\"tiktok_video_id\":\"t1\",\"snapshot_date\":\"2025-03-20\",\"window_days\":30," more ",\"raw_payload\":" payload "}"
#define WINDOW_OF(more) "{\"brand_id\":\"w\",\"tiktok_video_id\":\"t1\",\"snapshot_date\":\"2025-03-20\",\"window_days\":30," more "}"
#define PAY "POST creator_video_metric_snapshots?select=views,ctr,raw_payload&on_conflict=brand_id,tiktok_video_id,snapshot_date,window_days"
    bind(s, "creator", "shop");
    written_all(s, SAY({PAY, ROWS, PAID("\"views\":9", "null"), "201 [{\"views\":9,\"ctr\":null,\"raw_payload\":null}]"},
                       {PAY, ROWS "," MERGE, PAID("\"views\":9", "{\"n\":1,\"of\":[\"a\"]}"), "200 [{\"views\":9,\"ctr\":null,\"raw_payload\":{\"n\":1,\"of\":[\"a\"]}}]"},
                       {"AT 2025-03-20T11:00:00Z", NULL, NULL, ""},
                       {PAY, ROWS "," MERGE, PAID("\"ctr\":1.5", "{\"n\":2}"), "200 [{\"views\":9,\"ctr\":1.500000,\"raw_payload\":{\"n\":2}}]"},
                       {"AT 2025-03-20T12:00:00Z", NULL, NULL, ""},
                       {PAY, ROWS "," MERGE, PAID("\"views\":10,\"ctr\":1.5", "{\"n\":3}"), "200 [{\"views\":10,\"ctr\":1.500000,\"raw_payload\":{\"n\":3}}]"},
                       /* nothing is said of it: it stays */
                       {"AT 2025-03-20T13:00:00Z", NULL, NULL, ""},
                       {PAY, ROWS "," MERGE, WINDOW_OF("\"views\":11"), "200 [{\"views\":11,\"ctr\":1.500000,\"raw_payload\":{\"n\":3}}]"},
                       {"GET creator_video_metric_snapshots?select=raw_payload->>n&raw_payload->>n=eq.3", NULL, NULL, "[{\"n\":\"3\"}]"}));
    /* the same again writes nothing */
    int64_t n = stores_int(s, "SELECT count(*) FROM observation");
    written_all(s, SAY({PAY, ROWS "," MERGE, PAID("\"views\":11,\"ctr\":1.5", "{\"n\":3}"), "200 [{\"views\":11,\"ctr\":1.500000,\"raw_payload\":{\"n\":3}}]"}));
    assert_int_equal(stores_int(s, "SELECT count(*) FROM observation"), n);
}

/* A run of the app's own: as it was posted, a number as a number. */
static void a_run_that_is_posted_with_a_window_comes_back_as_it_was(struct stores *s)
{
#define NAMED(day, more) "{\"brand_id\":\"w\",\"tiktok_video_id\":\"t1\",\"snapshot_date\":\"2025-03-" day "\",\"window_days\":30,\"views\":9" more "}"
#define NAME "POST creator_video_metric_snapshots?select=views,source_run_id&on_conflict=brand_id,tiktok_video_id,snapshot_date,window_days"
#define RUNS "GET creator_video_metric_snapshots?select=source_run_id&order=snapshot_date"
    bind(s, "creator", "shop");
    written_all(s, SAY({NAME, ROWS, NAMED("17", ",\"source_run_id\":\"cron \\\"7\\\" é\""), "201 [{\"views\":9,\"source_run_id\":\"cron \\\"7\\\" é\"}]"},
                       {NAME, ROWS, NAMED("18", ",\"source_run_id\":90071992547409931"), "201 [{\"views\":9,\"source_run_id\":90071992547409931}]"},
                       {NAME, ROWS, NAMED("19", ",\"source_run_id\":\"17\""), "201 [{\"views\":9,\"source_run_id\":\"17\"}]"},
                       /* nothing is said: our own number of the run */
                       {NAME, ROWS, NAMED("20", ""), "201 [{\"views\":9,\"source_run_id\":\"4\"}]"},
                       {RUNS "&source_run_id=eq.90071992547409931", NULL, NULL, "[{\"source_run_id\":90071992547409931}]"},
                       {RUNS "&source_run_id=in.(17,4)", NULL, NULL, "[{\"source_run_id\":\"17\"}, {\"source_run_id\":\"4\"}]"},
                       /* the same row by another run; one that says nothing of it; one that takes it back; a refused one */
                       {NAME, ROWS "," MERGE, NAMED("19", ",\"source_run_id\":\"18\""), "200 [{\"views\":9,\"source_run_id\":\"18\"}]"},
                       {NAME, ROWS "," MERGE, NAMED("19", ""), "200 [{\"views\":9,\"source_run_id\":\"18\"}]"},
                       {NAME, ROWS, NAMED("19", ",\"source_run_id\":\"19\""), "409 23505 *"},
                       {NAME, ROWS ",resolution=ignore-duplicates", NAMED("19", ",\"source_run_id\":\"19\""), "200 []"},
                       {NAME, ROWS "," MERGE, NAMED("18", ",\"source_run_id\":null"), "200 [{\"views\":9,\"source_run_id\":\"2\"}]"},
                       {RUNS, NULL, NULL, "[{\"source_run_id\":\"cron \\\"7\\\" é\"}, {\"source_run_id\":\"2\"}, {\"source_run_id\":\"18\"}, {\"source_run_id\":\"4\"}]"}));
}

static void readings_of_studio_posts(struct stores *s)
{
#define READ(at, views) "{\"social_post_id\":\"s1\",\"captured_at\":\"" at "\",\"views\":" views ",\"metadata\":{\"a\":1}}"
    bind(s, "studio", "instagram");
    written_all(s, SAY({"POST studio_social_post_metrics", NULL, "[" READ("2025-03-20T02:00:00Z", "1") "," READ("2025-03-20T08:00:00Z", "2") "]", "201"},
                       {"POST studio_social_post_metrics", NULL, READ("2025-03-20T08:00:00Z", "2"), "409 23505 *"},
                       {"POST studio_social_post_metrics", "resolution=ignore-duplicates", READ("2025-03-20T08:00:00Z", "2"), "200"},
                       {"POST studio_social_post_metrics?select=views,metadata", ROWS, READ("2025-03-20T09:00:00Z", "3"), "201 [{\"views\":3,\"metadata\":{\"a\":1}}]"},
                       {"GET studio_social_post_metrics?select=views&order=captured_at.desc", NULL, NULL, "[{\"views\":3}, {\"views\":2}, {\"views\":1}]"}));
}

/* ---- rpc/record -------------------------------------------------------------------------------------------------------------------------- */

static const char *record(struct stores *s, enum nilo_role role, const char *body)
{
    static char out[4096];
    struct nilo_workspace w;
    struct nilo_notes notes;
    struct nilo_written x;
    ok(s, nilo_store_workspace(s->store, "w", true, NULL, &w, &s->err));
    const struct nilo_write write = {.body = body, .body_len = strlen(body), .workspace = w.id, .workspace_name = "w",
                                     .scope = {.role = role, .workspaces = &w.id, .n = 1}};
    nilo_written_init(&x);
    if (nilo_write_record(s->store, &write, &x, &notes, &s->err) == 0)
        snprintf(out, sizeof out, "%s", nilo_buf_str(&x.body));
    else
        snprintf(out, sizeof out, "%s %s / %s\n", nilo_code_sqlstate(s->err.code), s->err.msg, notes.details);
    nilo_written_done(&x);
    return out;
}

#define RECORD(s, body, answer) assert_string_equal(record((s), NILO_ROLE_SERVICE, (body)), answer "\n")

static void a_batch_keeps_what_is_good(struct stores *s)
{
    RECORD(s, "{\"batch\":\"b1\",\"platform\":\"youtube\",\"rows\":[" ITEM("a", "2025-03-20", "\"views\":1") "," ITEM("b", "2025-03-22", "\"views\":1") ","
           ITEM("c", "2025-03-20", "\"views\":\"x\"") "," ITEM("d", "2025-03-20", "\"metric\":\"likes\",\"value\":2") "," ITEM("e", "2025-03-20", "\"luck\":2") "]}",
           "{\"run\":1,\"batch\":\"b1\",\"status\":\"partial\",\"rows\":5,\"failed\":3,\"results\":[{\"row\":0,\"status\":\"recorded\"},"
           "{\"row\":1,\"status\":\"failed\",\"code\":\"22023\",\"message\":\"the day is in the future\"},"
           "{\"row\":2,\"status\":\"failed\",\"code\":\"22P02\",\"message\":\"invalid input syntax for type numeric: \\\"x\\\"\"},"
           "{\"row\":3,\"status\":\"recorded\"},"
           "{\"row\":4,\"status\":\"failed\",\"code\":\"PGRST204\",\"message\":\"Could not find the 'luck' column of 'record' in the schema cache\"}]}");
    assert_string_equal(asked(s, "w", "metric_values?select=external_id,metric,value,connection&order=external_id"),
                        "[{\"external_id\":\"a\",\"metric\":\"views\",\"value\":1,\"connection\":\"youtube\"}, "
                        "{\"external_id\":\"d\",\"metric\":\"likes\",\"value\":2,\"connection\":\"youtube\"}]");
    assert_rows(s, "SELECT external_id, class FROM run_failure ORDER BY n", "c invalid|e invalid");
}

static void a_batch_happens_once(struct stores *s)
{
    static const char batch[] = "{\"batch\":\"b1\",\"rows\":[" ITEM("a", "2025-03-20", "\"views\":1") "]}";
    RECORD(s, batch, "{\"run\":1,\"batch\":\"b1\",\"status\":\"completed\",\"rows\":1,\"failed\":0,\"results\":[{\"row\":0,\"status\":\"recorded\"}]}");
    RECORD(s, batch, "{\"run\":1,\"batch\":\"b1\",\"status\":\"repeated\",\"rows\":1,\"failed\":0,\"results\":[]}");
    /* without a key the record knows its readings; a late retry of an old batch does not bring the old value back */
    RECORD(s, "[" ITEM("a", "2025-03-20", "\"views\":2") "]", "{\"run\":2,\"batch\":null,\"status\":\"completed\",\"rows\":1,\"failed\":0,\"results\":[{\"row\":0,\"status\":\"replaced\"}]}");
    RECORD(s, "[" ITEM("a", "2025-03-20", "\"views\":1") "]", "{\"run\":3,\"batch\":null,\"status\":\"completed\",\"rows\":1,\"failed\":0,\"results\":[{\"row\":0,\"status\":\"unchanged\"}]}");
    assert_string_equal(asked(s, "w", "content_snapshots?select=views"), "[{\"views\":2}]");
}

static void a_batch_with_its_repaired_rows(struct stores *s)
{
    RECORD(s, "{\"batch\":\"b\",\"rows\":[" ITEM("a", "2025-03-20", "\"views\":1") "," ITEM("b", "2025-03-20", "\"views\":-1") "]}",
           "{\"run\":1,\"batch\":\"b\",\"status\":\"partial\",\"rows\":2,\"failed\":1,\"results\":[{\"row\":0,\"status\":\"recorded\"},"
           "{\"row\":1,\"status\":\"failed\",\"code\":\"23514\",\"message\":\"new row for relation \\\"record\\\" violates check constraint \\\"a count is not negative\\\"\"}]}");
    RECORD(s, "{\"batch\":\"b\",\"rows\":[" ITEM("a", "2025-03-20", "\"views\":1") "," ITEM("b", "2025-03-20", "\"views\":3") "]}",
           "{\"run\":2,\"batch\":\"b\",\"status\":\"completed\",\"rows\":2,\"failed\":0,\"results\":[{\"row\":0,\"status\":\"unchanged\"},{\"row\":1,\"status\":\"recorded\"}]}");
    /* from now on it is whole, and happens no more */
    RECORD(s, "{\"batch\":\"b\",\"rows\":[" ITEM("a", "2025-03-20", "\"views\":1") "," ITEM("b", "2025-03-20", "\"views\":3") "]}",
           "{\"run\":2,\"batch\":\"b\",\"status\":\"repeated\",\"rows\":2,\"failed\":0,\"results\":[]}");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM run"), 2);
}

static void batches_that_are_none(struct stores *s)
{
    static const struct {
        const char *body, *answer;
    } rows[] = {
        {"", "PGRST102 Empty or invalid json / *"},
        {"[1]", "PGRST102 Empty or invalid json / *"},
        {"{}", "PGRST202 *"},
        {"{\"rows\":[],\"more\":1}", "PGRST202 *"},
        {"{\"rows\":1}", "PGRST102 *"},
        {"{\"batch\":1,\"rows\":[]}", "22023 batch is a text of 1 to 200 bytes*"},
        {"{\"rows\":[{\"a\":1,\"a\":2}]}", "PGRST102 *"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *got = record(s, NILO_ROLE_SERVICE, rows[i].body);
        if (strncmp(got, rows[i].answer, strlen(rows[i].answer) - 1) != 0)
            fail_msg("%s gave %s", rows[i].body, got);
    }
    assert_string_equal(record(s, NILO_ROLE_ADMIN, "[]"), "42501 permission denied for function record / \n");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM run"), 0);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(snapshots_are_recorded),     STORES_TEST(a_closed_day_is_amended),       STORES_TEST(snapshots_that_are_none),
        STORES_TEST(youtube_metrics_merge_within_a_day), STORES_TEST(a_closed_day_of_a_content_set_is_restated), STORES_TEST(windows_of_shop_videos), STORES_TEST(a_payload_that_is_posted_with_a_window_is_kept),
        STORES_TEST(a_row_is_as_old_as_its_first_reading), STORES_TEST(a_run_that_is_posted_with_a_window_comes_back_as_it_was), STORES_TEST(readings_of_studio_posts),
        STORES_TEST(values_are_rows_too),        STORES_TEST(a_batch_keeps_what_is_good),    STORES_TEST(a_batch_happens_once),
        STORES_TEST(a_batch_with_its_repaired_rows), STORES_TEST(batches_that_are_none),
    };
    return stores_run("writing readings", tests, sizeof tests / sizeof tests[0]);
}
