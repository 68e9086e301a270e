/* YouTube Analytics v2: what only the owner's token gives. Of videos, lifetime or a window: shares and watch time. Of the channel, day by day: what a day brought.
 * Days are Pacific. A day has no row until some hours after its end, and what its row says goes on changing until it has settled: whoever asks asks again
 * (collect/platform_report.c). Facts and where they were found: the notes on platform APIs, section 1.7. */
#include <string.h>

#include "base/decimal.h"
#include "connect/walk.h"
#include "connect/youtube_priv.h"

#define FIRST_DAY "2005-02-14" /* before the first video */
#define DAYS_MAX  400          /* of a channel in one report */

/* ---- the request ----------------------------------------------------------------------------------------------------------------------- */

/* Pacific standard time is never ahead of Pacific time. */
static nilo_day report_day(const struct nilo_ask *ask)
{
    return nilo_day_is_none(ask->day) ? NILO_DAY((int32_t)((ask->now - 8 * NILO_US_HOUR) / NILO_US_DAY)) : ask->day;
}

static int ask_for_videos(struct nilo__making *m, struct nilo_err *err)
{
    const char *filters;
    if (nilo__yt_join_ids(m, "video==", NILO__YT_REPORT_IDS, &filters, err) != 0)
        return -1;
    nilo__add_query(m, "metrics", "shares,estimatedMinutesWatched");
    nilo__add_query(m, "dimensions", "video");
    nilo__add_query(m, "filters", filters);
    nilo__add_query(m, "sort", "-estimatedMinutesWatched");
    nilo__add_query(m, "maxResults", "200");
    return 0;
}

int nilo__yt_make_report(struct nilo__making *m, struct nilo_err *err)
{
    char first[NILO_DAY_TEXT] = FIRST_DAY, last[NILO_DAY_TEXT];
    const char *account = m->ask->account;
    nilo_day day = report_day(m->ask);
    bool channel = m->ask->n_ids == 0;
    if (m->ask->win < channel || m->ask->win > (channel ? DAYS_MAX : 3660) || (account != NULL && !nilo__yt_id_fine(account)))
        return nilo_err_set(err, NILO_EINVAL, "a report of %d days of %.100s cannot be asked for", m->ask->win, account != NULL ? account : "the channel");
    nilo_day_format(day, last);
    if (m->ask->win > 0)
        nilo_day_format(NILO_DAY(day.n - m->ask->win + 1), first);
    nilo__at_setting(m, NILO__YT_ANALYTICS, "/reports", channel ? "youtube channel report" : "youtube report");
    nilo__add_query(m, "ids", account != NULL ? nilo_arena_printf(m->arena, "channel==%s", account) : "channel==MINE");
    nilo__add_query(m, "startDate", nilo_arena_strdup(m->arena, first));
    nilo__add_query(m, "endDate", nilo_arena_strdup(m->arena, last));
    if (channel) {
        nilo__add_query(m, "metrics", "views,likes,comments,shares,estimatedMinutesWatched");
        nilo__add_query(m, "dimensions", "day");
    } else if (ask_for_videos(m, err) != 0) {
        return -1;
    }
    m->call->bucket = NILO__YT_REPORTS;
    return nilo__yt_sign(m, err);
}

/* ---- the answer ------------------------------------------------------------------------------------------------------------------------ */

enum { COLUMN_VIDEO, COLUMN_DAY, COLUMN_VIEWS, COLUMN_LIKES, COLUMN_COMMENTS, COLUMN_SHARES, COLUMN_MINUTES, COLUMNS };
static const char *const names[COLUMNS] = {"video", "day", "views", "likes", "comments", "shares", "estimatedMinutesWatched"};
struct report {
    struct nilo_arena *arena;
    int column[COLUMNS]; /* where each is, -1 = not there */
    int n_columns;
    bool table; /* it has said what it is, or what its columns are */
    bool rows;  /* the second time through: the columns are known */
    int at;
    const char *cells[COLUMNS];
    const struct nilo_ask *ask;
    nilo_day first; /* of a channel's */
    struct nilo_item *items;
    size_t n, max;
    struct nilo_err *err;
};

static void take_column(struct report *r, const char *text, size_t len)
{
    for (int i = 0; i < COLUMNS; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], text, len) == 0)
            r->column[i] = r->n_columns;
    }
    r->n_columns++;
}

/* Minutes may have a fraction; they are kept as milliseconds. */
static bool minutes_of(const char *text, int64_t *ret)
{
    int64_t minutes;
    return text[0] != '-' && nilo_decimal_parse(text, strlen(text), 4, true, &minutes, NULL) == 0 && !__builtin_mul_overflow(minutes, 6, ret);
}

