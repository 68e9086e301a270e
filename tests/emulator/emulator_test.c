/* See emulator_test.h. */
#include "support/nilo_test.h"

#include "emulator/emulator_test.h"

#include "base/buf.h"
#include "base/json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct emulator_server {
    pid_t pid;
    int keep; /* our end of its standard input: closed, it ends */
    int port;
    char url[64];
};

#define WORDS 64

struct emulator_server *emulator_start(const char *options, const char *now)
{
    const char *program = getenv("NILO_EMULATOR");
    struct emulator_server *e = calloc(1, sizeof *e);
    char *words = strdup(options ? options : ""), *argv[WORDS + 8], line[64] = "";
    int n = 0, in[2], out[2];
    if (!program) {
        free(e);
        free(words);
        print_message("NILO_EMULATOR is not set: no emulator to start\n");
        skip();
    }
    assert_true(e && words && pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    argv[n++] = (char *)(uintptr_t)program;
    argv[n++] = (char *)(uintptr_t) "--until-eof";
    if (now) {
        argv[n++] = (char *)(uintptr_t) "--now";
        argv[n++] = (char *)(uintptr_t)now;
        argv[n++] = (char *)(uintptr_t) "--speed";
        argv[n++] = (char *)(uintptr_t) "0";
    }
    char *rest = words, *word;
    while ((word = strtok_r(rest, " \n", &rest)) && n < WORDS + 7)
        argv[n++] = word;
    argv[n] = NULL;
    posix_spawn_file_actions_t fa;
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_adddup2(&fa, in[0], 0);
    posix_spawn_file_actions_adddup2(&fa, out[1], 1);
    if (posix_spawn(&e->pid, program, &fa, NULL, argv, environ) != 0)
        fail_msg("cannot start %s: %s", program, strerror(errno));
    posix_spawn_file_actions_destroy(&fa);
    close(in[0]);
    close(out[1]);
    e->keep = in[1];
    size_t have = 0;
    for (ssize_t got; have < sizeof line - 1 && !memchr(line, '\n', have) && (got = read(out[0], line + have, sizeof line - 1 - have)) > 0;)
        have += (size_t)got;
    close(out[0]);
    free(words);
    if (sscanf(line, "http://127.0.0.1:%d", &e->port) != 1)
        fail_msg("%s did not start with options \"%s\"", program, options ? options : "");
    snprintf(e->url, sizeof e->url, "http://127.0.0.1:%d", e->port);
    return e;
}

void emulator_stop(struct emulator_server *e)
{
    int status = 0;
    if (!e)
        return;
    close(e->keep);
    while (waitpid(e->pid, &status, 0) < 0 && errno == EINTR)
        ;
    free(e);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the emulator ended with status %d", status);
}

const char *emulator_url(const struct emulator_server *e)
{
    return e->url;
}
int emulator_port(const struct emulator_server *e)
{
    return e->port;
}

char *emulator_ask(struct emulator_server *e, const char *target)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)e->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct nilo_buf b;
    char piece[16384];
    nilo_buf_init(&b, (size_t)256 << 20);
    assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    nilo_buf_addf(&b, "GET %s HTTP/1.1\r\nHost: emulator\r\nConnection: close\r\n\r\n", target);
    for (size_t at = 0; at < b.len;) {
        ssize_t n = send(fd, b.data + at, b.len - at, MSG_NOSIGNAL);
        assert_true(n > 0);
        at += (size_t)n;
    }
    nilo_buf_reset(&b);
    for (ssize_t n; (n = recv(fd, piece, sizeof piece, 0)) > 0;)
        nilo_buf_add(&b, piece, (size_t)n);
    close(fd);
    const char *body = strstr(nilo_buf_str(&b), "\r\n\r\n");
    if (!body || strncmp(b.data, "HTTP/1.1 200", 12) != 0)
        fail_msg("GET %s: %.300s", target, nilo_buf_str(&b));
    char *ret = strdup(body ? body + 4 : "");
    nilo_buf_done(&b);
    assert_non_null(ret);
    return ret;
}

void emulator_do(struct emulator_server *e, const char *target)
{
    free(emulator_ask(e, target));
}

void emulator_advance(struct emulator_server *e, int64_t seconds)
{
    char target[80];
    snprintf(target, sizeof target, "/_emulator/time?advance_s=%lld", (long long)seconds);
    emulator_do(e, target);
}

/* Walks to the member: one step of the path at a time, the rest is skipped. */
char *emulator_json(const char *json, const char *path)
{
    struct nilo_json *j;
    struct nilo_err err;
    enum nilo_json_event ev;
    const char *text;
    size_t len;
    char *ret = NULL;
    if (nilo_json_new(json, strlen(json), (struct nilo_json_limits){.keys = 100000}, &j, &err) != 0)
        return NULL;
    if (nilo_json_next(j, &ev, &text, &len, &err) != 0)
        goto out;
    for (const char *step = path; *step;) {
        size_t n = strcspn(step, ".");
        if (ev == NILO_JSON_OBJECT_BEGIN) {
            for (;;) {
                if (nilo_json_next(j, &ev, &text, &len, &err) != 0 || ev != NILO_JSON_KEY)
                    goto out;
                if (len == n && memcmp(text, step, n) == 0)
                    break;
                if (nilo_json_skip(j, &err) != 0)
                    goto out;
            }
            if (nilo_json_next(j, &ev, &text, &len, &err) != 0)
                goto out;
        } else if (ev == NILO_JSON_ARRAY_BEGIN) {
            for (long k = strtol(step, NULL, 10);; k--) {
                if (nilo_json_next(j, &ev, &text, &len, &err) != 0 || ev == NILO_JSON_ARRAY_END)
                    goto out;
                if (k == 0)
                    break;
                if ((ev == NILO_JSON_OBJECT_BEGIN || ev == NILO_JSON_ARRAY_BEGIN) && nilo_json_skip(j, &err) != 0)
                    goto out;
            }
        } else {
            goto out;
        }
        step += n + (step[n] == '.');
    }
    if (ev == NILO_JSON_STRING || ev == NILO_JSON_NUMBER || ev == NILO_JSON_TRUE || ev == NILO_JSON_FALSE || ev == NILO_JSON_NULL)
        ret = strndup(text, len);
out:
    nilo_json_free(j);
    return ret;
}

char *emulator_text(struct emulator_server *e, const char *target, const char *path)
{
    char *json = emulator_ask(e, target), *ret = emulator_json(json, path);
    if (!ret)
        fail_msg("%s has no member %s: %.300s", target, path, json);
    free(json);
    return ret;
}

int64_t emulator_number(struct emulator_server *e, const char *target, const char *path)
{
    char *text = emulator_text(e, target, path), *end;
    long long n = strtoll(text, &end, 10);
    assert_true(end != text && *end == 0);
    free(text);
    return n;
}

int64_t emulator_count(struct emulator_server *e, const char *path)
{
    return emulator_number(e, "/_emulator/counters", path);
}
