/* The rules of a day's value: pure orders and decisions, SEMANTICS 2.3 and 2.5. */
#include "model/model.h"

const char *nilo_outcome_name(enum nilo_outcome o)
{
    static const char *const names[NILO_OUTCOME_COUNT] = {"recorded",  "replaced", "kept",    "unchanged",
                                                          "merged", "late",     "amended", "refused"};
    return o >= 0 && o < NILO_OUTCOME_COUNT ? names[o] : "?";
}

bool nilo_rule_open(const struct nilo_cell *now, const struct nilo_cell *in)
{
    if (!now)
        return true;
    bool now_strong = nilo_absence_definitive(now->absence), in_strong = nilo_absence_definitive(in->absence);
    if (now_strong != in_strong)
        return in_strong;
    if (now->rank != in->rank)
        return in->rank > now->rank;
    if (now->captured_at != in->captured_at)
        return in->captured_at > now->captured_at;
    return in->run > now->run;
}

static bool same_cell(const struct nilo_cell *a, const struct nilo_cell *b)
{
    return a->absence == b->absence && (a->absence != NILO_PRESENT || a->value == b->value);
}

/* The cause that an amendment of a run carries when somebody asked for it or the source restated. */
static enum nilo_cause cause_of(const struct nilo_policy *policy)
{
    switch (policy->kind) {
    case NILO_RUN_REVISE:
        return NILO_CAUSE_CORRECTED;
    case NILO_RUN_REPLAY:
        return NILO_CAUSE_REPLAYED;
    case NILO_RUN_IMPORT:
        return NILO_CAUSE_IMPORTED;
    default: /* the source says otherwise by now */
        return NILO_CAUSE_RESTATED;
    }
}

/* What a closed cell's value is worth against another one: its provenance, unless somebody insisted on it while the day was open. */
static uint8_t worth(const struct nilo_cell *c) { return c->rank == NILO_RANK_REVISE ? c->rank : c->provenance; }

/* An app's own database that was asked and had nothing to tell, where nobody knew more than that: it need not be asked again. */
static bool is_first_answer(const struct nilo_cell *now, const struct nilo_cell *in, const struct nilo_policy *policy)
{
    bool asked = !policy->platform && (policy->kind == NILO_RUN_COLLECT || policy->kind == NILO_RUN_BACKFILL);
    bool unanswered = !now || now->absence == NILO_FAILED || now->absence == NILO_NOT_COLLECTED;
    return asked && unanswered && in->absence == NILO_NOT_REPORTED;
}

enum nilo_outcome nilo_rule_closed(const struct nilo_cell *now, const struct nilo_cell *in, enum nilo_metric_kind kind,
                                   const struct nilo_policy *policy, enum nilo_cause *ret_cause)
{
    bool in_strong = nilo_absence_definitive(in->absence);
    if (!now || (!nilo_absence_definitive(now->absence) && in_strong)) {
        if (!in_strong && !is_first_answer(now, in, policy))
            return now ? NILO_UNCHANGED : NILO_KEPT; /* a failure to read tells nothing about a closed day */
        *ret_cause = NILO_CAUSE_LATE;
        return NILO_LATE;
    }
    if (is_first_answer(now, in, policy)) {
        *ret_cause = NILO_CAUSE_LATE;
        return NILO_LATE;
    }
    if (same_cell(now, in) || !in_strong)
        return NILO_UNCHANGED;
    if (policy->revise) {
        /* backfill never amends observed or imported values, even when asked to */
        if (policy->kind == NILO_RUN_BACKFILL && worth(now) > NILO_ESTIMATED)
            return NILO_REFUSED;
        *ret_cause = cause_of(policy);
        return NILO_AMENDED;
    }
    if (in->provenance < worth(now))
        return NILO_REFUSED;
    if (policy->kind == NILO_RUN_PUSH) {
        *ret_cause = NILO_CAUSE_RESTATED;
        return NILO_AMENDED;
    }
    if (policy->kind == NILO_RUN_REPLAY) {
        *ret_cause = NILO_CAUSE_REPLAYED;
        return NILO_AMENDED;
    }
    if (policy->platform && policy->kind == NILO_RUN_COLLECT && kind == NILO_PERIOD) {
        *ret_cause = NILO_CAUSE_RESTATED;
        return NILO_AMENDED;
    }
    return NILO_REFUSED;
}
