import MartletCore

/// How many events there were in the last `span`, give or take a tenth of it.
///
/// A value without a clock. Its memory does not grow with the events.
struct RecentCount: Sendable {
    private static let parts: Int64 = 10
    /// The length of a part, in nanoseconds.
    private let part: Int64
    /// The events of the last parts; that of number n is at n modulo their number.
    private var counts = [Int](repeating: 0, count: Int(parts))
    /// The number of the newest part.
    private var newest = Int64.min
    private var total = 0

    init(span: Duration) { part = max(1, span.nanosecondsClamped / Self.parts) }

    mutating func add(at now: Moment) {
        advance(to: now)
        counts[Self.index(newest)] += 1
        total += 1
    }

    mutating func count(at now: Moment) -> Int {
        advance(to: now)
        return total
    }

    /// Forgets the events of the parts that are over.
    private mutating func advance(to now: Moment) {
        let current = now.nanoseconds / part
        guard current > newest else { return }
        let first = newest < current - Self.parts ? current - Self.parts + 1 : newest + 1
        for number in first...current {
            total -= counts[Self.index(number)]
            counts[Self.index(number)] = 0
        }
        newest = current
    }

    private static func index(_ number: Int64) -> Int { Int(((number % parts) + parts) % parts) }
}
