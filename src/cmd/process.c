/* What the process owes its surroundings before anything is opened, and passwords that stand on command lines. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cmd/cmd_priv.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

/* A program started without stdout would open its database as descriptor 1 and print into it. The replacement is opened the wrong way
 * round, so that using it is still an error that gets reported. */
static void fill_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDONLY);
        if (fd == 0) {
            close(fd);
            fd = open("/dev/null", O_WRONLY);
        }
    } while (fd >= 0 && fd < 2);
    if (fd > 2)
        close(fd);
}

void nilo_cmd_process(void)
{
    fill_descriptors();
    /* memory holds passwords and other people's numbers */
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
#ifndef SANITIZED
    prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L); /* the leak check needs to look into its own process */
#endif
    /* A reader that leaves (head) must not end an import half-way; the failed write is seen at the end. */
    signal(SIGPIPE, SIG_IGN);
    /* A file at its size limit is a failed write, told in a sentence, like a full disk. */
    signal(SIGXFSZ, SIG_IGN);
}

static bool stars(char *from, const char *end)
{
    bool any = from < end;
    for (; from < end; from++)
        *from = '*';
    return any;
}

/* postgres://user:HERE@host/..., and ?password=HERE */
bool nilo__password_hide(char *url)
{
    bool found = false;
    char *host = strstr(url, "://");
    if (host == NULL)
        return false;
    host += 3;
    char *end = host + strcspn(host, "/?#");
    char *at = memrchr(host, '@', (size_t)(end - host));
    char *colon = at != NULL ? memchr(host, ':', (size_t)(at - host)) : NULL;
    if (colon != NULL)
        found = stars(colon + 1, at);
    for (char *p = strchr(host, '?'); p != NULL; p = strpbrk(p + 1, "&")) {
        static const char *const names[] = {"password=", "sslpassword="};
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            char *value = p + 1 + strlen(names[i]);
            if (strncmp(p + 1, names[i], strlen(names[i])) == 0 && stars(value, value + strcspn(value, "&")))
                found = true;
        }
    }
    return found;
}
