/* The configuration as the daemon holds it: read by whoever needs it, exchanged as a whole when it is loaded anew. */
#ifndef NILO_API_SETTINGS_H
#define NILO_API_SETTINGS_H

#include "config/config.h"

struct nilo_settings;
/** nilo_settings_new - config becomes its own, also on failure. owner: caller */
int nilo_settings_new(struct nilo_config *config, struct nilo_settings **ret, struct nilo_err *err);
void nilo_settings_free(struct nilo_settings *s); /* everything taken was given back. NULL is fine */
int nilo_settings_set(struct nilo_settings *s, struct nilo_config *config, struct nilo_err *err); /* as _new; from now on */

void nilo_settings_reloaded(struct nilo_settings *s, bool fine); /* for the counts */
void nilo_settings_counts(struct nilo_settings *s, int64_t *ret_done, int64_t *ret_failed);

int64_t nilo_settings_max_rows(struct nilo_settings *s); /* 0 = no limit; s NULL: none */

/* Taken, it stays as it is until it is given back; any thread. */
struct nilo_settings_held;
struct nilo_settings_held *nilo_settings_take(struct nilo_settings *s);
const struct nilo_config *nilo_settings_config(const struct nilo_settings_held *h);
/* The secret of the cron paths, resolved when the configuration was loaded; NULL = there is none */
const char *nilo_settings_cron(const struct nilo_settings_held *h, bool *ret_in_query);
/* Who may send to /hooks/...: hook_keys.h */
struct nilo_hook_keys;
const struct nilo_hook_keys *nilo_settings_hooks(const struct nilo_settings_held *h);
void nilo_settings_give(struct nilo_settings *s, struct nilo_settings_held *h);

#endif
