/* The file of a ring: where it is, reading and writing it. Lines of words, so that a person sees what it is; all buffers that hold keys are
 * memory that forgets. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "keys/keys_priv.h"

#define FILE_MAX   32768
#define LINE_WORDS 5

/* ---- where --------------------------------------------------------------------------------------------------------------------- */

static const char *set_variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static int in_folder(const char *folder, const char *below, const unsigned char store[16], char **ret, struct nilo_err *err)
{
    struct nilo_buf b;
    char uuid[NILO_UUID_TEXT];
    nilo_uuid_format(store, uuid);
    nilo_buf_init(&b, 4096);
    nilo_buf_addf(&b, "%s%s/%s.keys", folder, below, uuid);
    *ret = nilo_buf_take(&b);
    nilo_buf_done(&b);
    return *ret != NULL ? 0 : nilo_err_set(err, NILO_EINVAL, "the path of the folder of keys is too long");
}

/* What systemd hands over is one file, whatever the store; absent it is no matter. */
static bool credential(char **ret)
{
    const char *folder = set_variable("CREDENTIALS_DIRECTORY");
    struct nilo_buf b;
    if (folder == NULL)
        return false;
    nilo_buf_init(&b, 4096);
    nilo_buf_addf(&b, "%s/nilometer.keys", folder);
    char *path = nilo_buf_take(&b);
    nilo_buf_done(&b);
    if (path != NULL && access(path, F_OK) == 0) {
        *ret = path;
        return true;
    }
    free(path);
    return false;
}

int nilo_keys_path(const unsigned char store[16], char **ret, enum nilo_keys_place *ret_place, struct nilo_err *err)
{
    const char *own = set_variable("NILOMETER_KEYS"), *config = set_variable("XDG_CONFIG_HOME"), *home = set_variable("HOME");
    *ret_place = NILO_KEYS_CREDENTIAL;
    if (credential(ret))
        return 0;
    *ret_place = NILO_KEYS_GIVEN;
    if (own != NULL)
        return in_folder(own, "", store, ret, err);
    *ret_place = NILO_KEYS_DEFAULT;
    if (config != NULL)
        return in_folder(config, "/nilometer/keys", store, ret, err);
    if (home != NULL)
        return in_folder(home, "/.config/nilometer/keys", store, ret, err);
    return nilo_err_set(err, NILO_ENOENT, "there is no folder for keys, as HOME is not set; name one, outside of the data folder, with NILOMETER_KEYS");
}

/* ---- reading --------------------------------------------------------------------------------------------------------------------- */

/* systemd gives the service's user its right by an access list, whose mask shows as the group's right to read. */
static mode_t forbidden(const char *path)
{
    const char *folder = set_variable("CREDENTIALS_DIRECTORY");
    size_t n = folder != NULL ? strlen(folder) : 0;
    return n > 0 && strncmp(path, folder, n) == 0 && path[n] == '/' ? 037 : 077;
}

static int check_file(int fd, const char *path, struct nilo_err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return nilo_err_sys(err, NILO_EIO, "cannot look at the key file %s", path);
    if (!S_ISREG(st.st_mode))
        return nilo_err_set(err, NILO_EPERM, "the key file %s is no ordinary file", path);
    if ((st.st_mode & forbidden(path)) != 0)
        return nilo_err_set(err, NILO_EPERM, "others may read or change the key file %s (mode %04o); make it yours alone: chmod 600 %s", path,
                            (unsigned)(st.st_mode & 07777), path);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return nilo_err_set(err, NILO_EPERM, "the key file %s belongs to another user (%ld); it must be yours", path, (long)st.st_uid);
    return 0;
}

static int damaged(const char *path, int line, struct nilo_err *err)
{
    return nilo_err_set(err, NILO_ECORRUPT, "%s:%d: this is no line of a key file; bring back a copy of it (nilometer key export makes one)", path, line);
}

