import CSQLite

/// An open file with its locks.
struct DiskHandle: Sendable {
    let id: Int
    let file: Int
    let deleteOnClose: Bool
    /// SQLite's five levels, from none to exclusive.
    var lock = SQLITE_LOCK_NONE
    /// One bit for each lock of the shared memory.
    var sharedSlots: Int32 = 0
    var exclusiveSlots: Int32 = 0

    /// Acquires the file lock `wanted` unless the locks of `others` conflict; returns SQLite's code.
    mutating func acquire(_ wanted: Int32, beside others: [DiskHandle]) -> Int32 {
        guard wanted > lock else { return SQLITE_OK }
        let highest = others.map(\.lock).max() ?? SQLITE_LOCK_NONE
        switch wanted {
        case SQLITE_LOCK_SHARED:
            guard highest < SQLITE_LOCK_PENDING else { return SQLITE_BUSY }
        case SQLITE_LOCK_RESERVED:
            guard highest < SQLITE_LOCK_RESERVED else { return SQLITE_BUSY }
        default:
            guard highest < SQLITE_LOCK_RESERVED else { return SQLITE_BUSY }
            guard highest == SQLITE_LOCK_NONE else {
                // Blocks new readers until the present ones have released their locks.
                lock = SQLITE_LOCK_PENDING
                return SQLITE_BUSY
            }
        }
        lock = wanted
        return SQLITE_OK
    }

    /// Acquires or releases locks of the shared memory; returns SQLite's code.
    mutating func change(slots mask: Int32, _ flags: Int32, beside others: [DiskHandle]) -> Int32 {
        if flags & SQLITE_SHM_UNLOCK != 0 {
            sharedSlots &= ~mask
            exclusiveSlots &= ~mask
        } else if flags & SQLITE_SHM_SHARED != 0 {
            guard others.allSatisfy({ $0.exclusiveSlots & mask == 0 }) else { return SQLITE_BUSY }
            sharedSlots |= mask
        } else {
            guard others.allSatisfy({ ($0.exclusiveSlots | $0.sharedSlots) & mask == 0 }) else { return SQLITE_BUSY }
            exclusiveSlots |= mask
        }
        return SQLITE_OK
    }
}
