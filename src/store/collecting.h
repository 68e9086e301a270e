/* What collecting remembers between two runs: slots of schedules and who holds them, budgets of platforms' APIs, hosts that fail, and how reading each item
 * went. None of it is the record: losing all of it loses no value. What it means is collect/'s business.
 *
 * Time here is the database's clock on PostgreSQL, so that processes on several machines agree; on SQLite, where one process writes, the process's own. */
#ifndef NILO_STORE_COLLECTING_H
#define NILO_STORE_COLLECTING_H

#include "store/store.h"

/* ---- slots ------------------------------------------------------------------------------------------------------------------------------ */

/* A schedule's name is its own business; a slot is the instant at which it was due. A slot is done once, whatever process does it, and a schedule is
 * held by one at a time. */
enum nilo_slot_state {
    NILO_SLOT_TAKEN = 0,  /* somebody is at it, or was and died: whoever takes the schedule next does it again */
    NILO_SLOT_DONE = 1,
    NILO_SLOT_MISSED = 2, /* nobody was there at its time, or it could not be done; the reason says which, and what stands for it */
};

struct nilo_lease {
    char schedule[256];
    nilo_us slot;
    int64_t fence; /* rises with every lease of the schedule: who has an older one has lost it */
    nilo_us until;
};

/** nilo_store_slot_take - the right to do a schedule's slot until then. Own transaction
 *  holder     who asks; for people only
 *  span       how long the lease lasts from now on
 *  ret_taken  false: the slot is done or given up, a later one is, or somebody holds the schedule; *ret is not touched
 *  ret_again  it had been taken before by somebody who did not come to an end; may be NULL */
int nilo_store_slot_take(struct nilo_store *s, const char *schedule, nilo_us slot, const char *holder, nilo_us span, struct nilo_lease *ret, bool *ret_taken,
                         bool *ret_again, struct nilo_err *err);
/** nilo_store_slot_check, _renew - is it still ours? check: in a transaction, nobody can take it before that ends; renew: until span from now
 *  errors  NILO_ECANCELLED somebody else has it by now, or it was given back: what was done under it must not be committed */
int nilo_store_slot_check(struct nilo_store *s, const struct nilo_lease *l, struct nilo_err *err);
int nilo_store_slot_renew(struct nilo_store *s, struct nilo_lease *l, nilo_us span, struct nilo_err *err);
/** nilo_store_slot_end - done, or missed for a reason; the lease ends. errors: NILO_ECANCELLED as above */
int nilo_store_slot_end(struct nilo_store *s, const struct nilo_lease *l, enum nilo_slot_state state, const char *reason, struct nilo_err *err);
/** nilo_store_slot_give_up - the lease ends and the slot is open: whoever looks next does it, without waiting. One that was lost already is no error */
int nilo_store_slot_give_up(struct nilo_store *s, const struct nilo_lease *l, struct nilo_err *err);
/** nilo_store_slot_missed - a slot that nobody will do, and why; what is known of the slot already stays */
int nilo_store_slot_missed(struct nilo_store *s, const char *schedule, nilo_us slot, const char *reason, struct nilo_err *err);
/** nilo_store_slots_given_up - slots before that one that were taken and never came to an end (whoever did them died) are missed, for that reason. For who
 *  holds the schedule */
int nilo_store_slots_given_up(struct nilo_store *s, const char *schedule, nilo_us before, const char *reason, struct nilo_err *err);
/** nilo_store_slot_last - the newest slot of the schedule that came to an end (done or missed); NILO_US_NONE = there is none */
int nilo_store_slot_last(struct nilo_store *s, const char *schedule, nilo_us *ret, struct nilo_err *err);
/** nilo_store_slots_forget - slots older than that go; the newest of each schedule stays */
int nilo_store_slots_forget(struct nilo_store *s, nilo_us before, struct nilo_err *err);

/* ---- runs ------------------------------------------------------------------------------------------------------------------------------- */

/** nilo_store_run_left - a run is over and its end could not be logged (a full disk): that it was interrupted is logged as soon as the next one begins */
void nilo_store_run_left(struct nilo_store *s, int64_t run);

/* ---- budgets ---------------------------------------------------------------------------------------------------------------------------- */

