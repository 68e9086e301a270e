/* A cable to a PostgreSQL that can be cut: a Unix socket in front of the server's, in a process of its own, that hands on what goes through it
 * and breaks a connection after so many messages of the server. */
#ifndef NILO_SUPPORT_CUTTER_H
#define NILO_SUPPORT_CUTTER_H

#include <stdint.h>

struct cutter;

/** cutter_new - in front of the socket in that folder; fork only: no threads yet. Ends with the test process, or cutter_free() */
struct cutter *cutter_new(const char *server_folder);
void cutter_free(struct cutter *c);
const char *cutter_folder(const struct cutter *c); /* what a URL names as its host */

/** cutter_set - from now on each connection is broken when the server has sent so many messages through it (0: it is not accepted at all; -1:
 *  never); at most `times` connections are, -1 = all. The counts begin anew */
void cutter_set(struct cutter *c, int64_t after, int64_t times);
int64_t cutter_messages(const struct cutter *c); /* of the server since cutter_set(), all connections */
int64_t cutter_cuts(const struct cutter *c);

#endif
