/* See scratch.h. */
#include "scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

int scratch_enter(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/nilo-config-XXXXXX");
    unsetenv("NILOMETER_CONFIG");
    /* 0755: a test reads from it as another user */
    return mkdtemp(folder) == NULL || chmod(folder, 0755) < 0 || chdir(folder) < 0 ? -1 : 0;
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

int scratch_leave(void **state)
{
    (void)state;
    return chdir("/") < 0 ? -1 : nftw(folder, drop, 16, FTW_DEPTH | FTW_PHYS);
}

void scratch_write(const char *name, const char *text, size_t len)
{
    FILE *f = fopen(name, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

int scratch_load(const char *text, struct nilo_config **ret, struct nilo_err *err)
{
    scratch_write("nilometer.yaml", text, strlen(text));
    return nilo_config_load("nilometer.yaml", NULL, ret, err);
}

struct nilo_config *scratch_config(const char *text)
{
    struct nilo_config *c = NULL;
    struct nilo_err err = {0};
    if (scratch_load(text, &c, &err) < 0)
        fail_msg("refused: %s\n%s", err.msg, text);
    return c;
}

void scratch_refused(const char *text, const char *message)
{
    struct nilo_config *untouched = (struct nilo_config *)(void *)folder, *c = untouched;
    struct nilo_err err = {0};
    if (scratch_load(text, &c, &err) == 0) {
        nilo_config_free(c);
        fail_msg("accepted, expected: %s\n%s", message, text);
    }
    assert_ptr_equal(c, untouched);
    if (strcmp(err.msg, message) != 0)
        fail_msg("of %s\nexpected: %s\nfound:    %s", text, message, err.msg);
    assert_int_equal(err.code, NILO_ECONFIG);
}