static int read_key(struct nilo_keys *r, char *const words[LINE_WORDS], const char *path, int line, struct nilo_err *err)
{
    unsigned char bytes[NILO_KEY_LEN];
    struct nilo_key key = {.current = strcmp(words[3], "current") == 0};
    struct nilo_iso made;
    int kind = nilo_key_kind_value(words[0]);
    bool fine = kind >= 0 && strlen(words[1]) == NILO_KEY_ID_TEXT - 1 && nilo_iso_parse(words[2], strlen(words[2]), &made, NULL) == 0 &&
                (key.current || strcmp(words[3], "old") == 0) && strlen(words[4]) == 2 * sizeof bytes &&
                nilo_unhex(words[4], 2 * sizeof bytes, bytes) == 0;
    if (fine) {
        key.kind = (enum nilo_key_kind)kind;
        key.made_at = made.us;
        memcpy(key.id, words[1], sizeof key.id);
        fine = nilo_keys_find(r, key.kind, key.id) == NULL && !(key.current && nilo_keys_current(r, key.kind) != NULL);
    }
    int rc = fine ? nilo__keys_put(r, &key, bytes, err) : damaged(path, line, err);
    nilo_secret_wipe(bytes, sizeof bytes);
    return rc;
}

static int read_store(const struct nilo_keys *r, const char *uuid, const char *path, struct nilo_err *err)
{
    char ours[NILO_UUID_TEXT];
    nilo_uuid_format(r->store, ours);
    if (strcmp(ours, uuid) == 0)
        return 0;
    return nilo_err_set(err, NILO_EINVAL, "the keys in %s belong to another store (%.36s), not to this one (%s)", path, uuid, ours);
}

static int split(char *line, char *words[LINE_WORDS])
{
    int n = 0;
    for (char *word = strsep(&line, " "); word != NULL && n < LINE_WORDS; word = strsep(&line, " "))
        words[n++] = word;
    return line == NULL ? n : LINE_WORDS + 1;
}

static int read_lines(struct nilo_keys *r, char *text, const char *path, struct nilo_err *err)
{
    bool whose = false;
    int number = 0;
    for (char *line = strsep(&text, "\n"); line != NULL; line = strsep(&text, "\n")) {
        char *words[LINE_WORDS] = {NULL};
        number++;
        if (line[0] == '\0' || line[0] == '#')
            continue;
        int n = split(line, words), rc;
        if (n == 2 && strcmp(words[0], "store") == 0 && !whose)
            rc = read_store(r, words[1], path, err);
        else
            rc = n == LINE_WORDS && whose ? read_key(r, words, path, number, err) : damaged(path, number, err);
        if (rc != 0)
            return -1;
        whose = true;
    }
    return whose ? 0 : damaged(path, number, err);
}

static int read_all(int fd, char *to, size_t max, size_t *ret, struct nilo_err *err)
{
    size_t n = 0;
    while (n < max) {
        ssize_t got = read(fd, to + n, max - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return nilo_err_sys(err, NILO_EIO, "cannot read the key file");
        if (got == 0)
            break;
        n += (size_t)got;
    }
    *ret = n;
    return 0;
}

int nilo_keys_load(const char *path, const unsigned char store[16], struct nilo_keys **ret, struct nilo_err *err)
{
    struct nilo_keys *r = NULL;
    char *text = NULL;
    size_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), rc = -1;
    if (fd < 0)
        return nilo_err_sys(err, errno == ENOENT ? NILO_ENOENT : errno == EACCES ? NILO_EPERM : NILO_EIO, "cannot read the key file %s", path);
    if (check_file(fd, path, err) != 0)
        goto out;
    text = nilo_secret_alloc(FILE_MAX + 1);
    if (text == NULL || nilo_keys_new(store, &r, NULL) != 0) {
        nilo_err_nomem(err);
        goto out;
    }
    if (read_all(fd, text, FILE_MAX, &n, err) != 0)
        goto out;
    text[n] = '\0';
    if (n == FILE_MAX || strlen(text) != n)
        nilo_err_set(err, NILO_ECORRUPT, "%s is no key file", path);
    else
        rc = read_lines(r, text, path, err);
out:
    close(fd);
    nilo_secret_free(text);
    if (rc == 0)
        *ret = r;
    else
        nilo_keys_free(r);
    return rc;
}

/* ---- writing ----------------------------------------------------------------------------------------------------------------------- */

