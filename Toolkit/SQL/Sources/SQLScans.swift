public import MartletCore

/// The part of a pool's connections that reads of the kind ``SQLReadKind/scan`` may hold.
///
/// An adapter runs each scan within ``run(_:until:_:)``, before the scan waits for a connection of the pool. Where bodies run on
/// their callers' threads it has nothing to limit. Safe to share between tasks.
public final class SQLScans: Sendable {
    private let slots: FairSlots

    /// - Parameters:
    ///   - limit: Scans that run at once. At least 1, and less than the pool has connections that read.
    ///   - waitingLimit: Scans that wait for others; those of one name leave a quarter of the places free.
    ///   - time: The clock for their deadlines.
    public init(limit: Int, waitingLimit: Int, time: any TimeSource) {
        slots = FairSlots(runningLimit: limit, waitingLimit: waitingLimit, time: time)
    }

    /// Scans that wait for others.
    public var waiting: Int { slots.waiting }

    /// Runs `read` when fewer scans than the limit run.
    ///
    /// - Parameters:
    ///   - name: The scan's, as its caller gave it.
    ///   - deadline: When the caller stops waiting; `nil`: never.
    ///   - read: The read, on a connection of the pool.
    /// - Throws: ``SQLError/queueFull`` when too many scans wait; `Fault` with `deadlineExceeded` and the cause
    ///   ``SQLError/notBegun`` when the deadline passes meanwhile; `CancellationError`; otherwise what `read` throws.
    public func run<R: Sendable>(
        _ name: StaticString,
        until deadline: Moment?,
        _ read: () async throws -> R
    ) async throws -> R {
        let name = ExactText("\(name)")
        do {
            try await slots.take(as: name, until: deadline)
        } catch FairSlots.Refusal.full {
            throw SQLError.queueFull
        } catch FairSlots.Refusal.late {
            throw Fault.notBegun
        }
        defer { slots.release(name) }
        return try await read()
    }
}

extension Fault {
    /// The deadline of the caller passed while its transaction waited for others.
    package static var notBegun: Fault {
        var late = Fault.deadlineExceeded
        late.cause = SQLError.notBegun
        return late
    }
}
