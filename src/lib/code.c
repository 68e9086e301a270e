/* Codes of the public library: numbers that never change, beside the program's own, which may. */
#include "lib/lib_priv.h"

#include <string.h>

/* Complete by the compiler's watch: a new code of the program without a row here does not compile. */
int nilo__lib_code(enum nilo_code code)
{
    switch (code) {
    case NILO_OK: return NILOMETER_OK;
    case NILO_EUSAGE: return NILOMETER_EINVAL;
    case NILO_EINVAL: return NILOMETER_EINVAL;
    case NILO_EPARSE: return NILOMETER_EPARSE;
    case NILO_EBODY: return NILOMETER_EBODY;
    case NILO_ECOLUMN: return NILOMETER_ECOLUMN;
    case NILO_EPAYLOADCOLUMN: return NILOMETER_ECOLUMN;
    case NILO_ERELATION: return NILOMETER_ERELATION;
    case NILO_EFUNCTION: return NILOMETER_EFUNCTION;
    case NILO_EDATE: return NILOMETER_EDATE;
    case NILO_EDATERANGE: return NILOMETER_EDATERANGE;
    case NILO_ENUMBER: return NILOMETER_ENUMBER;
    case NILO_EOVERFLOW: return NILOMETER_EOVERFLOW;
    case NILO_ENULL: return NILOMETER_ENULL;
    case NILO_ECHECK: return NILOMETER_EINVAL;
    case NILO_ECONSTRAINT: return NILOMETER_EINVAL;
    case NILO_ETWICE: return NILOMETER_EINVAL;
    case NILO_EREFERENCE: return NILOMETER_ENOENT;
    case NILO_EPREFER: return NILOMETER_EINVAL;
    case NILO_EMAXAFFECTED: return NILOMETER_EINVAL;
    case NILO_ENOWORKSPACE: return NILOMETER_ENOENT;
    case NILO_ERANGE: return NILOMETER_ERANGE;
    case NILO_EONE: return NILOMETER_EONE;
    case NILO_ENAME: return NILOMETER_ENOENT;
    case NILO_ENOENT: return NILOMETER_ENOENT;
    case NILO_EEXIST: return NILOMETER_EEXIST;
    case NILO_ECLOSED: return NILOMETER_ECLOSED;
    case NILO_EPERM: return NILOMETER_EPERM;
    case NILO_ECONFIG: return NILOMETER_ECONFIG;
    case NILO_ESTORE: return NILOMETER_ESTORE;
    case NILO_ELOCKED: return NILOMETER_ELOCKED;
    case NILO_EBUSY: return NILOMETER_EBUSY;
    case NILO_ENEWER: return NILOMETER_ENEWER;
    case NILO_ECORRUPT: return NILOMETER_ECORRUPT;
    case NILO_EFULL: return NILOMETER_EFULL;
    case NILO_EREADONLY: return NILOMETER_EREADONLY;
    case NILO_EIO: return NILOMETER_EIO;
    case NILO_ENOMEM: return NILOMETER_ENOMEM;
    case NILO_ESOURCE: return NILOMETER_ESOURCE;
    case NILO_EAWAY: return NILOMETER_ESOURCE;
    case NILO_ETIMEOUT: return NILOMETER_ETIMEOUT;
    case NILO_ECANCELLED: return NILOMETER_ECANCELLED;
    case NILO_EGROUP:
    case NILO_ENOFUNCTION: return NILOMETER_EPARSE;
    case NILO_EINTERNAL: return NILOMETER_EINTERNAL;
    case NILO_CODE_COUNT: break;
    }
    return NILOMETER_EINTERNAL;
}

/* The program's code of a public one; of two that share a number the plainer one. */
static bool own(int code, enum nilo_code *ret)
{
    for (int i = NILO_OK; i < NILO_CODE_COUNT; i++) {
        if (i == NILO_EUSAGE || i == NILO_EPAYLOADCOLUMN || i == NILO_ENAME || i == NILO_EGROUP || i == NILO_ENOFUNCTION || nilo__lib_code((enum nilo_code)i) != code)
            continue;
        *ret = (enum nilo_code)i;
        return true;
    }
    return false;
}

const char *nilometer_code_text(int code)
{
    enum nilo_code c;
    if (code == NILOMETER_EMISUSE)
        return "wrong use of the library";
    return own(code, &c) ? nilo_code_text(c) : "unknown";
}

const char *nilometer_code_sqlstate(int code)
{
    enum nilo_code c;
    return own(code, &c) ? nilo_code_sqlstate(c) : "XX000";
}

int nilometer_code_http(int code)
{
    enum nilo_code c;
    return own(code, &c) ? nilo_code_http(c) : 500;
}

int nilometer_code_exit(int code)
{
    enum nilo_code c;
    if (code == NILOMETER_EMISUSE)
        return 2;
    return own(code, &c) ? nilo_code_exit(c) : 1;
}

int nilometer_code_retryable(int code)
{
    enum nilo_code c;
    return own(code, &c) && nilo_code_retryable(c) ? 1 : 0;
}
