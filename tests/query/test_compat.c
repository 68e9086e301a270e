/* The tables that existing apps know, over the filled store, on both engines: what they show is what the record holds; unbound they do not exist. */
#include "filled.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/compat.h"

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

static void bind(struct filled *x, const char *set, const char *workspace, const char *connection)
{
    must(x, nilo_store_begin(x->store, &x->err));
    must(x, nilo_compat_bind(x->store, set, workspace, connection, &x->err));
    must(x, nilo_store_commit(x->store, &x->err));
}

struct row {
    const char *set, *workspace, *connection; /* bound so */
    const char *ask, *want;                   /* CSV, as a reader of acme */
};

static const struct row rows[] = {
    {"youtube", "acme", "yt", "youtube_metrics?select=p_id,platform,view_count,like_count,comment_count,share_count,day&order=day,p_id",
     "p_id,platform,view_count,like_count,comment_count,share_count,day\n"
     "'=v3,youtube,0,,,,2025-03-01\n"
     "v1,youtube,121,6,1,,2025-03-01\n"
     "v2,youtube,1000,,,7,2025-03-01\n"
     "Ünïcode_%x,youtube,7,,,,2025-03-01\n"
     "'=v3,youtube,3,,,,2025-03-02\n"
     "v1,youtube,150,6,,,2025-03-02\n"
     "v1,youtube,220,4,2,,2025-03-04\n"
     "v2,youtube,1400,,,9,2025-03-04\n"},
    {"youtube", "acme", "yt", "youtube_metrics?select=p_id,fetched_at,view_count&p_id=eq.v1&fetched_at=gte.2025-03-02&view_count=lt.200",
     "p_id,fetched_at,view_count\nv1,2025-03-02T11:00:00+00:00,150\n"},
    /* bound to the whole workspace: v1 of another connection is there as well */
    {"youtube", "acme", NULL, "youtube_metrics?select=p_id,view_count,connection&p_id=eq.v1&order=fetched_at.desc&limit=1&connection=eq.import-old",
     "p_id,view_count,connection\nv1,5,import-old\n"},
    {"youtube", "acme", "yt", "latest_youtube_metrics?select=p_id,view_count,share_count&order=view_count.desc&p_id=in.(v1,v2,old)",
     "p_id,view_count,share_count\nv2,1400,9\nv1,220,\n"},
    {"youtube", "acme", "yt", "youtube_latest_metrics?select=p_id,view_count,share_count&order=view_count.desc&p_id=in.(v1,v2,old)",
     "p_id,view_count,share_count\nv2,1400,9\nv1,220,\n"},
    /* bound to a workspace that is not the reader's: nothing */
    {"youtube", "beta", "yt", "latest_youtube_metrics?select=p_id", "p_id\n"},
    {"youtube", "acme", "yt", "users?select=u_id&order=u_id", "u_id\nbob\ngone\nmaria\n\"o'neil, jr\"\npart\nrival\n"},
    {"youtube", "acme", "yt", "user_projects?select=u_id,p_id&u_id=in.(maria,gone,bob)&order=u_id,p_id",
     "u_id,p_id\nbob,v2\nmaria,v1\nmaria,v2\nmaria,Ünïcode_%x\n"},
    /* totals are never null, whatever was reported */
    {"youtube", "acme", "yt",
     "user_metrics?select=u_id,total_view_count,total_like_count,total_comment_count,total_share_count,avg_engagement_rate,updated_at&order=u_id",
     "u_id,total_view_count,total_like_count,total_comment_count,total_share_count,avg_engagement_rate,updated_at\n"
     "bob,1400,0,0,9,0.006429,2025-03-04T12:00:00+00:00\n"
     "gone,0,0,0,0,0.000000,2025-03-09T21:00:00+00:00\n"
     "maria,1627,4,2,9,0.016851,2025-03-04T12:00:00+00:00\n"
     "\"o'neil, jr\",3,0,0,0,0.000000,2025-03-02T12:00:00+00:00\n"
     "part,0,0,0,0,0.000000,2025-03-09T20:00:00+00:00\n"
     "rival,0,0,0,0,0.000000,2025-03-09T15:00:00+00:00\n" /* what is credited to them is a competitor's */},
    {"youtube", "acme", "yt", "user_metrics?select=u_id&total_view_count=gt.1500&order=total_view_count.desc", "u_id\nmaria\n"},
    {"studio", NULL, NULL, "studio_social_posts?select=id,workspace_id,platform,external_post_id,posted_at&external_post_id=in.(v1,old)&order=id,connection",
     "id,workspace_id,platform,external_post_id,posted_at\n"
     "old,acme,youtube,old,2025-01-01T00:00:00.5+00:00\n"
     "v1,acme,youtube,v1,\n"
     "v1,acme,youtube,v1,2025-01-01T00:00:00.5+00:00\n"},
    /* every reading, several a day */
    {"studio", "acme", "yt", "studio_social_post_metrics?select=social_post_id,captured_at,views,likes,comments,shares&social_post_id=eq.v1&order=captured_at",
     "social_post_id,captured_at,views,likes,comments,shares\n"
     "v1,2025-03-01T11:00:00+00:00,100,5,1,\n"
     "v1,2025-03-01T17:00:00+00:00,120,6,1,\n"
     "v1,2025-03-01T19:00:00+00:00,121,6,1,\n"
     "v1,2025-03-02T11:00:00+00:00,150,6,,\n"
     "v1,2025-03-04T11:00:00+00:00,220,4,2,\n"},
    {"studio", NULL, NULL, "studio_social_post_metrics?select=views&social_post_id=eq.v1&order=captured_at.desc&limit=1", "views\n220\n"},
    {"creator", NULL, NULL, "creator_videos?select=brand_id,tiktok_video_id,gmv_cents,views,likes,gpm_cents,ctr&brand_id=eq.acme&order=tiktok_video_id,connection",
     "brand_id,tiktok_video_id,gmv_cents,views,likes,gpm_cents,ctr\n"
     "acme,'=v3,,3,,-9223372036854775807,\n"
     "acme,old,,12,1,,\n"
     "acme,v1,,5,,,\n"
     "acme,v1,2025,220,6,,2.500000\n"
     "acme,v2,1,1500,,,\n"
     "acme,Ünïcode_%x,,7,,,\n"},
    {"creator", NULL, NULL, "creator_videos?select=tiktok_video_id&brand_id=eq.beta", "tiktok_video_id\n"},
    {"creator", "acme", "yt", "creator_video_metric_snapshots?select=brand_id,tiktok_video_id,snapshot_date,window_days,gmv_cents,views,raw_payload&order=tiktok_video_id",
     "brand_id,tiktok_video_id,snapshot_date,window_days,gmv_cents,views,raw_payload\n"
     "acme,v1,2025-03-04,30,1999,90,\n"
     "acme,v2,2025-03-04,30,1,1500,\n"},
    {"creator", "acme", "yt", "creator_video_metric_snapshots?select=views&snapshot_date=eq.2025-03-04&tiktok_video_id=eq.v1&window_days=eq.30", "views\n90\n"},
    {"analytics", "acme", NULL, "analytics_daily_metric?select=organizationId,integrationId,externalContentId,date,comments,shares,deletedAt&externalContentId=eq.v2&order=date",
     "organizationId,integrationId,externalContentId,date,comments,shares,deletedAt\n"
     "acme,yt,v2,2025-03-01,,7,\n"
     "acme,yt,v2,2025-03-04,,9,\n"},
    {"analytics", NULL, NULL, "AnalyticsDailyMetric?select=date,shares&externalContentId=eq.v2&integrationId=eq.yt&date=gte.2025-03-02", "date,shares\n2025-03-04,9\n"},
    {"analytics", "acme", "import-old", "AnalyticsDailyMetric?select=externalContentId,date&order=date,externalContentId",
     "externalContentId,date\nold,2025-02-01\nv1,2025-02-01\nold,2025-02-10\n"},
    {"analytics", NULL, NULL, "AnalyticsContent?select=externalContentId,integrationId,type&externalContentId=eq.v1&order=integrationId",
     "externalContentId,integrationId,type\nv1,import-old,\nv1,yt,\n"},
};

