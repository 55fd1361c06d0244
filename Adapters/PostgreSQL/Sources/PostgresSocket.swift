import MartletCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Blocks the thread until a connection can be read or written.
struct PostgresSocket {
    let time: any TimeSource
    /// The longest wait before the clock is read again: a clock that is not the system's may run ahead of it.
    private static let slice: Int64 = 50

    /// Returns when a condition holds; for ``waitForInput`` also when `end` has come.
    ///
    /// - Parameters:
    ///   - descriptor: Of the connection.
    ///   - writes: Whether it also ends when the connection can be written.
    ///   - reads: Whether it ends when the connection can be read.
    ///   - other: A descriptor whose readability ends it, too.
    ///   - end: When it gives up; `nil`: never.
    /// - Throws: ``PostgresFailure/late`` at `end`, unless there is another descriptor.
    func wait(
        _ descriptor: Int32,
        writes: Bool,
        reads: Bool = true,
        or other: Int32? = nil,
        until end: Moment?
    ) throws(PostgresFailure) {
        guard descriptor >= 0 else { throw .lost("the connection is closed") }
        var waited = [pollfd(fd: descriptor, events: Int16((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)), revents: 0)]
        if let other { waited.append(pollfd(fd: other, events: Int16(POLLIN), revents: 0)) }
        while true {
            var timeout: Int32 = -1
            if let end {
                let rest = end - time.now
                guard rest > .zero else {
                    if other != nil { return }
                    throw .late
                }
                timeout = Int32(min(rest.milliseconds + 1, Self.slice))
            }
            let ready = poll(&waited, nfds_t(waited.count), timeout)
            if ready > 0 { return }
            guard ready == 0 || errno == EINTR else { throw .lost("the connection cannot be waited for") }
        }
    }
}
