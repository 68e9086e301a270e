/* Functions nobody may call: calling one does not compile. The build puts this header in front of every source file
 * (-include), so no file needs to name it. tests/house/test_layers reads the list below as well.
 *
 * The headers that declare these functions come first, else the macros would rewrite the declarations themselves.
 */
#ifndef NILO_BASE_BANNED_H
#define NILO_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NILO_BANNED(func) nilo_banned_function_##func()

/* No bound on what they write: snprintf, memcpy with a checked length, or the buffer type of base. */
#undef strcpy
#define strcpy(...) NILO_BANNED(strcpy)
#undef stpcpy
#define stpcpy(...) NILO_BANNED(stpcpy)
#undef strcat
#define strcat(...) NILO_BANNED(strcat)
#undef strncpy
#define strncpy(...) NILO_BANNED(strncpy)
#undef strncat
#define strncat(...) NILO_BANNED(strncat)
#undef sprintf
#define sprintf(...) NILO_BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) NILO_BANNED(vsprintf)
#undef gets
#define gets(...) NILO_BANNED(gets)

/* Cannot report a bad or too large number. */
#undef atoi
#define atoi(...) NILO_BANNED(atoi)
#undef atol
#define atol(...) NILO_BANNED(atol)
#undef atoll
#define atoll(...) NILO_BANNED(atoll)
#undef atof
#define atof(...) NILO_BANNED(atof)

/* Hidden state shared between threads. */
#undef strtok
#define strtok(...) NILO_BANNED(strtok)
#undef rand
#define rand(...) NILO_BANNED(rand)
#undef srand
#define srand(...) NILO_BANNED(srand)

/* Static buffers, or the machine's time zone: days are reckoned in the workspace's zone. */
#undef localtime
#define localtime(...) NILO_BANNED(localtime)
#undef localtime_r
#define localtime_r(...) NILO_BANNED(localtime_r)
#undef gmtime
#define gmtime(...) NILO_BANNED(gmtime)
#undef ctime
#define ctime(...) NILO_BANNED(ctime)
#undef ctime_r
#define ctime_r(...) NILO_BANNED(ctime_r)
#undef asctime
#define asctime(...) NILO_BANNED(asctime)
#undef asctime_r
#define asctime_r(...) NILO_BANNED(asctime_r)
#undef mktime
#define mktime(...) NILO_BANNED(mktime)

/* A name that another process can take between asking and opening. */
#undef tmpnam
#define tmpnam(...) NILO_BANNED(tmpnam)
#undef tempnam
#define tempnam(...) NILO_BANNED(tempnam)
#undef mktemp
#define mktemp(...) NILO_BANNED(mktemp)

#endif
