/* The source cut off after messages that it sends: after every `every`-th. */
#ifndef NILO_TESTS_COLLECT_CUT_ROUNDS_H
#define NILO_TESTS_COLLECT_CUT_ROUNDS_H

int cut_rounds(int every); /* a whole cmocka program: its exit status */

#endif
