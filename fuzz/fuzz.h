/* Fuzz targets: each takes any bytes, checks round trips and invariants, and aborts where one is broken. With clang and libFuzzer they are programs
 * of their own (make fuzz); tests/api/test_corpus runs each over what lies in fuzz/corpus/NAME in the ordinary build.
 * A new parser is one file, one row here and a folder with a few inputs to begin with. */
#ifndef NILO_FUZZ_FUZZ_H
#define NILO_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define NILO_FUZZ_ROWS(X)                                                                                              \
    X(credential)                                                                                                      \
    X(facebook)                                                                                                        \
    X(hooks)                                                                                                           \
    X(http_head)                                                                                                       \
    X(http_chunk)                                                                                                      \
    X(http_path)                                                                                                       \
    X(instagram)                                                                                                       \
    X(jwt)                                                                                                             \
    X(singer)                                                                                                          \
    X(tiktok)                                                                                                          \
    X(tiktok_shop)                                                                                                     \
    X(url)                                                                                                             \
    X(youtube)

#define X(name) int nilo_fuzz_##name(const uint8_t *data, size_t n);
NILO_FUZZ_ROWS(X)
#undef X

/* As assert(), but in every build. */
#define NILO_FUZZ_CHECK(what)                                                                                          \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #what);                                         \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
