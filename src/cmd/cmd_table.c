/* The command table: one row a subcommand, in the order of --help. A new command is one new file and one row here. */
#include "cmd/cmd.h"

#define COMMAND_ROWS(X)                                                                                                \
    X(init)                                                                                                            \
    X(collect)                                                                                                         \
    X(refresh)                                                                                                         \
    X(backfill)                                                                                                        \
    X(import)                                                                                                          \
    X(export)                                                                                                          \
    X(status)                                                                                                          \
    X(get)                                                                                                             \
    X(call)                                                                                                            \
    X(plot)                                                                                                            \
    X(run)                                                                                                             \
    X(erase)                                                                                                           \
    X(revise)                                                                                                          \
    X(seal)                                                                                                            \
    X(drop)                                                                                                            \
    X(thin)                                                                                                            \
    X(replay)                                                                                                          \
    X(pause)                                                                                                           \
    X(resume)                                                                                                          \
    X(rebuild)                                                                                                         \
    X(backup)                                                                                                          \
    X(restore)                                                                                                         \
    X(connection)                                                                                                      \
    X(content)                                                                                                         \
    X(tap)                                                                                                             \
    X(key)                                                                                                             \
    X(token)                                                                                                           \
    X(doctor)                                                                                                          \
    X(verify)                                                                                                          \
    X(serve)                                                                                                           \
    X(help)                                                                                                            \
    X(version)

#define X(name) extern const struct nilo_cmd nilo_cmd_##name;
COMMAND_ROWS(X)
#undef X

const struct nilo_cmd *const nilo_cmds[] = {
#define X(name) &nilo_cmd_##name,
    COMMAND_ROWS(X)
#undef X
    NULL,
};