static void put_minutes(const struct report *r, struct nilo_item_value *v, struct nilo_item *item)
{
    const char *text = r->cells[COLUMN_MINUTES];
    *v = (struct nilo_item_value){.metric = nilo__metric_of("watch_time_ms"), .absence = NILO_NOT_REPORTED};
    if (text != NULL)
        v->absence = minutes_of(text, &v->value) ? NILO_PRESENT : NILO_FAILED;
    if (v->absence == NILO_FAILED) {
        item->class = NILO_CLASS_INVALID;
        item->reason = "YouTube's estimatedMinutesWatched is no number that can be kept";
    }
}

static int fill_row(struct report *r, const char *id, enum nilo_entity_kind kind, int win, nilo_day day)
{
    struct nilo_item *item = &r->items[r->n++];
    struct nilo_item_value *values = nilo_arena_array(r->arena, 5, sizeof(*values));
    size_t k = 0;
    if (values == NULL)
        return nilo_err_nomem(r->err);
    *item = (struct nilo_item){.id = id, .kind = kind, .win = win, .day = day, .posted_at = NILO_US_NONE, .duration_ms = -1, .values = values};
    for (int i = kind == NILO_ACCOUNT ? COLUMN_VIEWS : COLUMN_SHARES; i < COLUMN_MINUTES; i++)
        nilo__yt_count(&values[k++], names[i], r->cells[i], NILO_NOT_REPORTED, r->arena, item);
    put_minutes(r, &values[k++], item);
    item->n_values = k;
    return 0;
}

static int take_video(struct report *r)
{
    const char *id = r->cells[COLUMN_VIDEO];
    size_t asked = 0;
    while (asked < r->ask->n_ids && (id == NULL || strcmp(r->ask->ids[asked], id) != 0))
        asked++;
    if (asked == r->ask->n_ids || r->n == r->max)
        return 0; /* nobody asked for it, or it came before */
    return fill_row(r, r->ask->ids[asked], NILO_CONTENT, r->ask->win, r->ask->win > 0 ? report_day(r->ask) : NILO_DAY_NONE);
}

static int take_day(struct report *r)
{
    const char *text = r->cells[COLUMN_DAY];
    nilo_day day;
    if (text == NULL || r->n == r->max || nilo_day_parse(text, strlen(text), &day, NULL) != 0)
        return 0;
    if (day.n < r->first.n || day.n >= r->first.n + r->ask->win)
        return 0; /* nobody asked for it */
    return fill_row(r, r->ask->account != NULL ? r->ask->account : "mine", NILO_ACCOUNT, 1, day);
}

static int take_cell(struct report *r, enum nilo_json_event event, const char *text, size_t len)
{
    int at = r->at++;
    for (int i = 0; i < COLUMNS; i++) {
        if (r->column[i] != at || event == NILO_JSON_NULL)
            continue;
        r->cells[i] = nilo_arena_strndup(r->arena, text, len < 100 ? len : 100);
        if (r->cells[i] == NULL)
            return nilo_err_nomem(r->err);
    }
    return 0;
}

static int take_part(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    struct report *r = ctx;
    if (!r->rows) {
        if (strcmp(path, "columnHeaders[].name") == 0 && event == NILO_JSON_STRING)
            take_column(r, text, len);
        r->table |= strcmp(path, "columnHeaders") == 0 || (strcmp(path, "kind") == 0 && len == 28 && memcmp(text, "youtubeAnalytics#resultTable", len) == 0);
        return 0;
    }
    if (strcmp(path, "rows[]") == 0 && event == NILO_JSON_ARRAY_BEGIN) {
        r->at = 0;
        memset(r->cells, 0, sizeof(r->cells));
    } else if (strcmp(path, "rows[]") == 0 && event == NILO_JSON_ARRAY_END) {
        return r->ask->n_ids == 0 ? take_day(r) : take_video(r);
    } else if (strcmp(path, "rows[][]") == 0) {
        return take_cell(r, event, text, len);
    }
    return 0;
}

int nilo__yt_take_report(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo_err why = {0};
    struct report r = {.arena = arena, .ask = ask, .max = ask->n_ids > 0 ? ask->n_ids : (size_t)ask->win, .err = &why};
    for (int i = 0; i < COLUMNS; i++)
        r.column[i] = -1;
    r.first = NILO_DAY(report_day(ask).n - ask->win + 1);
    r.items = nilo_arena_array(arena, r.max + 1, sizeof(*r.items));
    if (r.items == NULL)
        return nilo_err_nomem(err);
    for (int pass = 0; pass < 2; pass++) {
        r.rows = pass == 1;
        if (nilo__walk(a->body, a->n_body, take_part, &r, &why) != 0)
            return why.code == NILO_ENOMEM ? nilo_err_nomem(err) : nilo__unreadable("YouTube", arena, &why, ret);
    }
    /* "{}" is no report of nothing: what is missing in it was not said. */
    if (!r.table) {
        nilo_err_set(&why, NILO_EBODY, "it is JSON, but no report");
        return nilo__unreadable("YouTube", arena, &why, ret);
    }
    ret->items = r.items;
    ret->n_items = r.n;
    return 0;
}
