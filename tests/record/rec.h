/* Runs in a few words: what the tests of record have in common. */
#ifndef NILO_TESTS_RECORD_REC_H
#define NILO_TESTS_RECORD_REC_H

#include "record/record.h"
#include "store/stores.h"

/* In tables of readings {VIEWS, 10} is a value: the rest of it is 0, as C has it. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum { VIEWS = 1, LIKES = 5, COMMENTS = 6, GMV = 16, CTR = 18, ITEMS_SOLD = 19 };

/* A reading; values end at metric 0. */
struct rec {
    const char *id;
    enum nilo_entity_kind kind;
    int32_t win;
    const char *at;  /* instant, NULL: only the day is known */
    const char *day; /* the day that the source names, NULL: none */
    enum nilo_provenance provenance;
    const char *owner;
    const struct nilo_attrs *attrs;
    struct nilo_reading_value v[6];
};
#define REC(...) ((struct rec){__VA_ARGS__})

/* Options with everything else unset: OPTIONS(.kind = NILO_RUN_PUSH) */
#define OPTIONS(...) rec_options((struct nilo_run_options){__VA_ARGS__})
#define PUSH OPTIONS(.kind = NILO_RUN_PUSH)
#define COLLECT OPTIONS(.kind = NILO_RUN_COLLECT, .platform = true)
#define SQL_COLLECT OPTIONS(.kind = NILO_RUN_COLLECT)
#define REVISE OPTIONS(.kind = NILO_RUN_REVISE)

/* observed where no provenance is given; no target day where that is 0 */
struct nilo_run_options rec_options(struct nilo_run_options o);
struct nilo_recorder *rec_begin(struct stores *s, const struct nilo_connection *c, struct nilo_run_options o);
int rec_try(struct stores *s, struct nilo_recorder *r, struct rec in);
void rec_add(struct stores *s, struct nilo_recorder *r, struct rec in);
/* As logged; its texts live until the next one. error may be NULL. */
struct nilo_run rec_finish(struct stores *s, struct nilo_recorder *r, const char *error);
struct nilo_run rec_run(struct stores *s, const struct nilo_connection *c, struct nilo_run_options o, const struct rec *in, size_t n);
/** rec_one - a push of one value of one item on a day, nothing closes */
struct nilo_run rec_one(struct stores *s, const struct nilo_connection *c, const char *id, const char *day, int32_t metric, int64_t value);

/** rec_metric - defines a metric: kind and aggregation */
int32_t rec_metric(struct stores *s, const char *name, enum nilo_metric_kind kind, enum nilo_aggregation aggregation);
void rec_now(struct stores *s, const char *at); /* both clocks move there, forwards or backwards */
/** rec_closed - closed_until as a date, "" when none; static text */
const char *rec_closed(struct stores *s, const struct nilo_connection *c);
/** rec_everything - all rows but those of meta and of the sequences; owner: caller */
char *rec_everything(struct stores *s);

#endif
