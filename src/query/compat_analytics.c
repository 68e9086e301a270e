/* The tables of an app that ingests the insights of its posts once a day (REQUIREMENTS E). An organisation is a workspace, an integration a connection. */
#include "query/columns.h"
#include "query/compat.h"

static const struct nilo_column daily[] = {
    UUID("made of organisation, integration, content and date")
    TEXT_OF("organizationId", NN, "b.\"workspace\"", "workspace", "the workspace's name")
    TEXT_OF("integrationId", NN, "b.\"connection\"", "connection", "the connection's name")
    TEXT_OF("externalContentId", NN | ID, "b.\"external_id\"", "external_id", "its id on the platform")
    DAY_OF("date", NN, "b.\"day\"", "day", "the day")
    INT_OF("impressions", 0, "b.\"impressions\"", "impressions; null where they were not reported")
    INT_OF("reach", 0, "b.\"reach\"", "different accounts that saw it")
    INT_OF("reactions", 0, "b.\"reactions\"", "reactions of every kind")
    INT_OF("videoViews", 0, "b.\"video_views\"", "views of its video")
    INT_OF("clicks", 0, "b.\"clicks\"", "clicks")
    INT_OF("comments", 0, "b.\"comments\"", "comments")
    INT_OF("shares", 0, "b.\"shares\"", "shares")
    TIME_OF("createdAt", NN, "b.\"created_at\"", "when it was first recorded; a later upsert does not move it")
    TIME_OF("updatedAt", NN, "b.\"updated_at\"", "when the newest of its values was recorded")
    TIME_OF("deletedAt", 0, "b.\"hidden_at\"", "when the app hid the row; null: it is live. Rows that are hidden are listed only where a condition names this column")
};
static const struct nilo_column items[] = {
    UUID("made of organisation, integration and content")
    TEXT_OF("organizationId", NN, "b.\"workspace\"", "workspace", "the workspace's name")
    TEXT_OF("integrationId", NN, "b.\"connection\"", "connection", "the connection's name")
    TEXT_OF("externalContentId", NN | ID, "b.\"external_id\"", "external_id", "its id on the platform")
    TEXT_OF("type", 0, "b.\"media_type\"", NULL, "post, video, reel, ...")
    TIME_OF("postedAt", 0, "b.\"posted_at\"", "when it was published")
    TIME_OF("createdAt", NN, "b.\"first_seen_at\"", "when it was first recorded")
    TIME_OF("updatedAt", NN, "b.\"updated_at\"", "when any of that was last said anew")
};

static const char *const metrics[] = {"impressions", "reach", "reactions", "video_views", "clicks", "comments", "shares", NULL};
static const struct nilo_view of_days = {.set = "analytics", .base = "content_snapshots", .where = "b.\"window_days\" = 0", .metrics = metrics,
                                         .of_connection = true, .id = "analytics_daily_metric", .hidden = "deletedAt"};
static const struct nilo_view of_content = {.set = "analytics", .base = "content", .of_connection = true, .id = "analytics_content"};

#define DAY_KEY KEY("date", "externalContentId", "integrationId", "organizationId")
#define ITEM_KEY KEY("externalContentId", "integrationId", "organizationId")
#define DAILY(name_)                                                                                                                                \
    {.name = name_, .doc = "one live row an organisation, integration, content and date", COLUMNS(daily), .day = "date", .key = DAY_KEY,             \
     .min_role = NILO_ROLE_AUTHENTICATED, .as_of = true, .covers = "content", .view = &of_days}
#define CONTENT(name_)                                                                                                                              \
    {.name = name_, .doc = "posts and videos", COLUMNS(items), .key = ITEM_KEY, .min_role = NILO_ROLE_AUTHENTICATED, .view = &of_content}
static const struct nilo_relation relations[] = {
    DAILY("analytics_daily_metric"),
    DAILY("AnalyticsDailyMetric"),
    CONTENT("analytics_content"),
    CONTENT("AnalyticsContent"),
};

const struct nilo_compat_set nilo__compat_analytics = {
    .name = "analytics", .doc = "analytics_daily_metric, AnalyticsContent; the tenant is organizationId", .tenant = true, .relations = relations,
    .n = sizeof relations / sizeof relations[0],
};
