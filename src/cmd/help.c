/* --help, the topics of `nilometer help`, and the manual page: all from the rows of the command table. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd_priv.h"

#define COLUMNS 80
#define INDENT  24 /* where the explanation of an option begins */
#define SUMMARY 12 /* and that of a command in the list */

/* ---- topics: what belongs to no single command ---------------------------------------------------------------------------- */

struct topic {
    const char *name, *title, *text; /* text NULL: printed by a function of its own */
};

static const struct topic topics[] = {
    {"configuration", "CONFIGURATION", NULL},
    {"environment", "ENVIRONMENT",
     "Options of the command line win over these.\n\n"
     "NILOMETER_STORE: the store, as in --store. A URL with a password is better kept here than on the command line, where ps shows it.\n\n"
     "NILOMETER_CONFIG: the configuration file, as in --config.\n\n"
     "PGPASSWORD, PGPASSFILE, PGHOST and the other variables of PostgreSQL's client library are honoured for postgres:// stores and sources.\n\n"
     "TMPDIR: the folder for sorting large imports; default /tmp.\n\n"
     "NILO_NOW: an instant like 2025-01-11T00:05:00Z at which the program's clock starts, to try things out on another day."},
    {"exit-status", "EXIT STATUS",
     "0  done\n\n"
     "1  something met on the way failed: a missing file, a wrong configuration, the store, a source\n\n"
     "2  the command line or the request itself is wrong\n\n"
     "3  done in part: the run says what failed (nilometer run show ID)"},
    {"files", "FILES",
     "nilometer.db: the store, an SQLite database, with nilometer.db-wal and -shm beside it while it is in use and nilometer.db.lock, by "
     "which one process at a time writes. Read it with other programs only with mode=ro.\n\n"
     "nilometer.yaml: the configuration; nilometer help configuration lists its keys."},
};
#define N_TOPICS (sizeof topics / sizeof topics[0])

const char *const *nilo__help_topics(size_t *ret_n)
{
    static const char *names[N_TOPICS];
    for (size_t i = 0; i < N_TOPICS; i++)
        names[i] = topics[i].name;
    *ret_n = N_TOPICS;
    return names;
}

/* ---- plain text -------------------------------------------------------------------------------------------------------------- */

/* Words of text[0..len) from column `at` on, further lines indented by `indent`. */
static void wrap(FILE *out, const char *text, size_t len, int at, int indent)
{
    const char *end = text + len;
    bool first = true;
    while (text < end) {
        text += strspn(text, " \n");
        size_t word = strcspn(text, " \n");
        if (word > (size_t)(end - text))
            word = (size_t)(end - text);
        if (word == 0)
            break;
        if (!first && at + 1 + (int)word > COLUMNS) {
            fprintf(out, "\n%*s", indent, "");
            at = indent;
        } else if (!first) {
            fputc(' ', out);
            at++;
        }
        fwrite(text, 1, word, out);
        at += (int)word;
        text += word;
        first = false;
    }
    fputc('\n', out);
}

/* Paragraphs and blocks of lines that begin with a blank (examples, kept as they are), a blank line between any two. */
typedef void paragraph_fn(FILE *out, const char *text, size_t len, bool verbatim);

static void each_paragraph(FILE *out, const char *text, paragraph_fn *fn)
{
    while (*text != '\0') {
        text += strspn(text, "\n");
        const char *end = strstr(text, "\n\n");
        size_t len = end != NULL ? (size_t)(end - text) : strlen(text), told = len;
        while (told > 0 && text[told - 1] == '\n')
            told--;
        if (told > 0)
            fn(out, text, told, text[0] == ' ');
        text += len;
    }
}

static void plain_paragraph(FILE *out, const char *text, size_t len, bool verbatim)
{
    fputc('\n', out);
    if (verbatim)
        fprintf(out, "%.*s\n", (int)len, text);
    else
        wrap(out, text, len, 0, 0);
}

static void plain_options(FILE *out, const struct nilo_option *o)
{
    for (; o->name != NULL; o++) {
        char head[64];
        snprintf(head, sizeof head, "  --%s%s%s", o->name, o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");
        fputs(head, out);
        int at = (int)strlen(head);
        if (at + 2 > INDENT) {
            fputc('\n', out);
            at = 0;
        }
        fprintf(out, "%*s", INDENT - at, "");
        wrap(out, o->help, strlen(o->help), INDENT, INDENT);
    }
}

static void usage(FILE *out, const struct nilo_cmd *cmd)
{
    bool options = cmd->options != NULL && cmd->options[0].name != NULL;
    bool operands = cmd->operands != NULL && cmd->operands[0] != '\0';
    fprintf(out, "nilometer %s%s%s%s", cmd->name, options ? " [options]" : "", operands ? " " : "", operands ? cmd->operands : "");
}

void nilo__help_cmd(FILE *out, const struct nilo_cmd *cmd)
{
    fputs("usage: ", out);
    usage(out, cmd);
    fprintf(out, "\n\n%s\n", cmd->summary);
    if (cmd->description != NULL)
        each_paragraph(out, cmd->description, plain_paragraph);
    if (cmd->options != NULL && cmd->options[0].name != NULL) {
        fputs("\noptions:\n", out);
        plain_options(out, cmd->options);
    }
    fputs("\nwith every command:\n", out);
    plain_options(out, nilo__global_options);
}

void nilo__help_all(FILE *out)
{
    fputs("usage: nilometer [--store PATH|URL] [--config FILE] [--json] [--quiet] COMMAND ...\n\n"
          "Keeps every day's numbers of what people publish, for good.\n\ncommands:\n",
          out);
    for (const struct nilo_cmd *const *c = nilo_cmds; *c != NULL; c++) {
        fprintf(out, "  %-*s ", SUMMARY - 3, (*c)->name);
        wrap(out, (*c)->summary, strlen((*c)->summary), SUMMARY, SUMMARY);
    }
    fputs("\nnilometer help COMMAND explains one. There are also these topics for help:\n ", out);
    for (size_t i = 0; i < N_TOPICS; i++)
        fprintf(out, "%s %s", i > 0 ? "," : "", topics[i].name);
    fputs(".\n", out);
}

static void plain_configuration(FILE *out)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 1 << 20);
    nilo_config_help(&b);
    fputs(nilo_buf_str(&b), out);
    nilo_buf_done(&b);
}

