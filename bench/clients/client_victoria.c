/* VictoriaMetrics over HTTP: a series a video and counter, samples by day. It keeps samples, not rows: there is no "newest row", so the questions for
 * that (Q1, Q3) are not asked. Ten years earlier than W says, as it refuses what lies in the future of its clock. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <sys/stat.h>

#include "http.h"
#include "w.h"

#define EARLIER 3653 /* days */
#define PIECE   (1 << 20)
#define DAY_MS  INT64_C(86400000)

static const struct w *w;
static char folder[512];

/* TARGET is ADDRESS,FOLDER OF ITS DATA. Every load needs a fresh server. */
static void open_it(const struct w *data, const char *target, bool make)
{
    char address[64];
    const char *comma = strchr(target, ',');
    (void)make;
    if (comma == NULL)
        client_fail("%s is not ADDRESS,FOLDER", target);
    w = data;
    snprintf(address, sizeof address, "%.*s", (int)(comma - target), target);
    snprintf(folder, sizeof folder, "%s", comma + 1);
    http_open(address);
}

static int64_t midnight_ms(uint32_t day) { return (int64_t)(W_DAY0 - EARLIER + day) * DAY_MS; }

static void put_series(struct bytes *b, uint32_t video, int m, uint32_t from, uint32_t to)
{
    char id[W_ID], owner[W_ID];
    size_t start = b->n;
    int n = 0;
    w_external_id(video, id);
    w_owner(video / W_PER_OWNER, owner);
    bytes_printf(b, "{\"metric\":{\"__name__\":\"%s\",\"id\":\"%s\",\"owner\":\"%s\"},\"values\":[", w_metric[m], id, owner);
    for (uint32_t d = from; d < to; d++) {
        if (w_row(w, video, d)[m] != W_NONE)
            bytes_printf(b, "%s%lld", n++ > 0 ? "," : "", (long long)w_row(w, video, d)[m]);
    }
    bytes_printf(b, "],\"timestamps\":[");
    int64_t shift = (int64_t)EARLIER * DAY_MS;
    n = 0;
    for (uint32_t d = from; d < to; d++) {
        if (w_row(w, video, d)[m] != W_NONE)
            bytes_printf(b, "%s%lld", n++ > 0 ? "," : "", (long long)(w_captured_at(video, d) / 1000 - shift));
    }
    bytes_printf(b, "]}\n");
    if (n == 0)
        b->n = start;
}

static void import(struct bytes *b)
{
    if (b->n > 0)
        http_ask("/api/v1/import", b);
    b->n = 0;
}

static void put_days(uint32_t from, uint32_t to)
{
    struct bytes b = {0};
    for (uint32_t v = 0; v < w->videos; v++) {
        for (int m = 0; m < W_METRICS; m++)
            put_series(&b, v, m, from, to);
        if (b.n > 4 * PIECE)
            import(&b);
    }
    import(&b);
    free(b.p);
    http_ask("/internal/force_flush", NULL);
}

static void load(void) { put_days(0, w->days); }
static void append(uint32_t day) { put_days(day, day + 1); }

static int64_t size_of(const char *path)
{
    struct stat st;
    int64_t sum = 0;
    DIR *d = opendir(path);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        char below[1024];
        snprintf(below, sizeof below, "%s/%s", path, e->d_name);
        if (e->d_name[0] == '.' || lstat(below, &st) != 0)
            continue;
        sum += S_ISDIR(st.st_mode) ? size_of(below) : (int64_t)st.st_size;
    }
    if (d != NULL)
        closedir(d);
    return sum;
}

static int64_t bytes(void) { return size_of(folder); }

/* ---- questions -------------------------------------------------------------------------------------------------------------------------- */

/* Adds up the second of each pair [instant,"value"]. */
static uint64_t sum_of_pairs(const char *p)
{
    uint64_t sum = 0;
    while ((p = strstr(p, ",\"")) != NULL) {
        p += 2;
        if (*p >= '0' && *p <= '9')
            sum += (uint64_t)strtod(p, NULL);
    }
    return sum;
}

/* Sums by counter and day; a sample of the early morning is seen from the next midnight. */
static uint64_t by_day(const char *selector, uint32_t from, uint32_t to)
{
    struct bytes path = {0};
    char query[300];
    snprintf(query, sizeof query, "sum(last_over_time(%s[1d])) by (__name__)", selector);
    bytes_printf(&path, "/api/v1/query_range?nocache=1&step=86400&start=%lld&end=%lld&query=", (long long)midnight_ms(from + 1) / 1000,
                 (long long)midnight_ms(to) / 1000);
    bytes_url(&path, query);
    uint64_t sum = sum_of_pairs(strstr(http_ask(path.p, NULL)->p, "\"result\""));
    free(path.p);
    return sum;
}

static uint64_t owner_days(uint32_t owner)
{
    char selector[100], key[W_ID];
    w_owner(owner, key);
    snprintf(selector, sizeof selector, "{owner=\"%s\"}", key);
    return by_day(selector, 0, w->days);
}

static uint64_t totals(void) { return by_day("{__name__=~\"views|likes|comments|shares|saves\"}", w->days - W_WINDOW, w->days); }

static uint64_t one_video(uint32_t video)
{
    struct bytes path = {0};
    char selector[100], id[W_ID];
    uint64_t sum = 0;
    w_external_id(video, id);
    snprintf(selector, sizeof selector, "{id=\"%s\"}", id);
    bytes_printf(&path, "/api/v1/export?match=");
    bytes_url(&path, selector);
    for (const char *p = http_ask(path.p, NULL)->p; (p = strstr(p, "\"values\":[")) != NULL;) {
        char *end;
        for (p += 10; *p != ']'; p = *end == ',' ? end + 1 : end)
            sum += (uint64_t)strtod(p, &end);
    }
    free(path.p);
    return sum;
}

const struct client client = {
    .name = "victoria-metrics",
    .open = open_it,
    .load = load,
    .append = append,
    .bytes = bytes,
    .owner_days = owner_days,
    .totals = totals,
    .one_video = one_video,
    .close = http_close,
};
