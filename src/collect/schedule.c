/* Slots of connections. */
#include "collect/schedule.h"
#include "collect/collect.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A fixed share of the spread for each connection: a hash of its number, so that neighbours do not begin together. Of a schedule that names many slots it is a
 * part of the time between two: else the next slot would come before the turn of this one has, again and again. */
static nilo_us share_of(const struct nilo_cron *cron, const struct nilo_zone *zone, nilo_us slot, int64_t id)
{
    nilo_us next = nilo_cron_next(cron, zone, slot), spread = NILO_SCHEDULE_SPREAD;
    if (next != NILO_US_NONE && (next - slot) / 4 < spread)
        spread = (next - slot) / 4;
    return (nilo_us)((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15) >> 32) * spread >> 32;
}

struct nilo_schedule_look nilo_schedule_look(const struct nilo_cron *cron, const struct nilo_zone *zone, nilo_us last, nilo_us again_at, int64_t id, nilo_us now)
{
    struct nilo_schedule_look look = {.slot = nilo_cron_last(cron, zone, now), .at = NILO_US_NONE};
    bool open = look.slot != NILO_US_NONE && (last == NILO_US_NONE || look.slot > last);
    if (open) {
        look.at = look.slot + share_of(cron, zone, look.slot, id);
    } else if (again_at != NILO_US_NONE && last != NILO_US_NONE) {
        /* The rest of an earlier slot is a slot of its own, named by its time; never two in a minute. */
        look.slot = again_at > last + NILO_US_MINUTE ? again_at : last + NILO_US_MINUTE;
        look.at = look.slot;
        nilo_us next = nilo_cron_next(cron, zone, now);
        if (next != NILO_US_NONE && next <= look.at) {
            look.slot = next;
            look.at = next + share_of(cron, zone, next, id);
        }
    } else {
        nilo_us next = nilo_cron_next(cron, zone, now);
        look.slot = next;
        look.at = next != NILO_US_NONE ? next + share_of(cron, zone, next, id) : NILO_US_NONE;
    }
    look.due = look.at != NILO_US_NONE && look.at <= now;
    return look;
}

static void name_of(const struct nilo_connection *c, char out[64])
{
    snprintf(out, 64, "connection %" PRId64, c->id);
}

struct looking {
    struct nilo_connection connection;
    struct nilo_cron cron;
    const struct nilo_zone *zone;
    char name[64];
    nilo_us now, last;
    struct nilo_schedule_look look;
    nilo_us asked; /* wanted before its turn, since the last slot; NILO_US_NONE = it is not */
    bool scheduled; /* it has a schedule, and may be collected */
};

/* Somebody has signed in again since the last slot: what was missed is caught up now, not at the next slot. */
static int look_at_return(struct nilo_store *s, struct looking *l, struct nilo_err *err)
{
    struct nilo_status_row *turns;
    struct nilo_arena arena;
    size_t n;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_connection_turns(s, l->connection.id, 1, &arena, &turns, &n, err);
    if (rc == 0 && n > 0 && strcmp(turns[0].was, "expired") == 0 && turns[0].at <= l->now && (l->last == NILO_US_NONE || turns[0].at > l->last))
        l->look = (struct nilo_schedule_look){.slot = turns[0].at, .due = true, .at = turns[0].at};
    nilo_arena_done(&arena);
    return rc;
}

static int look_at(struct nilo_store *s, const struct nilo_config *config, const struct nilo_config_connection *c, struct looking *l, struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(s);
    const char *schedule = nilo_config_schedule(c);
    struct nilo_workspace w;
    const struct nilo_calendar *calendar;
    struct nilo_collect_state state;
    struct nilo_arena arena;
    struct nilo_err gone;
    *l = (struct looking){.now = env->clock.wall(env->clock.ctx), .asked = NILO_US_NONE};
    int erased = schedule == NULL ? 1 : nilo_collect_erased(s, config, c, &gone, err);
    if (erased != 0)
        return erased < 0 ? -1 : 0;
    if (nilo_cron_parse(schedule, &l->cron, err) != 0 ||
        nilo_store_workspace(s, c->workspace, true, nilo_config_zone(config, c->workspace), &w, err) != 0 ||
        nilo_store_connection(s, w.id, c->name, true, c->platform, "file", &l->connection, err) != 0 || nilo_store_calendar(s, w.id, &calendar, err) != 0)
        return -1;
    name_of(&l->connection, l->name);
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_slot_last(s, l->name, &l->last, err);
    if (rc == 0)
        rc = nilo_store_collect_state(s, l->connection.id, &arena, &state, err);
    nilo_us again = rc == 0 ? state.next_at : NILO_US_NONE;
    if (rc == 0 && state.asked_at != NILO_US_NONE && l->last != NILO_US_NONE && state.asked_at > l->last) {
        l->asked = state.asked_at;
        again = again == NILO_US_NONE || again > l->asked ? l->asked : again;
    }
    nilo_arena_done(&arena);
    if (rc != 0)
        return -1;
    l->scheduled = strcmp(l->connection.status, "disabled") != 0 && strcmp(l->connection.status, "expired") != 0 && l->connection.paused_at == NILO_US_NONE;
    l->zone = nilo_calendar_zone(calendar, nilo_calendar_day(calendar, l->now));
    l->look = nilo_schedule_look(&l->cron, l->zone, l->last, again, l->connection.id, l->now);
    return l->scheduled && !l->look.due ? look_at_return(s, l, err) : 0;
}

