/* YouTube Analytics API v2, reports.query: the owner's numbers by Pacific day and by video. A day has no row until some hours after its end, and what
 * the row says grows until it has settled: that is what a collector has to read again. */
#include "emulator/google.h"

#include "base/day.h"

#include <string.h>

enum column { C_DAY, C_VIDEO, C_VIEWS, C_LIKES, C_DISLIKES, C_COMMENTS, C_SHARES, C_MINUTES, C_AVERAGE, C_GAINED, C_LOST, COLUMNS };
static const struct {
    const char *name, *type;
    bool dimension;
} columns[COLUMNS] = {
    [C_DAY] = {"day", "STRING", true},         [C_VIDEO] = {"video", "STRING", true},
    [C_VIEWS] = {"views", "INTEGER", false},   [C_LIKES] = {"likes", "INTEGER", false},
    [C_DISLIKES] = {"dislikes", "INTEGER", false}, [C_COMMENTS] = {"comments", "INTEGER", false},
    [C_SHARES] = {"shares", "INTEGER", false}, [C_MINUTES] = {"estimatedMinutesWatched", "INTEGER", false},
    [C_AVERAGE] = {"averageViewDuration", "INTEGER", false}, [C_GAINED] = {"subscribersGained", "INTEGER", false},
    [C_LOST] = {"subscribersLost", "INTEGER", false},
};

struct report {
    enum column column[COLUMNS];
    int columns_n;
    bool by_day, by_video;
    nilo_day from, to;
    struct emu_item *item;
    int items_n;
    int32_t channel;
    int64_t max, start;
};

static void refuse(struct emu_call *c, const char *message)
{
    google_error(c, &(struct google_error){400, "INVALID_ARGUMENT", message, "global", "badRequest", NULL, NULL, NULL});
}

static bool columns_of(struct emu_call *c, struct report *r, const char *list, bool dimension)
{
    char message[160];
    while (list && *list) {
        size_t len = strcspn(list, ",");
        enum column k = C_DAY;
        while (k < COLUMNS && (columns[k].dimension != dimension || strlen(columns[k].name) != len || memcmp(columns[k].name, list, len) != 0))
            k++;
        if (k == COLUMNS || r->columns_n == COLUMNS) {
            snprintf(message, sizeof message, "Unknown identifier (%.*s) given in field parameters.%s.", (int)(len < 60 ? len : 60), list,
                     dimension ? "dimensions" : "metrics");
            refuse(c, message);
            return false;
        }
        r->column[r->columns_n++] = k;
        r->by_day |= k == C_DAY;
        r->by_video |= k == C_VIDEO;
        list += len + (list[len] == ',');
    }
    return true;
}

static bool channel_of(struct emu_call *c, struct report *r)
{
    const char *ids = emu_param(c->params, "ids");
    if (c->grant < 0) {
        google_error(c, &(struct google_error){401, "UNAUTHENTICATED", "Login Required.", "global", "required", "Authorization", "header", NULL});
        return false;
    }
    r->channel = (int32_t)(google_account(c) * c->em->o.account_channels);
    if (ids && strcmp(ids, "channel==MINE") == 0)
        return true;
    if (ids && strncmp(ids, "channel==", 9) == 0 && emu_channel_of(c->em, ids + 9, strlen(ids + 9), &r->channel) && google_owns(c, r->channel))
        return true;
    google_error(c, &(struct google_error){403, "PERMISSION_DENIED", "Forbidden", "global", "forbidden", NULL, NULL, NULL});
    return false;
}

static bool day_of(struct emu_call *c, const char *name, nilo_day *ret)
{
    const char *s = emu_param(c->params, name);
    struct nilo_err err;
    if (s && nilo_day_parse(s, strlen(s), ret, &err) == 0)
        return true;
    refuse(c, "Invalid value for a date: expected YYYY-MM-DD.");
    return false;
}

