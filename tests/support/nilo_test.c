/* See nilo_test.h. */
#include "support/nilo_test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void nilo_test_skip(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    printf("# skipped: ");
    vprintf(fmt, ap);
    putchar('\n');
    va_end(ap);
    skip();
}

static char *below_variable(const char *variable, const char *below)
{
    const char *root = getenv(variable);
    if (root == NULL) {
        printf("# skipped: %s is not set\n", variable);
        skip();
        return NULL;
    }
    char *path;
    if (asprintf(&path, "%s/%s", root, below) < 0)
        fail_msg("out of memory");
    if (access(path, R_OK) != 0) {
        printf("# skipped: %s is not there\n", path);
        free(path);
        skip();
        return NULL;
    }
    return path;
}

char *nilo_test_shared(const char *below)
{
    return below_variable("NILO_SHARED", below);
}

char *nilo_test_source(const char *below)
{
    return below_variable("NILO_SOURCE", below);
}

const char *nilo_test_program(void)
{
    const char *program = getenv("NILO_PROGRAM");
    if (program == NULL) {
        printf("# skipped: NILO_PROGRAM is not set\n");
        skip();
    }
    return program;
}
