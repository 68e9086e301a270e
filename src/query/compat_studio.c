/* The tables of a studio that refreshes its posts several times a day (REQUIREMENTS C): the posts, and every reading of them. */
#include "query/columns.h"
#include "query/compat.h"

static const struct nilo_column posts[] = {
    TEXT_OF("id", NN | ID, "b.\"external_id\"", "external_id", "the post, as studio_social_post_metrics names it")
    TEXT_OF("workspace_id", NN, "b.\"workspace\"", "workspace", "the workspace's name")
    TEXT("platform", NN, "instagram, tiktok, ...")
    TEXT_OF("external_post_id", NN | ID, "b.\"external_id\"", "external_id", "its id on the platform")
    TIME("posted_at", 0, "when it was published")
    TEXT("title", 0, "newest known title")
    TEXT("caption", 0, "newest known caption")
    TEXT("url", 0, "where it is")
    TEXT("media_type", 0, "video, image, reel, ...")
    TEXT("status", 0, "as the platform names it")
    TIME_OF("createdAt", NN, "b.\"first_seen_at\"", "when it was first recorded")
    TIME_OF("updatedAt", NN, "b.\"updated_at\"", "when any of that was last said anew")
    TEXT_OF("account_status", NN, "b.\"connection_status\"", NULL, "of the account that it is read from: connected, expired, disabled, failing")
    TIME("deleted_at", HIDE, "when it was found to be gone")
    TEXT("connection", NN | HIDE, "the connection's name")
};
#define READ(metric) "MAX(CASE WHEN b.\"metric\" = '" metric "' THEN b.\"value\" END)"
static const struct nilo_column post_metrics[] = {
    UUID("made of post and instant")
    TEXT_OF("social_post_id", NN | ID, "b.\"external_id\"", "external_id", "the post")
    TIME("captured_at", NN, "when it was read")
    INT_OF("impressions", 0, READ("impressions"), "impressions then")
    INT_OF("views", 0, READ("views"), "views then")
    INT_OF("likes", 0, READ("likes"), "likes then")
    INT_OF("comments", 0, READ("comments"), "comments then")
    INT_OF("shares", 0, READ("shares"), "shares then")
    INT_OF("saves", 0, READ("saves"), "saves then")
    JSON_OF("metadata", 0, "MAX(b.\"metadata\")", "what came with the reading")
    TIME_OF("createdAt", NN, "MIN(b.\"recorded_at\")", "when it was recorded")
    TIME_OF("updatedAt", NN, "MAX(b.\"recorded_at\")", "when the newest of its values was recorded")
    DAY("day", NN | HIDE, "the day, in the workspace's zone")
    TEXT("workspace", NN | HIDE, "the workspace's name")
    TEXT("connection", NN | HIDE, "the connection's name")
};

static const struct nilo_view of_posts = {.set = "studio", .base = "content", .of_connection = true};
static const struct nilo_view of_readings = {.set = "studio", .base = "observations", .where = "b.\"entity\" = 0 AND b.\"window_days\" = 0",
                                             .group = "b.\"workspace\", b.\"connection\", b.\"external_id\", b.\"captured_at\", b.\"day\"",
                                             .of_connection = true};

static const struct nilo_relation relations[] = {
    {.name = "studio_social_posts", .doc = "posts", COLUMNS(posts), .key = KEY("external_post_id", "connection", "workspace_id"),
     .min_role = NILO_ROLE_AUTHENTICATED, .view = &of_posts},
    {.name = "studio_social_post_metrics", .doc = "one row a post and reading", COLUMNS(post_metrics), .day = "captured_at",
     .key = KEY("social_post_id", "captured_at", "connection", "workspace"), .min_role = NILO_ROLE_AUTHENTICATED, .covers = "content", .view = &of_readings},
};

const struct nilo_compat_set nilo__compat_studio = {
    .name = "studio", .doc = "studio_social_posts, studio_social_post_metrics; the tenant is workspace_id", .tenant = true, .relations = relations,
    .n = sizeof relations / sizeof relations[0],
};
