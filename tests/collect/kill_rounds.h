/* kill -9 at random moments of nilometer collect and backfill. */
#ifndef NILO_TESTS_COLLECT_KILL_ROUNDS_H
#define NILO_TESTS_COLLECT_KILL_ROUNDS_H

/** kill_rounds - each round: the same store, the command (collect or backfill) killed at a random moment, then run again to its end. The record has to be the one
 *  that an undisturbed run leaves, and what is derived from it fit to be derived again */
void kill_rounds(const char *command, int rounds);

#endif