struct nilo_budget_row {
    const char *owner, *bucket;  /* whose (an app's key, a connection), and which of the platform's */
    nilo_us period_start, period_end;
    int64_t most, used;          /* of the period */
    nilo_us blocked_until;       /* the platform said so; NILO_US_NONE = it did not */
    const char *reason;          /* NULL, or what it said */
};
/** nilo_store_budget - ret_there false: nothing is known. Texts in the arena */
int nilo_store_budget(struct nilo_store *s, const char *owner, const char *bucket, struct nilo_arena *arena, bool *ret_there, struct nilo_budget_row *ret,
                      struct nilo_err *err);
/** nilo_store_budget_put - used is row->used, and what others of the same budget have used beside: the row moves by the difference to what this one had told
 *  told      what this one's row->used was, or *ret_used, when it was put last or loaded; 0 = nothing yet in this period
 *  ret_used  of the period, everybody's */
int nilo_store_budget_put(struct nilo_store *s, const struct nilo_budget_row *row, int64_t told, int64_t *ret_used, struct nilo_err *err);
/** nilo_store_budgets - all, by owner and bucket. owner: arena */
int nilo_store_budgets(struct nilo_store *s, struct nilo_arena *arena, struct nilo_budget_row **ret, size_t *ret_n, struct nilo_err *err);

/* ---- hosts ------------------------------------------------------------------------------------------------------------------------------ */

struct nilo_host_row {
    int64_t failures;    /* one after the other */
    int64_t opened;      /* how often in a row it was given up for a while */
    nilo_us open_until;  /* NILO_US_NONE: it is asked */
    int64_t credit;      /* of retries, thousandths */
    nilo_us at;          /* up to when time has given credit */
};
int nilo_store_host(struct nilo_store *s, const char *host, bool *ret_there, struct nilo_host_row *ret, struct nilo_err *err);
int nilo_store_host_put(struct nilo_store *s, const char *host, const struct nilo_host_row *row, struct nilo_err *err);

/* ---- items ------------------------------------------------------------------------------------------------------------------------------ */

/* How reading an item went. */
struct nilo_item_state {
    struct nilo_entity_ref entity;
    const char *external_id;
    nilo_us first_seen, posted_at, deleted_at; /* posted_at, deleted_at: NILO_US_NONE = not known, it is there */
    nilo_us read_at;                           /* last time it was read; NILO_US_NONE = never */
    nilo_us failed_at;                         /* last time it could not be; NILO_US_NONE */
    int64_t failures;                          /* one after the other */
    const char *class;                         /* of the last failure; NULL */
    const char *status, *media_type;           /* of content; NULL = not known */
    const char *account;                       /* whose it is, as the platform said; NULL = not known */
    nilo_us asked_at;                          /* it is wanted before its turn, since then; NILO_US_NONE or 0 = it is not. Kept by nilo_store_item_ask() alone */
    bool ended;                                /* the collector's own: the platform tells nothing of it any more */
};
/** nilo_store_items - the connection's items of a kind, those that were erased left out, by external id. owner: arena */
int nilo_store_items(struct nilo_store *s, int64_t connection, enum nilo_entity_kind kind, struct nilo_arena *arena, struct nilo_item_state **ret, size_t *ret_n,
                     struct nilo_err *err);
/** nilo_store_items_went - how reading these items of the connection went, by external id: read_at, failed_at, failures and class are kept, and
 *  account where it is known.
 *  Items that are not there are left out. In a transaction of the caller */
int nilo_store_items_went(struct nilo_store *s, const struct nilo_connection *c, enum nilo_entity_kind kind, const struct nilo_item_state *items, size_t n,
                          struct nilo_err *err);

/** nilo_store_item_ask - the item is to be read before its turn: due until it was read, or could not be, after that. In a transaction of the caller */
int nilo_store_item_ask(struct nilo_store *s, const struct nilo_connection *c, struct nilo_entity_ref e, nilo_us at, struct nilo_err *err);

/* What a tap wants to be told when it is run the next time, as it wrote it. */
struct nilo_tap_state {
    const char *format; /* singer or airbyte */
    const char *text;   /* JSON; NULL = none is kept */
    int64_t run;        /* the import that it came with */
    nilo_us kept_at;
};
/** nilo_store_tap_state - of a connection. That of a run which does not count (rejected) is none: what it stood for is not in the record. owner: arena */
int nilo_store_tap_state(struct nilo_store *s, int64_t connection, struct nilo_arena *arena, struct nilo_tap_state *ret, struct nilo_err *err);
int nilo_store_tap_state_put(struct nilo_store *s, int64_t connection, const struct nilo_tap_state *state, struct nilo_err *err);
int nilo_store_tap_state_forget(struct nilo_store *s, int64_t connection, struct nilo_err *err);

