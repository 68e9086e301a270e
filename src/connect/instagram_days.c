/* What an Instagram account's days were like, by the owner's token: reach, and how many began to follow. How that is asked for: graph_days.c. */
#include "connect/instagram_priv.h"

/* The first two are asked for; others are read where they come: recorded answers and older versions have them. */
const struct nilo__graph_days nilo__ig_days = {
    .title = "Instagram",
    .purpose = "instagram account insights",
    .address = nilo__ig_address,
    .sign = nilo__ig_sign,
    .known = {{"reach", "reach"}, {"follower_count", "follows"}, {"profile_views", "profile_visits"}, {"impressions", "impressions"}, {"views", "views"},
              {"likes", "likes"}, {"comments", "comments"}, {"total_interactions", "engagement"}},
    .n_known = 8,
    .n_asked = 2,
};

int nilo__ig_make_report(struct nilo__making *m, struct nilo_err *err)
{
    return nilo__graph_make_days(&nilo__ig_days, m, err);
}

int nilo__ig_take_report(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    return nilo__graph_take_days(&nilo__ig_days, ask, a, arena, ret, err);
}
