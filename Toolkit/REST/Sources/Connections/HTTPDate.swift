import MartletCore

/// A second of the wall clock as HTTP writes it: the IMF-fixdate of RFC 9110, as in `Sun, 06 Nov 1994 08:49:37 GMT`.
struct HTTPDate: Hashable, CustomStringConvertible {
    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Days since 1970-01-01 in UTC, negative before it.
    private let day: Int64
    /// Of the day, from 0.
    private let second: Int64

    /// The second that contains `time`.
    init(_ time: Timestamp) {
        let (day, microseconds) = time.utcDay
        self.day = day
        second = microseconds / 1_000_000
    }

    var description: String {
        let date = CivilDate(daysSinceEpoch: day)
        // 1970-01-01 was a Thursday; the remainder of a day before it is negative.
        let weekday = Self.weekdays[Int((day % 7 + 11) % 7)]
        let month = Self.months[Int(date.month) - 1]
        let clock = [second / 3_600, second / 60 % 60, second % 60].map { Self.twoDigits($0) }.joined(separator: ":")
        return "\(weekday), \(Self.twoDigits(date.day)) \(month) \(date.year) \(clock) GMT"
    }

    private static func twoDigits(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