static int write_text(const struct nilo_keys *r, char *to, size_t max, size_t *ret, struct nilo_err *err)
{
    char uuid[NILO_UUID_TEXT];
    nilo_uuid_format(r->store, uuid);
    int n = snprintf(to, max,
                     "# Keys of a Nilometer store. Who has this file and the store can read what connections log in with.\n"
                     "# Keep a copy of it, and not where backups of the store are kept.\nstore %s\n",
                     uuid);
    for (int i = 0; i < r->n && n > 0 && (size_t)n < max; i++) {
        const struct nilo_key *k = &r->keys[i];
        char made[NILO_US_TEXT], hex[2 * NILO_KEY_LEN + 1];
        nilo_us_format(k->made_at, made);
        nilo_hex(r->bytes[i], NILO_KEY_LEN, hex);
        int more = snprintf(to + n, max - (size_t)n, "%s %s %s %s %s\n", nilo_key_kind_name((int)k->kind), k->id, made,
                            k->current ? "current" : "old", hex);
        nilo_secret_wipe(hex, sizeof hex);
        n = more > 0 ? n + more : -1;
    }
    if (n <= 0 || (size_t)n >= max)
        return nilo_err_set(err, NILO_EINTERNAL, "the keys do not fit into their file");
    *ret = (size_t)n;
    return 0;
}

static int write_all(int fd, const char *from, size_t n, const char *path, struct nilo_err *err)
{
    while (n > 0) {
        ssize_t put = write(fd, from, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return nilo_err_sys(err, NILO_EIO, "cannot write the key file %s", path);
        from += put;
        n -= (size_t)put;
    }
    return fsync(fd) == 0 ? 0 : nilo_err_sys(err, NILO_EIO, "cannot write the key file %s to disk", path);
}

/* Every folder on the way that is missing, for its owner alone. */
static int make_folders(char *path, struct nilo_err *err)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int made = mkdir(path, 0700);
        int why = errno;
        if (made != 0 && why != EEXIST) {
            errno = why;
            nilo_err_sys(err, NILO_EIO, "cannot make the folder of keys %s", path);
            *slash = '/';
            return -1;
        }
        *slash = '/';
    }
    return 0;
}

/* The new name is lasting only when the folder is on disk. */
static int sync_folder(const char *path, struct nilo_err *err)
{
    char *folder = strdup(path);
    if (folder == NULL)
        return nilo_err_nomem(err);
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        slash[slash == folder] = '\0';
    int fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 && fsync(fd) == 0 ? 0 : nilo_err_sys(err, NILO_EIO, "cannot write the folder of the key file %s to disk", path);
    if (fd >= 0)
        close(fd);
    free(folder);
    return rc;
}

static int put_in_place(const char *from, const char *path, bool replace, struct nilo_err *err)
{
    if (replace ? rename(from, path) == 0 : link(from, path) == 0)
        return sync_folder(path, err);
    if (errno == EEXIST)
        return nilo_err_set(err, NILO_EEXIST, "%s is there already and keys are never written over; name another file", path);
    return nilo_err_sys(err, NILO_EIO, "cannot write the key file %s", path);
}

int nilo_keys_save(const struct nilo_keys *r, const char *path, bool replace, struct nilo_err *err)
{
    size_t n = 0, size = strlen(path) + 32;
    char *text = nilo_secret_alloc(FILE_MAX), *part = malloc(size);
    int fd = -1, rc = -1;
    if (text == NULL || part == NULL) {
        nilo_err_nomem(err);
        goto out;
    }
    snprintf(part, size, "%s.new-%ld", path, (long)getpid());
    if (write_text(r, text, FILE_MAX, &n, err) != 0 || make_folders(part, err) != 0)
        goto out;
    unlink(part);
    fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        nilo_err_sys(err, NILO_EIO, "cannot write the key file %s", path);
        goto out;
    }
    if (write_all(fd, text, n, path, err) == 0)
        rc = put_in_place(part, path, replace, err);
    unlink(part);
out:
    if (fd >= 0)
        close(fd);
    nilo_secret_free(text);
    free(part);
    return rc;
}
