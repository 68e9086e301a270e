/* The program: emulator [--port N] [--config FILE] [--now TIME] [--speed PERCENT] [--until-eof] [name=value ...]
 * Prints its address when it is ready, on one line; ends with SIGTERM, or when standard input ends (--until-eof). */
#include "emulator/program/front.h"

#include "base/day.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: emulator [--port N] [--config FILE] [--now TIME] [--speed PERCENT] [--until-eof] [name=value ...]\n"
    "Plays the platforms that nilometer collects from, on 127.0.0.1. tests/emulator/README.md lists options and controls.\n";

static int complain(const struct nilo_err *err)
{
    fprintf(stderr, "emulator: %s\n", err->msg);
    return 2;
}

static int from_file(struct emulator *em, const char *path, struct nilo_err *err)
{
    char text[65536];
    FILE *f = fopen(path, "r");
    if (!f)
        return nilo_err_sys(err, NILO_EIO, "cannot read %s", path);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    return emulator_set_all(em, text, err);
}

int main(int argc, char **argv)
{
    struct emulator *em = NULL;
    struct emulator_front *f = NULL;
    struct nilo_err err = {0};
    const char *now = NULL;
    int64_t speed = 100;
    int port = 0, until_eof = -1, status = 0;
    if (emulator_new(&em, &err) != 0)
        return complain(&err);
    for (int i = 1; i < argc && !status; i++) {
        const char *word = argv[i];
        bool more = i + 1 < argc;
        if (strcmp(word, "--until-eof") == 0)
            until_eof = STDIN_FILENO;
        else if (strcmp(word, "--port") == 0 && more)
            port = (int)strtol(argv[++i], NULL, 10);
        else if (strcmp(word, "--speed") == 0 && more)
            speed = strtoll(argv[++i], NULL, 10);
        else if (strcmp(word, "--now") == 0 && more)
            now = argv[++i];
        else if (strcmp(word, "--config") == 0 && more)
            status = from_file(em, argv[++i], &err) == 0 ? 0 : complain(&err);
        else if (word[0] != '-' && strchr(word, '='))
            status = emulator_set_all(em, word, &err) == 0 ? 0 : complain(&err);
        else
            status = fputs(usage, stderr) < 0 ? 2 : 2;
    }
    struct nilo_iso at = {0};
    if (!status && now && nilo_iso_parse(now, strlen(now), &at, &err) != 0)
        status = complain(&err);
    if (!status && emulator_front_new(em, port, until_eof, &f, &err) != 0)
        status = complain(&err);
    if (!status) {
        struct nilo_env env;
        if (now)
            emulator_front_time(f, at.us, speed);
        else if (speed != 100 && nilo_env_system(&env, &err) == 0)
            emulator_front_time(f, env.clock.wall(env.clock.ctx), speed);
        printf("http://127.0.0.1:%d\n", emulator_front_port(f));
        fflush(stdout);
        status = emulator_front_run(f) == 0 ? 0 : 1;
    }
    emulator_front_free(f);
    emulator_free(em);
    return status;
}
