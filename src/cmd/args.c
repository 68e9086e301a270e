/* The command line: options by the rows of the command table, values as days and numbers. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"

const struct nilo_option nilo__global_options[] = {
    {"store", "PATH|URL", "where the record is kept: a file (SQLite) or postgres://...; default ./nilometer.db", false},
    {"url", "URL", "get and call ask this server instead: https://..., http://127.0.0.1:PORT or unix:PATH", false},
    {"config", "FILE", "the configuration; default ./nilometer.yaml where there is one", false},
    {"json", NULL, "results for machines", false},
    {"quiet", NULL, "no progress and no notices", false},
    {"help", NULL, "explain the command", false},
    {"version", NULL, "print the version", false},
    {0},
};

/* ---- names ------------------------------------------------------------------------------------------------------------------ */

#define NAME_MOST 40 /* nobody names an option longer; a longer word is near to nothing */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many letters to change, add, drop or swap with their neighbour (optimal string alignment). */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    size_t d[NAME_MOST + 1][NAME_MOST + 1];
    if (n > NAME_MOST || m > NAME_MOST)
        return NAME_MOST;
    for (size_t i = 0; i <= n; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= n; i++) {
        for (size_t j = 1; j <= m; j++) {
            size_t same = a[i - 1] == b[j - 1] ? 0 : 1;
            d[i][j] = least(least(d[i - 1][j] + 1, d[i][j - 1] + 1), d[i - 1][j - 1] + same);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    }
    return d[n][m];
}

int nilo__wrong_name(struct nilo_err *err)
{
    if (err->code == NILO_ENOENT)
        err->code = NILO_ENAME;
    return -1;
}

const char *nilo__nearest(const char *word, const char *const *candidates, size_t n)
{
    const char *best = NULL;
    size_t len = strlen(word), limit = len / 3 + 1;
    for (size_t i = 0; i < n; i++) {
        /* the beginning of a name, or a name with something added, counts as one slip */
        size_t name = strlen(candidates[i]), both = least(len, name);
        size_t far = both >= 3 && strncmp(word, candidates[i], both) == 0 ? 1 : distance(word, candidates[i]);
        if (far <= limit && far < name) {
            best = candidates[i];
            limit = far;
            if (far == 0)
                break;
            limit--; /* from here on only a nearer one */
        }
    }
    return best;
}

const struct nilo_cmd *nilo__cmd_find(const struct nilo_cmd *const *cmds, const char *name)
{
    for (; *cmds != NULL; cmds++) {
        if (strcmp((*cmds)->name, name) == 0)
            return *cmds;
    }
    return NULL;
}

const void *nilo__act_find(const void *acts, size_t n, size_t size, const char *word, const char *what, struct nilo_err *err)
{
    const char *names[32];
    const char *row = acts;
    assert(n <= sizeof names / sizeof names[0]);
    for (size_t i = 0; i < n; i++, row += size) {
        memcpy(&names[i], row, sizeof names[i]);
        if (strcmp(names[i], word) == 0)
            return row;
    }
    const char *near = nilo__nearest(word, names, n);
    nilo_err_set(err, NILO_EUSAGE, "\"%s\" is nothing that can be done with %s%s%s%s", word, what, near != NULL ? "; did you mean \"" : "",
                 near != NULL ? near : "", near != NULL ? "\"?" : "");
    return NULL;
}

static int unknown_cmd(const struct nilo_cmd *const *cmds, const char *word, struct nilo_err *err)
{
    const char *names[64];
    size_t n = 0;
    for (; cmds[n] != NULL && n < sizeof names / sizeof names[0]; n++)
        names[n] = cmds[n]->name;
    const char *near = nilo__nearest(word, names, n);
    if (near != NULL)
        return nilo_err_set(err, NILO_EUSAGE, "there is no command \"%s\"; did you mean \"%s\"?", word, near);
    return nilo_err_set(err, NILO_EUSAGE, "there is no command \"%s\"; nilometer help lists them", word);
}

static const struct nilo_option *option_in(const struct nilo_option *rows, const char *name, size_t len)
{
    for (; rows != NULL && rows->name != NULL; rows++) {
        if (strlen(rows->name) == len && memcmp(rows->name, name, len) == 0)
            return rows;
    }
    return NULL;
}

static int unknown_option(const struct nilo_cmd *cmd, const char *word, size_t len, struct nilo_err *err)
{
    const char *names[64];
    char text[NAME_MOST + 1];
    size_t n = 0;
    for (const struct nilo_option *o = cmd != NULL ? cmd->options : NULL; o != NULL && o->name != NULL && n < 50; o++)
        names[n++] = o->name;
    for (const struct nilo_option *o = nilo__global_options; o->name != NULL; o++)
        names[n++] = o->name;
    snprintf(text, sizeof text, "%.*s", (int)least(len, NAME_MOST), word);
    const char *near = nilo__nearest(text, names, n);
    if (near != NULL)
        return nilo_err_set(err, NILO_EUSAGE, "there is no option --%s; did you mean --%s?", text, near);
    if (cmd == NULL)
        return nilo_err_set(err, NILO_EUSAGE, "there is no option --%s before the command; options of a command stand after its name",
                            text);
    return nilo_err_set(err, NILO_EUSAGE, "there is no option --%s; nilometer %s --help lists them", text, cmd->name);
}

/* ---- parsing ------------------------------------------------------------------------------------------------------------------ */

static void give(struct nilo_args *a, const char *name, const char *value)
{
    a->given[a->n_given++] = (struct nilo__given){.name = name, .value = value};
}