/* What a connection's last runs found out about it. */
struct nilo_collect_state {
    nilo_us listed_at;    /* a whole listing; NILO_US_NONE = never */
    nilo_us next_at;      /* work is left over that can go on then; NILO_US_NONE = there is none */
    const char *why;      /* of next_at; NULL */
    int64_t variants;     /* of operations, a byte each; the connector's business */
    nilo_us asked_at;     /* it is wanted before its turn, since then; NILO_US_NONE = it is not. _put leaves it: nilo_store_collect_ask() */
};
int nilo_store_collect_state(struct nilo_store *s, int64_t connection, struct nilo_arena *arena, struct nilo_collect_state *ret, struct nilo_err *err);
int nilo_store_collect_state_put(struct nilo_store *s, int64_t connection, const struct nilo_collect_state *state, struct nilo_err *err);

/** nilo_store_collect_ask - the connection is to be collected before its turn: due until a slot behind that instant was done. In a transaction of the caller */
int nilo_store_collect_ask(struct nilo_store *s, int64_t connection, nilo_us at, struct nilo_err *err);

/** nilo_store_hook_new - is it the first time that this comes to the hook? From then on it is known, for NILO_HOOK_KNOWN and as long as it is among the newest
 *  NILO_HOOK_KNOWN_MOST. digest: in hexadecimal digits. In a transaction of the caller */
#define NILO_HOOK_KNOWN (7 * NILO_US_DAY)
#define NILO_HOOK_KNOWN_MOST 200000
int nilo_store_hook_new(struct nilo_store *s, const char *hook, const char *digest, nilo_us at, bool *ret, struct nilo_err *err);

/* How a kind of a connection's items can be asked for, as was found out. */
struct nilo_kind_state {
    const char *op, *kind; /* words of the connector's: "metrics", "story" */
    int64_t variant;
    nilo_us learned_at;
};
/** nilo_store_kinds - of a connection, by operation and kind. owner: arena */
int nilo_store_kinds(struct nilo_store *s, int64_t connection, struct nilo_arena *arena, struct nilo_kind_state **ret, size_t *ret_n, struct nilo_err *err);
int nilo_store_kind_put(struct nilo_store *s, int64_t connection, const struct nilo_kind_state *state, struct nilo_err *err);

/* ---- reports ----------------------------------------------------------------------------------------------------------------------------- */

/* An account's reports, that only its owner's token gives. */
struct nilo_report_state {
    const char *account;
    nilo_us read_at;      /* all of them, last time; NILO_US_NONE = never */
    nilo_day newest_day;  /* that they knew of then; NILO_DAY_NONE */
    nilo_us refused_at;   /* NILO_US_NONE: they are given */
    const char *reason;   /* of the refusal; NULL */
};
/** nilo_store_reports - of a connection, by account. owner: arena */
int nilo_store_reports(struct nilo_store *s, int64_t connection, struct nilo_arena *arena, struct nilo_report_state **ret, size_t *ret_n, struct nilo_err *err);
int nilo_store_report_put(struct nilo_store *s, int64_t connection, const struct nilo_report_state *state, struct nilo_err *err);

/* Days that were read again: from them follows after how many a day has settled. */
#define NILO_SETTLE_AGES 32
struct nilo_settle {
    int64_t seen[NILO_SETTLE_AGES], changed[NILO_SETTLE_AGES]; /* by age: days since the day's end, as the platform counts them; 0 is not used */
};
/** nilo_store_settle - what was seen of a connection's days; all 0 where nothing was. _put: in the place of what there is */
int nilo_store_settle(struct nilo_store *s, int64_t connection, struct nilo_settle *ret, struct nilo_err *err);
int nilo_store_settle_put(struct nilo_store *s, int64_t connection, const struct nilo_settle *settle, struct nilo_err *err);
/** nilo_settle_days - so old a day is when it says nothing else any more; 0 = too little was seen to tell */
int nilo_settle_days(const struct nilo_settle *settle);

#endif