static bool videos_of(struct emu_call *c, struct report *r)
{
    const char *filters = emu_param(c->params, "filters");
    int32_t n = emu_videos(c->em, r->channel, c->now);
    r->item = nilo_arena_array(&c->arena, (size_t)n + 1, sizeof *r->item);
    if (filters && strncmp(filters, "video==", 7) != 0) {
        refuse(c, "The query is not supported: filters.");
        return false;
    }
    for (const char *s = filters ? filters + 7 : NULL; s && *s;) {
        size_t len = strcspn(s, ",;");
        struct emu_item it;
        if (emu_video_of(c->em, s, len, c->now, &it) && it.channel == r->channel && r->items_n < n)
            r->item[r->items_n++] = it;
        s += len + (s[len] != 0);
    }
    if (!filters)
        for (int32_t v = 0; v < n; v++)
            r->item[r->items_n++] = (struct emu_item){r->channel, v};
    return true;
}

/* What is known of a day of a video by now, per mille: all of it once it has settled. */
static int64_t known(const struct emu_call *c, nilo_us day_end)
{
    int64_t h = (c->now - day_end) / NILO_US_HOUR, from = c->em->o.analytics_delay_h, to = c->em->o.analytics_settle_h;
    if (c->now < day_end || h < from)
        return 0;
    return h >= to ? 1000 : 850 + 150 * (h - from) / (to - from);
}

static void add_day(struct emu_call *c, const struct emu_item it, nilo_us from, nilo_us to, int64_t per_mille, int64_t sum[COLUMNS])
{
    struct emu_stats a, b;
    emu_stats_at(c->em, it, from, &a);
    emu_stats_at(c->em, it, to, &b);
    sum[C_VIEWS] += (b.views > a.views ? b.views - a.views : 0) * per_mille / 1000;
    sum[C_LIKES] += (b.likes > a.likes ? b.likes - a.likes : 0) * per_mille / 1000;
    sum[C_DISLIKES] += (b.dislikes > a.dislikes ? b.dislikes - a.dislikes : 0) * per_mille / 1000;
    sum[C_COMMENTS] += (b.comments > a.comments ? b.comments - a.comments : 0) * per_mille / 1000;
    sum[C_SHARES] += (b.shares > a.shares ? b.shares - a.shares : 0) * per_mille / 1000;
    sum[C_MINUTES] += (b.minutes > a.minutes ? b.minutes - a.minutes : 0) * per_mille / 1000;
}

static void write_row(struct emu_call *c, const struct report *r, struct nilo_json_out *o, nilo_day day, struct emu_item it, int64_t sum[COLUMNS])
{
    char text[EMULATOR_TEXT];
    sum[C_AVERAGE] = sum[C_VIEWS] ? sum[C_MINUTES] * 60 / sum[C_VIEWS] : 0;
    sum[C_GAINED] = sum[C_VIEWS] / 200;
    sum[C_LOST] = sum[C_VIEWS] / 2000;
    nilo_json_array_begin(o);
    for (int k = 0; k < r->columns_n; k++)
        if (r->column[k] == C_DAY) {
            nilo_day_format(day, text);
            nilo_json_str(o, text);
        } else if (r->column[k] == C_VIDEO) {
            emulator_video_id(c->em, it.channel, it.video, text);
            nilo_json_str(o, text);
        } else {
            nilo_json_int(o, sum[r->column[k]]);
        }
    nilo_json_array_end(o);
}

/* Before it was published nothing is known of a video. */
static int32_t first_day(const struct emu_call *c, const struct report *r, int k)
{
    if (!r->by_video)
        return r->from.n;
    int32_t day = nilo_zone_day(c->em->pacific, emu_published(c->em, r->item[k])).n;
    return day > r->from.n ? day : r->from.n;
}

