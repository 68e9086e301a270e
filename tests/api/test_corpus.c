/* Every fuzz target over its corpus, and over each of its inputs cut short and with a byte changed: what fuzzing once found stays found. */
#include "support/nilo_test.h"

#include <dirent.h>
#include <string.h>

#include "../../fuzz/fuzz.h"

typedef int target(const uint8_t *data, size_t n);

static void run_file(target *run, const char *path)
{
    static uint8_t bytes[1 << 17];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    run(bytes, n);
    for (size_t cut = 0; cut < n && cut < 300; cut++)
        run(bytes, cut);
    static const uint8_t nasty[] = {0, '\r', '\n', ' ', ':', '\t', 0x7f, 0xff, ';', '0', '/', '%', '.'};
    for (size_t i = 0; i < n && i < 300; i++) {
        uint8_t was = bytes[i];
        for (size_t k = 0; k < sizeof(nasty); k++) {
            bytes[i] = nasty[k];
            run(bytes, n);
        }
        bytes[i] = was;
    }
}

static void run_corpus(target *run, const char *name)
{
    char below[64];
    snprintf(below, sizeof(below), "fuzz/corpus/%s", name);
    char *folder = nilo_test_source(below);
    DIR *d = opendir(folder);
    assert_non_null(d);
    int files = 0;
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        char path[4096];
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        run_file(run, path);
        files++;
    }
    closedir(d);
    free(folder);
    assert_true(files > 2);
}

#define X(name)                                                                                                        \
    static void corpus_of_##name(void **state)                                                                         \
    {                                                                                                                  \
        (void)state;                                                                                                   \
        run_corpus(nilo_fuzz_##name, #name);                                                                           \
    }
NILO_FUZZ_ROWS(X)
#undef X

int main(void)
{
    const struct CMUnitTest tests[] = {
#define X(name) cmocka_unit_test(corpus_of_##name),
        NILO_FUZZ_ROWS(X)
#undef X
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
