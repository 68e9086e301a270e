/* First include of every cmocka test: cmocka with the headers it needs, and where things are.
 *
 * The environment is set by tests/meson.build. A test started by hand does without: what it needs is then skipped.
 */
#ifndef NILO_TESTS_SUPPORT_NILO_TEST_H
#define NILO_TESTS_SUPPORT_NILO_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/** nilo_test_shared - path of a file in the shared data (NILO_SHARED), e.g. "data/youtube2017"
 *  Skips the running test, saying why, when it is not there.
 *  owner  caller, free()
 */
char *nilo_test_shared(const char *below);

/** nilo_test_source - path of a file in the source tree (NILO_SOURCE), e.g. "examples/nilometer.yaml"; skips like above */
char *nilo_test_source(const char *below);

/** nilo_test_skip - says why this test is left out, and leaves it out */
void nilo_test_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** nilo_test_program - path of the built nilometer (NILO_PROGRAM); skips when not set.  owner  the environment's */
const char *nilo_test_program(void);

#endif
