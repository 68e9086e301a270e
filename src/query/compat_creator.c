/* The tables of shop videos (REQUIREMENTS D): each video with its best known values of all time, and its 30- and 90-day windows. Money is in minor units. */
#include "query/columns.h"
#include "query/compat.h"

static const struct nilo_column videos[] = {
    UUID("made of brand and video")
    TEXT_OF("brand_id", NN, "b.\"workspace\"", "workspace", "the workspace's name")
    TEXT_OF("tiktok_video_id", NN | ID, "b.\"external_id\"", "external_id", "its id on the platform")
    TIME("posted_at", 0, "when it was published")
    DECIMAL_OF("duration", 6, "b.\"duration\"", "seconds, of the reading with the greatest GMV")
    INT_OF("gmv_cents", 0, "b.\"gmv\"", "best known GMV, minor units")
    INT_OF("impressions", 0, "b.\"impressions\"", "best known impressions")
    INT_OF("views", 0, "b.\"views\"", "best known views")
    INT_OF("items_sold", 0, "b.\"items_sold\"", "best known items sold")
    INT_OF("affiliate_orders", 0, "b.\"affiliate_orders\"", "best known orders")
    INT_OF("likes", 0, "b.\"likes\"", "best known likes")
    INT_OF("comments", 0, "b.\"comments\"", "best known comments")
    INT_OF("shares", 0, "b.\"shares\"", "best known shares")
    INT_OF("est_commission_cents", 0, "b.\"est_commission\"", "best known estimated commission, minor units")
    INT_OF("gpm_cents", 0, "b.\"gpm\"", "GMV per 1,000 views, minor units, of the reading with the greatest GMV")
    DECIMAL_OF("ctr", 6, "b.\"ctr\"", "click-through rate in percent, of the reading with the greatest GMV")
    TIME_OF("createdAt", NN, "b.\"created_at\"", "when it was first recorded; a later upsert does not move it")
    TIME_OF("updatedAt", NN, "b.\"updated_at\"", "when the newest of its values was recorded")
    DAY("day", NN | HIDE, "newest day of a best value")
    TEXT("connection", NN | HIDE, "the connection's name")
};
static const struct nilo_column snapshots[] = {
    UUID("made of brand, video, day and window")
    TEXT_OF("brand_id", NN, "b.\"workspace\"", "workspace", "the workspace's name")
    UUID_OF("creator_video_id", "creator_videos", "id of the video's row in creator_videos")
    TEXT_OF("tiktok_video_id", NN | ID, "b.\"external_id\"", "external_id", "its id on the platform")
    DAY_OF("snapshot_date", NN, "b.\"day\"", "day", "last day of the window")
    INT("window_days", NN, "30 or 90")
    INT_OF("gmv_cents", 0, "b.\"gmv\"", "GMV of the window, minor units")
    INT_OF("views", 0, "b.\"views\"", "views of the window")
    INT_OF("items_sold", 0, "b.\"items_sold\"", "items sold in the window")
    INT_OF("gpm_cents", 0, "b.\"gpm\"", "GMV per 1,000 views, minor units")
    DECIMAL_OF("ctr", 6, "b.\"ctr\"", "click-through rate in percent")
    POSTED_OF("source_run_id", NN, "COALESCE(b.\"posted_run\", CAST(b.\"run\" AS text))",
              "the run that the app posted with the row, as it was posted; where it posted none, the number of the newest run that recorded any of it here")
    JSON_OF("raw_payload", 0, "b.\"metadata\"", "what the app posted with the row; null where it posted none, and where nobody posted the row")
    TIME_OF("createdAt", NN, "b.\"created_at\"", "when it was first recorded; a later upsert does not move it")
    TIME_OF("updatedAt", NN, "b.\"updated_at\"", "when the newest of its values was recorded")
    TEXT("connection", NN | HIDE, "the connection's name")
};

static const char *const of_video[] = {"duration", "gmv",   "impressions", "views",          "items_sold", "affiliate_orders",
                                       "likes",    "comments", "shares",   "est_commission", "gpm",        "ctr", NULL};
static const char *const of_window[] = {"gmv", "views", "items_sold", "gpm", "ctr", NULL};
static const struct nilo_view of_best = {.set = "creator", .base = "content_best", .metrics = of_video, .of_connection = true};
static const struct nilo_view of_windows = {.set = "creator", .base = "content_snapshots", .where = "b.\"window_days\" > 0", .metrics = of_window,
                                            .of_connection = true, .meta = true, .posted = true, .win = 30};

static const struct nilo_relation relations[] = {
    {.name = "creator_videos", .doc = "videos with their best known values of all time", COLUMNS(videos), .key = KEY("tiktok_video_id", "connection", "brand_id"),
     .min_role = NILO_ROLE_AUTHENTICATED, .view = &of_best},
    {.name = "creator_video_metric_snapshots", .doc = "one row a video, day and window", COLUMNS(snapshots), .day = "snapshot_date",
     .key = KEY("snapshot_date", "tiktok_video_id", "window_days", "connection", "brand_id"), .min_role = NILO_ROLE_AUTHENTICATED, .as_of = true,
     .covers = "content", .view = &of_windows},
};

const struct nilo_compat_set nilo__compat_creator = {
    .name = "creator", .doc = "creator_videos, creator_video_metric_snapshots; the tenant is brand_id", .tenant = true, .relations = relations,
    .n = sizeof relations / sizeof relations[0],
};
