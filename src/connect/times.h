/* How an SQLite source writes its times, for statements that compare them with :from and :to. */
#ifndef NILO_CONNECT_TIMES_H
#define NILO_CONNECT_TIMES_H

#include "db/db.h"

/** nilo__sql_times - what stands between day and time in texts that the statement reads
 *  db     an SQLite database; looks at the first thousand rows of each table that the statement reads
 *  ret    ' ' or 'T'
 *  errors NILO_ECONFIG the times of the source are none that a text can be compared with: what they are, and what to write; else what
 *         nilo_db_reads() says */
int nilo__sql_times(struct nilo_db *db, const char *statement, char *ret, struct nilo_err *err);

#endif