static void topic_paragraph(FILE *out, const char *text, size_t len, bool verbatim)
{
    (void)verbatim;
    size_t head = strspn(text, "0123456789 ");
    fputs("  ", out);
    wrap(out, text, len, 2, head > 0 ? 5 : 6);
}

bool nilo__help_topic(FILE *out, const char *name)
{
    for (size_t i = 0; i < N_TOPICS; i++) {
        if (strcmp(topics[i].name, name) != 0)
            continue;
        if (topics[i].text != NULL)
            each_paragraph(out, topics[i].text, topic_paragraph);
        else
            plain_configuration(out);
        return true;
    }
    return false;
}

/* ---- the manual page (man(7)) -------------------------------------------------------------------------------------------------- */

static void man_text(FILE *out, const char *text, size_t len)
{
    bool line_start = true;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (line_start && (c == '.' || c == '\''))
            fputs("\\&", out);
        if (c == '\\')
            fputs("\\e", out);
        else if (c == '-')
            fputs("\\-", out);
        else if (c == '~')
            fputs("\\(ti", out);
        else if (c == '^')
            fputs("\\(ha", out);
        else
            fputc(c, out);
        line_start = c == '\n';
    }
}

static void man_string(FILE *out, const char *text)
{
    man_text(out, text, strlen(text));
}

static void man_paragraph(FILE *out, const char *text, size_t len, bool verbatim)
{
    fputs(verbatim ? ".PP\n.nf\n" : ".PP\n", out);
    man_text(out, text, len);
    fputs(verbatim ? "\n.fi\n" : "\n", out);
}

static void man_options(FILE *out, const struct nilo_option *o)
{
    for (; o != NULL && o->name != NULL; o++) {
        fputs(".TP\n\\fB\\-\\-", out);
        man_string(out, o->name);
        fputs("\\fR", out);
        if (o->arg != NULL) {
            fputs(" \\fI", out);
            man_string(out, o->arg);
            fputs("\\fR", out);
        }
        fputc('\n', out);
        man_string(out, o->help);
        fputc('\n', out);
    }
}

static void man_command(FILE *out, const struct nilo_cmd *cmd)
{
    bool options = cmd->options != NULL && cmd->options[0].name != NULL;
    fputs(".SS \"nilometer ", out);
    man_string(out, cmd->name);
    fputs(options ? " [options]" : "", out);
    if (cmd->operands != NULL && cmd->operands[0] != '\0') {
        fputc(' ', out);
        man_string(out, cmd->operands);
    }
    fputs("\"\n", out);
    man_string(out, cmd->summary);
    fputc('\n', out);
    if (cmd->description != NULL)
        each_paragraph(out, cmd->description, man_paragraph);
    man_options(out, cmd->options);
}

static void man_configuration(FILE *out)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 1 << 20);
    nilo_config_help(&b);
    fputs(".nf\n", out);
    man_string(out, nilo_buf_str(&b));
    fputs(".fi\n", out);
    nilo_buf_done(&b);
}

void nilo__help_man(FILE *out)
{
    fputs(".\\\" Printed by `nilometer help --man` from the command table; a test compares the two.\n"
          ".TH NILOMETER 1 \"\" \"nilometer " NILO_VERSION "\" \"User Commands\"\n"
          ".SH NAME\nnilometer \\- keeps every day's numbers of what people publish, for good\n"
          ".SH SYNOPSIS\n\\fBnilometer\\fR [\\fB\\-\\-store\\fR \\fIPATH|URL\\fR] [\\fB\\-\\-config\\fR \\fIFILE\\fR] "
          "[\\fB\\-\\-json\\fR] [\\fB\\-\\-quiet\\fR] \\fICOMMAND\\fR ...\n"
          ".SH DESCRIPTION\nPlatforms only ever show the present. Nilometer reads numbers such as views, likes and sales on schedule, or takes "
          "them from files, keeps each day for good, and answers later questions from that record. A closed day never changes: later knowledge "
          "is written beside it.\n"
          ".SH OPTIONS\nThese stand before or after the command. A value is written \\-\\-name value or \\-\\-name=value; \\-\\- ends the "
          "options.\n",
          out);
    man_options(out, nilo__global_options);
    fputs(".SH COMMANDS\n", out);
    for (const struct nilo_cmd *const *c = nilo_cmds; *c != NULL; c++)
        man_command(out, *c);
    for (size_t i = 0; i < N_TOPICS; i++) {
        fprintf(out, ".SH %s\n", topics[i].title);
        if (topics[i].text != NULL)
            each_paragraph(out, topics[i].text, man_paragraph);
        else
            man_configuration(out);
    }
}
