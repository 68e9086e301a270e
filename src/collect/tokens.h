/* Where a platform's step machine (platform.h) gets its credentials: the app of the configuration, and the tokens of connections, renewed where they have
 * to be (login/). A renewal is waited for, half a minute at most; it uses an HTTP client of its own. */
#ifndef NILO_COLLECT_TOKENS_H
#define NILO_COLLECT_TOKENS_H

#include "collect/platform.h"
#include "login/login.h"

struct nilo_tokens_of;
/** nilo_tokens_of_new - s: for writing, of this thread. http: nobody else uses it meanwhile; NULL: the real one, made when it is needed
 *  owner  caller, nilo_tokens_of_free(); what it was given must outlive it */
int nilo_tokens_of_new(struct nilo_store *s, const struct nilo_config *config, struct nilo_http *http, struct nilo_tokens_of **ret, struct nilo_err *err);
void nilo_tokens_of_free(struct nilo_tokens_of *t); /* NULL is fine */
/** nilo_tokens_of_source - for nilo_platforms_options. A connection that has to be signed in to again is expired by it, with the reason, before it says so */
struct nilo_token_source nilo_tokens_of_source(struct nilo_tokens_of *t);
/** nilo_tokens_of_settings - of the connector, for nilo_platform_want; NULL: there is no such platform, or a setting of it is wrong (err) */
const char *const *nilo_tokens_of_settings(struct nilo_tokens_of *t, const char *platform, struct nilo_err *err);

/** nilo_collect_sync - connections_from_sql, before anything is collected. What is wrong with it is logged, and keeps nobody from collecting */
void nilo_collect_sync(struct nilo_store *s, const struct nilo_config *config);

#endif
