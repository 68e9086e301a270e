/* Workload W and the harness around a client. W: V videos in a row, a hundred to an owner, read once a day for D days and six more: five counters,
 * at a second of the day of its own. What a client must do is struct client; main.c times it and adds its answers up, reference.c knows what they
 * have to be. */
#ifndef NILO_BENCH_W_H
#define NILO_BENCH_W_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define W_METRICS   5
#define W_MORE_DAYS 6       /* kept back to be appended */
#define W_PER_OWNER 100
#define W_DAY0      20393   /* 2025-11-01 */
#define W_ID        12      /* bytes of an external id, its NUL included */
#define W_TITLE     64
#define W_NONE      INT64_MIN /* not reported */
#define W_TOP       50
#define W_LATEST    100     /* videos asked for at once */
#define W_WINDOW    30      /* days of the totals */

extern const char *const w_metric[W_METRICS];

struct w {
    uint32_t videos, days; /* days: without those kept back */
    const int64_t *values; /* [video][day][metric] */
};

/** w_generate - writes a data set; the same numbers give the same file. false: it could not be written */
bool w_generate(const char *path, uint32_t videos, uint32_t days);
/** w_open - maps a file; ends the process with a sentence when it cannot be read */
struct w w_open(const char *path);
const int64_t *w_row(const struct w *w, uint32_t video, uint32_t day);
bool w_is_absent(const int64_t *row); /* the video was not read that day */

/* What a video is beside its counters. External ids sort otherwise than numbers, as real ones do. */
void w_external_id(uint32_t video, char out[W_ID]);
void w_title(uint32_t video, char out[W_TITLE]);
void w_owner(uint32_t owner, char out[W_ID]);
int64_t w_captured_at(uint32_t video, uint32_t day); /* microseconds UTC: between 02:00 and 03:00 */
int64_t w_run(uint32_t day);                         /* a run a day */
uint32_t w_owners(const struct w *w);

/* The n-th question of each kind, the same for every client. */
void w_ask_latest(const struct w *w, int n, uint32_t videos[W_LATEST]);
uint32_t w_ask_owner(const struct w *w, int n);
int64_t w_ask_threshold(int n);
uint32_t w_ask_video(const struct w *w, int n);

/* Answers are sums: of all values in them, and for the top also of the ids' hashes. */
uint64_t w_add(const int64_t row[W_METRICS]); /* W_NONE counts nothing */
uint64_t w_hash(const char *external_id);

/* One contestant. Whatever goes wrong: client_fail(), which ends the process. A query that is NULL is not asked. */
struct client {
    const char *name;
    void (*open)(const struct w *w, const char *target, bool make);
    void (*load)(void);            /* the days, what is kept beside them, and on disk when it returns */
    void (*append)(uint32_t day);  /* one day more, or the same again: on disk, nothing double */
    int64_t (*bytes)(void);        /* that the data take now */
    int64_t (*rows)(void);         /* videos times days that are kept: appending twice is appending once */
    uint64_t (*latest)(const uint32_t videos[W_LATEST]);
    uint64_t (*owner_days)(uint32_t owner);      /* sums by day, from the items' rows */
    uint64_t (*owner_kept)(uint32_t owner);      /* the same from sums that are kept; an item not read counts as last known */
    uint64_t (*top)(int64_t threshold);          /* most views in the newest row, then external id: views and hash of each */
    uint64_t (*totals)(void);                    /* sums by day of the last W_WINDOW days, from the rows */
    uint64_t (*totals_kept)(void);               /* the same from sums that are kept */
    bool keeps_levels;                           /* totals_kept counts an item not read as last known */
    uint64_t (*one_video)(uint32_t video);
    void (*close)(void);
};
extern const struct client client;

_Noreturn void client_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
