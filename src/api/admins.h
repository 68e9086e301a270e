/* Who of those who are signed in is an admin, where that stands in an app's own database: asked there, remembered for a minute.
 * Loops only look into the memory; asking is for workers, since it waits. */
#ifndef NILO_API_ADMINS_H
#define NILO_API_ADMINS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/env.h"
#include "base/err.h"
#include "config/config.h"

#define NILO_ADMINS_KEEP (60 * NILO_US_SECOND) /* an answer holds for so long */
#define NILO_ADMINS_MAX  4096                  /* answers remembered; above it the memory is emptied */

struct nilo_admins;
/** nilo_admins_new - what the configuration asks of databases; *ret NULL: nothing. config must outlive it */
int nilo_admins_new(const struct nilo_config *config, const struct nilo_env *env, struct nilo_admins **ret, struct nilo_err *err);
void nilo_admins_free(struct nilo_admins *a); /* NULL is fine */

/** nilo_admins_known - from memory: 1 yes, 0 no, -1 it has to be asked. Any thread, never waits */
int nilo_admins_known(struct nilo_admins *a, const char *sub);
/** nilo_admins_ask - asks where it is not known. Any worker; waits for the database, 5 s a question at most
 *  ret     a user whom the database takes for malformed (a text where it wants a uuid) is none
 *  errors  of the source; *ret is untouched. Nothing is remembered then */
int nilo_admins_ask(struct nilo_admins *a, const char *sub, bool *ret, struct nilo_err *err);

#endif
