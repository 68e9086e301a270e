/* The words of the record as plain structs and pure rules: no I/O, no clock, no globals. Their SQL is in store/. */
#ifndef NILO_MODEL_MODEL_H
#define NILO_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/day.h"
#include "base/decimal.h"
#include "base/env.h"
#include "base/err.h"
#include "base/zone.h"

/* ---- enumerations: stored as these numbers, spoken as these names; append only --------------------------------------------- */

#define NILO_ENTITY_ROWS(X) X(NILO_CONTENT, 0, "content") X(NILO_ACCOUNT, 1, "account") X(NILO_APP, 2, "app")

/* A lower one never amends a higher one on a closed day without --revise. On open days a collector's readings rank alike whatever their
 * provenance (the last one stands, SEMANTICS 2.3); else the number is the rank. */
#define NILO_PROVENANCE_ROWS(X) X(NILO_ESTIMATED, 1, "estimated") X(NILO_IMPORTED, 2, "imported") X(NILO_OBSERVED, 3, "observed")
#define NILO_RANK_REVISE 9 /* rank of a value recorded under --revise */

/* Why a value is missing. Definitive ones are readings in their own right; transient ones never hide an earlier value of the day. */
#define NILO_ABSENCE_ROWS(X)                                                                                           \
    X(NILO_PRESENT, 0, "present", true)                                                                                \
    X(NILO_HIDDEN, 1, "hidden", true)                                                                                  \
    X(NILO_UNSUPPORTED, 2, "unsupported", true)                                                                        \
    X(NILO_DELETED, 3, "deleted", true)                                                                                \
    X(NILO_FAILED, 4, "failed", false)                                                                                 \
    X(NILO_NOT_YET, 5, "not_yet", false)                                                                               \
    X(NILO_NOT_PERMITTED, 6, "not_permitted", false)                                                                   \
    X(NILO_NOT_COLLECTED, 7, "not_collected", false)                                                                   \
    X(NILO_NOT_DUE, 8, "not_due", false)                                                                               \
    X(NILO_QUARANTINED, 9, "quarantined", false)                                                                       \
    X(NILO_NOT_REPORTED, 10, "not_reported", false)                                                                    \
    X(NILO_DROPPED, 11, "dropped", false)

#define NILO_CAUSE_ROWS(X)                                                                                             \
    X(NILO_CAUSE_BASE, 0, "base")                                                                                      \
    X(NILO_CAUSE_LATE, 1, "late")                                                                                      \
    X(NILO_CAUSE_RESTATED, 2, "restated")                                                                              \
    X(NILO_CAUSE_CORRECTED, 3, "corrected")                                                                            \
    X(NILO_CAUSE_IMPORTED, 4, "imported")                                                                              \
    X(NILO_CAUSE_REPLAYED, 5, "replayed")

#define NILO_RUN_KIND_ROWS(X)                                                                                          \
    X(NILO_RUN_COLLECT, 0, "collect")                                                                                  \
    X(NILO_RUN_IMPORT, 1, "import")                                                                                    \
    X(NILO_RUN_PUSH, 2, "push")                                                                                        \
    X(NILO_RUN_BACKFILL, 3, "backfill")                                                                                \
    X(NILO_RUN_REVISE, 4, "revise")                                                                                    \
    X(NILO_RUN_REPLAY, 5, "replay")                                                                                    \
    X(NILO_RUN_SEAL, 6, "seal")

/* failed: nothing or not all was recorded, what was stays; interrupted: its process died. Values of quarantined and
 * rejected runs do not count. */
#define NILO_RUN_STATUS_ROWS(X)                                                                                        \
    X(NILO_RUNNING, 0, "running", true)                                                                                \
    X(NILO_COMPLETED, 1, "completed", true)                                                                            \
    X(NILO_PARTIAL, 2, "partial", true)                                                                                \
    X(NILO_RUN_FAILED, 3, "failed", true)                                                                              \
    X(NILO_INTERRUPTED, 4, "interrupted", true)                                                                        \
    X(NILO_RUN_QUARANTINED, 5, "quarantined", false)                                                                   \
    X(NILO_REJECTED, 6, "rejected", false)

