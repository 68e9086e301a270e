/* How an SQLite source writes its times, for statements that compare them with :from and :to. */
#ifndef NILO_CONNECT_TIMES_H
#define NILO_CONNECT_TIMES_H

#include "base/arena.h"
#include "base/day.h"
#include "config/config.h"
#include "db/db.h"

/* The days that are asked for; texts of other days are of no interest. */
struct nilo_sql_days {
    nilo_day first, last;
    bool late;  /* a day begins later than its date does in UTC: west of Greenwich */
    bool apart; /* the date of :from or :to in UTC is another one than the day's: east of Greenwich */
};

/** nilo__sql_times - what has to stand between day and time in :from and :to, so that the statement's comparisons are right on those days
 *  db      an SQLite database
 *  sql     the statement as nilo_config_sql_statement() wrote it, shape: where its placeholders are
 *  ret     ' ' or 'T'
 *  errors  NILO_ECONFIG a comparison that no spelling makes right: what is compared, and what to write; else what the database says */
int nilo__sql_times(struct nilo_db *db, const char *sql, const struct nilo_sql_shape *shape, struct nilo_sql_days days, struct nilo_arena *arena,
                    char *ret, struct nilo_err *err);

#endif
