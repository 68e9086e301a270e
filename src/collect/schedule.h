/* Schedules: which slot of a connection is due, and that it is done once, by one process, however many of them look. serve looks twice a minute, a timer of
 * cron or systemd with `nilometer collect --scheduled`; both end here.
 *
 * A slot that nobody was there for is caught up once: the newest one that is over is done, those before it are kept as missed, with the reason. Who has slept
 * long finds many connections due at once: each waits its own share of some minutes, so that they do not all run at the same moment. */
#ifndef NILO_COLLECT_SCHEDULE_H
#define NILO_COLLECT_SCHEDULE_H

#include "config/config.h"
#include "base/cron.h"
#include "store/collecting.h"

#define NILO_SCHEDULE_LEASE (2 * NILO_US_MINUTE)   /* runs out that long after its holder died; renewed while it works */
#define NILO_SCHEDULE_SPREAD (3 * NILO_US_MINUTE)  /* over which connections of one slot begin; a quarter of the time to the next slot at most */
#define NILO_SCHEDULE_MISSED 500                   /* slots that are kept as missed, the newest ones */

/* When a connection is to be collected next. */
struct nilo_schedule_look {
    nilo_us slot;    /* that is due, or was done last; NILO_US_NONE = none yet */
    bool due;        /* now */
    nilo_us at;      /* when it will be due, or the next one; NILO_US_NONE = never by itself */
};
/** nilo_schedule_look - pure: last = the newest slot that came to an end (NILO_US_NONE: none), first = before which there was no schedule (the making
 *  of the connection), again_at = work was left over that can go on then (NILO_US_NONE: none); id spreads connections */
struct nilo_schedule_look nilo_schedule_look(const struct nilo_cron *cron, const struct nilo_zone *zone, nilo_us last, nilo_us again_at, int64_t id, nilo_us now);

/* A slot that is being done. */
struct nilo__slot {
    bool taken;
    bool rest; /* of a slot before it that was cut short; not one that the schedule names */
    struct nilo_lease lease;
};
/** nilo__slot_begin - takes the slot of a connection that is due; taken false: none is, or another process is at it. Missed ones are noted
 *  rests  false: only one that the schedule names */
int nilo__slot_begin(struct nilo_store *s, const struct nilo_config *config, const struct nilo_config_connection *c, bool rests, struct nilo__slot *ret,
                     struct nilo_err *err);
/** nilo__slot_end - it was done; why: it could not be, for that reason */
int nilo__slot_end(struct nilo_store *s, const struct nilo__slot *slot, const struct nilo_err *why, struct nilo_err *err);

/** nilo_schedule_next - when any connection of the configuration is due next; now when one is; NILO_US_NONE = never */
int nilo_schedule_next(struct nilo_store *s, const struct nilo_config *config, nilo_us *ret, struct nilo_err *err);

#endif
