/* Names that people give to things, and those that are taken. */
#include "base/names.h"

#include <string.h>

#include "base/json.h"

/* In order. */
static const char *const reserved[] = {
    "absence", "account", "all", "and", "any", "app", "as_of", "avg_engagement_rate", "best_days", "best_windows",
    "bucket", "caption", "captured_at", "category", "change", "columns", "connection", "connection_id", "connection_role", "content",
    "content_id", "count", "created_at", "credit", "currency", "data_through", "day", "deleted_at", "description",
    "display_name", "entity", "entity_id", "external_id", "fresh", "id", "in", "is", "is_active", "items", "kind",
    "known", "latest", "limit", "media_type", "metadata", "metric", "metric_category", "metric_date", "metric_type",
    "name", "not", "offset", "on_conflict", "or", "order", "owner", "period", "platform", "posted_at", "provenance",
    "recorded_at", "role", "run", "run_id", "select", "seq", "source_day", "status", "tags", "thumbnail", "title",
    "total", "type", "unit", "updated_at", "url", "value", "window", "window_days", "workspace", "workspace_id",
};

bool nilo_reserved_name(const char *name)
{
    size_t low = 0, high = sizeof reserved / sizeof reserved[0];
    while (low < high) {
        size_t mid = (low + high) / 2;
        int c = strcmp(name, reserved[mid]);
        if (c == 0)
            return true;
        if (c < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return false;
}

bool nilo_name_ok(const char *name, size_t max)
{
    size_t n = strlen(name);
    if (n == 0 || n > max || !nilo_utf8_valid(name, n, NULL))
        return false;
    for (const unsigned char *p = (const unsigned char *)name; *p; p++)
        if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] < 0xa0)) /* C0, DEL, C1 */
            return false;
    return true;
}
