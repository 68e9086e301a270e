/* Keys and secrets as people meet them: made by init outside of the data folder, rotated, lost and brought back; killed in the middle; and
 * a planted secret that must be nowhere. */
#include "cmd_test.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "keys/keys.h"
#include "support/pg.h"
#include "support/tmp.h"

#define CANARY "canary-5b1e77-never-to-be-seen"

static const char *path; /* of the store */
static char file[512];   /* of its keys */

static const char *line(int status, const char *options, const char *words)
{
    char text[2000];
    snprintf(text, sizeof text, "--store %s %s %s", path, options, words);
    const struct cmd_result *r = cmd_line(text);
    if (r->status != status)
        fail_msg("%s: status %d, wanted %d: %s%s", text, r->status, status, r->err, r->out);
    cmd_assert_one_line(r->err);
    assert_null(strstr(r->out, CANARY));
    assert_null(strstr(r->err, CANARY));
    return status == 0 ? r->out : r->err;
}

/* A command on the store, words in one text. */
static const char *does(const char *words)
{
    return line(0, "--quiet", words);
}

static void fails(int status, const char *words, const char *wanted)
{
    cmd_assert_contains(line(status, "", words), wanted);
}

static struct nilo_env env(void)
{
    static struct nilo_seeded_random random;
    nilo_seeded_random_init(&random, 9);
    return (struct nilo_env){.clock = nilo_virtual_clock(&cmd_clock), .random = nilo_seeded_random(&random)};
}

static struct nilo_store *open_store(void)
{
    struct nilo_env e = env();
    struct nilo_store *s;
    struct nilo_err err;
    if (nilo_store_open(path, NILO_STORE_WRITE, &e, &s, &err) != 0)
        fail_msg("%s", err.msg);
    return s;
}

static void find_keys(void)
{
    struct nilo_store *s = open_store();
    enum nilo_keys_place place;
    struct nilo_err err;
    char *at;
    assert_int_equal(nilo_keys_path(nilo_store_uuid(s), &at, &place, &err), 0);
    snprintf(file, sizeof file, "%s", at);
    free(at);
    nilo_store_close(s);
}

static int fresh(void **state)
{
    static int n;
    char name[64];
    (void)state;
    snprintf(name, sizeof name, "data%d", n);
    assert_int_equal(mkdir(nilo_test_path(name), 0755), 0);
    snprintf(name, sizeof name, "data%d/s.db", n++);
    path = nilo_test_path(name);
    cmd_clock_at("2026-03-10T12:00:00Z");
    cmd_assert_contains(line(0, "", "init"), "Made its keys, ");
    find_keys();
    does("connection add channel --platform youtube --workspace studio");
    setenv("KEY_TEST_SECRET", CANARY, 1);
    does("connection secret channel token --workspace studio --from env:KEY_TEST_SECRET");
    return 0;
}

/* What the secret is, asked of the store itself; NULL and a message when it cannot be told. */
static const char *secret(const char *kind)
{
    static char text[200];
    struct nilo_store *s = open_store();
    struct nilo_keys *r = NULL;
    struct nilo_workspace w;
    struct nilo_connection c;
    struct nilo_err err;
    char *got = NULL;
    size_t n;
    const char *ret = NULL;
    assert_int_equal(nilo_store_workspace(s, "studio", false, NULL, &w, &err), 0);
    assert_int_equal(nilo_store_connection(s, w.id, "channel", false, NULL, NULL, &c, &err), 0);
    if (nilo_keys_load(file, nilo_store_uuid(s), &r, &err) == 0 && nilo_secret_get(s, r, &c, kind, &got, &n, &err) == 0) {
        snprintf(text, sizeof text, "%s", got);
        ret = text;
    }
    nilo_secret_free(got);
    nilo_keys_free(r);
    nilo_store_close(s);
    return ret;
}

static void status_is(const char *wanted)
{
    cmd_assert_contains(does("connection list --workspace studio"), wanted);
}

