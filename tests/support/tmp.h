/* A temporary folder for one test process, made at first use and removed when the process ends. */
#ifndef NILO_SUPPORT_TMP_H
#define NILO_SUPPORT_TMP_H

#include <sys/types.h>

/** nilo_test_tmp - the folder's path; ends the process with a message when it cannot be made. Forked children share it */
const char *nilo_test_tmp(void);

/** nilo_test_path - the path of `name` in that folder (nothing is made). owner: the process, until it ends */
const char *nilo_test_path(const char *name);

/** nilo_test_write - make or replace a file with these bytes, for inputs. Ends the process with a message on failure */
void nilo_test_write(const char *path, const void *bytes, unsigned long n);

/** nilo_test_copy - make or replace the file `to` with the bytes and rights of `from`. Ends the process with a message on failure */
void nilo_test_copy(const char *from, const char *to);

/** nilo_test_copy_tree - a folder with all in it to `to`, which is not there yet, for that user. 0, or -1: part of it may be there then */
int nilo_test_copy_tree(const char *from, const char *to, uid_t uid, gid_t gid);

/** nilo_test_remove - a file or a folder with all in it; harmless when absent */
void nilo_test_remove(const char *path);

#endif