/* Rows by day, by video, by both or one for all; those of which nothing is known yet, or nothing happened, are left out. */
static int64_t rows(struct emu_call *c, const struct report *r, struct nilo_json_out *o)
{
    int64_t n = 0, seen = 0;
    int days = r->by_day ? r->to.n - r->from.n + 1 : 1, items = r->by_video ? r->items_n : 1;
    for (int i = 0; i < days; i++)
        for (int k = 0; k < items; k++) {
            int64_t sum[COLUMNS] = {0};
            bool any = false;
            for (int32_t d = r->by_day ? r->from.n + i : first_day(c, r, k); d <= (r->by_day ? r->from.n + i : r->to.n); d++) {
                nilo_us from = nilo_zone_day_start(c->em->pacific, NILO_DAY(d)), to = nilo_zone_day_start(c->em->pacific, NILO_DAY(d + 1));
                int64_t per_mille = known(c, to);
                for (int v = r->by_video ? k : 0; per_mille && v < (r->by_video ? k + 1 : r->items_n); v++)
                    if (emu_published(c->em, r->item[v]) < to) {
                        any = true;
                        add_day(c, r->item[v], from, to, per_mille, sum);
                    }
            }
            if (any && ++seen >= r->start && n < r->max) {
                write_row(c, r, o, NILO_DAY(r->from.n + i), r->by_video ? r->item[k] : (struct emu_item){0, 0}, sum);
                n++;
            }
        }
    return n;
}

static int64_t number(struct emu_call *c, const char *name, int64_t otherwise)
{
    const char *s = emu_param(c->params, name);
    char *end;
    long long n = s ? strtoll(s, &end, 10) : 0;
    return s && end != s && n > 0 ? n : otherwise;
}

static void reports(struct emu_call *c)
{
    struct report r = {0};
    const char *metrics = emu_param(c->params, "metrics");
    struct nilo_buf json, data;
    struct nilo_json_out o, row;
    if (!channel_of(c, &r) || !day_of(c, "startDate", &r.from) || !day_of(c, "endDate", &r.to))
        return;
    if (!metrics || !*metrics || r.from.n > r.to.n) {
        refuse(c, metrics && *metrics ? "The end date must not be before the start date." : "Required parameter: metrics");
        return;
    }
    if (r.to.n - r.from.n > 4000)
        r.from.n = r.to.n - 4000; /* the world is younger */
    if (!columns_of(c, &r, emu_param(c->params, "dimensions"), true) || !columns_of(c, &r, metrics, false) || !videos_of(c, &r))
        return;
    r.max = number(c, "maxResults", 100000);
    r.start = number(c, "startIndex", 1);
    nilo_buf_init(&json, 64u << 20);
    nilo_buf_init(&data, 64u << 20);
    nilo_json_out_init(&o, &json);
    nilo_json_out_init(&row, &data);
    nilo_json_array_begin(&row);
    int64_t n = rows(c, &r, &row);
    nilo_json_array_end(&row);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "kind");
    nilo_json_str(&o, "youtubeAnalytics#resultTable");
    nilo_json_key(&o, "columnHeaders");
    nilo_json_array_begin(&o);
    for (int k = 0; k < r.columns_n; k++) {
        nilo_json_object_begin(&o);
        nilo_json_key(&o, "name");
        nilo_json_str(&o, columns[r.column[k]].name);
        nilo_json_key(&o, "columnType");
        nilo_json_str(&o, columns[r.column[k]].dimension ? "DIMENSION" : "METRIC");
        nilo_json_key(&o, "dataType");
        nilo_json_str(&o, columns[r.column[k]].type);
        nilo_json_object_end(&o);
    }
    nilo_json_array_end(&o);
    if (n) { /* left out where there is nothing */
        nilo_json_key(&o, "rows");
        nilo_json_text(&o, nilo_buf_str(&data), data.len);
    }
    nilo_json_object_end(&o);
    c->count->given += n;
    google_answer(c, &json, "");
    nilo_buf_done(&json);
    nilo_buf_done(&data);
}

static const struct emu_endpoint endpoints[] = {
    {"GET", "youtubeanalytics.googleapis.com", "/v2/reports", -1, reports},
    {0},
};
const struct emu_platform emu_youtube_analytics = {"youtube_analytics", endpoints, google_fail, google_admit};
