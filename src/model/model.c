/* Names of the enumerations and the built-in metrics. Rules are in rule.c, calendars in calendar.c. */
#include "model/model.h"

#include <string.h>

#include "base/hash.h"
#include "base/names.h"

#define CASE3(name, value, text)                                                                                       \
    case value:                                                                                                        \
        return text;
#define CASE4(name, value, text, flag) CASE3(name, value, text)
#define NAME_FUNCTION(function, rows, row)                                                                             \
    const char *function(int v) {                                                                                      \
        switch (v) { rows(row) }                                                                                       \
        return "?";                                                                                                    \
    }
NAME_FUNCTION(nilo_entity_kind_name, NILO_ENTITY_ROWS, CASE3)
NAME_FUNCTION(nilo_provenance_name, NILO_PROVENANCE_ROWS, CASE3)
NAME_FUNCTION(nilo_absence_name, NILO_ABSENCE_ROWS, CASE4)
NAME_FUNCTION(nilo_cause_name, NILO_CAUSE_ROWS, CASE3)
NAME_FUNCTION(nilo_presence_name, NILO_PRESENCE_ROWS, CASE3)
NAME_FUNCTION(nilo_run_kind_name, NILO_RUN_KIND_ROWS, CASE3)
NAME_FUNCTION(nilo_run_status_name, NILO_RUN_STATUS_ROWS, CASE4)
NAME_FUNCTION(nilo_metric_type_name, NILO_METRIC_TYPE_ROWS, CASE3)
NAME_FUNCTION(nilo_metric_kind_name, NILO_METRIC_KIND_ROWS, CASE3)
NAME_FUNCTION(nilo_aggregation_name, NILO_AGGREGATION_ROWS, CASE3)

#define MATCH3(name, value, text)                                                                                      \
    if (strcmp(s, text) == 0)                                                                                          \
        return value;
#define MATCH4(name, value, text, flag) MATCH3(name, value, text)
#define VALUE_FUNCTION(function, rows, row)                                                                            \
    int function(const char *s) {                                                                                      \
        rows(row) return -1;                                                                                           \
    }
VALUE_FUNCTION(nilo_absence_value, NILO_ABSENCE_ROWS, MATCH4)
VALUE_FUNCTION(nilo_metric_type_value, NILO_METRIC_TYPE_ROWS, MATCH3)
VALUE_FUNCTION(nilo_metric_kind_value, NILO_METRIC_KIND_ROWS, MATCH3)
VALUE_FUNCTION(nilo_aggregation_value, NILO_AGGREGATION_ROWS, MATCH3)

#define FLAG4(name, value, text, flag)                                                                                 \
    case value:                                                                                                        \
        return flag;
bool nilo_absence_definitive(enum nilo_absence a)
{
    switch ((int)a) { NILO_ABSENCE_ROWS(FLAG4) }
    return false;
}
enum nilo_presence nilo_presence_of(const char *status, bool deleted)
{
    static const char *const hidden[] = {"unlisted", "hidden", "archived", "draft", "unpublished"};
    if (deleted)
        return NILO_ITEM_DELETED;
    if (status != NULL && strcmp(status, "private") == 0)
        return NILO_ITEM_PRIVATE;
    for (size_t i = 0; status != NULL && i < sizeof hidden / sizeof hidden[0]; i++)
        if (strcmp(status, hidden[i]) == 0)
            return NILO_ITEM_HIDDEN;
    return NILO_ITEM_LIVE;
}
bool nilo_run_status_counts(enum nilo_run_status s)
{
    switch ((int)s) { NILO_RUN_STATUS_ROWS(FLAG4) }
    return false;
}

/* SEMANTICS section 1. Levels grow with the item's life; flows belong to their day or window. */
#define METRIC(id_, name_, type_, scale_, best_, display_, unit_, text_)                                               \
    {.id = (id_), .name = (name_), .type = (type_), .kind = NILO_INSTANT, .aggregation = NILO_LEVEL, .scale = (scale_), \
     .best_rule = (best_), .wide = true, .builtin = true, .active = true, .unit = (unit_), .display_name = (display_), \
     .description = (text_), .format_pattern = "0,0"}
