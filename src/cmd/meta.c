/* nilometer help and nilometer version. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd_priv.h"

static int unknown(const char *word, struct nilo_err *err)
{
    const char *names[64];
    size_t n = 0, n_topics;
    for (const struct nilo_cmd *const *c = nilo_cmds; *c != NULL && n < 48; c++)
        names[n++] = (*c)->name;
    const char *const *topics = nilo__help_topics(&n_topics);
    for (size_t i = 0; i < n_topics; i++)
        names[n++] = topics[i];
    const char *near = nilo__nearest(word, names, n);
    if (near != NULL)
        return nilo_err_set(err, NILO_EUSAGE, "there is no command or topic \"%s\"; did you mean \"%s\"?", word, near);
    return nilo_err_set(err, NILO_EUSAGE, "there is no command or topic \"%s\"; nilometer help lists them", word);
}

static int help(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    if (nilo__operands(ctx, 0, 1, err) != 0)
        return -1;
    const char *word = nilo_args_rest(ctx->args, 0);
    if (nilo_args_get(ctx->args, "man") != NULL) {
        nilo__help_man(ctx->out);
        return 0;
    }
    if (word == NULL) {
        nilo__help_all(ctx->out);
        return 0;
    }
    const struct nilo_cmd *cmd = nilo__cmd_find(nilo_cmds, word);
    if (cmd != NULL)
        nilo__help_cmd(ctx->out, cmd);
    else if (!nilo__help_topic(ctx->out, word))
        return unknown(word, err);
    return 0;
}

const struct nilo_cmd nilo_cmd_help = {
    .name = "help",
    .operands = "[COMMAND|TOPIC]",
    .summary = "explain a command or a topic",
    .description = "Without an operand it lists the commands and topics; nilometer COMMAND --help is the same as nilometer help COMMAND.",
    .options = (const struct nilo_option[]){{"man", NULL, "print the manual page (troff)", false}, {0}},
    .run = help,
};

static int version(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    if (!ctx->json) {
        fprintf(ctx->out, "nilometer %s\n", NILO_VERSION);
        return 0;
    }
    struct nilo__answer a;
    nilo__answer_init(&a);
    nilo_json_object_begin(&a.json);
    nilo_json_key(&a.json, "version");
    nilo_json_str(&a.json, NILO_VERSION);
    nilo_json_object_end(&a.json);
    return nilo__answer_print(&a, ctx->out, err);
}

const struct nilo_cmd nilo_cmd_version = {
    .name = "version",
    .summary = "print the version",
    .run = version,
};
