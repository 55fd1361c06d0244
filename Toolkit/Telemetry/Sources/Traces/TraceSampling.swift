import MartletCore

/// Which traces are recorded.
package struct TraceSampling: Sendable {
    /// The share of the traces that begin here: 0 to 1.
    let share: Double
    /// Whether the decisions of callers do not count, since callers are unknown here.
    let isEdge: Bool

    /// Follows the decisions of callers.
    ///
    /// - Parameter share: Of the traces that begin here: 0 to 1.
    package static func following(share: Double) -> TraceSampling { TraceSampling(share: share, isEdge: false) }

    /// Decides for all requests, whatever their callers have decided.
    ///
    /// - Parameter share: Of all traces: 0 to 1.
    package static func deciding(share: Double) -> TraceSampling { TraceSampling(share: share, isEdge: true) }

    /// By chance and not by the trace's id, which an unknown caller can choose.
    func decides(_ entropy: some Entropy) -> Bool { share >= 1 || share > 0 && entropy.fraction() < share }
}