/* Slots between the last one and the one that is done now. */
static int note_missed(struct nilo_store *s, const struct looking *l, struct nilo_err *err)
{
    nilo_us at = l->look.slot - 1;
    char text[NILO_US_TEXT], reason[160];
    nilo_us_format(l->look.slot, text);
    snprintf(reason, sizeof reason, "whoever was at it did not come to an end; the slot of %.16s UTC stands for it", text);
    if (nilo_store_slots_given_up(s, l->name, l->look.slot, reason, err) != 0)
        return -1;
    if (l->last == NILO_US_NONE)
        return 0;
    snprintf(reason, sizeof reason, "nothing was running then, or the run before it took longer; the slot of %.16s UTC stands for it", text);
    for (int i = 0; i < NILO_SCHEDULE_MISSED; i++) {
        nilo_us slot = nilo_cron_last(&l->cron, l->zone, at);
        if (slot == NILO_US_NONE || slot <= l->last)
            return 0;
        if (nilo_store_slot_missed(s, l->name, slot, reason, err) != 0)
            return -1;
        at = slot - 1;
    }
    return 0;
}

int nilo__slot_begin(struct nilo_store *s, const struct nilo_config *config, const struct nilo_config_connection *c, bool rests, struct nilo__slot *ret,
                     struct nilo_err *err)
{
    struct looking l;
    char holder[64];
    *ret = (struct nilo__slot){.taken = false};
    if (look_at(s, config, c, &l, err) != 0)
        return -1;
    if (!l.scheduled || !l.look.due)
        return 0;
    bool between = nilo_cron_last(&l.cron, l.zone, l.look.slot) != l.look.slot;
    if (between && !rests)
        return 0;
    ret->rest = between && l.asked == NILO_US_NONE;
    snprintf(holder, sizeof holder, "process %ld", (long)getpid());
    if (nilo_store_slot_take(s, l.name, l.look.slot, holder, NILO_SCHEDULE_LEASE, &ret->lease, &ret->taken, NULL, err) != 0)
        return -1;
    /* All of them or none: whoever dies in the middle would leave the newest to stand for those before it. */
    if (!ret->taken || nilo_store_begin(s, err) != 0)
        return ret->taken ? -1 : 0;
    if (note_missed(s, &l, err) == 0)
        return nilo_store_commit(s, err);
    nilo_store_rollback(s);
    return -1;
}

int nilo__slot_end(struct nilo_store *s, const struct nilo__slot *slot, const struct nilo_err *why, struct nilo_err *err)
{
    struct nilo_err lost = {0};
    if (nilo_store_slot_end(s, &slot->lease, why == NULL ? NILO_SLOT_DONE : NILO_SLOT_MISSED, why != NULL ? why->msg : NULL, &lost) == 0)
        return 0;
    if (lost.code == NILO_ECANCELLED)
        return 0; /* whoever took it over ends it */
    if (err != NULL)
        *err = lost;
    return -1;
}

int nilo_schedule_next(struct nilo_store *s, const struct nilo_config *config, nilo_us *ret, struct nilo_err *err)
{
    nilo_us next = NILO_US_NONE;
    for (int i = 0; i < config->n_connections; i++) {
        struct looking l;
        if (look_at(s, config, &config->connections[i], &l, err) != 0)
            return -1;
        nilo_us at = !l.scheduled ? NILO_US_NONE : l.look.due ? l.now : l.look.at;
        if (at != NILO_US_NONE && (next == NILO_US_NONE || at < next))
            next = at;
    }
    *ret = next;
    return 0;
}
