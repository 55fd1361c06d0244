#pragma once

#include <sqlite3.h>

// Whether the last connection to close leaves the write-ahead log in place. A function, since Swift does not import
// functions with variadic parameters.
static inline int martlet_leave_log(sqlite3 *database, int leave) {
    return sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leave, (int *)0);
}

// Ends SQLite's count of the memory that it uses, of which no figure is read. Does nothing once SQLite is in use.
static inline int martlet_count_no_memory(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
