/* Whole exports in tests: into memory, back into a store, and what a store answers. */
#ifndef NILO_TESTS_IMPORT_WHOLE_H
#define NILO_TESTS_IMPORT_WHOLE_H

#include "store/stores.h"

#include "import/import.h"
#include "store/walk_priv.h"

/** whole_text - the export as it would stand in a file; owner: caller, free() */
char *whole_text(struct stores *s, const struct nilo_whole_want *want, const char *workspace, size_t *ret_len);
char *whole_all(struct stores *s, size_t *ret_len);
char *whole_as(struct stores *s, enum nilo_whole_container container, size_t *ret_len); /* all of it in that container */
/** whole_take - such a text back into the store; 0 or -1 with s->err */
int whole_take(struct stores *s, const char *text, size_t len, struct nilo_loaded *ret);
/** whole_resum - the text with the counts of rows and the checksum made right again, so that it is only what its rows say; owner: caller */
char *whole_resum(const char *text, size_t *ret_len);
/** whole_answers - every relation as NDJSON, and timeseries, coverage and owner sums: what readers see. owner: caller */
char *whole_answers(struct stores *s, const struct nilo_scope *scope);
/* The first line in which two texts differ, as a failed test. */
void whole_same(const char *a, const char *b, const char *what);

/** whole_history - a random history of so many steps, with closed days, amendments, quarantine, corrections, credits that ended, two workspaces in zones of
 *  their own, and what apps say beside the numbers.  owner: caller, walk_free() */
struct walk *whole_history(struct stores *s, uint64_t seed, int ops);
int64_t whole_drop_old_days(struct stores *s); /* of each connection what is closed but for its last three days: values that went */
char *whole_small(struct stores *s, size_t *len); /* two items, an amendment: small enough to look at each byte */
bool whole_another(struct stores *to, const struct stores *like, enum nilo_db_engine engine); /* an empty store of that engine; false where there is none */
enum nilo_db_engine whole_other_engine(const struct stores *s);
void whole_same_store(struct stores *a, struct stores *b); /* derived numbers, exports and answers */
void whole_untouched(struct stores *to, const char *empty, const char *after); /* nothing of what was tried is in it */

#endif
