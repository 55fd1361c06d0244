import CPostgreSQL

/// Whether the server has reported a warning or notice on a connection.
final class PostgresNotices {
    private(set) var isEmpty = true

    /// Observes the notices of `handle`, which must not outlive this.
    func observe(_ handle: OpaquePointer) {
        PQsetNoticeReceiver(
            handle,
            { context, _ in
                guard let context else { return }
                Unmanaged<PostgresNotices>.fromOpaque(context).takeUnretainedValue().isEmpty = false
            },
            Unmanaged.passUnretained(self).toOpaque()
        )
    }

    func forget() { isEmpty = true }
}