const struct nilo_metric nilo_builtin_metrics[] = {
    METRIC(1, "views", NILO_COUNT, 0, NILO_BEST_MAX, "Views", "views", "Times the item was viewed, as its platform counts views"),
    METRIC(2, "plays", NILO_COUNT, 0, NILO_BEST_MAX, "Plays", "plays", "Times a video started; retired on several platforms"),
    METRIC(3, "impressions", NILO_COUNT, 0, NILO_BEST_MAX, "Impressions", "impressions", "Times the item was shown; retired on several platforms"),
    METRIC(4, "reach", NILO_COUNT, 0, NILO_BEST_MAX, "Reach", "accounts", "Different accounts that saw the item"),
    METRIC(5, "likes", NILO_COUNT, 0, NILO_BEST_MAX, "Likes", "likes", "Likes of the item"),
    METRIC(6, "comments", NILO_COUNT, 0, NILO_BEST_MAX, "Comments", "comments", "Comments on the item"),
    METRIC(7, "shares", NILO_COUNT, 0, NILO_BEST_MAX, "Shares", "shares", "Times the item was shared"),
    METRIC(8, "saves", NILO_COUNT, 0, NILO_BEST_MAX, "Saves", "saves", "Times the item was saved or made a favourite"),
    METRIC(9, "reactions", NILO_COUNT, 0, NILO_BEST_MAX, "Reactions", "reactions", "Reactions of every kind, summed"),
    METRIC(10, "engagement", NILO_COUNT, 0, NILO_BEST_MAX, "Engagement", "interactions", "Interactions as the platform totals them"),
    METRIC(11, "clicks", NILO_COUNT, 0, NILO_BEST_MAX, "Clicks", "clicks", "Clicks on the item"),
    METRIC(12, "video_views", NILO_COUNT, 0, NILO_BEST_MAX, "Video views", "views", "Views of the item's video"),
    METRIC(13, "profile_visits", NILO_COUNT, 0, NILO_BEST_MAX, "Profile visits", "visits", "Visits of the profile that came from the item"),
    METRIC(14, "follows", NILO_COUNT, 0, NILO_BEST_MAX, "Follows", "follows", "Follows that came from the item"),
    METRIC(15, "watch_time_ms", NILO_COUNT, 0, NILO_BEST_MAX, "Watch time", "ms", "Time watched, milliseconds"),
    METRIC(16, "gmv", NILO_COUNT, 2, NILO_BEST_MAX, "GMV", "money", "Gross merchandise value, minor units of its currency"),
    METRIC(17, "gpm", NILO_AVERAGE, 2, NILO_BEST_WITH_GMV, "GPM", "money", "GMV per 1,000 views"),
    METRIC(18, "ctr", NILO_PERCENTAGE, 6, NILO_BEST_WITH_GMV, "CTR", "percent", "Click-through rate"),
    METRIC(19, "items_sold", NILO_COUNT, 0, NILO_BEST_MAX, "Items sold", "items", "Items sold through the item"),
    METRIC(20, "orders", NILO_COUNT, 0, NILO_BEST_MAX, "Orders", "orders", "Orders that came from the item"),
    METRIC(21, "affiliate_orders", NILO_COUNT, 0, NILO_BEST_MAX, "Affiliate orders", "orders", "Orders credited to an affiliate"),
    METRIC(22, "est_commission", NILO_COUNT, 2, NILO_BEST_MAX, "Estimated commission", "money", "Commission as the platform estimates it"),
    METRIC(23, "duration", NILO_AVERAGE, 6, NILO_BEST_WITH_GMV, "Duration", "s", "Length of the item, seconds"),
};
const size_t nilo_builtin_metrics_n = sizeof nilo_builtin_metrics / sizeof nilo_builtin_metrics[0];

bool nilo_metric_name_ok(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > 48 || name[0] < 'a' || name[0] > 'z')
        return false;
    for (size_t i = 1; i < n; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') || name[i] == '_'))
            return false;
    return !nilo_reserved_name(name);
}

bool nilo_metric_may_be_negative(const struct nilo_metric *m)
{
    return m->type != NILO_COUNT || m->currency || (m->unit && strcmp(m->unit, "money") == 0);
}

int nilo_metric_default_scale(enum nilo_metric_type type)
{
    return type == NILO_AVERAGE || type == NILO_PERCENTAGE ? 6 : 0;
}

const struct nilo_metric *nilo_catalog_by_id(const struct nilo_catalog *c, int32_t id)
{
    size_t low = 0, high = c->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (c->metrics[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < c->n && c->metrics[low].id == id ? &c->metrics[low] : NULL;
}

const struct nilo_metric *nilo_catalog_by_name(const struct nilo_catalog *c, const char *name)
{
    const struct nilo_metric *first = NULL;
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->metrics[i].name, name) != 0)
            continue;
        if (c->metrics[i].wide)
            return &c->metrics[i];
        if (!first)
            first = &c->metrics[i];
    }
    return first;
}

const struct nilo_metric *nilo_catalog_by_type(const struct nilo_catalog *c, enum nilo_metric_type type, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->metrics[i].type == type && strcmp(c->metrics[i].name, name) == 0)
            return &c->metrics[i];
    return NULL;
}

int nilo_bucket(const char *workspace, const char *connection, const char *external_id)
{
    struct nilo_sha256 h;
    unsigned char out[NILO_SHA256_LEN];
    nilo_sha256_init(&h);
    nilo_sha256_add(&h, workspace, strlen(workspace));
    nilo_sha256_add(&h, connection, strlen(connection));
    nilo_sha256_add(&h, external_id, strlen(external_id));
    nilo_sha256_done(&h, out);
    return (out[0] << 2) | (out[1] >> 6);
}
