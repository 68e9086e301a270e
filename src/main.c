/* The process around the command table: clock and randomness of the system, then nilo_cmd_main(). */
#include <stdio.h>

#include "base/env.h"
#include "cmd/cmd.h"

int main(int argc, char **argv)
{
    struct nilo_env env;
    struct nilo_err err = {0};
    nilo_cmd_process();
    if (nilo_env_system(&env, &err) != 0) {
        fprintf(stderr, "nilometer: %s\n", err.msg);
        return nilo_code_exit(err.code);
    }
    return nilo_cmd_main(argc, argv, &env, stdout, stderr);
}
