/* Files as they come: plain, gzip, zstd, several members, cut off, damaged, through a pipe. */
#include "support/nilo_test.h"

#include "import/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/env.h"
#include "support/tmp.h"

#define ROWS 3000
#define HEAD "external_id,day,views\n"

static struct nilo_buf plain, expected;

static int make_text(void **state)
{
    (void)state;
    nilo_buf_init(&plain, 1u << 20);
    nilo_buf_init(&expected, 1u << 20);
    nilo_buf_adds(&plain, HEAD);
    for (int i = 0; i < ROWS; i++) {
        nilo_buf_addf(&plain, "item%04d,2025-01-01,%d\n", i, i * 7919);
        nilo_buf_addf(&expected, "item%04d day 2025-01-01 at - views=%d\n", i, i * 7919);
    }
    nilo_test_write(nilo_test_path("plain"), plain.data, plain.len);
    return 0;
}

static int free_text(void **state)
{
    (void)state;
    nilo_buf_done(&plain);
    nilo_buf_done(&expected);
    return 0;
}

/* The tools themselves pack: our own packing would only agree with our own unpacking. */
static int tool(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int tool(const char *fmt, ...)
{
    char command[2000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(command, sizeof command, fmt, ap);
    va_end(ap);
    return system(command);
}

static void need(const char *name)
{
    if (tool("command -v %s >/dev/null", name) == 0)
        return;
    printf("# skipped: there is no %s here\n", name);
    skip();
}

static void import_file(const char *file, size_t read_size, struct fake_result *r)
{
    struct nilo_import_options o = {.files = &file, .n_files = 1, .catalog = &fake_catalog, .read_size = read_size};
    fake_import(&o, r);
}

static void assert_whole(const char *file, size_t read_size)
{
    struct fake_result r;
    import_file(file, read_size, &r);
    if (r.rc != 0)
        fail_msg("%s: %s", file, r.err.msg);
    assert_string_equal(nilo_buf_str(&r.readings), nilo_buf_str(&expected));
    assert_int_equal(r.refused_rows, 0);
    fake_done(&r);
}

static void assert_fails(const char *file, enum nilo_code code, const char *message)
{
    struct fake_result r;
    import_file(file, 0, &r);
    if (r.rc == 0)
        fail_msg("%s is taken", file);
    if (r.err.code != code || strstr(r.err.msg, message) == NULL)
        fail_msg("%s: %s: %s", file, nilo_code_text(r.err.code), r.err.msg);
    assert_int_equal(r.readings.len, 0);
    fake_done(&r);
}

static const size_t sizes[] = {0, 1, 13, 4096};
#define EACH_SIZE(i) (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)

static void plain_files_are_read_whole(void **state)
{
    (void)state;
    for EACH_SIZE (i)
        assert_whole(nilo_test_path("plain"), sizes[i]);
}

static void packed_files_are_read_whole(void **state)
{
    (void)state;
    static const struct {
        const char *tool, *command;
    } cases[] = {
        {"gzip", "gzip -c '%s' > '%s'"},
        {"gzip", "(head -c 20000 '%s' | gzip -c; tail -c +20001 '%s' | gzip -c) > '%s'"},
        {"gzip", "(gzip -c '%s'; printf '\\000\\000\\000\\000') > '%s'"},
        {"zstd", "zstd -q -c '%s' > '%s'"},
        {"zstd", "zstd -q -c --check -19 '%s' > '%s'"},
        {"zstd", "(head -c 20000 '%s' | zstd -q -c; tail -c +20001 '%s' | zstd -q -c) > '%s'"},
        {"zstd", "(printf '\\120\\052\\115\\030\\003\\000\\000\\000abc'; zstd -q -c '%s') > '%s'"},
    };
    const char *from = nilo_test_path("plain"), *to = nilo_test_path("name.says.nothing");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        need(cases[i].tool);
        char command[2000];
        bool twice = strstr(strstr(cases[i].command, "'%s'") + 4, "'%s' |") != NULL;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        if (twice)
            snprintf(command, sizeof command, cases[i].command, from, from, to);
        else
            snprintf(command, sizeof command, cases[i].command, from, to);
#pragma GCC diagnostic pop
        assert_int_equal(tool("%s", command), 0);
        for EACH_SIZE (k)
            assert_whole(to, sizes[k]);
    }
}

/* Every length of the packed file but the whole one: cut off is an error, never a shorter import. */
static void cut_off_files_are_refused(void **state)
{
    (void)state;
    static const char *const tools[] = {"gzip", "zstd"};
    for (size_t t = 0; t < 2; t++) {
        need(tools[t]);
        const char *packed = nilo_test_path("packed"), *cut = nilo_test_path("cut");
        assert_int_equal(tool("%s -c < '%s' > '%s'", tools[t], nilo_test_path("plain"), packed), 0);
        char bytes[65536];
        FILE *f = fopen(packed, "r");
        assert_non_null(f);
        size_t n = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        assert_in_range(n, 1000, sizeof bytes - 1);
        for (size_t len = 4; len < n; len += len < 100 || len > n - 20 ? 1 : 997) {
            nilo_test_write(cut, bytes, len);
            assert_fails(cut, NILO_ECORRUPT, "the file is cut off");
        }
    }
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    static const char *const tools[] = {"gzip", "zstd"};
    struct nilo_seeded_random seed;
    struct nilo_random random;
    nilo_seeded_random_init(&seed, 20250111);
    random = nilo_seeded_random(&seed);
    for (size_t t = 0; t < 2; t++) {
        need(tools[t]);
        const char *packed = nilo_test_path("packed"), *bad = nilo_test_path("bad");
        assert_int_equal(tool("%s %s -c < '%s' > '%s'", tools[t], t == 1 ? "--check" : "", nilo_test_path("plain"), packed), 0);
        unsigned char bytes[65536];
        FILE *f = fopen(packed, "r");
        assert_non_null(f);
        size_t n = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        int refused = 0;
        for (int i = 0; i < 60; i++) {
            size_t at = 12 + (size_t)nilo_random_below(&random, n - 12);
            unsigned char bit = (unsigned char)(1u << nilo_random_below(&random, 8));
            bytes[at] ^= bit;
            nilo_test_write(bad, bytes, n);
            bytes[at] ^= bit;
            struct fake_result r;
            import_file(bad, 0, &r);
            refused += r.rc != 0 && r.err.code == NILO_ECORRUPT;
            fake_done(&r);
        }
        assert_int_equal(refused, 60); /* both formats carry a checksum of the content */
    }
}

static void what_follows_packed_data_is_an_error(void **state)
{
    (void)state;
    need("gzip");
    need("zstd");
    assert_int_equal(tool("(gzip -c < '%s'; echo more) > '%s'", nilo_test_path("plain"), nilo_test_path("a")), 0);
    assert_fails(nilo_test_path("a"), NILO_ECORRUPT, "the gzip data are damaged");
    assert_int_equal(tool("(gzip -c < '%s'; printf '\\000x') > '%s'", nilo_test_path("plain"), nilo_test_path("a")), 0);
    assert_fails(nilo_test_path("a"), NILO_ECORRUPT, "something that is no gzip data follows");
    assert_int_equal(tool("(zstd -q -c < '%s'; echo more) > '%s'", nilo_test_path("plain"), nilo_test_path("a")), 0);
    assert_fails(nilo_test_path("a"), NILO_ECORRUPT, "the zstd data are damaged");
    assert_int_equal(tool("printf '' | gzip -c > '%s'", nilo_test_path("a")), 0);
    assert_fails(nilo_test_path("a"), NILO_ENOENT, "is empty");
    assert_int_equal(tool("printf '' | zstd -q -c > '%s'", nilo_test_path("a")), 0);
    assert_fails(nilo_test_path("a"), NILO_ENOENT, "is empty");
}

static void a_packed_bom_is_dropped(void **state)
{
    (void)state;
    need("gzip");
    assert_int_equal(tool("(printf '\\357\\273\\277'; cat '%s') | gzip -c > '%s'", nilo_test_path("plain"), nilo_test_path("bom")), 0);
    for EACH_SIZE (i)
        assert_whole(nilo_test_path("bom"), sizes[i]);
}

/* A pipe gives what it has: short reads are no end. */
static void pipes_are_read_to_their_end(void **state)
{
    (void)state;
    const char *fifo = nilo_test_path("fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        FILE *f = fopen(fifo, "w");
        for (size_t at = 0; f != NULL && at < plain.len; at += 100) {
            fwrite(plain.data + at, 1, plain.len - at < 100 ? plain.len - at : 100, f);
            fflush(f);
        }
        if (f != NULL)
            fclose(f);
        _exit(0);
    }
    assert_whole(fifo, 0);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_files_are_read_whole),
        cmocka_unit_test(packed_files_are_read_whole),
        cmocka_unit_test(cut_off_files_are_refused),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(what_follows_packed_data_is_an_error),
        cmocka_unit_test(a_packed_bom_is_dropped),
        cmocka_unit_test(pipes_are_read_to_their_end),
    };
    return cmocka_run_group_tests(tests, make_text, free_text);
}