static void init_makes_three_keys_outside_of_the_data_folder(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(stat(file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    const char *list = does("key list");
    cmd_assert_contains(list, "master");
    cmd_assert_contains(list, "token");
    cmd_assert_contains(list, "signing");
    char before[4000];
    snprintf(before, sizeof before, "%s", list);
    does("init"); /* again: nothing new */
    assert_string_equal(does("key list"), before);
    cmd_assert_contains(does("key list --json"), "\"kind\":\"master\"");
    assert_string_equal(secret("token"), CANARY);
    fails(2, "key", "operand");
    fails(2, "key lost", "did you mean \"list\"");
    fails(2, "key rotate mistress", "master, data, token and signing");
    fails(1, "key forget 0123456789abcdef", "there is no key");
}

static void keys_in_the_folder_of_the_store_are_refused(void **state)
{
    (void)state;
    char folder[600], *argv[] = {NULL};
    (void)argv;
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    /* cmd_run sets the variable itself, so the program is asked */
    pid_t child = fork();
    if (child == 0) {
        setenv("NILOMETER_KEYS", folder, 1);
        fclose(stderr);
        execl(nilo_test_program(), "nilometer", "init", "--store", path, (char *)NULL);
        _exit(99);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 2);
}

static void a_key_file_that_others_read_is_refused_in_a_sentence(void **state)
{
    (void)state;
    assert_int_equal(chmod(file, 0644), 0);
    fails(1, "key list", "chmod 600");
    fails(1, "init", "chmod 600");
    fails(1, "connection secret channel other --workspace studio --from env:KEY_TEST_SECRET", "chmod 600");
    cmd_assert_contains(cmd_run("doctor", "--store", path, NULL)->out, "wrong  keys           others may read or change the key file");
    assert_int_equal(cmd_run("doctor", "--store", path, NULL)->status, 1);
    cmd_assert_contains(does("status"), "Keys: others may read or change the key file");
    cmd_assert_contains(does("status --json"), "\"keys_note\":\"others may read");
    assert_int_equal(chmod(file, 0600), 0);
    does("key list");
    cmd_assert_contains(does("doctor"), "ok     keys ");
    assert_null(strstr(does("status"), "Keys:"));
    cmd_assert_contains(does("status --json"), "\"keys_note\":null");
}

/* Where something is sealed with them they are missed; else there is nothing that could not be made anew. */
static void a_key_file_that_is_missing_is_told_by_doctor_and_status(void **state)
{
    (void)state;
    char away[600];
    snprintf(away, sizeof away, "%s.away", file);
    assert_int_equal(rename(file, away), 0);
    cmd_assert_contains(cmd_run("doctor", "--store", path, NULL)->out, "wrong  keys           there is no key file ");
    cmd_assert_contains(does("status"), "bring back a copy, nilometer key import FILE");
    path = nilo_test_path("no_secrets.db");
    does("init");
    find_keys();
    assert_int_equal(unlink(file), 0);
    cmd_assert_contains(does("doctor"), "note   keys           there is no key file ");
    assert_null(strstr(does("status"), "Keys:"));
}

static void each_kind_is_rotated_and_what_was_before_stays_until_it_is_forgotten(void **state)
{
    (void)state;
    static const char *const kinds[] = {"master", "token", "signing"};
    char command[200], old[17];
    for (int i = 0; i < 3; i++) {
        cmd_line("");
        snprintf(command, sizeof command, "key rotate %s", kinds[i]);
        const char *said = does(command);
        cmd_assert_contains(said, kinds[i]);
        if (i == 0)
            cmd_assert_contains(said, "sealed 1 secret with it");
    }
    const char *list = does("key list");
    const char *at = strstr(list, "master");
    assert_non_null(at);
    at += strlen("master") + strspn(at + strlen("master"), " ");
    snprintf(old, sizeof old, "%.16s", at);
    assert_string_equal(secret("token"), CANARY);
    snprintf(command, sizeof command, "key forget %s", old);
    does(command);
    assert_null(strstr(does("key list"), old));
    assert_string_equal(secret("token"), CANARY);
    at = strstr(does("key list"), "master");
    at += strlen("master") + strspn(at + strlen("master"), " ");
    snprintf(command, sizeof command, "key forget %.16s", at);
    fails(2, command, "1 secret is still sealed with");
    at = strstr(does("key list"), "current");
    assert_non_null(at);
}

static void a_rotation_that_was_interrupted_is_finished_not_begun_anew(void **state)
{
    (void)state;
    struct nilo_store *s = open_store();
    struct nilo_env e = env();
    struct nilo_keys *r;
    struct nilo_err err;
    assert_int_equal(nilo_keys_load(file, nilo_store_uuid(s), &r, &err), 0);
    assert_int_equal(nilo_keys_add(r, NILO_KEY_MASTER, &e, &err), 0);
    assert_int_equal(nilo_keys_save(r, file, true, &err), 0);
    int n = nilo_keys_n(r);
    nilo_keys_free(r);
    nilo_store_close(s);
    assert_string_equal(secret("token"), CANARY);
    cmd_assert_contains(does("key rotate master"), "Finished the rotation to master key");
    assert_string_equal(secret("token"), CANARY);
    s = open_store();
    assert_int_equal(nilo_keys_load(file, nilo_store_uuid(s), &r, &err), 0);
    assert_int_equal(nilo_keys_n(r), n);
    nilo_keys_free(r);
    nilo_store_close(s);
    cmd_assert_contains(does("key rotate master"), "The master key is");
}

/* What a copy of the store and an old master key open ends with the data key. */
static void data_keys_are_rotated_too_and_a_rotation_that_was_interrupted_is_finished(void **state)
{
    (void)state;
    struct nilo_err err;
    cmd_assert_contains(does("key rotate data"), "Each connection has a new data key: sealed 1 secret");
    assert_string_equal(secret("token"), CANARY);
    cmd_assert_contains(does("key rotate data --json"), "{\"kind\":\"data\",\"secrets\":1,\"finished_earlier\":false}");
    struct nilo_store *s = open_store();
    assert_int_equal(nilo_data_keys_begin(s, &err), 0);
    nilo_store_close(s);
    cmd_assert_contains(does("key rotate data"), "Finished the rotation of the data keys: sealed 1 secret");
    cmd_assert_contains(does("connection show channel --workspace studio"), "sealed with key ");
    assert_string_equal(secret("token"), CANARY);
    /* they are in the store, so that keys which systemd hands over do not matter */
    fails(2, "key rotate mistress", "master, data, token and signing");
}

/* The program itself, killed after a random while; 20 rounds of each. */
static void killed_while_it_rotates_every_secret_stays_readable(void **state)
{
    (void)state;
    const char *program = nilo_test_program();
    char kind[32], command[200];
    int killed = 0;
    for (int i = 0; i < 20; i++) {
        snprintf(kind, sizeof kind, "secret_%d", i);
        snprintf(command, sizeof command, "connection secret channel %s --workspace studio --from env:KEY_TEST_SECRET", kind);
        does(command);
    }
    for (int round = 0; round < 40; round++) {
        pid_t child = fork();
        if (child == 0) {
            if (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL)
                _exit(98);
            execl(program, "nilometer", "key", "rotate", round % 2 == 0 ? "master" : "data", "--store", path, (char *)NULL);
            _exit(99);
        }
        const struct timespec wait = {.tv_nsec = (long)(round / 2 * 3000000L)};
        int status;
        nanosleep(&wait, NULL);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        killed += WIFSIGNALED(status);
        assert_string_equal(secret("token"), CANARY);
        assert_string_equal(secret("secret_19"), CANARY);
    }
    assert_true(killed > 0);
    does("key rotate data"); /* finishes what was begun, or makes one more */
    does("key rotate master");
    for (int i = 0; i < 20; i++) {
        snprintf(kind, sizeof kind, "secret_%d", i);
        assert_string_equal(secret(kind), CANARY);
    }
    struct nilo_store *s = open_store();
    struct nilo_keys *r;
    struct nilo_err err;
    int behind;
    assert_int_equal(nilo_keys_load(file, nilo_store_uuid(s), &r, &err), 0);
    assert_int_equal(nilo_secret_count(s, r, NULL, &behind, &err), 0);
    assert_int_equal(behind, 0);
    assert_int_equal(nilo_data_keys_behind(s, &behind, &err), 0);
    assert_int_equal(behind, 0);
    nilo_keys_free(r);
    nilo_store_close(s);
}

static void a_restore_without_the_key_keeps_history_and_marks_connections_expired(void **state)
{
    (void)state;
    char backup[600], copy[600], away[600], command[2000];
    snprintf(backup, sizeof backup, "%s.backup", path);
    snprintf(copy, sizeof copy, "%s.copy.keys", path);
    snprintf(away, sizeof away, "%s.away", file);
    static const char csv[] = "external_id,day,views\nv1,2026-03-01,10\n";
    nilo_test_write(nilo_test_path("h.csv"), csv, strlen(csv));
    snprintf(command, sizeof command, "import %s --workspace studio --platform youtube", nilo_test_path("h.csv"));
    does(command);
    snprintf(command, sizeof command, "key export %s", copy);
    does(command);
    fails(1, command, "there already");
    snprintf(command, sizeof command, "backup %s", backup);
    does(command);
    assert_int_equal(rename(file, away), 0);
    fails(1, "restore nope --replace", "the backup nope cannot be read");
    char sum[700], lost[700], sentence[1700];
    snprintf(sum, sizeof sum, "%s.sha256", backup);
    snprintf(lost, sizeof lost, "%s.sha256.lost", backup);
    assert_int_equal(rename(sum, lost), 0);
    snprintf(command, sizeof command, "restore %s --replace", backup);
    snprintf(sentence, sizeof sentence, "sha256sum %s >%s", backup, sum);
    fails(1, command, sentence);
    assert_int_equal(rename(lost, sum), 0);
    const struct cmd_result *r = cmd_run("restore", backup, "--replace", "--store", path, NULL);
    assert_int_equal(r->status, 0);
    cmd_assert_contains(r->err, "the master key that 1 connection's secrets were sealed with is not here");
    status_is("expired");
    cmd_assert_contains(does("get content_latest?select=external_id,views"), "10");
    assert_null(secret("token"));
    fails(1, "key list", "nilometer key import");
    fails(1, "key rotate master", "there are no keys");
    /* new keys do not help; the old ones do */
    cmd_assert_contains(line(0, "", "init"), "Made its keys");
    status_is("expired");
    fails(1, "key rotate master", "bring it back");
    snprintf(command, sizeof command, "key import %s", copy);
    cmd_assert_contains(does(command), "Took over 3 keys");
    status_is("connected");
    assert_string_equal(secret("token"), CANARY);
    assert_int_equal(chmod(copy, 0640), 0);
    fails(1, command, "chmod 600");
}

static void keys_of_another_store_are_refused(void **state)
{
    (void)state;
    char copy[600], command[800];
    snprintf(copy, sizeof copy, "%s.other.keys", path);
    struct nilo_keys *r;
    struct nilo_err err;
    assert_int_equal(nilo_keys_new((const unsigned char *)"0123456789abcdef", &r, &err), 0);
    assert_int_equal(nilo_keys_save(r, copy, false, &err), 0);
    nilo_keys_free(r);
    snprintf(command, sizeof command, "key import %s", copy);
    fails(2, command, "belong to another store");
}

static void a_secret_on_the_command_line_is_refused_and_not_repeated(void **state)
{
    (void)state;
    fails(2, "connection secret channel token " CANARY, "not given on the command line");
    fails(2, "connection secret channel token --workspace studio --from " CANARY, "never the secret itself");
    fails(1, "connection secret channel token --workspace studio --from env:KEY_TEST_NOT_SET", "not set");
    fails(2, "connection secret nobody token --workspace studio --from env:KEY_TEST_SECRET", "nobody");
    fails(2, "connection secret channel Token! --workspace studio --from env:KEY_TEST_SECRET", "small letters");
    does("connection secret channel token --workspace studio --delete");
    assert_null(secret("token"));
    fails(1, "connection secret channel token --workspace studio --delete", "has no secret token");
}

/* ---- nowhere ---------------------------------------------------------------------------------------------------------------------------- */

static bool holds(const char *name, const char *needle)
{
    FILE *f = fopen(name, "rb");
    if (f == NULL)
        return false;
    static char bytes[8 << 20];
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    return memmem(bytes, n, needle, strlen(needle)) != NULL;
}

static void no_file_of(const char *folder, const char *needle)
{
    DIR *d = opendir(folder);
    int seen = 0;
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        char name[1200];
        snprintf(name, sizeof name, "%s/%s", folder, e->d_name);
        seen++;
        if (holds(name, needle))
            fail_msg("%s is in %s", needle, name);
    }
    closedir(d);
    assert_true(seen > 3);
}

/* In the data folder: the store, its log, a backup, an export of all relations. Looked for: the secret, and each key as text and as bytes. */
static void a_planted_secret_and_the_keys_are_nowhere(void **state)
{
    (void)state;
    char folder[600], command[1200], out[700];
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    does("key rotate master");
    does("connection secret channel second --workspace studio --from env:KEY_TEST_SECRET");
    snprintf(command, sizeof command, "backup %s/b.db", folder);
    does(command);
    static const char *const relations[] = {"connections", "runs", "workspaces", "content", "revisions"};
    for (size_t i = 0; i < sizeof relations / sizeof relations[0]; i++) {
        snprintf(command, sizeof command, "get %s --format csv", relations[i]);
        const char *text = does(command);
        snprintf(out, sizeof out, "%s/%s.csv", folder, relations[i]);
        nilo_test_write(out, text, strlen(text));
    }
    const char *text = does("status --json");
    snprintf(out, sizeof out, "%s/status.json", folder);
    nilo_test_write(out, text, strlen(text));
    assert_true(holds(file, "master ")); /* the search itself finds what is there */
    no_file_of(folder, CANARY);
    struct nilo_store *s = open_store();
    struct nilo_keys *r;
    struct nilo_err err;
    assert_int_equal(nilo_keys_load(file, nilo_store_uuid(s), &r, &err), 0);
    nilo_store_close(s);
    assert_int_equal(nilo_keys_n(r), 4);
    for (int i = 0; i < nilo_keys_n(r); i++) {
        char hex[2 * NILO_KEY_LEN + 1], raw[NILO_KEY_LEN + 1];
        nilo_hex(nilo_keys_bytes(r, nilo_keys_at(r, i)), NILO_KEY_LEN, hex);
        assert_true(holds(file, hex));
        no_file_of(folder, hex);
        memcpy(raw, nilo_keys_bytes(r, nilo_keys_at(r, i)), NILO_KEY_LEN);
        raw[8] = '\0'; /* eight bytes of it are enough to be sure */
        if (strlen(raw) == 8)
            no_file_of(folder, raw);
        assert_null(strstr(does("key list --json"), hex));
    }
    nilo_keys_free(r);
}

static void a_store_in_a_server_has_its_keys_too(void **state)
{
    (void)state;
    path = nilo_test_pg_database("key_store");
    if (path == NULL) {
        print_message("%s\n", nilo_test_pg_missing());
        skip();
    }
    cmd_assert_contains(line(0, "", "init"), "Made its keys, ");
    find_keys();
    does("connection add channel --platform youtube --workspace studio");
    does("connection secret channel token --workspace studio --from env:KEY_TEST_SECRET");
    does("key rotate master");
    assert_string_equal(secret("token"), CANARY);
}

static void what_a_file_describes_is_changed_there_only(void **state)
{
    (void)state;
    char config[600], command[1500], text[1000];
    snprintf(config, sizeof config, "%s.yaml", path);
    snprintf(text, sizeof text, "connections:\n  - name: app\n    platform: sql\n    database: %s\n    users: u\n", nilo_test_path("none.app"));
    nilo_test_write(config, text, strlen(text));
    snprintf(command, sizeof command, "init --config %s", config);
    does(command);
    static const char *const acts[] = {"enable", "disable"};
    for (int i = 0; i < 2; i++) {
        char wanted[700];
        snprintf(command, sizeof command, "connection %s app --config %s", acts[i], config);
        snprintf(wanted, sizeof wanted, "is described in %s:2 and changed only there", config);
        fails(1, command, wanted);
    }
    snprintf(command, sizeof command, "connection add app --platform youtube --config %s", config);
    fails(1, command, "already");
    fails(2, "connection add x --platform sql", "configuration");
    fails(2, "connection add x", "which platform?");
    does("connection disable channel --workspace studio");
    status_is("disabled");
    does("connection enable channel --workspace studio");
    status_is("connected");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(init_makes_three_keys_outside_of_the_data_folder, fresh),
        cmocka_unit_test_setup(keys_in_the_folder_of_the_store_are_refused, fresh),
        cmocka_unit_test_setup(a_key_file_that_others_read_is_refused_in_a_sentence, fresh),
        cmocka_unit_test_setup(a_key_file_that_is_missing_is_told_by_doctor_and_status, fresh),
        cmocka_unit_test_setup(each_kind_is_rotated_and_what_was_before_stays_until_it_is_forgotten, fresh),
        cmocka_unit_test_setup(a_rotation_that_was_interrupted_is_finished_not_begun_anew, fresh),
        cmocka_unit_test_setup(data_keys_are_rotated_too_and_a_rotation_that_was_interrupted_is_finished, fresh),
        cmocka_unit_test_setup(killed_while_it_rotates_every_secret_stays_readable, fresh),
        cmocka_unit_test_setup(a_restore_without_the_key_keeps_history_and_marks_connections_expired, fresh),
        cmocka_unit_test_setup(keys_of_another_store_are_refused, fresh),
        cmocka_unit_test_setup(a_secret_on_the_command_line_is_refused_and_not_repeated, fresh),
        cmocka_unit_test_setup(a_planted_secret_and_the_keys_are_nowhere, fresh),
        cmocka_unit_test_setup(what_a_file_describes_is_changed_there_only, fresh),
        cmocka_unit_test(a_store_in_a_server_has_its_keys_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
