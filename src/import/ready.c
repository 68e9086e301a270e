/* Mappings of taps that the program has: which fields of their records are which metrics. What a tap or source writes was read from its own source
 * (streams, schemas and primary keys; 2026): singer-io/tap-youtube-analytics, plinxore/tap-instagram-user, and of airbytehq/airbyte source-instagram,
 * source-youtube-analytics, source-facebook-pages. A tap that writes otherwise is mapped in the configuration (taps, streams).
 *
 * Reports of YouTube's come by country, device and the like: views of a video on a day are a sum. Insights of Meta's tell the end of a day, which is
 * midnight in California: the day is the one before. What is told for a day is a window of 1 day. */
#include "import/import.h"

#include <string.h>

#define DAY_OF_VIDEO   "views=views,likes=likes,comments=comments,shares=shares,watch_time_ms=watch_time_minutes:*60000"
#define KEYS_OF_REPORT "date,channel_id,video_id,live_or_on_demand,subscribed_status,country_code"
#define INSIGHTS                                                                                                       \
    "views=views,reach=reach,likes=likes,comments=comments,shares=shares,saves=saved,engagement=total_interactions,"   \
    "profile_visits=profile_visits,follows=follows,plays=plays,impressions=impressions,video_views=video_views,"       \
    "watch_time_ms=ig_reels_video_view_total_time"
#define SERIES "raw_data.data.0.values"

static const struct nilo_import_stream tap_youtube_analytics[] = {
    {.stream = "videos", .ready = true,
     .map = "external_id=id,captured_at=@extracted,title=snippet.title,posted_at=published_at,views=statistics.view_count,likes=statistics.like_count,"
            "comments=statistics.comment_count"},
    {.stream = "channels", .kind = NILO_ACCOUNT, .ready = true,
     .map = "external_id=id,captured_at=@extracted,title=snippet.title,views=statistics.view_count,followers=statistics.subscriber_count"},
    {.stream = "channel_basic", .ready = true, .sum = true, .window_days = 1, .map = "external_id=video_id,day=date," DAY_OF_VIDEO},
};

static const struct nilo_import_stream tap_instagram_user[] = {
    {.stream = "ig_media", .ready = true,
     .map = "external_id=id_post,captured_at=extraction_date,title=raw_data.caption,url=raw_data.permalink,posted_at=raw_data.timestamp,"
            "media_type=raw_data.media_product_type,likes=raw_data.like_count,comments=raw_data.comments_count"},
    {.stream = "ig_media_insights_*", .ready = true, .where = "breakdown_type=none", .names = INSIGHTS,
     .map = "external_id=id_post,captured_at=extraction_date,metric_name=metric_name,metric_value=raw_data.data.0.values.0.value"},
    {.stream = "ig_user_insights_*_time_series", .kind = NILO_ACCOUNT, .ready = true, .where = "breakdown_type=none", .window_days = 1, .each = SERIES,
     .names = INSIGHTS,
     .map = "external_id=ig_user_id,day=" SERIES ".end_time:-1,metric_name=metric_name,metric_value=" SERIES ".value"},
    {.stream = "ig_user", .kind = NILO_ACCOUNT, .ready = true,
     .map = "external_id=ig_user_id,captured_at=extraction_date,title=raw_data.username,followers=raw_data.followers_count"},
};

static const struct nilo_import_stream source_instagram[] = {
    {.stream = "media", .ready = true,
     .map = "external_id=id,captured_at=@extracted,title=caption,url=permalink,posted_at=timestamp,media_type=media_product_type,likes=like_count,"
            "comments=comments_count"},
    {.stream = "media_insights", .ready = true, .map = "external_id=id,captured_at=@extracted," INSIGHTS},
    {.stream = "story_insights", .ready = true, .map = "external_id=id,captured_at=@extracted," INSIGHTS},
    {.stream = "users", .kind = NILO_ACCOUNT, .ready = true, .map = "external_id=id,captured_at=@extracted,title=username,followers=followers_count"},
};

static const struct nilo_import_stream source_youtube_analytics[] = {
    {.stream = "channel_basic_*", .ready = true, .sum = true, .window_days = 1, .keys = KEYS_OF_REPORT, .map = "external_id=video_id,day=date:%Y%m%d," DAY_OF_VIDEO},
};

static const struct nilo_import_stream source_facebook_pages[] = {
    {.stream = "post", .ready = true,
     .map = "external_id=id,captured_at=@extracted,title=message,url=permalink_url,posted_at=created_time,shares=shares.count,"
            "comments=comments.summary.total_count,reactions=reactions.summary.total_count"},
    {.stream = "post_insights", .ready = true, .where = "period=lifetime", .each = "values",
     .names = "views=post_media_view,reach=post_total_media_view_unique,clicks=post_clicks,video_views=post_video_views,impressions=post_impressions",
     .map = "external_id=id:{}/insights,captured_at=@extracted,metric_name=name,metric_value=values.value"},
    {.stream = "page_insights", .kind = NILO_ACCOUNT, .ready = true, .where = "period=day", .each = "values", .window_days = 1,
     .names = "views=page_media_view,reach=page_total_media_view_unique,impressions=page_impressions,engagement=page_post_engagements,video_views=page_video_views",
     .map = "external_id=id:{}/insights,day=values.end_time:-1,metric_name=name,metric_value=values.value"},
};

static const char *const followers[] = {"followers:count:level", NULL}, *const none[] = {NULL};

#define ROW(tap, format, platform, streams, metrics) {tap, format, platform, streams, sizeof(streams) / sizeof(streams)[0], metrics}
static const struct {
    const char *tap;
    enum nilo_import_format format;
    const char *platform;
    const struct nilo_import_stream *streams;
    size_t n_streams;
    const char *const *metrics;
} mappings[] = {
    ROW("tap-youtube-analytics", NILO_IMPORT_SINGER, "youtube", tap_youtube_analytics, followers),
    ROW("tap-instagram-user", NILO_IMPORT_SINGER, "instagram", tap_instagram_user, followers),
    ROW("source-instagram", NILO_IMPORT_AIRBYTE, "instagram", source_instagram, followers),
    ROW("source-youtube-analytics", NILO_IMPORT_AIRBYTE, "youtube", source_youtube_analytics, none),
    ROW("source-facebook-pages", NILO_IMPORT_AIRBYTE, "facebook", source_facebook_pages, none),
};
#define MAPPINGS (sizeof mappings / sizeof mappings[0])

bool nilo_import_ready(const char *tap, enum nilo_import_format *ret_format, const char **ret_platform, const struct nilo_import_stream **ret, size_t *ret_n,
                       const char *const **ret_metrics)
{
    for (size_t i = 0; i < MAPPINGS; i++) {
        if (strcmp(mappings[i].tap, tap) != 0)
            continue;
        *ret_format = mappings[i].format;
        *ret_platform = mappings[i].platform;
        *ret = mappings[i].streams;
        *ret_n = mappings[i].n_streams;
        *ret_metrics = mappings[i].metrics;
        return true;
    }
    return false;
}

const char *nilo_import_ready_name(size_t i)
{
    return i < MAPPINGS ? mappings[i].tap : NULL;
}
