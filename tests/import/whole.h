/* Whole exports in tests: into memory, back into a store, and what a store answers. */
#ifndef NILO_TESTS_IMPORT_WHOLE_H
#define NILO_TESTS_IMPORT_WHOLE_H

#include "store/stores.h"

#include "import/import.h"

/** whole_text - the export as it would stand in a file; owner: caller, free() */
char *whole_text(struct stores *s, const struct nilo_whole_want *want, const char *workspace, size_t *ret_len);
char *whole_all(struct stores *s, size_t *ret_len);
/** whole_take - such a text back into the store; 0 or -1 with s->err */
int whole_take(struct stores *s, const char *text, size_t len, struct nilo_loaded *ret);
/** whole_resum - the text with the counts of rows and the checksum made right again, so that it is only what its rows say; owner: caller */
char *whole_resum(const char *text, size_t *ret_len);
/** whole_answers - every relation as NDJSON, and timeseries, coverage and owner sums: what readers see. owner: caller */
char *whole_answers(struct stores *s, const struct nilo_scope *scope);
/* The first line in which two texts differ, as a failed test. */
void whole_same(const char *a, const char *b, const char *what);

#endif
