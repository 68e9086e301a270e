/* Secrets only by reference: env:NAME, file:PATH and credential:NAME (systemd's) are resolved, passwords written into the file are found. No
 * message repeats a value. */
#include "config/config_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SECRET_MAX 65536

/* ---- finding what should not be there ---- */

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* libpq decodes %xx in parameter names as well: pass%77ord= is a password. */
static void percent_decode(char *s)
{
    char *to = s;
    for (; *s != '\0'; s++, to++) {
        int high = *s == '%' ? hex_digit(s[1]) : -1;
        int low = high >= 0 ? hex_digit(s[2]) : -1;
        *to = low >= 0 ? (char)(high * 16 + low) : *s;
        if (low >= 0)
            s += 2;
    }
    *to = '\0';
}

/* "user:secret@" behind ://. A password may hold / ? # or @ that nobody escaped, so everything up to the last @
 * counts; only a port (digits up to the path) is no password, whatever the parameters behind it hold. */
static bool has_userinfo_password(const char *text)
{
    const char *authority = strstr(text, "://");
    if (authority == NULL)
        return false;
    authority += 3;
    const char *at = strrchr(authority, '@');
    const char *colon = strchr(authority, ':');
    if (at == NULL || colon == NULL || colon + 1 >= at)
        return false;
    const char *behind = colon + 1 + strspn(colon + 1, "0123456789");
    return *behind != '/' && *behind != '?';
}

static bool has_password_parameter(const char *text)
{
    char *plain = strdup(text);
    if (plain == NULL)
        return strcasestr(text, "password") != NULL;
    percent_decode(plain);
    /* password, sslpassword; also "password = x" of a libpq connection string */
    bool found = false;
    for (const char *at = strcasestr(plain, "password"); at != NULL && !found; at = strcasestr(at + 1, "password")) {
        const char *behind = at + strlen("password");
        found = behind[strspn(behind, " ")] == '=';
    }
    free(plain);
    return found;
}

static bool valid_variable(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    return n > 0 && name[n] == '\0' && strchr("0123456789", name[0]) == NULL;
}

/* A name as LoadCredential= takes it: part of a path, not a path. */
static bool valid_credential(const char *name)
{
    size_t n = strlen(name);
    return n > 0 && n <= 255 && strchr(name, '/') == NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* "" = it is no reference at all. */
static const char *reference_problem(const char *text)
{
    if (strncmp(text, "env:", 4) == 0)
        return valid_variable(text + 4) ? NULL : "names no variable; write env:NAME in letters, digits and _";
    if (strncmp(text, "file:", 5) == 0)
        return text[5] != '\0' ? NULL : "names no file; write file:PATH";
    if (strncmp(text, "credential:", 11) == 0)
        return valid_credential(text + 11) ? NULL : "names no credential; write credential:NAME as the systemd unit does";
    return "";
}

const char *nilo__config_reference_problem(const char *text)
{
    const char *problem = reference_problem(text);
    return problem == NULL || problem[0] != '\0' ? problem
                                                 : "is no reference; secrets do not stand in this file: write env:NAME, file:PATH or credential:NAME";
}

const char *nilo__config_address_problem(const char *text)
{
    const char *problem = reference_problem(text);
    if (problem == NULL || problem[0] != '\0')
        return problem;
    if (has_userinfo_password(text) || has_password_parameter(text))
        return "holds a password; secrets only by reference: put the whole URL into a variable or file and write "
               "env:NAME, file:PATH or credential:NAME here";
    return NULL;
}

/* ---- resolving ---- */

static int from_variable(const char *name, char **ret, struct nilo_err *err)
{
    if (!valid_variable(name))
        return nilo_err_set(err, NILO_ECONFIG, "env: names no variable; write env:NAME in letters, digits and _");
    const char *value = getenv(name);
    if (value == NULL)
        return nilo_err_set(err, NILO_ENOENT,
                            "the environment variable %s (env:%s) is not set; set it for this process", name, name);
    if (value[0] == '\0')
        return nilo_err_set(err, NILO_ECONFIG, "the environment variable %s (env:%s) is empty; give it a value", name,
                            name);
    *ret = strdup(value);
    return *ret != NULL ? 0 : nilo_err_nomem(err);
}

static ssize_t read_all(int fd, char *to, size_t max)
{
    size_t used = 0;
    while (used < max) {
        ssize_t n = read(fd, to + used, max - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        used += (size_t)n;
    }
    return (ssize_t)used;
}

static size_t cut_newline(const char *s, size_t len)
{
    if (len > 0 && s[len - 1] == '\n')
        len--;
    if (len > 0 && s[len - 1] == '\r')
        len--;
    return len;
}

static int from_file(const char *path, char **ret, struct nilo_err *err)
{
    char *value = NULL;
    int rc = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return nilo_err_sys(err, errno == ENOENT ? NILO_ENOENT : NILO_EIO, "cannot read the secret file %s (file:%s)",
                            path, path);
    value = malloc(SECRET_MAX + 2);
    if (value == NULL) {
        nilo_err_nomem(err);
        goto out;
    }
    ssize_t n = read_all(fd, value, SECRET_MAX + 1);
    if (n < 0) {
        nilo_err_sys(err, NILO_EIO, "cannot read the secret file %s", path);
        goto out;
    }
    size_t len = cut_newline(value, (size_t)n);
    value[len] = '\0';
    if (n > SECRET_MAX)
        nilo_err_set(err, NILO_ECONFIG, "the secret file %s is longer than 64 KiB; it should hold one value", path);
    else if (len == 0)
        nilo_err_set(err, NILO_ECONFIG, "the secret file %s is empty; write the value into it", path);
    else if (strlen(value) != len)
        nilo_err_set(err, NILO_ECONFIG,
                     "the secret file %s is not text; file:PATH names a file that holds a value, a database is named "
                     "by its path alone",
                     path);
    else
        rc = 0;
out:
    close(fd);
    if (rc == 0)
        *ret = value;
    else
        free(value);
    return rc;
}

static int from_credential(const char *name, char **ret, struct nilo_err *err)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    char path[PATH_MAX];
    if (!valid_credential(name))
        return nilo_err_set(err, NILO_ECONFIG, "credential: names no credential; write credential:NAME as the systemd unit does");
    if (folder == NULL || folder[0] == '\0')
        return nilo_err_set(err, NILO_ENOENT, "credential:%s cannot be read: systemd gave this process no credentials (LoadCredential=%s:... in its unit)", name, name);
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return nilo_err_set(err, NILO_ECONFIG, "the path of credential:%s is too long", name);
    return from_file(path, ret, err);
}

int nilo_config_secret(const char *value, char **ret, struct nilo_err *err)
{
    if (strncmp(value, "env:", 4) == 0)
        return from_variable(value + 4, ret, err);
    if (strncmp(value, "file:", 5) == 0)
        return from_file(value + 5, ret, err);
    if (strncmp(value, "credential:", 11) == 0)
        return from_credential(value + 11, ret, err);
    char *same = strdup(value);
    if (same == NULL)
        return nilo_err_nomem(err);
    *ret = same;
    return 0;
}