static void tables_of_apps_show_the_record(void **state)
{
    (void)state;
    int wrong = 0;
    for (int e = 0; e < n_filled; e++) {
        const struct nilo_scope reader = {.role = NILO_ROLE_AUTHENTICATED, .workspaces = &f[e].a, .n = 1};
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            bind(&f[e], rows[i].set, rows[i].workspace, rows[i].connection);
            char *got = filled_get(&f[e], &reader, NILO_FORMAT_CSV, NULL, rows[i].ask);
            if (!got || strcmp(got, rows[i].want) != 0) {
                printf("# %s, engine %d: %s\n", rows[i].ask, e, got ? got : f[e].err.msg);
                wrong++;
            }
            free(got);
        }
    }
    assert_int_equal(wrong, 0);
}

/* Each column of each table can be read, ordered by, filtered and counted, on both engines alike. */
static void every_column_of_every_table_answers_alike(void **state)
{
    (void)state;
    for (int e = 0; e < n_filled; e++)
        for (size_t i = 0; nilo_compat_sets[i]; i++)
            bind(&f[e], nilo_compat_sets[i]->name, "acme", NULL);
    for (size_t i = 0; nilo_compat_sets[i]; i++)
        for (size_t k = 0; k < nilo_compat_sets[i]->n; k++) {
            const struct nilo_relation *r = &nilo_compat_sets[i]->relations[k];
            for (size_t c = 0; c < r->n_columns; c++) {
                char ask[300], *answers[2] = {NULL, NULL};
                bool orders = r->columns[c].type != NILO_T_JSON;
                snprintf(ask, sizeof ask, "%s?select=%s&%s=not.is.null%s%s", r->name, r->columns[c].name, orders ? r->columns[c].name : r->key[0],
                         orders ? "&order=" : "&order=", orders ? r->columns[c].name : r->key[0]);
                for (int e = 0; e < n_filled; e++) {
                    const struct nilo_scope reader = {.role = NILO_ROLE_AUTHENTICATED, .workspaces = &f[e].a, .n = 1};
                    struct nilo_request request = NILO_REQUEST_DEFAULT;
                    request.count = NILO_COUNT_EXACT;
                    answers[e] = filled_get(&f[e], &reader, NILO_FORMAT_CSV, &request, ask);
                    if (!answers[e])
                        fail_msg("%s: %s", ask, f[e].err.msg);
                }
                /* row ids are the store's own */
                if (n_filled == 2 && r->columns[c].type != NILO_T_UUID)
                    assert_string_equal(answers[0], answers[1]);
                free(answers[0]);
                free(answers[1]);
            }
        }
}

