/* The clock of tokens: when a person has to sign in again. */
#include "login/login_priv.h"

static void read_clock(struct nilo_login_clock *c, nilo_us now)
{
    const struct nilo_login_row *row = &c->row;
    /* what can be renewed ends with its refresh token; the rest with the token itself. A token without an end, of a page of Facebook's: what the person has
     * permitted may end all the same, as far as is known then, so they are told, and it is not believed before the platform says no */
    const bool endless = !row->renewable && row->access_until == NILO_US_NONE;
    c->ends_at = row->renewable || endless ? row->refresh_until : row->access_until;
    c->days = c->ends_at == NILO_US_NONE ? -1 : c->ends_at <= now ? 0 : (c->ends_at - now) / NILO_US_DAY;
    if (c->ends_at != NILO_US_NONE && c->ends_at <= now && !endless)
        c->state = NILO_LOGIN_OVER;
    else if (row->problem != NULL)
        c->state = NILO_LOGIN_TROUBLE;
    else if (c->ends_at != NILO_US_NONE && c->ends_at - now < NILO_LOGIN_WARN)
        c->state = NILO_LOGIN_SOON;
    else
        c->state = NILO_LOGIN_FINE;
}

int nilo_login_clock(struct nilo_store *s, struct nilo_arena *arena, struct nilo_login_clock **ret, size_t *ret_n, struct nilo_err *err)
{
    const struct nilo_clock *clock = &nilo_store_env(s)->clock;
    nilo_us now = clock->wall(clock->ctx);
    struct nilo_login_row *rows;
    size_t n;
    if (nilo_store_logins(s, arena, &rows, &n, err) != 0)
        return -1;
    struct nilo_login_clock *all = nilo_arena_array(arena, n + 1, sizeof *all);
    if (all == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        all[i].row = rows[i];
        read_clock(&all[i], now);
    }
    *ret = all;
    *ret_n = n;
    return 0;
}
