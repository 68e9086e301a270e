/* A private PostgreSQL for one test process: made at first use in a temporary folder, reachable through a Unix socket
 * only, ended and removed when the process ends, however it ends. */
#ifndef NILO_SUPPORT_PG_H
#define NILO_SUPPORT_PG_H

/** nilo_test_pg_database - a fresh, empty database of that name (letters, digits, _) as a postgres:// URL
 *  ret    NULL when there is no PostgreSQL here: print nilo_test_pg_missing() and skip
 *  owner  the process, until it ends. The first call takes a second or two; fork only when no thread was started yet.
 *  The role is nilo (superuser, no password). A role nilo_password, if a test makes it, has to give one (scram-sha-256). */
const char *nilo_test_pg_database(const char *name);
/** nilo_test_pg_copy - the same, but with all that is in the database `of`, to which nobody may be connected */
const char *nilo_test_pg_copy(const char *name, const char *of);
const char *nilo_test_pg_missing(void);

#endif
