/* The isolation matrix once more, with the scope taken out of every statement (the linker: tests/meson.build): what is left is PostgreSQL's row-level
 * security, and each cell has to be as before. */
#define NILO_WITHOUT_SCOPE
#include "test_isolation.c"
