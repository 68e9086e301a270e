/* The datagram and the variables of systemd.h. */
#include "api/systemd.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

bool nilo_systemd_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = path != NULL ? strlen(path) : 0;
    if (n < 2 || n >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
        return false;
    memcpy(to.sun_path, path, n);
    if (path[0] == '@')
        to.sun_path[0] = '\0'; /* an abstract name: a NUL stands for the @ */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)(const void *)&to, size);
    close(fd);
    return sent == (ssize_t)strlen(state);
}

/* A whole number from the environment; -1 = none */
static long long number(const char *name)
{
    const char *text = getenv(name);
    char *end = NULL;
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return -1;
    long long v = strtoll(text, &end, 10);
    return *end == '\0' ? v : -1;
}

int nilo_systemd_listen(void)
{
    long long pid = number("LISTEN_PID"), n = number("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return pid == (long long)getpid() && n > 0 && n < 1000 ? (int)n : 0;
}

nilo_us nilo_systemd_watchdog(void)
{
    long long usec = number("WATCHDOG_USEC"), pid = number("WATCHDOG_PID");
    return usec > 0 && (pid < 0 || pid == (long long)getpid()) ? usec / 2 : 0;
}
