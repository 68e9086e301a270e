/* Shared by the files of the walk. */
#ifndef NILO_TESTS_STORE_WALK_PRIV_H
#define NILO_TESTS_STORE_WALK_PRIV_H

#include "store/walk.h"

/* Keep the first difference; false, to be returned. */
bool walk_differ(struct walk *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool walk_done(struct walk *w, int rc, const char *what);
void walk_look_up(struct walk *w); /* the ids of the model's items in the store */
int walk_entity_of(const struct walk *w, int64_t id);
int walk_metric_of(const struct walk *w, int64_t id);
int walk_win_of(int64_t win);
struct nilo_db_stmt *walk_ask(struct walk *w, const char *sql);
const char *walk_name_of(const struct walk *w, int e, int win, int metric, int32_t day);
/* what scan and totals answer, now and as of earlier */
bool walk_compare_kernels(struct walk *w);
bool walk_compare_as_of(struct walk *w);
bool walk_compare_ways(struct walk *w); /* scans that look up what stood before a day */
nilo_us walk_kept_at(const struct walk *w, int i); /* an instant that walk_keep() remembered; NILO_US_NONE: not so many yet */
void walk_keep(struct walk *w);   /* what is shown now, for walk_compare_as_of() later */
void walk_forget(struct walk *w);

#endif
