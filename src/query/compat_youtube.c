/* The tables of an app that credits video projects to people (REQUIREMENTS A): youtube_metrics and its latest rows, users, who has which project, totals. */
#include "query/columns.h"
#include "query/compat.h"

#define DAILY                                                                                                                    \
    UUID("made of project and day")                                                                                              \
    TEXT_OF("p_id", NN | ID, "b.\"external_id\"", "external_id", "the project: the item's id")                                        \
    TEXT("platform", NN, "youtube, ...")                                                                                         \
    TIME_OF("fetched_at", NN, "b.\"captured_at\"", "when the day's values were read")                                            \
    INT_OF("view_count", 0, "b.\"views\"", "views so far")                                                                       \
    INT_OF("like_count", 0, "b.\"likes\"", "likes so far")                                                                       \
    INT_OF("comment_count", 0, "b.\"comments\"", "comments so far")                                                              \
    INT_OF("share_count", 0, "b.\"shares\"", "shares so far; null where they are not reported")                                  \
    TIME_OF("createdAt", NN, "b.\"created_at\"", "when it was first recorded; a later upsert does not move it")                                   \
    TIME_OF("updatedAt", NN, "b.\"updated_at\"", "when the newest of its values was recorded")                                   \
    DAY("day", NN | HIDE, "the day, in the workspace's zone")                                                                    \
    TEXT("workspace", NN | HIDE, "the workspace's name")                                                                         \
    TEXT("connection", NN | HIDE, "the connection's name")

static const struct nilo_column daily[] = {DAILY};
static const struct nilo_column users[] = {
    UUID("made of the user")
    TEXT_OF("u_id", NN | ID, "b.\"owner\"", "owner", "the user: the owner's key")
    TEXT_OF("u_email", 0, "b.\"display_name\"", NULL, "the user's address, as it was given")
    TIME_OF("createdAt", NN, "b.\"created_at\"", "when the user was first named")
    TIME_OF("updatedAt", NN, "b.\"updated_at\"", "when anything about the user was last said otherwise")
    JSON("metadata", 0, "the other columns that the app has given; null: none")
    TEXT("workspace", NN | HIDE, "the workspace's name")
};
static const struct nilo_column user_projects[] = {
    UUID("made of user and project")
    TEXT_OF("u_id", NN | ID, "b.\"owner\"", "owner", "the user")
    TEXT_OF("p_id", NN | ID, "b.\"external_id\"", "external_id", "the project")
    TIME_OF("createdAt", NN, "MIN(b.\"recorded_at\")", "when that was recorded")
    TIME_OF("updatedAt", NN, "MAX(b.\"updated_at\")", "when anything about it was last said otherwise")
    JSON_OF("metadata", 0, "MAX(b.\"metadata\")", "the other columns that the app has given; null: none")
    TEXT_OF("workspace", NN | HIDE, "b.\"workspace\"", NULL, "the workspace's name")
};
static const struct nilo_column user_metrics[] = {
    UUID("made of the user")
    TEXT_OF("u_id", NN | ID, "b.\"owner\"", "owner", "the user")
    SUM_OF("total_view_count", "views", "views of all projects; 0 where nothing was reported")
    SUM_OF("total_like_count", "likes", "likes of all projects")
    SUM_OF("total_comment_count", "comments", "comments on all projects")
    SUM_OF("total_share_count", "shares", "shares of all projects")
    DECIMAL_OF("avg_engagement_rate", 6, "COALESCE(b.\"avg_engagement_rate\", 0)", "mean over the projects that have one; 0 without any")
    TIME_OF("createdAt", NN, "b.\"created_at\"", "when the user was first named")
    TIME_OF("updated_at", NN, "COALESCE(b.\"updated_at\", b.\"created_at\")", "when the newest of the values that the totals are made of was recorded, or a project came or went")
    TEXT("workspace", NN | HIDE, "the workspace's name")
};

static const char *const counts[] = {"views", "likes", "comments", "shares", NULL};
static const struct nilo_view of_days = {.set = "youtube", .base = "content_snapshots", .where = "b.\"window_days\" = 0", .metrics = counts,
                                         .of_connection = true, .id = "youtube_metrics"};
static const struct nilo_view of_latest = {.set = "youtube", .base = "content_latest", .metrics = counts, .of_connection = true, .id = "youtube_metrics"};
static const struct nilo_view of_users = {.set = "youtube", .base = "owners"};
static const struct nilo_view of_projects = {.set = "youtube", .base = "credits", .where = "b.\"ended_at\" IS NULL",
                                             .group = "b.\"workspace\", b.\"owner\", b.\"external_id\"", .of_connection = true};
static const struct nilo_view of_totals = {.set = "youtube", .base = "owner_metrics", .metrics = counts, .rate = true};

#define DAY_KEY KEY("day", "p_id", "connection", "workspace")
static const struct nilo_relation relations[] = {
    {.name = "youtube_metrics", .doc = "one row a project and day", COLUMNS(daily), .day = "fetched_at", .key = DAY_KEY,
     .min_role = NILO_ROLE_AUTHENTICATED, .as_of = true, .covers = "content", .view = &of_days},
    {.name = "latest_youtube_metrics", .doc = "the newest row of each project", COLUMNS(daily), .day = "fetched_at", .key = DAY_KEY,
     .min_role = NILO_ROLE_AUTHENTICATED, .covers = "content", .view = &of_latest},
    {.name = "youtube_latest_metrics", .doc = "the same as latest_youtube_metrics", COLUMNS(daily), .day = "fetched_at", .key = DAY_KEY,
     .min_role = NILO_ROLE_AUTHENTICATED, .covers = "content", .view = &of_latest},
    {.name = "user_metrics", .doc = "a user's totals over all projects", COLUMNS(user_metrics), .key = KEY("u_id", "workspace"),
     .min_role = NILO_ROLE_AUTHENTICATED, .view = &of_totals},
    {.name = "users", .doc = "people that projects are credited to", COLUMNS(users), .key = KEY("u_id", "workspace"), .min_role = NILO_ROLE_AUTHENTICATED,
     .view = &of_users},
    {.name = "user_projects", .doc = "who has which project", COLUMNS(user_projects), .key = KEY("u_id", "p_id", "workspace"),
     .min_role = NILO_ROLE_AUTHENTICATED, .view = &of_projects},
};

const struct nilo_compat_set nilo__compat_youtube = {
    .name = "youtube", .doc = "youtube_metrics, its latest rows, users, user_projects, user_metrics", .relations = relations,
    .n = sizeof relations / sizeof relations[0],
};
