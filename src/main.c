/* The command table, nothing else. */
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("nilometer %s\n", NILO_VERSION);
        return 0;
    }
    fprintf(stderr, "usage: nilometer --version\n");
    return 2;
}