/* One option at argv[*i]; moves *i over its value. */
static int parse_option(int argc, char *const *argv, int *i, struct nilo__line *line, struct nilo_err *err)
{
    const char *name = argv[*i];
    if (strcmp(name, "-h") == 0)
        name = "--help";
    if (name[1] != '-')
        return nilo_err_set(err, NILO_EUSAGE, "there is no option %.40s; options are written --name", name);
    name += 2;
    size_t len = strcspn(name, "=");
    const struct nilo_option *o = option_in(nilo__global_options, name, len);
    if (o == NULL && line->cmd != NULL)
        o = option_in(line->cmd->options, name, len);
    if (o == NULL)
        return unknown_option(line->cmd, name, len, err);
    bool joined = name[len] == '=';
    if (o->arg == NULL) {
        if (joined)
            return nilo_err_set(err, NILO_EUSAGE, "--%s takes no value", o->name);
        give(&line->args, o->name, "");
        return 0;
    }
    if (joined) {
        give(&line->args, o->name, name + len + 1);
        return 0;
    }
    /* "--from --to 2025-01-31" is a forgotten day, not a day named "--to" */
    if (*i + 1 >= argc || strncmp(argv[*i + 1], "--", 2) == 0)
        return nilo_err_set(err, NILO_EUSAGE, "--%s needs a value: --%s %s", o->name, o->name, o->arg);
    give(&line->args, o->name, argv[++*i]);
    return 0;
}

static int parse_word(char *word, const struct nilo_cmd *const *cmds, struct nilo__line *line, struct nilo_err *err)
{
    if (line->cmd != NULL) {
        line->args.rest[line->args.n_rest++] = word;
        return 0;
    }
    line->cmd = nilo__cmd_find(cmds, word);
    return line->cmd != NULL ? 0 : unknown_cmd(cmds, word, err);
}

int nilo__args_parse(int argc, char *const *argv, const struct nilo_cmd *const *cmds, struct nilo__line *ret, struct nilo_err *err)
{
    bool ended = false;
    *ret = (struct nilo__line){0};
    ret->args.given = calloc((size_t)argc + 1, sizeof *ret->args.given);
    ret->args.rest = calloc((size_t)argc + 1, sizeof *ret->args.rest);
    if (ret->args.given == NULL || ret->args.rest == NULL)
        return nilo_err_nomem(err);
    for (int i = 1; i < argc; i++) {
        bool option = !ended && argv[i][0] == '-' && argv[i][1] != '\0';
        if (option && strcmp(argv[i], "--") == 0)
            ended = true;
        else if ((option ? parse_option(argc, argv, &i, ret, err) : parse_word(argv[i], cmds, ret, err)) != 0)
            return -1;
    }
    bool none = ret->cmd != NULL && (ret->cmd->operands == NULL || ret->cmd->operands[0] == '\0');
    if (none && ret->args.n_rest > 0 && nilo_args_get(&ret->args, "help") == NULL)
        return nilo_err_set(err, NILO_EUSAGE, "takes no operand, but \"%s\" was given", ret->args.rest[0]);
    return 0;
}

void nilo__args_done(struct nilo__line *line)
{
    free(line->args.given);
    free(line->args.rest);
    line->args = (struct nilo_args){0};
}

int nilo__operands(const struct nilo_cmd_ctx *ctx, int min, int max, struct nilo_err *err)
{
    int n = ctx->args->n_rest;
    if (n > max)
        return nilo_err_set(err, NILO_EUSAGE, "\"%s\" is one operand too many; it takes %s", ctx->args->rest[max], ctx->cmd->operands);
    if (n < min)
        return nilo_err_set(err, NILO_EUSAGE, "an operand is missing: nilometer %s %s", ctx->cmd->name, ctx->cmd->operands);
    return 0;
}

/* ---- what commands ask ---------------------------------------------------------------------------------------------------------- */

const char *nilo_args_get(const struct nilo_args *a, const char *name)
{
    for (int i = a->n_given; i-- > 0;) {
        if (strcmp(a->given[i].name, name) == 0)
            return a->given[i].value;
    }
    return NULL;
}

int nilo_args_count(const struct nilo_args *a, const char *name)
{
    int n = 0;
    for (int i = 0; i < a->n_given; i++)
        n += strcmp(a->given[i].name, name) == 0;
    return n;
}

const char *nilo_args_nth(const struct nilo_args *a, const char *name, int nth)
{
    for (int i = 0; i < a->n_given; i++) {
        if (strcmp(a->given[i].name, name) == 0 && nth-- == 0)
            return a->given[i].value;
    }
    return NULL;
}

int nilo_args_rest_n(const struct nilo_args *a)
{
    return a->n_rest;
}

const char *nilo_args_rest(const struct nilo_args *a, int i)
{
    return i >= 0 && i < a->n_rest ? a->rest[i] : NULL;
}

int nilo_args_day(const struct nilo_args *a, const char *name, nilo_day *ret, struct nilo_err *err)
{
    const char *text = nilo_args_get(a, name);
    nilo_day day = NILO_DAY_NONE;
    if (text != NULL && nilo_day_parse(text, strlen(text), &day, err) != 0)
        return nilo_err_wrap(err, "--%s", name);
    *ret = day;
    return 0;
}

int nilo_args_int(const struct nilo_args *a, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *ret,
                  struct nilo_err *err)
{
    const char *text = nilo_args_get(a, name);
    if (text == NULL) {
        *ret = fallback;
        return 0;
    }
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0')
        return nilo_err_set(err, NILO_ENUMBER, "--%s: \"%s\" is not a whole number", name, text);
    errno = 0;
    long long value = strtoll(text, NULL, 10);
    if (errno != 0 || value < min || value > max)
        return nilo_err_set(err, NILO_EINVAL, "--%s: %s is not between %lld and %lld", name, text, (long long)min, (long long)max);
    *ret = value;
    return 0;
}
