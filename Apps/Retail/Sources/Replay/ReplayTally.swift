import Histogram
import MartletCore
import Synchronization

/// Counts a replay's outcomes, and measures acceptance latency.
final class ReplayTally: Sendable {
    struct Counts: Sendable {
        var ended = 0
        var orders = 0
        var returns = 0
        var corrections = 0
        var creditNotes = 0
        /// By reason.
        var skipped: [String: Int] = [:]
        /// Order by its invoice number.
        var orderIDs: [String: String] = [:]
        var refundedPence: Int64 = 0
    }

    private struct State {
        var counts = Counts()
        var accepts = Histogram<UInt64>(highestTrackableValue: 600_000_000, numberOfSignificantValueDigits: .three)
    }

    private let state = Mutex(State())

    var counts: Counts { state.withLock { $0.counts } }

    func ended(_ action: PlannedAction, _ outcome: ReplayOutcome) {
        state.withLock { state in
            state.counts.ended += 1
            switch outcome {
            case .order(let id, _):
                state.counts.orders += 1
                if case .order(let order) = action { state.counts.orderIDs[order.invoice] = id }
            case .returned: state.counts.returns += 1
            case .corrected: state.counts.corrections += 1
            case .counted: state.counts.creditNotes += 1
            case .skipped(let reason): state.counts.skipped[reason, default: 0] += 1
            }
        }
    }

    func accepted(after latency: Duration) {
        state.withLock { state in
            let microseconds = UInt64(max(1, min(latency.nanosecondsClamped / 1_000, 600_000_000)))
            state.accepts.record(microseconds)
        }
    }

    func refunded(_ pence: Int64, planned: Int64) { state.withLock { $0.counts.refundedPence += pence } }

    /// Milliseconds from request to acceptance, retries included, at these percentiles.
    func acceptMilliseconds(at percentiles: [Double]) -> [(percentile: Double, milliseconds: Double)] {
        state.withLock { state in
            percentiles.map { ($0, Double(state.accepts.valueAtPercentile($0)) / 1_000) }
        }
    }
}