/* Whether an item is there, by its platform's word; what changes about it is a dated event. */
#define NILO_PRESENCE_ROWS(X)                                                                                          \
    X(NILO_ITEM_LIVE, 0, "live")       /* anybody can see it, or nothing else is known */                              \
    X(NILO_ITEM_HIDDEN, 1, "hidden")   /* there, but not listed: unlisted, archived, hidden */                         \
    X(NILO_ITEM_PRIVATE, 2, "private")                                                                                 \
    X(NILO_ITEM_DELETED, 3, "deleted") /* it does not come back; some platforms do not tell that from private */

#define NILO_METRIC_TYPE_ROWS(X)                                                                                       \
    X(NILO_COUNT, 0, "count") X(NILO_AVERAGE, 1, "average") X(NILO_PERCENTAGE, 2, "percentage") X(NILO_AGGREGATE, 3, "aggregate")
#define NILO_METRIC_KIND_ROWS(X) X(NILO_INSTANT, 0, "instant") X(NILO_PERIOD, 1, "period")
#define NILO_AGGREGATION_ROWS(X) X(NILO_LEVEL, 0, "level") X(NILO_FLOW, 1, "flow")
/* How the all-time best is formed: the maximum, or the value beside the greatest GMV (ratios). */
#define NILO_BEST_RULE_ROWS(X) X(NILO_BEST_MAX, 0, "max") X(NILO_BEST_WITH_GMV, 1, "with_gmv")

#define NILO_ENUM3(name, value, text) name = (value),
#define NILO_ENUM4(name, value, text, flag) name = (value),
enum nilo_entity_kind { NILO_ENTITY_ROWS(NILO_ENUM3) };
enum nilo_provenance { NILO_PROVENANCE_ROWS(NILO_ENUM3) };
enum nilo_absence { NILO_ABSENCE_ROWS(NILO_ENUM4) };
enum nilo_cause { NILO_CAUSE_ROWS(NILO_ENUM3) };
enum nilo_presence { NILO_PRESENCE_ROWS(NILO_ENUM3) };
enum nilo_run_kind { NILO_RUN_KIND_ROWS(NILO_ENUM3) };
enum nilo_run_status { NILO_RUN_STATUS_ROWS(NILO_ENUM4) };
enum nilo_metric_type { NILO_METRIC_TYPE_ROWS(NILO_ENUM3) };
enum nilo_metric_kind { NILO_METRIC_KIND_ROWS(NILO_ENUM3) };
enum nilo_aggregation { NILO_AGGREGATION_ROWS(NILO_ENUM3) };
enum nilo_best_rule { NILO_BEST_RULE_ROWS(NILO_ENUM3) };

/* Name of a number ("?" for an unknown one), and back (-1 for an unknown name). */
const char *nilo_entity_kind_name(int v);
const char *nilo_provenance_name(int v);
const char *nilo_absence_name(int v);
const char *nilo_cause_name(int v);
const char *nilo_presence_name(int v);
const char *nilo_run_kind_name(int v);
const char *nilo_run_status_name(int v);
const char *nilo_metric_type_name(int v);
const char *nilo_metric_kind_name(int v);
const char *nilo_aggregation_name(int v);
int nilo_absence_value(const char *name);
int nilo_metric_type_value(const char *name);
int nilo_metric_kind_value(const char *name);
int nilo_aggregation_value(const char *name);
/* Of an item whose platform names its status so (NULL: does not say), and that was found gone or not. */
enum nilo_presence nilo_presence_of(const char *status, bool deleted);
bool nilo_absence_definitive(enum nilo_absence a); /* a value counts as definitive too */
bool nilo_run_status_counts(enum nilo_run_status s); /* do the run's values count? */

/* ---- metrics ----------------------------------------------------------------------------------------------------------------- */

struct nilo_metric {
    int32_t id;                 /* >= 1 once stored */
    const char *name;           /* store-wide; the category of app metrics */
    enum nilo_metric_type type;
    enum nilo_metric_kind kind;
    enum nilo_aggregation aggregation;
    int scale;                  /* value = stored integer * 10^-scale */
    enum nilo_best_rule best_rule;
    bool wide;                  /* its name is a column of the content_* relations */
    bool builtin, active;
    const char *currency, *unit, *display_name, *description, *format_pattern; /* NULL where not set */
};

extern const struct nilo_metric nilo_builtin_metrics[];
extern const size_t nilo_builtin_metrics_n;

bool nilo_metric_name_ok(const char *name);  /* [a-z][a-z0-9_]{0,47} and not reserved */
/** nilo_metric_may_be_negative - not a count of things: money is counted too, and may be taken back */
bool nilo_metric_may_be_negative(const struct nilo_metric *m);
int nilo_metric_default_scale(enum nilo_metric_type type);

