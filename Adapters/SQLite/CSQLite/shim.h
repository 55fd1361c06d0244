#pragma once

#include <sqlite3.h>

// A function of its own, as Swift does not import those with open parameter lists: whether the last connection to go leaves the
// write-ahead log where it is.
static inline int martlet_leave_log(sqlite3 *database, int leave) {
    return sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leave, (int *)0);
}
