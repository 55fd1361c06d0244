import Synchronization

/// The instruments of one family by a key of a small set: each is looked up in its registry once, when it is first used.
///
/// A look-up in a registry builds the text of all labels, under a lock that all instruments of a service share.
package final class ResolvedInstruments<Key: Hashable & Sendable, Instrument: Sendable>: Sendable {
    private let known = Mutex<[Key: Instrument]>([:])
    private let resolve: @Sendable (Key) -> Instrument

    /// - Parameter resolve: Looks up the instrument of a key in its registry; equal keys have equal labels.
    package init(_ resolve: @escaping @Sendable (Key) -> Instrument) { self.resolve = resolve }

    package subscript(key: Key) -> Instrument {
        if let instrument = known.withLock({ $0[key] }) { return instrument }
        // Outside of the lock: a second resolution gives the same instrument.
        let made = resolve(key)
        known.withLock { $0[key] = made }
        return made
    }
}

/// How often something happened, and how long it took.
package struct TimedInstruments: Sendable {
    private let count: Counter
    private let seconds: Histogram

    package init(count: Counter, seconds: Histogram) {
        self.count = count
        self.seconds = seconds
    }

    package func record(_ duration: Duration) {
        count.add()
        seconds.record(duration)
    }
}