/* All metrics of a store, by id and by name. Owned by the store; valid until the next definition. */
struct nilo_catalog {
    const struct nilo_metric *metrics; /* ascending id */
    size_t n;
};
const struct nilo_metric *nilo_catalog_by_id(const struct nilo_catalog *c, int32_t id);
/** nilo_catalog_by_name - the wide metric of that name, else the first of it; NULL when there is none */
const struct nilo_metric *nilo_catalog_by_name(const struct nilo_catalog *c, const char *name);
const struct nilo_metric *nilo_catalog_by_type(const struct nilo_catalog *c, enum nilo_metric_type type, const char *name);

/* ---- days of a workspace -------------------------------------------------------------------------------------------------------- */

/* Zone eras, ascending from_day; the first starts at NILO_DAY_MIN. An era's days begin at its from_day even where the two
 * zones overlap: an instant belongs to the newest era in which its civil day is >= from_day, else to the day before it. */
struct nilo_era {
    nilo_day from_day;
    const struct nilo_zone *zone;
};
struct nilo_calendar {
    struct nilo_era *eras;
    size_t n;
};
nilo_day nilo_calendar_day(const struct nilo_calendar *c, nilo_us at);
/** nilo_calendar_exists - false for a day that the zone skipped, or that a change of zones left no time for */
bool nilo_calendar_exists(const struct nilo_calendar *c, nilo_day d);
nilo_us nilo_calendar_start(const struct nilo_calendar *c, nilo_day d); /* first instant of d */
nilo_us nilo_calendar_end(const struct nilo_calendar *c, nilo_day d);   /* first instant after d; equals start for a skipped day */
#define NILO_OBSERVED_DAYS 7 /* so long after a day's end a reading of it still counts as observed; then it is estimated (SEMANTICS 2) */
const struct nilo_zone *nilo_calendar_zone(const struct nilo_calendar *c, nilo_day d);

/* ---- rules of a day's value ---------------------------------------------------------------------------------------------------- */

/* One stored value of (entity, window, day, metric): the base (seq 0) or an amendment (seq > 0). */
struct nilo_cell {
    int64_t value;         /* meaningless unless absence == NILO_PRESENT */
    uint8_t absence, provenance, cause, rank;
    int64_t run;
    nilo_us captured_at;
};

/* What applying a new reading to a cell does. */
enum nilo_outcome {
    NILO_RECORDED,   /* first value of an open day */
    NILO_REPLACED,   /* newer reading of an open day: it is the day's value now */
    NILO_KEPT,       /* kept as an observation; the day's value stays (older, transient or lower rank) */
    NILO_UNCHANGED,  /* already known: nothing written */
    NILO_MERGED,     /* a second reading of the run at the same instant: the first stands */
    NILO_LATE,       /* first value of a closed day: an amendment over an empty base */
    NILO_AMENDED,    /* another value for a closed day: an amendment */
    NILO_REFUSED,    /* another value for a closed day, not taken: it needs --revise */
    NILO_OUTCOME_COUNT
};
const char *nilo_outcome_name(enum nilo_outcome o);

/* Who writes: decides what may amend a closed day. */
struct nilo_policy {
    enum nilo_run_kind kind;
    bool platform; /* a platform collector: re-read closed period days are restated by themselves */
    bool revise;   /* --revise was given */
};

/** nilo_rule_open - does `in` become the value of an open day that shows `now` (NULL = nothing yet)? Values and definitive absences before transient
 *  ones, then rank, then captured_at, then run: the greatest stands. Pure order, so any order of arrival ends alike. */
bool nilo_rule_open(const struct nilo_cell *now, const struct nilo_cell *in);

/** nilo_rule_closed - what `in` does to a closed day whose shown cell is `now` (NULL = empty base). ret_cause is set for LATE and AMENDED */
enum nilo_outcome nilo_rule_closed(const struct nilo_cell *now, const struct nilo_cell *in, enum nilo_metric_kind kind,
                                   const struct nilo_policy *policy, enum nilo_cause *ret_cause);

/** nilo_bucket - first 10 bits of SHA-256(workspace key || connection key || external id), plainly joined; frozen. 0..1023 */
int nilo_bucket(const char *workspace, const char *connection, const char *external_id);
/* Reserved external ids of the entities that are no content. */
#define NILO_APP_ID "$app"

#endif