static char *get(struct filled *x, const char *ask)
{
    const struct nilo_scope reader = {.role = NILO_ROLE_AUTHENTICATED, .workspaces = &x->a, .n = 1};
    char *text = filled_get(x, &reader, NILO_FORMAT_CSV, NULL, ask);
    if (!text)
        fail_msg("%s: %s", ask, x->err.msg);
    return text;
}

/* What is behind the heading: one cell. */
static void cell(struct filled *x, const char *ask, char out[64])
{
    char *text = get(x, ask), *line = strchr(text, '\n') + 1;
    snprintf(out, 64, "%.*s", (int)strcspn(line, "\n"), line);
    free(text);
}

/* The id of a row finds that row, under whatever name the table is asked, and no other row has it. */
static void ids_find_their_rows(void **state)
{
    static const char *const tables[] = {"youtube_metrics", "latest_youtube_metrics", "users", "user_projects", "user_metrics", "studio_social_post_metrics",
                                         "creator_videos", "creator_video_metric_snapshots", "analytics_daily_metric", "analytics_content"};
    (void)state;
    for (int e = 0; e < n_filled; e++) {
        for (size_t i = 0; nilo_compat_sets[i]; i++)
            bind(&f[e], nilo_compat_sets[i]->name, "acme", NULL);
        for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
            char ask[300];
            snprintf(ask, sizeof ask, "%s?select=id", tables[i]);
            char *ids = get(&f[e], ask), *at = ids;
            while ((at = strchr(at, '\n')) && at[1]) {
                char id[64], found[64];
                snprintf(id, sizeof id, "%.36s", ++at);
                assert_int_equal(strcspn(at, "\n"), 36);
                snprintf(ask, sizeof ask, "%s?select=count()&id=eq.%s", tables[i], id);
                cell(&f[e], ask, found);
                assert_string_equal(found, "1");
            }
            free(ids);
        }
    }
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "heading\nline\n..." to its lines, heading aside. */
static size_t lines_of(char *text, char **ret, size_t cap)
{
    size_t n = 0;
    for (char *at = strchr(text, '\n') + 1; *at && n < cap; at = strchr(at, '\0') + 1) {
        ret[n++] = at;
        *strchr(at, '\n') = '\0';
    }
    return n;
}

/* Ids are made here and not in the database: they order whole answers and pages alike, mixed with other columns, and what ties has an order too. */
static void rows_are_ordered_by_their_ids(void **state)
{
    static const char *const orders[] = {"youtube_metrics?select=id,view_count&order=id", "youtube_metrics?select=id,view_count&order=id.desc",
                                         "youtube_metrics?select=p_id,day&order=p_id.desc,id", "youtube_metrics?select=day&order=id&view_count=gt.100",
                                         "users?select=u_id&order=id", "creator_video_metric_snapshots?select=tiktok_video_id,snapshot_date&order=creator_video_id"};
    (void)state;
    for (int e = 0; e < n_filled; e++) {
        bind(&f[e], "youtube", "acme", NULL);
        bind(&f[e], "creator", "acme", NULL);
        for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
            char *whole = get(&f[e], orders[i]), *lines[64], *sorted[64];
            size_t n = lines_of(whole, lines, 64);
            assert_in_range(n, 2, 63);
            for (size_t at = 0; at < n + 2; at += 3) { /* pages are parts of the whole */
                char ask[300], *part, *page[64];
                snprintf(ask, sizeof ask, "%s&limit=3&offset=%zu", orders[i], at);
                part = get(&f[e], ask);
                size_t m = lines_of(part, page, 64);
                assert_int_equal(m, at >= n ? 0 : n - at < 3 ? n - at : 3);
                for (size_t k = 0; k < m; k++)
                    assert_string_equal(page[k], lines[at + k]);
                free(part);
            }
            memcpy(sorted, lines, sizeof sorted);
            qsort(sorted, n, sizeof *sorted, compare_lines);
            for (size_t k = 0; i < 2 && k < n; k++)
                assert_string_equal(lines[k], sorted[i == 0 ? k : n - 1 - k]);
            free(whole);
        }
    }
}

