/* Imports killed at random moments and run again: the store then holds what an undisturbed import leaves. */
#ifndef NILO_TESTS_IT_IMPORT_KILL_H
#define NILO_TESTS_IT_IMPORT_KILL_H

#include "support/nilo_test.h"

#include <stdbool.h>
#include <stdint.h>

/** kill_begin - the file to import; skips when the program or a tool is missing */
int kill_begin(void **state);
/** kill_imports - `stores` times: a new store, `kills` imports killed at random moments, one to the end; compared with an undisturbed one
 *  closed  the days of the file are closed beforehand, so that all of it comes late */
void kill_imports(uint64_t seed, int stores, int kills, bool closed);

#endif
