/* Runs commands inside the test process: the argument list in, exit status and both outputs out. */
#ifndef NILO_TESTS_CMD_H
#define NILO_TESTS_CMD_H

#include "support/nilo_test.h"

#include "base/env.h"

struct cmd_result {
    int status;
    char *out, *err; /* what it printed */
};

/** cmd_run - nilometer with these words, ended by NULL; the result lives until the next call
 *  The clock is cmd_clock (2026-03-10 12:00 UTC at first), randomness is seeded, NILOMETER_* are not set. */
const struct cmd_result *cmd_run(const char *first, ...) __attribute__((sentinel));
/** cmd_line - the same from one text, words between blanks; '...' keeps blanks together */
const struct cmd_result *cmd_line(const char *line);
/* The word at place i of the last command line as the program left it. */
const char *cmd_word(int i);

extern struct nilo_virtual_clock cmd_clock;
void cmd_clock_at(const char *instant);

/* Fails unless err is empty or exactly one line. */
void cmd_assert_one_line(const char *err);
void cmd_assert_contains(const char *text, const char *part);

#endif