static void a_window_names_the_row_of_its_video(void **state)
{
    (void)state;
    for (int e = 0; e < n_filled; e++) {
        char id[64], named[64], ask[300], video[64];
        bind(&f[e], "creator", "acme", "yt");
        cell(&f[e], "creator_videos?select=id&tiktok_video_id=eq.v2", id);
        cell(&f[e], "creator_video_metric_snapshots?select=creator_video_id&tiktok_video_id=eq.v2", named);
        assert_int_equal(strlen(id), 36);
        assert_string_equal(named, id);
        snprintf(ask, sizeof ask, "creator_video_metric_snapshots?select=tiktok_video_id&creator_video_id=eq.%s", id);
        cell(&f[e], ask, video);
        assert_string_equal(video, "v2");
        cell(&f[e], "creator_video_metric_snapshots?select=tiktok_video_id&creator_video_id=is.null", video);
        assert_string_equal(video, "");
    }
}

static void a_set_that_is_not_bound_is_not_there(void **state)
{
    (void)state;
    for (int e = 0; e < n_filled; e++) {
        const struct nilo_scope reader = {.role = NILO_ROLE_AUTHENTICATED, .workspaces = &f[e].a, .n = 1};
        bind(&f[e], "youtube", "acme", NULL);
        must(&f[e], nilo_store_begin(f[e].store, &f[e].err));
        must(&f[e], nilo_compat_unbind(f[e].store, "youtube", &f[e].err));
        must(&f[e], nilo_store_commit(f[e].store, &f[e].err));
        assert_null(filled_get(&f[e], &reader, NILO_FORMAT_CSV, NULL, "youtube_metrics"));
        assert_int_equal(f[e].err.code, NILO_ERELATION);
        assert_string_equal(f[e].err.msg, "Could not find the table 'public.youtube_metrics' in the schema cache");
        /* and what cannot be bound is refused */
        assert_int_equal(nilo_compat_bind(f[e].store, "youtube", NULL, NULL, &f[e].err), -1);
        assert_int_equal(f[e].err.code, NILO_EINVAL);
        assert_int_equal(nilo_compat_bind(f[e].store, "nothing", "acme", NULL, &f[e].err), -1);
        assert_int_equal(nilo_compat_bind(f[e].store, "youtube", "nowhere", NULL, &f[e].err), -1);
        assert_int_equal(f[e].err.code, NILO_ENOENT);
        assert_int_equal(nilo_compat_bind(f[e].store, "creator", NULL, "yt", &f[e].err), -1);
    }
}

static void nobody_but_who_signed_in_sees_them(void **state)
{
    (void)state;
    for (int e = 0; e < n_filled; e++) {
        const struct nilo_scope anybody = {.role = NILO_ROLE_ANON, .workspaces = &f[e].a, .n = 1}, everything = NILO_SCOPE_ALL;
        bind(&f[e], "youtube", "acme", "yt");
        bind(&f[e], "creator", NULL, NULL);
        assert_null(filled_get(&f[e], &anybody, NILO_FORMAT_CSV, NULL, "users"));
        assert_int_equal(f[e].err.code, NILO_EPERM);
        /* the service over everything: what is bound to one workspace stays there, what names its tenant does not */
        char *bound = filled_get(&f[e], &everything, NILO_FORMAT_CSV, NULL, "youtube_metrics?select=workspace&view_count=gt.70000");
        char *both = filled_get(&f[e], &everything, NILO_FORMAT_CSV, NULL, "creator_videos?select=brand_id,views&views=gt.70000&order=views");
        assert_string_equal(bound, "workspace\n");
        assert_string_equal(both, "brand_id,views\nbeta,77777\nbeta,88888\n");
        free(bound);
        free(both);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_apps_show_the_record),
        cmocka_unit_test(every_column_of_every_table_answers_alike),
        cmocka_unit_test(ids_find_their_rows),
        cmocka_unit_test(rows_are_ordered_by_their_ids),
        cmocka_unit_test(a_window_names_the_row_of_its_video),
        cmocka_unit_test(a_set_that_is_not_bound_is_not_there),
        cmocka_unit_test(nobody_but_who_signed_in_sees_them),
    };
    return cmocka_run_group_tests_name("compatibility sets", tests, set_up, tear_down);
}
